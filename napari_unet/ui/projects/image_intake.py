"""Takes painted images into a project: by reference where a file gives the same pixels again, else stored in it once.

Makes records at once, so that strokes have a home, and looks at files in a thread. Writes no strokes.
"""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from napari.layers import Image as ImageLayer
from qtpy.QtCore import QObject, Signal

from napari_unet.core.errors import reason_of
from napari_unet.core.image import Image
from napari_unet.project.image_records import ImageRecord
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.session.annotation_session import Session

from ..image_ties import ImageTies
from ..layer_metadata import identity
from ..worker_group import WorkerGroup
from ..workers import Worker
from .image_references import checked_record, lacks_pixels, layer_files, stored_bytes, stored_source, unchecked_record

MOST_UNASKED = 500_000_000
"""Bytes of an image without a file that are stored without asking."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Task:
    record: ImageRecord
    image: Image
    files: tuple[Path, ...] = ()
    asked: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class _TooLarge:
    task: _Task


class ImageIntake(QObject):
    """The records of one open project, kept in step with the layers.

    Parameters
    ----------
    folder : ProjectFolder
    session : Session
    layers : napari LayerList
    ties : ImageTies
    workers : WorkerGroup

    Attributes
    ----------
    large : list
        Images that wait for a click before they are stored.
    """

    changed = Signal()
    """Records have changed: to be written."""

    said = Signal(str)
    """What was stored, or could not be."""

    def __init__(
        self, folder: ProjectFolder, session: Session, layers: Any, ties: ImageTies, workers: WorkerGroup,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.large: list[_Task] = []
        self._folder, self._session, self._layers, self._ties, self._workers = folder, session, layers, ties, workers
        self._waiting: deque[_Task] = deque()
        self._present: _Task | None = None  # until something is known of it
        self._job: Worker | None = None
        self._begun: set[str] = set()

    # -- records ---------------------------------------------------------------------------------------------------

    def update(self) -> None:
        """Make records of images that were painted on, and renew those whose layers are read otherwise by now."""
        there = {identity(one): one for one in self._layers}
        for key in map(str, self._session.keys):
            pair, strokes = self._session.pair(key), there.get(key)
            layer = self._ties.image_of(strokes) if strokes is not None else None
            record = self._folder.state.pair_image(key)
            if not isinstance(layer, ImageLayer) or (record is None and not pair.scribbles.planes):
                continue
            files = layer_files(layer)
            if record is None:
                record = self._with_other_strokes(layer, key)
            if record is None:
                made = unchecked_record(pair.image, identity(layer), key, files, self._folder.path)
                self._begin(made, pair.image, files)
            else:
                self._renew(record, dataclasses.replace(pair.image, name=layer.name), files, self._session.enabled(key))
        self._next()

    def _with_other_strokes(self, layer: ImageLayer, key: str) -> ImageRecord | None:
        """Give an image of the project that is painted on another layer by now the strokes of that one.

        It stays one image, learnt and counted once. None where it is not in the project yet.
        """
        record = self._folder.state.image(identity(layer))
        if record is not None:
            record = dataclasses.replace(record, strokes_id=key)
            self._put(record)
        return record

    def _begin(self, record: ImageRecord, image: Image, files: tuple[Path, ...]) -> None:
        self._begun.add(record.id)
        self._put(record)
        self._put_task(_Task(record, image, files))

    def _renew(self, record: ImageRecord, image: Image, files: tuple[Path, ...], learn: bool) -> None:
        """Follow a name, a tick, other axes or channels; files are looked at again only where those differ.

        An image that another sitting could not store is stored now.
        """
        now = unchecked_record(image, record.id, record.strokes_id, files, self._folder.path)
        unstored = lacks_pixels(record) and record.id not in self._begun
        if unstored or (now.axes, now.shape) != (record.axes, record.shape):
            now = dataclasses.replace(now, learn=learn, exported=record.exported)
            if record.source.stored and record.size and not files and now.shape == record.shape:
                self._put(dataclasses.replace(now, source=record.source, size=record.size))  # stored as it was
            else:
                self._begin(now, image, files)
        elif (record.name, record.learn) != (image.name, learn):
            self._put(dataclasses.replace(record, name=image.name, learn=learn))

    def _put(self, record: ImageRecord) -> None:
        self._folder.change(lambda state: state.replacing(record))

    # -- files and pixels, in a thread -----------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether an image is still to be taken in; those that wait for a click are not counted."""
        return self._job is not None or bool(self._waiting)

    def finish(self, seconds: float) -> bool:
        """Wait at most so long until all is taken in, and say whether it is."""
        end = time.monotonic() + seconds
        while (job := self._job) is not None and job.wait(max(0.0, end - time.monotonic())):
            if self._job is job:  # it is being delivered further up
                break
        return not self.busy

    def store_large(self) -> None:
        """Store what has waited for a click."""
        waiting, self.large = self.large, []
        for task in waiting:
            self._put_task(dataclasses.replace(task, asked=True))

    def _put_task(self, task: _Task) -> None:
        self._waiting.append(task)
        self._next()

    def _next(self) -> None:
        if self._job is not None or not self._waiting or self._workers.closed:
            return
        self._present = task = self._waiting.popleft()
        self._job = self._workers.start(lambda: self._take_in(task), "napari-unet images", on_item=self._on_item,
                                        on_error=self._on_error, on_end=self._on_end)

    def _take_in(self, task: _Task) -> Iterator[Any]:
        record, image = task.record, task.image
        if not record.source.stored:
            found = checked_record(record, image, task.files, self._folder.path)
            if found is not None:
                yield found, ""
                return
            record = dataclasses.replace(record, source=stored_source(record.id, image.axes))
        if stored_bytes(image) > MOST_UNASKED and not task.asked:
            yield _TooLarge(_Task(record, image))
            return
        made = self._folder.store_image(record.id, image, record.strokes_id)
        yield made, f"{record.name} has no file that gives it again: stored in the project ({size_text(made.size)})."

    def _on_item(self, item: Any) -> None:
        self._present = None
        if isinstance(item, _TooLarge):
            self.large.append(item.task)
            record, told = item.task.record, ""
        else:
            record, told = item
        now = self._folder.state.image(record.id)
        if now is None or now.axes != record.axes:  # taken out, or read otherwise, meanwhile
            return
        self._put(dataclasses.replace(now, source=record.source, size=record.size, hash=record.hash))
        self.changed.emit()
        if told:
            self.said.emit(told)

    def _on_error(self, error: Exception) -> None:
        if self._present is not None:
            self.said.emit(f"{self._present.record.name} could not be stored in the project: {reason_of(error)} "
                           "Its strokes are kept.")
        self._present = None

    def _on_end(self) -> None:
        if self._present is not None:  # it was stopped with the window, which may be shown again
            self._waiting.appendleft(self._present)
        self._present = self._job = None
        self._next()


def size_text(size: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"

"""Long work over all images of a project: adding, predicting, exporting, counting. One thing at a time; no widgets."""

from __future__ import annotations

import dataclasses
import time
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from napari.layers import Image as ImageLayer
from qtpy.QtCore import QObject, Signal

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.method import Model, Progress
from napari_unet.io import create_mask
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.records import ImageRecord
from napari_unet.project.sources import file_of, read_source
from napari_unet.workflows.batch import (
    BatchEvent,
    BatchPiece,
    BatchSummary,
    PieceDone,
    PieceProgress,
    PieceStarted,
    run_batch,
)

from ..image_ties import ImageTies
from ..layer_axes import image_of
from ..layer_metadata import identity
from ..sessions import PerOwner, session_of, ties_of
from ..workers import Worker, WorkerGroup, error_sentence
from .add_images import FoundImages, records_of
from .image_references import checked_reference, layer_files, record_for
from .mask_names import MaskPlace
from .prepared_image import read_result
from .project_images import project_images_of

TICK = 0.1
"""Seconds between two reports of progress."""


class ProjectJobs(QObject):
    """The work of one viewer's project.

    Parameters
    ----------
    viewer : napari Viewer
    """

    progressed = Signal(str, float)
    """Text and fraction (0 to 1) of what is running; an empty text when it is over."""

    said = Signal(str)
    """What became of it."""

    predicted = Signal(str)
    """Key of an image of which the project has a new prediction."""

    added = Signal(object)
    """Keys of images that are in the project now."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._session, self._ties, self._images = session_of(viewer), ties_of(viewer), project_images_of(viewer)
        self._workers = WorkerGroup(self, getattr(getattr(viewer, "window", None), "_qt_window", None))
        self._job: Worker | None = None
        self._doing = ""

    @property
    def busy(self) -> bool:
        """Whether something is running."""
        return self._job is not None

    def cancel(self) -> None:
        """Stop what is running; what is done stays done."""
        if self._job is not None:
            self._job.stop()
            self.said.emit(f"{self._doing} was cancelled; what was done before is kept.")

    # -- adding ----------------------------------------------------------------------------------------------------

    def add(self, find: Callable[[], Iterator[Path]], place: Path | None = None) -> None:
        """Add images to the project, which is made if there is none.

        Parameters
        ----------
        find : callable
            Yields files; called in another thread.
        place : Path, optional
            Where to make the project.
        """
        if not self._may_start():
            return
        try:
            folder = self._images.make(place)
        except (UserError, OSError) as error:
            self.said.emit(error_sentence(error))
            return
        known = [file_of(path, folder.path) for one in self._images.records for path in one.source.paths]
        self._start("Adding images", lambda: records_of(find(), folder.path, known),
                    lambda item: self.progressed.emit(item.text, 0.0), self._on_found)

    def _on_found(self, found: FoundImages) -> None:
        if found.records:
            self._images.add(found.records)
        self.said.emit(found.sentence)
        self.added.emit(tuple(one.id for one in found.records))

    def take_in(self, layers: Sequence[ImageLayer]) -> None:
        """Let the project know images that are open: by their files, or stored in it where they have none."""
        if not self._may_start():
            return
        try:
            folder = self._images.make()
            taken = [(image_of(one), _keys_of(self._ties, one), layer_files(one)) for one in layers]
        except (UserError, OSError) as error:
            self.said.emit(error_sentence(error))
            return

        def look() -> Iterator[Any]:
            records = []
            for image, (image_id, strokes_id), files in taken:
                yield Progress(f"Looking at {image.name}", None)
                record = record_for(image, image_id, strokes_id, files, folder.path)
                checked = checked_reference(record, image, folder.path) if files else None
                records.append(checked or folder.store_image(image_id, image, record.strokes_id))
            yield tuple(records)

        def on_item(item: Any) -> None:
            if isinstance(item, Progress):
                self.progressed.emit(item.text, 0.0)
            else:
                self._on_found(FoundImages(item))

        self._start("Adding images", look, on_item, lambda _none: None)

    # -- predicting ------------------------------------------------------------------------------------------------

    def predict_all(self) -> None:
        """Segment every image of the project with the present model, into the project."""
        model, folder = self._session.model, self._images.folder
        if not self._may_start():
            return
        try:
            self._images.check_writable()
        except UserError as error:
            self.said.emit(str(error))
            return
        if model is None:
            self.said.emit("There is no model yet. Paint a little of two classes, or load a model.")
            return
        assert folder is not None
        shown = self._session.shown
        name = "" if shown is None else shown.name
        pieces = [
            BatchPiece(one.name, partial(_predicted, model, folder, one, self._session.classes, name))
            for one in self._images.records
        ]
        self._start_batch("Predicting", pieces, self._on_predicted)

    def _on_predicted(self, result: _Predicted) -> None:
        self._images.note_result(result.key, result.model)
        self.predicted.emit(result.key)

    # -- exporting -------------------------------------------------------------------------------------------------

    def export(self, places: Sequence[MaskPlace], after: Callable[[], None] | None = None) -> None:
        """Write the predictions of images as masks; what is in the way is replaced, so ask before.

        Parameters
        ----------
        places : sequence of MaskPlace
        after : callable, optional
            What else is to be done when the masks are written.
        """
        folder, state = self._images.folder, self._images.state
        if folder is None or state is None or not self._may_start():
            return
        pieces = []
        for one in places:
            result = state.result(one.record.id)
            if result is not None:
                pieces.append(BatchPiece(one.record.name, partial(
                    _exported, one, folder, folder.path / result.file, self._session.classes)))
        self._start_batch("Exporting", pieces, self._on_exported, after)

    def _on_exported(self, done: MaskPlace) -> None:
        self._images.note(done.record.id, exported=str(done.path))

    # -- running ---------------------------------------------------------------------------------------------------

    def run(self, doing: str, work: Callable[[], Iterator[Any]], on_result: Callable[[Any], None]) -> None:
        """Run other work over the project; it yields :class:`~napari_unet.core.method.Progress`."""
        if self._may_start():
            self._start(doing, work, lambda item: self.progressed.emit(item.text, item.fraction or 0.0), on_result)

    def _may_start(self) -> bool:
        if self.busy:
            self.said.emit(f"{self._doing} is still running. Wait for it, or cancel it.")
        return not self.busy

    def _start(self, doing: str, work: Callable[[], Iterator[Any]], on_item: Callable[[Any], None],
               on_result: Callable[[Any], None], after: Callable[[], None] | None = None) -> None:
        self._doing = doing
        then: list[Callable[[], None]] = []

        def on_end() -> None:
            self._job = None
            self.progressed.emit("", 0.0)
            for one in then:
                one()

        def finish(result: Any) -> None:
            on_result(result)
            if after is not None:
                then.append(after)

        self.said.emit("")
        self.progressed.emit(doing, 0.0)
        self._job = self._workers.start(
            work, "napari-unet project", on_item=on_item, on_result=finish,
            on_error=lambda error: self.said.emit(error_sentence(error)), on_end=on_end,
        )

    def _start_batch(self, doing: str, pieces: Sequence[BatchPiece[Any]], on_done: Callable[[Any], None],
                     after: Callable[[], None] | None = None) -> None:
        def on_item(event: BatchEvent) -> None:
            part = event.item.fraction or 0.0 if isinstance(event, PieceProgress) else 0.0
            if isinstance(event, PieceStarted | PieceProgress):
                self.progressed.emit(f"{doing} {event.heading}", (event.number + part) / event.total)
            elif isinstance(event, PieceDone):
                on_done(event.result)

        def on_summary(summary: BatchSummary) -> None:
            count = len(summary.done)
            done = f"{doing} is done: {count} image{'' if count == 1 else 's'}."
            self.said.emit(summary.sentence or done)

        self._start(doing, lambda: run_batch(pieces), on_item, on_summary, after)


@dataclasses.dataclass(frozen=True)
class _Predicted:
    """An image that was predicted, and by which model."""

    key: str
    model: str


def _predicted(
    model: Model, folder: ProjectFolder, record: ImageRecord, classes: ClassTable, name: str
) -> Generator[Progress, None, _Predicted]:
    """Segment one image into the project (in another thread)."""
    image = read_source(record, folder.path)
    path, told = folder.result_path(record.id), 0.0
    path.parent.mkdir(exist_ok=True)
    output = create_mask(path, image.shape, classes=model.classes.including(classes.ids), geometry=image.geometry,
                         role="prediction", overwrite=True)
    with output:
        for patch in model.segment(image):
            output[patch.where] = patch.labels
            if time.monotonic() - told > TICK:
                told = time.monotonic()
                yield Progress(f"tile {patch.done} of {patch.total}", patch.done / patch.total)
    return _Predicted(record.id, name)


def _exported(
    place: MaskPlace, folder: ProjectFolder, result: Path, classes: ClassTable
) -> Generator[Progress, None, MaskPlace]:
    """Write the prediction of one image as a mask (in another thread)."""
    image: Image = read_source(place.record, folder.path)
    labels = read_result(result, image)
    if labels is None:
        raise UserError("Its prediction is of another shape than the image is now. Predict it again.")
    place.path.parent.mkdir(parents=True, exist_ok=True)
    output = create_mask(place.path, image.shape, classes=classes, geometry=image.geometry, role="prediction",
                         overwrite=place.taken)
    with output:
        for number in range(image.n_planes):
            where = image.where(number)
            output[where] = labels[where]
            yield Progress(f"plane {number + 1} of {image.n_planes}", number / image.n_planes)
    return place


def _keys_of(ties: ImageTies, image: ImageLayer) -> tuple[str, str]:
    """Return the keys of an image that is open, and of its pair."""
    strokes = ties.strokes_of(image)
    return identity(image), identity(image if strokes is None else strokes)


_jobs = PerOwner(ProjectJobs)


def project_jobs_of(viewer: Any) -> ProjectJobs:
    """Return the work of a viewer's project, the same each time it is asked for."""
    return _jobs.of(viewer)

"""Brings the image of a project that is chosen into the window, and takes the one before out of it. Trains nothing.

The pair of an image that leaves the window goes on in the session, its image read from its file when it is needed.
Layers that a person has opened or made stay, or come back with their image.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator
from typing import Any

from napari.layers import Image as ImageLayer
from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.records import ImageRecord
from napari_unet.project.sources import files_of

from ..channel_layers import join_channels
from ..image_ties import fits
from ..layer_metadata import identity
from ..layers import add_strokes
from ..sessions import PerOwner, session_of, ties_of
from ..train.live_controller import controller_of
from ..worker_group import WorkerGroup
from ..workers import Worker, error_sentence
from .keeper import keeper_of
from .layers_aside import LayersAside
from .prepared_image import PreparedImage, prepare_image
from .project_images import project_images_of
from .project_layers import brush_in_hand, image_layers, strokes_layer, take_brush
from .read_ahead import ReadAhead
from .saved_predictions import put_result, saved_predictions_of


class ImageOpener(QObject):
    """Shows one image of the project at a time.

    Parameters
    ----------
    viewer : napari Viewer
    """

    told = Signal(str)
    """One sentence about an image that could not be read, ``""`` when one is shown."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer_ref = weakref.ref(viewer)
        self._session, self._ties, self._images = session_of(viewer), ties_of(viewer), project_images_of(viewer)
        saved_predictions_of(viewer)  # makes way for live ones from now on
        self._workers = WorkerGroup(self, getattr(getattr(viewer, "window", None), "_qt_window", None))
        self._job: Worker | None = None
        self._direction = 1
        self._shown: dict[str, str] = {}
        self._ready = ReadAhead()
        self._bare: set[str] = set()
        self._aside = LayersAside(self._session, self._ties)
        keeper_of(viewer).look_after(lambda: self._aside.all_layers)
        self._session.images.wanted.connect(self._on_wanted)
        self._session.images.current_changed.connect(self._on_current)
        self._session.published.connect(self._on_published)
        self._folder = self._images.folder
        self._images.changed.connect(self._on_images_changed)
        self._next = QTimer(self)
        self._next.setSingleShot(True)
        self._next.setInterval(0)
        self._next.timeout.connect(self._read_next)

    @property
    def _viewer(self) -> Any:
        return self._viewer_ref()

    # -- choosing --------------------------------------------------------------------------------------------------

    def show(self, folder: ProjectFolder, key: str) -> None:
        """Open an image at once; errors as :func:`show_image`."""
        images = self._session.images
        self._images.refresh()
        record = self._images.record(key) or folder.state.image(key)
        if record is None:
            return
        if self._ties.image(key) is not None:
            self._take_open(key, record)
            images.opened(key)
            return
        self._put_layers(self._ready.take(key) or self._prepare(folder, record))

    def take_up(self, keys: Iterable[str]) -> None:
        """Give images that are open without strokes those that the project has of them."""
        for key in keys:
            record = self._images.record(key)
            if record is not None:
                self._take_open(key, record)

    def _take_open(self, key: str, record: ImageRecord) -> None:
        """Give an image that a person has opened the strokes that the project has of it."""
        layer, folder = self._ties.image(key), self._images.folder
        if layer is None or folder is None or self._ties.strokes_of(layer) is not None:
            return
        pair = record.pair_key
        known = self._session.pair(pair).scribbles if pair in self._session.keys else folder.read_strokes(record.id)
        strokes = strokes_layer(layer, record, known, self._session.classes)
        add_strokes(self._viewer, strokes)
        self._ties.use_strokes(layer, strokes)

    def _on_wanted(self, key: Any) -> None:
        images = self._session.images
        keys, before = images.keys, images.current
        if before in keys:
            self._direction = -1 if (keys.index(key) - keys.index(before)) % len(keys) > len(keys) / 2 else 1
        ready = self._ready.take(key)
        if ready is not None:
            self._put_layers(ready)
        elif self._images.record(key) is None:
            images.give_up(key)
        else:
            self._next.start()

    # -- reading, in a thread --------------------------------------------------------------------------------------

    def _prepare(self, folder: ProjectFolder, record: ImageRecord) -> PreparedImage:
        state = self._images.state or folder.state
        return prepare_image(folder, state, record, self._in_use(record))

    def _in_use(self, record: ImageRecord) -> Image | None:
        """Return the image as it is learnt from, if it is read as the project says now."""
        if record.pair_key not in self._session.keys:
            return None
        image = self._session.pair(record.pair_key).image
        return image if not record.axes or sorted(image.axes) == sorted(record.axes) else None

    def _read_next(self) -> None:
        """Read the image that is waited for, or else one that is likely to be wanted next."""
        folder, images = self._images.folder, self._session.images
        if self._job is not None or folder is None or self._viewer is None or self._workers.closed:
            return
        key = images.awaited or next((one for one in self._likely() if one not in self._ready), None)
        record = None if key is None else self._images.record(key)
        if record is None:
            return
        state, in_use = self._images.state or folder.state, self._in_use(record)

        def read() -> Iterator[PreparedImage]:
            yield prepare_image(folder, state, record, in_use)

        self._ready.begin(record.id)
        self._job = self._workers.start(
            read, "napari-unet image", on_item=self._on_read,
            on_error=lambda error: self._on_failed(record.id, error), on_end=self._on_job_end,
        )

    def _likely(self) -> list[Any]:
        """Return the images next to the current one that are not open, in the direction of the last step first."""
        images = self._session.images
        if images.current is None or len(images.keys) < 2:
            return []
        near = [images.neighbour(self._direction), images.neighbour(-self._direction)]
        return [one for one in near if images.is_listed(one) and not images.is_open(one)]

    def _on_read(self, made: PreparedImage) -> None:
        if self._ready.stale:
            return
        if self._session.images.awaited == made.record.id:
            self._put_layers(made)
        else:
            self._ready.put(made)

    def _on_failed(self, key: str, error: Exception) -> None:
        if self._session.images.awaited == key and not self._ready.stale:
            self._session.images.give_up(key)
            self.told.emit(error_sentence(error))

    def _on_job_end(self) -> None:
        self._job = None
        if self._session.images.awaited is not None or self._ready.stale:
            self._next.start()

    # -- layers in -------------------------------------------------------------------------------------------------

    def _put_layers(self, made: PreparedImage) -> None:
        viewer, ties, session = self._viewer, self._ties, self._session
        record, folder = made.record, self._images.folder
        key = record.id
        if viewer is None or folder is None:
            return
        present = ties.image(session.images.current)
        brush = brush_in_hand(viewer.layers.selection.active, None if present is None else ties.strokes_of(present))
        files = files_of(record, folder.path) if not record.source.stored else None
        layers = image_layers(made.image, record, made.limits, str(files[0]) if files else "")
        self._aside.restore_looks(key, layers)
        for one in layers:
            viewer.add_layer(one)
        if len(layers) > 1:
            join_channels(layers[0], layers[1:])
        image = layers[0]
        if made.result is not None:
            put_result(viewer, session, image, made.result)
        strokes = self._strokes_in(image, made, brush)
        for one in self._aside.give_back(key):
            if one is not strokes:
                viewer.layers.insert(viewer.layers.index(strokes), one)
        self._shown[key] = record.pair_key
        ties.use_strokes(image, strokes)
        session.images.opened(key)
        self._link(image, strokes)
        viewer.layers.selection.active = strokes
        self._images.note(key, looked_at=True)
        self.told.emit(made.told)
        self._next.start()

    def _strokes_in(self, image: ImageLayer, made: PreparedImage, brush: Labels | None) -> Labels:
        """Put the strokes above their image: a layer that was kept, else as the session or the disk has them."""
        key, pair = made.record.id, made.record.pair_key
        there = [one for one in (*self._viewer.layers, *self._aside.layers(key))
                 if isinstance(one, Labels) and identity(one) == pair]
        if there and fits(there[0], image):
            strokes = there[0]
            if brush is not None:
                take_brush(strokes, brush)
            if strokes not in self._viewer.layers:
                add_strokes(self._viewer, strokes)
            return strokes
        known = self._session.pair(pair).scribbles if pair in self._session.keys else made.scribbles
        if known is None or not known.planes:
            self._bare.add(key)
        return add_strokes(self._viewer, strokes_layer(image, made.record, known, self._session.classes, brush))

    def _link(self, image: ImageLayer, strokes: Labels) -> None:
        controller = controller_of(self._viewer)
        if controller.current is None or controller.current.strokes is not strokes:
            try:
                controller.link(image, strokes)
            except UserError as error:
                self.told.emit(str(error))

    # -- layers out ------------------------------------------------------------------------------------------------

    def _on_current(self) -> None:
        current = self._session.images.current
        if current is None:
            return
        self.take_up([str(current)])  # a person may have opened it before the project
        for key in [one for one in self._shown if one != current]:
            self._take_out(key, self._shown.pop(key))

    def _on_images_changed(self) -> None:
        """Forget what was read of a project that is closed; what was put aside comes back with it."""
        if self._images.folder is not self._folder:
            self._folder = self._images.folder
            for known in (self._shown, self._ready, self._bare):
                known.clear()

    def read_anew(self, key: str) -> None:
        """Note that what was read ahead of an image, or is just being read, is no longer so."""
        self._ready.forget(key)

    def put_away(self, key: str) -> None:
        """Take an image out of the window that is leaving the project; its strokes are in the session."""
        self.read_anew(key)
        if key in self._shown:
            self._take_out(key, self._shown.pop(key))

    def _take_out(self, key: str, pair: str) -> None:
        """Take the layers of an image out of the window; its pair stays in the session, unless it is bare."""
        self._aside.take_out(self._viewer, key, pair)
        self._session.images.closed(key)
        if key in self._bare and pair in self._session.keys:
            self._session.remove_pair(pair)  # a hundred pairs without paint would slow the training down
        self._bare.discard(key)

    def _on_published(self) -> None:
        current = self._session.images.current
        if current in self._bare and self._images.is_painted(current):
            self._bare.discard(current)


_openers = PerOwner(ImageOpener)


def opener_of(viewer: Any) -> ImageOpener:
    """Return what shows the images of a viewer's project, the same each time it is asked for."""
    return _openers.of(viewer)


def show_image(viewer: Any, folder: ProjectFolder, image_id: str) -> None:
    """Open an image of a project with its strokes and prediction, and take the one before out of the viewer.

    Raises
    ------
    UserError
        If the image is missing or cannot be read.
    """
    opener_of(viewer).show(folder, image_id)

"""Segments a whole large image into a store, which fills before one's eyes. One at a time; has no widgets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.level_field import Factor, LevelField
from napari_unet.core.method import Model
from napari_unet.workflows.store_preview import FilledPart, preview_shape, preview_step

from ..files.layer_reader import read_layers
from ..layer_metadata import mark_layer, set_class_table
from ..turns import Turns
from ..workers import Worker, error_sentence
from .field_view import field_place
from .live_controller import LiveController

REDRAW_MS = 300
"""The layer that fills is drawn at most this often."""


class _Painted:
    """The values of a mask that is being written, as painted ids; read where they are looked at."""

    def __init__(self, array: Any) -> None:
        self._array = array
        self.shape, self.ndim, self.dtype = tuple(map(int, array.shape)), array.ndim, np.dtype(np.uint8)
        self.chunks, self.size = array.chunks, int(np.prod(array.shape))

    def __getitem__(self, index: Any) -> NDArray[np.uint8]:
        return (np.asarray(self._array[index]) + 1).astype(np.uint8)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self[...], dtype=dtype, copy=None if copy is None else copy)


class StoreFiller(QObject):
    """Runs :func:`~napari_unet.workflows.filling_store.fill_store` in a thread, and shows what comes.

    Parameters
    ----------
    controller : LiveController
    parent : QObject, optional
    """

    progressed = Signal(str, float)
    """Text and fraction (0 to 1) of what is running; an empty text when it is over."""

    def __init__(self, controller: LiveController, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._job: Worker | None = None
        self._turns = Turns()  # a run that was stopped still has the right to write its store until its thread ends
        self._layer: Labels | None = None
        self._path: Path | None = None
        self._preview = np.zeros((1, 1), np.uint8)
        self._redraw = QTimer(self)
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(REDRAW_MS)
        self._redraw.timeout.connect(self._on_redraw)

    @property
    def busy(self) -> bool:
        """Whether a store is being filled."""
        return self._job is not None

    def start(
        self, layer: ImageLayer, finest: Image, image: Image, factor: Factor, model: Model, path: Path,
        overwrite: bool = False,
    ) -> None:
        """Segment a level of a large image.

        Parameters
        ----------
        layer : napari Image layer
        finest, image : Image
            Its finest level, and the one that is segmented.
        factor : (int, int)
            Rows and columns of the finest level that one of the other stands for.
        model : Model
        path : Path
        overwrite : bool
        """
        if self._job is not None:
            return
        from napari_unet.workflows.filling_store import fill_store  # imports torch, as the model has

        if path == self._path:
            self._drop()  # what a run that was stopped has left goes on
        self._layer, self._path, self._preview = None, path, np.zeros(preview_shape(image), np.uint8)
        rows, columns = (slice(0, size) for size in image.plane_shape)
        place = field_place(layer, finest, LevelField(0, rows, columns, factor))
        show = partial(self._on_part, layer, image, place, path)
        self.progressed.emit("Looking at the image", 0.0)
        self._job = self._turns.start(
            self._controller.workers, path, partial(fill_store, image, model, path, overwrite=overwrite),
            "napari-unet store",
            on_item=show, on_result=partial(self._on_done, layer), on_error=self._on_error, on_end=self._on_end,
        )

    def cancel(self) -> None:
        """Stop; what is done stays, and the same again goes on from there."""
        if self._job is not None:
            self._job.stop()
            self._controller.said.emit("Stopped; what is done is kept. Choose the same name again to go on.")

    def _on_part(self, layer: ImageLayer, image: Image, place: dict[str, Any], path: Path, part: FilledPart) -> None:
        flat = self._preview.reshape(-1, *self._preview.shape[-2:])
        flat[part.plane, part.rows, part.columns] = part.values
        if self._layer is None:
            self._layer = self._made(layer, image, place, path, part)
        if not self._redraw.isActive():
            self._redraw.start()
        event = part.event
        if event is not None:
            before = f", {event.before} done before" if event.before else ""
            self.progressed.emit(f"Block {event.done} of {event.total}{before}, {_time_text(event.left)} left",
                                 (event.before + event.done) / (event.before + event.total))

    def _made(
        self, layer: ImageLayer, image: Image, place: dict[str, Any], path: Path, part: FilledPart
    ) -> Labels:
        """Put the layer that fills above its image: its pixels where one looks closely, a small picture from afar."""
        array = part.pixels
        step = preview_step(image)
        levels: list[Any] = [self._preview.reshape(self._shown_shape(place, self._preview.shape))]
        if tuple(array.shape) == image.shape and array.ndim == len(place["scale"]) and step > 1:
            levels = [_Painted(array), *levels]
        else:
            place = {**place, "scale": [*place["scale"][:-2], *(one * step for one in place["scale"][-2:])]}
        made = Labels(levels if len(levels) > 1 else levels[0], multiscale=len(levels) > 1, name=path.name, opacity=0.5,
                      **place)
        set_class_table(made, self._controller.session.classes, background=False)
        mark_layer(made, "result", layer)
        made.editable = False
        layers = self._controller.viewer.layers
        active = layers.selection.active
        layers.insert(layers.index(layer) + 1 if layer in layers else len(layers), made)
        layers.selection.active = active  # the brush stays in the hand
        return made

    @staticmethod
    def _shown_shape(place: dict[str, Any], shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*(1,) * (len(place["scale"]) - len(shape)), *shape)

    def _on_redraw(self) -> None:
        if self._layer is not None and self._layer in self._controller.viewer.layers:
            self._layer.refresh(extent=False, thumbnail=False)

    def _on_done(self, layer: ImageLayer, path: Path) -> None:
        """Show the finished store in place of the one that was filling."""
        layers = self._controller.viewer.layers
        self._drop()
        shown = ""
        if path.is_dir():
            data, options, _ = read_layers(str(path))[0]
            made = Labels(data, **options)
            mark_layer(made, "result", layer)
            active = layers.selection.active
            layers.insert(layers.index(layer) + 1 if layer in layers else len(layers), made)
            layers.selection.active = active
            shown = f", shown as {made.name!r}"
        self._controller.said.emit(f"Segmented the whole image into {path}{shown}.")

    def _drop(self) -> None:
        layers = self._controller.viewer.layers
        if self._layer is not None and self._layer in layers:
            layers.remove(self._layer)
        self._layer = None

    def _on_error(self, error: Exception) -> None:
        self._controller.said.emit(error_sentence(error))
        self._controller.failed.emit(error)

    def _on_end(self) -> None:
        self._job = None
        self.progressed.emit("", 0.0)


def asked_path(ask: Callable[[str], str], suggested: Path) -> Path | None:
    """Return where to write a store, as a person says, its name ending as such names do; None: nowhere.

    Raises
    ------
    UserError
        If the name with that ending is taken: nobody was asked whether that one may be replaced.
    """
    name = ask(str(suggested))
    if not name:
        return None
    path = Path(name)
    if path.name.lower().endswith(".zarr"):
        return path
    longer = path.with_name(f"{path.name}.ome.zarr")
    if longer.exists():
        raise UserError(f"{longer} is there already. Choose it by its whole name to replace it, or choose another.")
    return longer


def _time_text(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

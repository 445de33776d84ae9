"""The layer that shows the objects of a field of a large image; what anybody paints in it is noticed. Finds nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal

from napari_unet.core.level_field import LevelField
from napari_unet.objects.corrections import pins_of_change

from ..large_images import is_field, mark_field
from ..layer_metadata import identity, mark_layer, note, notes_of
from ..train.edit_layers import forget_edits
from .edit_watch import EditWatch

PLACE = ("scale", "translate", "rotate", "shear", "affine", "units")


class FieldShown(QObject):
    """Numbers of the objects of a field, in a layer over it.

    Parameters
    ----------
    viewer : napari Viewer
    source : napari Labels layer
        The answer in which they were found.
    image_layer : napari Image layer, optional
    parent : QObject, optional

    Attributes
    ----------
    shown : ndarray of uint32, shape (Y, X)
        What the layer is to hold.
    classes : ndarray of uint8
        Painted ids by number.
    field : LevelField or None
        Which field it is; None where nobody knows, and nothing can be put right.
    """

    edited = Signal(object, object)
    """A :class:`LevelField`, and the pins that somebody's painting has made in it."""

    def __init__(
        self, viewer: Any, source: Labels, image_layer: ImageLayer | None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer, self._source, self._image = viewer, source, image_layer
        self.shown: NDArray[np.uint32] = np.zeros(source.data.shape[-2:], np.uint32)
        self.classes: NDArray[np.uint8] = np.zeros(1, np.uint8)
        self.field: LevelField | None = None
        self.layer = self._find() or self._made()
        self._edits = EditWatch(self.layer, self)
        self._edits.due.connect(self._on_edited)

    def _find(self) -> Labels | None:
        """Return the layer that was made for this answer before."""
        return next((one for one in self._viewer.layers if isinstance(one, Labels) and is_field(one)
                     and notes_of(one).get("objects_of") == identity(self._source)), None)

    def _made(self) -> Labels:
        source, layers = self._source, self._viewer.layers
        name = source.name if self._image is None else self._image.name
        made = Labels(self._filled(source), name=f"{name} objects", opacity=0.6, **place_of_field(source))
        if self._image is not None:
            mark_layer(made, "objects", self._image)
        note(made, role="objects", objects_of=identity(source))
        mark_field(made)
        made.n_edit_dimensions = 2
        made.editable = False
        active = layers.selection.active
        layers.insert(layers.index(source) + 1, made)
        layers.selection.active = active  # the brush stays in the hand
        return made

    def _filled(self, source: Labels) -> NDArray[np.uint32]:
        return np.array(self.shown).reshape(*(1,) * (source.ndim - 2), *self.shown.shape)

    @property
    def is_there(self) -> bool:
        """Whether its layer and that of the answer are in the window."""
        return self.layer in self._viewer.layers and self._source in self._viewer.layers

    def close(self, remove: bool) -> None:
        """Let go of the layer, or take it away."""
        self._edits.close()
        if remove and self.layer in self._viewer.layers:
            self._viewer.layers.remove(self.layer)

    def put(
        self, numbers: NDArray[np.uint32], classes: NDArray[np.uint8], field: LevelField | None, place: dict[str, Any]
    ) -> None:
        """Show the objects of a field, which lies at a place."""
        self.shown, self.classes, self.field = numbers, classes, field
        with self._edits.at_work():
            self.layer.data = self._filled(self._source)
            for name, value in place.items():
                setattr(self.layer, name, value)
            self.layer.editable = field is not None
            forget_edits(self.layer)

    def _on_edited(self) -> None:
        self.flush()

    def flush(self) -> bool:
        """Take up what was painted in the layer; return whether there was anything."""
        if not self._edits.take() or self.field is None:
            return False
        now = np.asarray(self.layer.data)
        if now.size != self.shown.size:
            return False  # another array has been put into the layer, which the next answer fills anew
        now = now.reshape(self.shown.shape).astype(np.uint32)
        pins = pins_of_change(self.shown, now, self.classes, 0)
        if not pins:
            return False
        self.shown = now
        self.edited.emit(self.field, pins)
        return True


def place_of_field(layer: Labels) -> dict[str, Any]:
    """Return where a layer of a field lies, as options of another one."""
    return {name: getattr(layer, name) for name in PLACE}

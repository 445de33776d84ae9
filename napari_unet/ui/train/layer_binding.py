"""One image layer, its strokes layer and its prediction layer, linked to a pair of the session. Trains nothing.

Layer events only say that something may have changed; what changed is found by comparing planes, because napari's
events come before the data is written (edits from code), under another name (undo) or not at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.method import Patch
from napari_unet.core.painted_plane import Block, blocks_in, box_of
from napari_unet.core.scribbles import checked_ids
from napari_unet.session.annotation_session import Session

from ..channel_layers import channels_of
from ..layer_axes import image_of
from ..layer_metadata import class_table, identity, mark_layer, set_class_table
from ..layers import label_view, labels_like, same_shape, scribbles_of, uncertainty_like
from ..sessions import ties_of
from .partial_redraw import StalePart
from .viewport import shown_plane, shows_planes

DRAG_MS = 150
"""Strokes are published at most this often while the mouse is down, and at once when it is released."""

REDRAW_MS = 80
"""A prediction layer that fills in is redrawn at most this often."""

LARGE = 2**23
"""Painted planes with more pixels than this are not compared as a whole while somebody paints: only the blocks are
that napari says it has drawn in. Whoever asks for all strokes (:meth:`LayerBinding.flush`) has all compared."""


class LayerBinding(QObject):
    """Keeps a pair of the session up to date with its layers, and pastes predictions.

    Raises
    ------
    UserError
        If image and strokes do not fit, or cannot be used.
    """

    troubled = Signal(str)
    """The strokes cannot be used as they are; says why, ``""`` when they can again."""

    published = Signal()
    """Strokes have changed and are known to the session."""

    def __init__(
        self, viewer: Any, session: Session, image_layer: ImageLayer, strokes: Labels, parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._session = viewer, session
        self.image_layer, self.strokes = image_layer, strokes
        self.key = identity(strokes)
        self.prediction: Labels | None = None
        self.uncertainty: ImageLayer | None = None
        self.image = image_of(image_layer)
        self._channels = channels_of(image_layer)
        scribbles = scribbles_of(strokes, self.image)
        self._all = False
        self._dirty: set[int] = set()
        self._touched: dict[int, set[Block]] = {}
        self._stale = StalePart()
        self._ever = set(scribbles.planes)
        session.put_pair(self.key, self.image, scribbles)
        self._timer, self._redraw = QTimer(self), QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_due)
        self._redraw.setSingleShot(True)
        self._redraw.timeout.connect(self._on_redraw)
        self._connected = [
            (strokes.events.labels_update, self._on_touched), (strokes.events.paint, self._on_painted),
            (strokes.events.set_data, self._on_drawn), (strokes.events.data, self._on_replaced),
            *((one.events.data, self._on_image_replaced) for one in self._channels),
        ]
        for emitter, slot in self._connected:
            emitter.connect(slot)

    def is_fresh(self) -> bool:
        """Whether the image is read as its axes and channels are said to be now."""
        try:
            axes = image_of(self.image_layer).axes
        except UserError:
            return False
        return self._channels == channels_of(self.image_layer) and self.image.axes == axes

    def close(self, publish: bool = True) -> None:
        """Publish what is left (unless it is known not to fit) and let go of the layers; the layers stay."""
        if publish:
            self.flush()
        self._timer.stop()
        self._redraw.stop()
        for emitter, slot in self._connected:
            emitter.disconnect(slot)
        self._connected = []

    # -- strokes -> session ------------------------------------------------------------------------------------------

    @property
    def _is_large(self) -> bool:
        rows, columns = self.image.plane_shape
        return rows * columns * max(1, len(self._ever)) > LARGE

    def _on_touched(self, event: Any) -> None:
        """Take note of where napari has drawn: a hint at where to compare."""
        if not (self._is_large and shows_planes(self._viewer) and self.strokes.n_edit_dimensions <= 2
                and len(event.offset) == 2):
            self._on_drawn()
            return
        (top, left), (height, width) = map(int, event.offset), event.data.shape[:2]
        rows, columns = self.image.plane_shape
        blocks = blocks_in(slice(top, min(top + height, rows)), slice(left, min(left + width, columns)))
        self._touched.setdefault(shown_plane(self._viewer, self.strokes, self.image), set()).update(blocks)
        if not self._timer.isActive():
            self._timer.start(DRAG_MS)

    def _on_drawn(self, _event: Any = None) -> None:
        self._note_shown()
        if not self._timer.isActive():
            self._timer.start(DRAG_MS)

    def _on_painted(self, _event: Any = None) -> None:
        if not self._is_large:  # otherwise napari says where it has drawn
            self._note_shown()
        self._timer.start(0)  # not now: edits from code emit this before they write

    def _on_replaced(self, _event: Any = None) -> None:
        self._all = True
        self._timer.start(0)

    def _note_shown(self) -> None:
        if shows_planes(self._viewer) and self.strokes.n_edit_dimensions <= 2:
            self._dirty.add(shown_plane(self._viewer, self.strokes, self.image))
        else:
            self._all = True  # a brush in three dimensions, or a cut across planes

    def _on_due(self) -> None:
        if self._touched and not self._dirty and not self._all and self.key in self._session.keys:
            self._publish_touched()
        elif not self._is_large or self._dirty or self._all or self.key not in self._session.keys:
            self.flush()

    def _publish_touched(self) -> None:
        """Publish what has changed in the blocks that were drawn in, and look at nothing else."""
        touched, self._touched = self._touched, {}
        changed = False
        try:
            view = label_view(self.strokes, self.image)
            flat = view.reshape(-1, *view.shape[-2:])
            for number, blocks in touched.items():
                if flat.dtype != np.uint8:
                    for block in blocks:
                        checked_ids(flat[number][box_of(block, self.image.plane_shape)], self.strokes.name)
                changed |= self._session.paint_blocks(self.key, number, flat[number], blocks)
        except UserError as error:
            self.troubled.emit(str(error))
            return
        self._ever.update(touched)
        self.troubled.emit("")
        if changed:
            self.published.emit()

    def flush(self) -> bool:
        """Publish strokes that have changed; return whether there were any. Never raises."""
        self._timer.stop()
        if self.key not in self._session.keys:
            self._on_image_replaced()  # they may fit again
            return self.key in self._session.keys
        try:
            planes = self._changed_planes()
        except UserError as error:
            self.troubled.emit(str(error))
            return False
        self.troubled.emit("")
        self._dirty.clear()
        self._touched.clear()
        self._all = False
        self._ever.update(number for number, plane in planes.items() if plane.any())
        changed = self._session.paint(self.key, planes)
        if changed:
            self.published.emit()
        return changed

    def _changed_planes(self) -> dict[int, NDArray[np.uint8]]:
        view = label_view(self.strokes, self.image)
        flat = view.reshape(-1, *view.shape[-2:])
        numbers = range(len(flat)) if self._all else sorted(self._dirty | self._ever | self._touched.keys())
        return {
            number: flat[number] if flat.dtype == np.uint8 else checked_ids(flat[number], self.strokes.name)
            for number in numbers
        }

    def _on_image_replaced(self, _event: Any = None) -> None:
        self.drop_uncertainty()
        try:
            self.image = image_of(self.image_layer)
            self._clear_prediction()
            self._session.put_pair(self.key, self.image, scribbles_of(self.strokes, self.image))
        except UserError as error:
            self._session.remove_pair(self.key)  # the picture that the strokes were painted on is not there any more
            self.troubled.emit(str(error))
            return
        self.troubled.emit("")
        self.published.emit()

    def _clear_prediction(self) -> None:
        """Empty the prediction layer, which shows the old image; leave it if the new one has another shape."""
        if self.prediction is not None:
            try:
                label_view(self.prediction, self.image)[:] = 0
            except UserError:
                self.prediction = None
            else:
                self.prediction.refresh()

    # -- prediction -> layer -----------------------------------------------------------------------------------------

    def make_prediction(self, classes: ClassTable) -> Labels:
        """Return the prediction layer, made and put right below the strokes if it is not there."""
        if self.prediction is None or self.prediction not in self._viewer.layers:
            ties = ties_of(self._viewer)
            self.prediction = ties.live_prediction_of(self.image_layer)  # of other strokes, or a dock that was closed
            if self.prediction is not None and not same_shape(self.prediction, self.image):
                ties.remove(self.prediction)  # the layer has held another picture
                self.prediction = None
            if self.prediction is None:
                name = f"{self.image_layer.name} prediction"
                self.prediction = labels_like(self.image_layer, self.image, name, classes, background=False)
                self._insert(self.prediction, "prediction")
                ties.predict_into(self.image_layer, self.prediction)
            self.show_classes(classes)
        return self.prediction

    def make_uncertainty(self) -> ImageLayer:
        """Return the layer of uncertainty, made and put right below the strokes if it is not there."""
        if self.uncertainty is None or self.uncertainty not in self._viewer.layers:
            self.uncertainty = uncertainty_like(self.image_layer, self.image, f"{self.image_layer.name} uncertainty")
            self._insert(self.uncertainty, "uncertainty")
        return self.uncertainty

    def drop_uncertainty(self) -> None:
        """Remove the layer of uncertainty, if there is one."""
        layer, self.uncertainty = self.uncertainty, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    def _insert(self, layer: Layer, role: str) -> None:
        layers = self._viewer.layers
        mark_layer(layer, role, self.image_layer)
        active = layers.selection.active
        layers.insert(layers.index(self.strokes), layer)
        layers.selection.active = active  # the brush stays in the hand

    def paste(self, patch: Patch, unsure: NDArray[np.floating] | None = None) -> None:
        """Show a patch of the prediction and of its uncertainty (0 to 1); dropped if their layers are gone."""
        for layer, values in ((self.prediction, patch.labels), (self.uncertainty, unsure)):
            if layer is None or values is None or layer not in self._viewer.layers:
                continue
            try:
                label_view(layer, self.image)[patch.where] = values
            except (UserError, ValueError):  # changed by hand
                continue
            self._note_stale(patch)
        if self._stale and not self._redraw.isActive():
            self._on_redraw()

    def _note_stale(self, patch: Patch) -> None:
        """Take note of what is to be drawn: nothing of a plane that is not shown."""
        if not shows_planes(self._viewer):
            self._stale.add_all()
        elif self.image.plane_of(patch.where) == shown_plane(self._viewer, self.strokes, self.image):
            self._stale.add(self.image.plane_shape, *patch.where[-2:])

    def _on_redraw(self) -> None:
        """Draw what came, at once if nothing was drawn lately, and look again a little later."""
        if self._stale:
            if self.prediction is not None:
                self._stale.draw(self.prediction)
            if self.uncertainty is not None:
                self.uncertainty.refresh(extent=False, highlight=False, thumbnail=False)
            self._stale = StalePart()
            self._redraw.start(REDRAW_MS)

    def show_classes(self, classes: ClassTable) -> None:
        """Give both layers these names and colours."""
        for layer, background in ((self.strokes, True), (self.prediction, False)):
            if layer is not None and class_table(layer) != classes:
                set_class_table(layer, classes, background=background)

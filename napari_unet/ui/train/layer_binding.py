"""One image layer and its strokes layer, linked to a pair of the session. Trains nothing.

Layer events only say that something may have changed; what changed is found by comparing planes, because napari's
events come before the data is written (edits from code), under another name (undo) or not at all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.method import View
from napari_unet.core.painted_plane import Block, blocks_in, box_of
from napari_unet.core.scribbles import checked_ids
from napari_unet.session.annotation_session import Session

from ..channel_layers import channels_of
from ..layer_axes import image_of
from ..layer_metadata import identity
from ..layers import label_view, scribbles_of
from .answer_layers import AnswerLayers
from .viewport import shown_plane, shows_planes, visible_part

DRAG_MS = 150
"""Strokes are published at most this often while the mouse is down, and at once when it is released."""

LARGE = 2**23
"""Painted planes with more pixels than this are not compared as a whole while somebody paints: only the blocks are
that napari says it has drawn in. Whoever asks for all strokes (:meth:`LayerBinding.flush`) has all compared."""


@dataclasses.dataclass(frozen=True, eq=False)
class LookedAt:
    """What is looked at, as :class:`~napari_unet.session.run_schedule.ViewFocus` has it."""

    image: Image
    plane: int
    view: View | None
    planes: tuple[int, ...] = ()


class LayerBinding(AnswerLayers):
    """Keeps a pair of the session up to date with its layers; predictions are pasted as :class:`AnswerLayers` does.

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
        super().__init__(viewer, image_layer, strokes, parent)
        self._session = session
        self.key = identity(strokes)
        self._channels = channels_of(image_layer)
        self._all = False
        self._dirty: set[int] = set()
        self._touched: dict[int, set[Block]] = {}
        self._ever: set[int] = set()
        self._begin()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_due)
        self._connected: list[tuple[Any, Any]] = [
            (strokes.events.labels_update, self._on_touched), (strokes.events.paint, self._on_painted),
            (strokes.events.set_data, self._on_drawn), (strokes.events.data, self._on_replaced),
            *((one.events.data, self._on_image_replaced) for one in self._channels),
        ]
        for emitter, slot in self._connected:
            emitter.connect(slot)

    def _begin(self) -> None:
        if self.key in self._session.keys:
            known = self._session.pair(self.key).image
            if _is_same_file(known, self.image):
                self.image = known  # an image is known by itself: all that was found out about it still holds
        scribbles = scribbles_of(self.strokes, self.image)
        self._ever = set(scribbles.planes)
        self._session.put_pair(self.key, self.image, scribbles)

    @property
    def focus_image(self) -> Image:
        """What is predicted."""
        return self.image

    def seen(self) -> LookedAt | None:
        """Return what is to be predicted first now."""
        return LookedAt(self.image, shown_plane(self._viewer, self.strokes, self.image),
                    visible_part(self._viewer, self.strokes, self.image))

    def is_fresh(self) -> bool:
        """Whether the image is read as its axes and channels are said to be now."""
        try:
            now = image_of(self.image_layer)
        except UserError:
            return False
        same = (self.image.axes, self.image.guessed_axes) == (now.axes, now.guessed_axes)
        return same and self._channels == channels_of(self.image_layer)

    def close(self, publish: bool = True) -> None:
        """Publish what is left (unless it is known not to fit) and let go of the layers; the layers stay."""
        if publish:
            self.flush()
        self._timer.stop()
        self.stop_drawing()
        for emitter, slot in self._connected:
            emitter.disconnect(slot)
        self._connected = []
        self.setParent(None)  # else Qt keeps it, and with it layers that have left the window, as long as its parent

    @property
    def pending(self) -> bool:
        """Whether something was painted a moment ago that the session may not know yet."""
        return self._timer.isActive()

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

    def note_written(self, planes: Iterable[int]) -> None:
        """Look at these planes too whenever strokes change: an operation has painted them."""
        self._ever.update(planes)

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
            self.clear_prediction()
            self._session.put_pair(self.key, self.image, scribbles_of(self.strokes, self.image))
        except UserError as error:
            self._session.remove_pair(self.key)  # the picture that the strokes were painted on is not there any more
            self.troubled.emit(str(error))
            return
        self.troubled.emit("")
        self.published.emit()


def _is_same_file(known: Image, image: Image) -> bool:
    """Whether an image that is learnt from is one of the window, read in the same way from what cannot have changed."""
    if known.data is not image.data or isinstance(known.data, np.ndarray):
        return False
    said = [(one.axes, one.name, one.scale, one.unit, one.translate, one.time_unit, one.no_data, one.guessed_axes)
            for one in (known, image)]
    return said[0] == said[1]

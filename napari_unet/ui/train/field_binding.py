"""A large image and its strokes: a field of it is painted on and predicted at the level that is looked at.

The layers of strokes and prediction are small. They lie over what is seen, and are filled anew when the view leaves
them; the strokes themselves are in the session, in pixels of the finest level. Trains nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels
from qtpy.QtCore import QObject, Qt, QTimer, Signal
from qtpy.QtWidgets import QApplication

from napari_unet.core.errors import UserError
from napari_unet.core.level_field import LevelField
from napari_unet.core.level_strokes import FIRST_WINDOWS, MOST_WINDOWS
from napari_unet.core.scribbles import Scribbles, checked_ids
from napari_unet.core.window_stack import SIDE, windows_of
from napari_unet.session.annotation_session import Session
from napari_unet.session.level_lens import LevelLens
from napari_unet.session.model_history import steps_behind
from napari_unet.session.session_state import SessionState

from ..large_images import ImageLevel, ImageLevels, expected_strokes, levels_of
from .field_layers import FieldLayers
from .field_view import as_seen_before, field_of, seen_box
from .layer_binding import DRAG_MS, LookedAt
from .viewport import camera_of

FOLLOW_MS = 60
"""A view that moves is followed at most this often."""

MOST_IN_VIEW = 64
"""So many windows are answered at most, those in the middle of the view."""


class FieldBinding(FieldLayers):
    """Keeps a pair of the session up to date with a field of its image, and shows what is predicted there."""

    level_told = Signal(str)
    """At which level is painted and answered now."""

    def __init__(
        self, viewer: Any, session: Session, image_layer: ImageLayer, strokes: Labels, parent: QObject | None = None,
    ) -> None:
        self._lenses: dict[int, LevelLens] = {}
        self._known, self._told, self._seen_once = np.zeros((1, 1), np.uint8), False, False
        self._level_told = ""
        super().__init__(viewer, session, image_layer, strokes, parent)
        self._follow = QTimer(self)
        self._follow.setSingleShot(True)
        self._follow.setInterval(FOLLOW_MS)
        self._follow.timeout.connect(self.follow_view)
        self._grow = QTimer(self)
        self._grow.setSingleShot(True)
        self._grow.setInterval(0)
        self._grow.timeout.connect(self._on_grow)
        events = image_layer.events
        more = [(session.state_changed, self._on_state), (session.answer_came, self._on_answer),
                (camera_of(viewer).events, self._follow_soon), (viewer.dims.events, self._follow_soon),
                *((getattr(events, name), self._on_moved)
                  for name in ("scale", "translate", "rotate", "shear", "affine"))]
        for emitter, slot in more:
            emitter.connect(slot)
        self._connected += more
        self._follow.start()  # once the window has its size

    def _begin(self) -> None:
        self.levels: ImageLevels = levels_of(self.image_layer)
        self.image = self.levels.levels[0].image
        there = self._session.pair(self.key).scribbles if self.key in self._session.keys else None
        painted = there or expected_strokes(self.strokes)
        if painted is not None and painted.shape != self.image.shape:
            raise UserError(
                f"The strokes {self.strokes.name!r} were painted on an image of shape {painted.shape}, but "
                f"{self.image.name!r} has {self.image.shape} (axes {self.image.label_axes}). Press + strokes for new "
                "ones."
            )
        self.field, self.level = self._first_field()
        self._session.put_pair(self.key, self.image, painted or Scribbles.empty(self.image.shape),
                               self._lens(self.level))
        self._fill()

    def close(self, publish: bool = True) -> None:
        """Publish what is left and let go of the layers."""
        self._follow.stop()
        self._grow.stop()
        super().close(publish)

    def is_fresh(self) -> bool:
        """Whether the image is read as its axes, channels and levels are said to be now."""
        try:
            return levels_of(self.image_layer) is self.levels
        except UserError:
            return False

    # -- which field -----------------------------------------------------------------------------------------------

    def _follow_soon(self, _event: Any = None) -> None:
        if not self._follow.isActive():
            self._follow.start()

    def follow_view(self) -> None:
        """Lay the field over what is seen, at the level that is seen; not while a stroke is drawn."""
        if self.strokes not in self._viewer.layers:
            return
        if self.levels.left_out and not self._told:
            self._told = True
            self.troubled.emit(self.levels.left_out)
        pressed = QApplication.mouseButtons() != Qt.MouseButton.NoButton
        if pressed and str(self.strokes.mode) != "pan_zoom":
            self._follow.start()
            return
        seen = seen_box(self._viewer, self.image_layer, self.image)
        if seen is None:
            return
        level = self.levels.seen_at(seen.pixels)
        field = field_of(seen, level)
        self._learn_at(level)
        if not self._seen_once:
            self._seen_once = True
            self._tell_level()
        inside = (field.plane, field.factor) == (self.field.plane, self.field.factor) and all(
            mine.start <= part.start and part.stop <= mine.stop for part, mine in
            ((field.rows, self.field.rows), (field.columns, self.field.columns)))
        if not inside:
            self._move_to(field, level)

    def _tell_level(self) -> None:
        text = self.level_text
        if text != self._level_told:  # what is said of something else stays to be read
            self._level_told = text
            self.level_told.emit(text)

    def _first_field(self) -> tuple[LevelField, ImageLevel]:
        seen = seen_box(self._viewer, self.image_layer, self.image)
        if seen is None:  # nothing is drawn yet
            level = self.levels.levels[-1]
            rows, columns = (slice(0, min(SIDE, size)) for size in level.image.plane_shape)
            return LevelField(0, rows, columns, level.factor), level
        level = self.levels.seen_at(seen.pixels)
        return field_of(seen, level), level

    def _move_to(self, field: LevelField, level: ImageLevel) -> None:
        self.flush()
        shown = None if self.prediction is None else np.array(self.prediction.data).reshape(self.field.shape)
        before, self.field, self.level = self.field, field, level
        self._tell_level()
        self._fill()
        if self.prediction is not None and shown is not None:
            self._place(self.prediction, as_seen_before(shown, before, field))
        self.drop_uncertainty()  # it comes again
        self.published.emit()  # what is looked at is something else

    def _fill(self) -> None:
        """Fill the strokes layer with what is painted in the field."""
        self._known = self.field.painted(self._session.pair(self.key).scribbles)
        self._place(self.strokes, self._known.copy())

    def _on_moved(self, _event: Any = None) -> None:
        if self.is_fresh():
            return
        self.levels = levels_of(self.image_layer)
        self.image, self.level = self.levels.levels[0].image, self.levels.levels[self._at(self.level)]
        self._lenses.clear()
        self._session.put_pair(self.key, self.image, self._session.pair(self.key).scribbles, self._lens(self.level))
        for layer in (self.strokes, self.prediction):
            if layer is not None:
                self._place(layer, np.array(layer.data).reshape(self.field.shape))

    def _at(self, level: ImageLevel) -> int:
        return next((at for at, one in enumerate(self.levels.levels) if one.factor == level.factor), 0)

    # -- which level is learnt from --------------------------------------------------------------------------------

    def _lens(self, level: ImageLevel) -> LevelLens:
        return self._lenses.setdefault(level.number, LevelLens(level.windows, level.factor, FIRST_WINDOWS))

    def _learn_at(self, level: ImageLevel) -> None:
        """Learn at the level looked at, unless a network learns or has learnt at another one."""
        held = self._session.state.phase == "learning" or steps_behind(self._session.model) > 0
        now = self._session.lens(self.key)
        if not held and now is not None and now.factor != level.factor:
            self._session.see_through(self.key, self._lens(level))

    @property
    def level_text(self) -> str:
        """At which level is painted and answered now, a sentence."""
        by, learnt = max(self.level.factor), self._session.lens(self.key)
        if len(self.levels.levels) == 1:
            return ""
        made = ", made for looking" if self.levels.are_made else ""
        text = "at its finest level" if by == 1 else f"at 1 : {by}{made}; zoom in for a finer level"
        other = learnt is not None and learnt.factor != self.level.factor
        return f"{self.image.name!r} is painted {text}." + (
            f" The network learns at 1 : {max(learnt.factor)}." if learnt is not None and other else "")

    def _on_state(self, state: SessionState) -> None:
        if state.phase == "learning":  # a network learns from all
            self._learn_from_more(MOST_WINDOWS)

    def _on_answer(self) -> None:
        self._grow.start()

    def _on_grow(self) -> None:
        """After each answer, learn from a little more of what is painted."""
        self._learn_from_more(FIRST_WINDOWS)

    def _learn_from_more(self, windows: int) -> None:
        lens = self._session.lens(self.key)
        if lens is not None and lens.grow(windows):
            self._session.see_through(self.key, lens)

    @property
    def focus_image(self) -> Any:
        """What is predicted: the windows of the level that is learnt from."""
        lens = self._session.lens(self.key)
        return self.image if lens is None else lens.windows

    def seen(self) -> LookedAt | None:
        """Return what is to be predicted now, None where nothing of it is seen."""
        box = seen_box(self._viewer, self.image_layer, self.image)
        lens = self._session.lens(self.key)
        if box is None or lens is None:
            return None
        pixels = windows_of(lens.windows)
        assert pixels is not None
        rows, columns = (slice(part.start // by, -(-part.stop // by)) for part, by in
                         zip((box.rows, box.columns), lens.factor, strict=True))
        planes = tuple(pixels.number(box.plane, one) for one in pixels.grid.touching(rows, columns)[:MOST_IN_VIEW])
        return LookedAt(lens.windows, planes[0], None, planes) if planes else None

    # -- strokes ---------------------------------------------------------------------------------------------------

    def _on_touched(self, _event: Any) -> None:
        self._on_drawn()

    def _on_drawn(self, _event: Any = None) -> None:
        if not self._moving and not self._timer.isActive():
            self._timer.start(DRAG_MS)

    def _on_painted(self, _event: Any = None) -> None:
        self._timer.start(0)

    def _on_replaced(self, _event: Any = None) -> None:
        if not self._moving:
            self._timer.start(0)

    def _on_due(self) -> None:
        self.flush()

    def note_written(self, _planes: Iterable[int]) -> None:
        """Show what an operation has painted."""
        self._fill()

    def flush(self) -> bool:
        """Publish strokes that have changed; return whether there were any. Never raises."""
        self._timer.stop()
        if self.key not in self._session.keys:
            return False
        try:
            data = np.asarray(self.strokes.data)
            if data.size != self._known.size:
                raise UserError(
                    f"{self.strokes.name!r} shows a part of {self.image.name!r}; its array was replaced by one of "
                    "another shape, which is not taken over. Move the view to see the strokes again.")
            now = checked_ids(data, self.strokes.name).reshape(self._known.shape)
        except UserError as error:
            self.troubled.emit(str(error))
            return False
        self.troubled.emit(self.levels.left_out)
        blocks = self.field.blocks_after(now, self._known, self._session.pair(self.key).scribbles)
        self._known = now.copy()
        changed = self._session.repaint(self.key, self.field.plane, blocks)
        if changed:
            self.published.emit()
        return changed

    def _on_image_replaced(self, _event: Any = None) -> None:
        """The picture is another one: what was painted on it stays if it has the same size."""
        self.drop_uncertainty()
        painted = self._session.pair(self.key).scribbles if self.key in self._session.keys else None
        try:
            self.levels = levels_of(self.image_layer)
            self.image = self.levels.levels[0].image
            self._lenses.clear()
            self.level = self.levels.levels[self._at(self.level)]
            self._session.put_pair(self.key, self.image, painted, self._lens(self.level))
        except UserError as error:
            self._session.remove_pair(self.key)
            self.troubled.emit(str(error))
            return
        self.clear_prediction()
        self._follow_soon()
        self.published.emit()

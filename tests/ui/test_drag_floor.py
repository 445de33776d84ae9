"""While the mouse is held down on the picture, work rests; a stroke ends where it is released, however busy all is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from instant_window_scene import answer, dock, open_image  # noqa: F401 (fixtures)
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_unet.core.floor import ANSWER, BRUSH
from napari_unet.ui.train import drag_watch


def test_who_draws_has_the_floor_until_the_release(
    hands: Any, viewer: Any, squares: Any, dock: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(drag_watch, "HELD", 1e6)  # or a slow machine is taken for a mouse that lies still
    strokes = open_image(hands, dock, squares[0])
    strokes.mode = "paint"
    viewer.layers.selection.active = strokes
    native = viewer.window._qt_viewer.canvas.native
    middle = QPoint(native.width() // 2, native.height() // 2)
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    before = len(viewer.mouse_drag_callbacks)
    assert not BRUSH.taken
    QTest.mouseMove(native, middle)
    QTest.mousePress(native, left, none, middle)
    QApplication.processEvents()
    assert BRUSH.taken
    BRUSH.leave()
    QTest.mouseMove(native, middle + QPoint(20, 5))
    QApplication.processEvents()
    assert BRUSH.taken, "each move takes it again"
    QTest.mouseRelease(native, left, none, middle + QPoint(20, 5))
    QApplication.processEvents()
    assert not BRUSH.taken
    assert strokes.data.any()
    dock.controller.close()
    assert len(viewer.mouse_drag_callbacks) == before - 2, "nothing is left in a viewer whose docks are gone"


def test_a_training_goes_on_while_somebody_draws_for_ever_and_an_answer_frees_the_floor(
    hands: Any, viewer: Any, squares: Any, dock: Any
) -> None:
    strokes = open_image(hands, dock, squares[0])
    answer(hands, dock, strokes)
    hands.wait(lambda: not ANSWER.taken)
    hands.tiny_network(dock)
    dock.start_live()
    hands.wait(lambda: bool(dock.session.learning_curve))
    BRUSH.take(1e6)
    try:
        step = dock.session.learning_curve[-1].step
        hands.wait(lambda: dock.session.learning_curve[-1].step > step + 1)
        strokes.data[50:53, 40:60] = 1
        strokes.events.set_data()
        assert np.any(strokes.data == 1)
        hands.wait(lambda: dock.session.pair(dock.session.keys[0]).scribbles.planes[0][51, 50] == 1)
    finally:
        BRUSH.leave()
    dock.controller.stop()


def fast_stroke(
    viewer: Any, start: tuple[int, int], end: tuple[int, int], button: Any = Qt.MouseButton.LeftButton
) -> None:
    """Press, move twice and release between two looks of the window at the mouse; places are (row, column)."""
    native, camera = viewer.window._qt_viewer.canvas.native, viewer.scene.camera
    none = Qt.MouseButton.NoButton

    def post(kind: QEvent.Type, place: Any, pressed: Any, held: Any) -> None:
        at = QPointF(native.width() / 2 + (place[1] - camera.center[-1]) * camera.zoom,
                     native.height() / 2 + (place[0] - camera.center[-2]) * camera.zoom)
        QApplication.postEvent(native, QMouseEvent(kind, at, QPointF(native.mapToGlobal(at.toPoint())), pressed, held,
                                                   Qt.KeyboardModifier.NoModifier))

    way = np.subtract(end, start)
    post(QEvent.Type.MouseMove, start, none, none)
    post(QEvent.Type.MouseButtonPress, start, button, button)
    for part in (0.1, 0.5):
        post(QEvent.Type.MouseMove, np.add(start, part * way), none, button)
    post(QEvent.Type.MouseButtonRelease, end, button, none)
    QApplication.processEvents()


@pytest.mark.parametrize("mode", ["paint", "erase"])
def test_a_stroke_faster_than_the_window_is_a_whole_line_and_one_step_of_undo(
    hands: Any, viewer: Any, squares: Any, dock: Any, mode: str
) -> None:
    strokes = open_image(hands, dock, squares[0])
    dock.hold_class(2)
    strokes.brush_size = 3
    if mode == "erase":
        strokes.data[:] = 1
        strokes.mode = "erase"
    before = strokes.data.copy()
    fast_stroke(viewer, (30, 10), (34, 70))
    painted = strokes.data != before
    assert set(np.unique(strokes.data[painted])) == {2 if mode == "paint" else 0}
    rows = np.round(30 + 4 * (np.arange(10, 71) - 10) / 60).astype(int)
    assert painted[rows, np.arange(10, 71)].all(), "a line from the press to the release"
    assert painted[:, 20:60].sum(axis=0).min() >= 3, "as wide as the brush"
    assert not painted[:28].any()
    assert not painted[37:].any()
    hands.wait(lambda: dock.session.pair(dock.session.keys[0]).scribbles.counts()[1 if mode == "erase" else 2]
               == (strokes.data == (1 if mode == "erase" else 2)).sum())
    strokes.undo()
    assert np.array_equal(strokes.data, before)


def test_only_strokes_of_ours_are_painted_to_the_release(
    hands: Any, viewer: Any, squares: Any, dock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    strokes = open_image(hands, dock, squares[0])
    dock.hold_class(2)
    strokes.mode = "pan_zoom"
    fast_stroke(viewer, (30, 10), (34, 14))
    strokes.mode = "fill"
    strokes.data[40:] = 1
    before = strokes.data.copy()
    fast_stroke(viewer, (50, 10), (20, 70))
    assert set(np.unique(strokes.data)) == {0, 2}, "napari fills, and no line is drawn"
    assert not strokes.data[:40].any()
    assert before.any()
    other = viewer.add_labels(np.zeros_like(before), name="of somebody else")
    painted: list[Any] = []
    monkeypatch.setattr(type(other), "paint", lambda _self, *what, **_how: painted.append(what))
    other.mode, other.brush_size = "paint", 3
    fast_stroke(viewer, (30, 10), (30, 70))
    assert max((place[1] for place, *_ in painted), default=0) < 60, "that is how napari leaves it"
    painted.clear()
    viewer.layers.selection.active = strokes
    strokes.mode = "paint"
    fast_stroke(viewer, (30, 10), (30, 70), Qt.MouseButton.RightButton)
    assert max((place[1] for place, *_ in painted), default=0) < 60, "the right button may be napari's way to encircle"

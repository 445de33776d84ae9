"""Strokes that are faster than the window: they end where the mouse is released, in one step of undo."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from instant_window_scene import dock, open_image  # noqa: F401 (fixtures)
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication


def fast_stroke(hands: Any, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Press, move twice and release between two looks of the window at the mouse; places are (row, column)."""
    mouse, way = hands.mouse, np.subtract(end, start)
    mouse.post(QEvent.Type.MouseMove, mouse.place(start), held=False)
    mouse.post(QEvent.Type.MouseButtonPress, mouse.place(start))
    for part in (0.1, 0.5):
        mouse.post(QEvent.Type.MouseMove, mouse.place(np.add(start, part * way)))
    mouse.post(QEvent.Type.MouseButtonRelease, mouse.place(end))
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
    fast_stroke(hands, (30, 10), (34, 70))
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
    fast_stroke(hands, (30, 10), (34, 14))
    strokes.mode = "fill"
    strokes.data[40:] = 1
    before = strokes.data.copy()
    fast_stroke(hands, (50, 10), (20, 70))
    assert set(np.unique(strokes.data)) == {0, 2}, "napari fills, and no line is drawn"
    assert not strokes.data[:40].any()
    other = viewer.add_labels(np.zeros_like(before), name="of somebody else")
    painted: list[Any] = []
    monkeypatch.setattr(type(other), "paint", lambda _self, *what, **_how: painted.append(what))
    other.mode, other.brush_size = "paint", 3
    fast_stroke(hands, (30, 10), (30, 70))
    assert max((place[1] for place, *_ in painted), default=0) < 60, "that is how napari leaves it"

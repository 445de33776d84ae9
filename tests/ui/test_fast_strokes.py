"""Strokes that are faster than the window: they end where the mouse is released, in one step of undo."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from instant_window_scene import dock, open_image  # noqa: F401 (fixtures)
from napari.components import ViewerModel
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

from napari_unet.ui.layer_metadata import mark_layer
from napari_unet.ui.train.stroke_end import paint_to_the_release


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


@pytest.mark.parametrize(("turned_to", "painted"), [(0, 15), (2, 1)])
def test_a_stroke_is_not_painted_on_to_another_plane(turned_to: int, painted: int) -> None:
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros((4, 32, 32), np.float32))
    strokes = viewer.add_labels(np.zeros((4, 32, 32), np.uint8))
    mark_layer(strokes, "strokes", image)
    strokes.mode, strokes.brush_size, strokes.selected_label = "paint", 1, 2
    viewer.dims.set_point(0, 0)
    event = SimpleNamespace(type="mouse_press", button=1, position=(0, 5, 5), dims_point=(0, 0, 0),
                            dims_displayed=[1, 2])
    stroke = paint_to_the_release(viewer, event)
    next(stroke)
    with strokes.block_history():
        strokes.paint((0, 5, 5), 2)
        event.type, event.position, event.dims_point = "mouse_release", (turned_to, 5, 19), (turned_to, 0, 0)
        assert next(stroke, "over") == "over"
    assert np.count_nonzero(strokes.data[0]) == painted
    assert not strokes.data[1:].any()

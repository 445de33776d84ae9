"""While the mouse is held down on the picture, work rests: it has the floor, and gives it back with the release."""

from __future__ import annotations

from typing import Any

import numpy as np
from instant_window_scene import answer, dock, open_image  # noqa: F401 (fixtures)

from napari_unet.core.floor import ANSWER, BRUSH
from napari_unet.ui.train import drag_watch


def test_who_draws_has_the_floor_until_the_release(
    hands: Any, viewer: Any, squares: Any, dock: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(drag_watch, "HELD", 1e6)  # or a slow machine is taken for a mouse that lies still
    strokes = open_image(hands, dock, squares[0])
    strokes.mode = "paint"
    viewer.layers.selection.active = strokes
    mouse = hands.mouse
    assert not BRUSH.taken
    mouse.go(mouse.middle())
    mouse.press(mouse.middle())
    assert BRUSH.taken
    BRUSH.leave()
    mouse.go(mouse.middle(5, 20))
    assert BRUSH.taken, "each move takes it again"
    mouse.release(mouse.middle(5, 20))
    assert not BRUSH.taken
    assert strokes.data.any()
    dock.controller.close()
    left = [one for one in viewer.mouse_drag_callbacks if one.__module__.startswith("napari_unet")]
    assert not left, "nothing is left in a viewer whose docks are gone"


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

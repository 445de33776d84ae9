"""Where the model is unsure, in the real window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from instant_window_scene import answer, dock, open_image  # noqa: F401 (fixtures)

from napari_unet.core.method import Progress
from napari_unet.ui.layer_metadata import is_source_image, role_of
from napari_unet.ui.train.viewport import camera_of


def test_uncertainty_follows_the_prediction(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    strokes = open_image(hands, dock, squares[0], scale=(0.5, 0.5))
    answer(hands, dock, strokes)
    hands.click(dock, "train_show_unsure")
    hands.wait(lambda: "cells uncertainty" in viewer.layers and viewer.layers["cells uncertainty"].data.any())
    layer = viewer.layers["cells uncertainty"]
    assert (role_of(layer), layer.data.dtype, layer.blending) == ("uncertainty", np.float16, "additive")
    assert tuple(layer.scale) == (0.5, 0.5)
    assert layer.data.shape == squares[0].shape
    assert 0 <= layer.data.min() <= layer.data.max() <= 1
    assert viewer.layers.index(layer) < viewer.layers.index(strokes)
    assert layer not in dock.chooser.image_box.layers, "it is not an image to segment"
    assert not is_source_image(layer)
    assert dock.controller.ties.images == [viewer.layers["cells"]]
    before = layer.data.copy()
    hands.drag(strokes, [(44, 58), (44, 69)])
    hands.wait(lambda: not np.array_equal(layer.data, before))
    hands.click(dock, "train_show_unsure")
    assert "cells uncertainty" not in viewer.layers
    assert not dock.controller.prediction.focus.get().unsure
    hands.click(dock, "train_show_unsure")
    hands.wait(lambda: "cells uncertainty" in viewer.layers)
    viewer.layers.remove("cells uncertainty")
    hands.wait(lambda: not dock.unsure_tick.isChecked())


def test_the_button_goes_to_the_least_sure_place(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    image, _ = squares
    strokes = open_image(hands, dock, image)
    hands.click(dock, "train_go_unsure")
    assert "no prediction yet" in dock.note_line.text()
    answer(hands, dock, strokes)
    hands.settle(dock)  # a better answer begins the search anew
    before = tuple(camera_of(viewer).center)
    hands.click(dock, "train_go_unsure")
    hands.wait(lambda: not dock.controller.unsure.busy)
    places = dock.controller.unsure.visited
    assert len(places) == 1, dock.note_line.text()
    assert tuple(camera_of(viewer).center) != before
    assert tuple(camera_of(viewer).center[-2:]) == (places[0].row, places[0].column)
    assert not strokes.data[places[0].row, places[0].column]
    assert "in the middle of the view" in dock.note_line.text()
    assert "cells uncertainty" not in viewer.layers
    # again: another place, or it says that there is none
    dock.controller.unsure.go()
    hands.wait(lambda: not dock.controller.unsure.busy)
    visited = dock.controller.unsure.visited
    assert len({(one.row, one.column) for one in visited}) == 2 or "Everywhere else it is sure" in dock.note_line.text()


def test_it_steps_to_the_plane_of_the_least_sure_place(hands: Any, viewer: Any, squares: Any, dock: Any,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    image, _ = squares
    stack = np.stack([image, image, image])
    strokes = open_image(hands, dock, stack, scale=(3, 0.5, 0.5))
    viewer.dims.set_current_step(0, 0)
    hands.drag(strokes, [(12, 12), (20, 20)])
    dock.hold_class(1)
    hands.drag(strokes, [(3, 4), (3, 70)])
    hands.wait(lambda: dock.session.model is not None)

    from napari_unet.predicting.uncertainty import UncertainPlace
    from napari_unet.ui.train import uncertainty_view

    def found(*_: Any, **options: Any) -> Any:
        yield Progress("Looking", 0.5)
        return UncertainPlace(2, 40, 60, 0.9)

    monkeypatch.setattr(uncertainty_view, "find_least_sure", found)
    hands.click(dock, "train_go_unsure")
    hands.wait(lambda: not dock.controller.unsure.busy)
    assert viewer.dims.current_step[0] == 2
    assert tuple(camera_of(viewer).center[-2:]) == (20.0, 30.0)


def test_a_search_can_be_cancelled(hands: Any, viewer: Any, squares: Any, dock: Any,
                                   monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_unet.ui.train import uncertainty_view

    strokes = open_image(hands, dock, squares[0])
    answer(hands, dock, strokes)
    hands.wait(lambda: dock.session.model is not None)
    before = tuple(camera_of(viewer).center)

    def endless(*_: Any, **options: Any) -> Any:
        while True:
            yield Progress("Looking everywhere: tile 1 of 9", 0.1)

    monkeypatch.setattr(uncertainty_view, "find_least_sure", endless)
    hands.click(dock, "train_go_unsure")
    hands.wait(lambda: dock.progress.isVisibleTo(dock) and dock.progress.value() == 100)
    assert not dock.unsure_button.isEnabled()
    hands.click(dock, "train_cancel")
    hands.wait(lambda: not dock.controller.unsure.busy)
    assert not dock.progress.isVisibleTo(dock)
    assert dock.unsure_button.isEnabled()
    assert tuple(camera_of(viewer).center) == before

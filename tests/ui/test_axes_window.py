"""What the axes of an image are: read from names or file, shown, changed, used by all docks; paint keeps its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_unet.core.errors import UserError
from napari_unet.ui.axes_change import refitted
from napari_unet.ui.channel_layers import channels_of
from napari_unet.ui.layer_axes import axes_of, image_of, set_axes


@pytest.fixture
def dock(hands: Any) -> Any:
    """The dock as it opens."""
    return hands.dock("Train U-Net")


def stack(*shape: int) -> np.ndarray:
    """A stack of noise with a bright square on each plane."""
    data = np.random.default_rng(1).normal(40, 6, shape).clip(0, 255).astype(np.uint8)
    data[..., 10:30, 12:40] += 120
    return data


def choose_axes(dock: Any, letters: str) -> None:
    """Pick a line of the box."""
    box = dock.chooser.axes_box
    index = box.findData(letters)
    assert index >= 0, [box.itemText(at) for at in range(box.count())]
    box.setCurrentIndex(index)
    box.activated.emit(index)


def test_axes_come_from_names_then_file_then_a_guess(viewer: Any, tmp_path: Path) -> None:
    named = viewer.add_image(stack(5, 2, 48, 64), axis_labels=("time", "channel", "y", "x"))
    assert (axes_of(named).letters, axes_of(named).reason) == ("TCYX", "names in the layer")
    tifffile.imwrite(tmp_path / "t.ome.tif", stack(5, 2, 48, 64), metadata={"axes": "TCYX"})
    opened = viewer.open(tmp_path / "t.ome.tif", plugin="napari")[0]
    assert (axes_of(opened).letters, axes_of(opened).reason) == ("TCYX", "what the file says")
    bare = viewer.add_image(stack(5, 2, 48, 64))
    assert (axes_of(bare).letters, axes_of(bare).reason) == ("TZYX", "guessed")
    set_axes(bare, "ctyx")
    assert (axes_of(bare).letters, axes_of(bare).reason) == ("CTYX", "as chosen")
    assert image_of(bare).n_channels == 5
    with pytest.raises(UserError, match="does not fit an array of shape"):
        set_axes(bare, "TYX")
    with pytest.raises(UserError, match="these must be YX"):
        set_axes(bare, "YXTC")


def test_channels_chosen_once_count_in_every_dock(hands: Any, viewer: Any, dock: Any) -> None:
    viewer.add_image(stack(2, 48, 64), name="first")
    hands.wait(lambda: dock.chooser.has_image)
    assert dock.chooser.axes_box.currentText() == "NYX (guessed): 2 planes"
    choose_axes(dock, "CYX")
    hands.click(dock, "train_new_strokes")
    strokes = viewer.layers["first strokes"]
    assert strokes.data.shape == (48, 64)
    strokes.data[2, 4:30] = 1
    strokes.data[20, 15:30] = 2
    strokes.events.set_data()
    hands.wait(lambda: dock.session.model is not None)
    assert dock.controller.wanted_channels == 2
    compare = hands.dock("Compare methods")
    assert compare.images.chosen()[0].image.axes == "CYX"
    request = compare._make_request()
    assert request.training.pairs[0].image.n_channels == 2
    second = viewer.add_image(stack(2, 48, 64), name="second")
    hands.wait(lambda: dock.chooser.image_box.layer is second)
    box = dock.chooser.axes_box
    assert "CYX: 2 channels (fits the model)" in [box.itemText(at) for at in range(box.count())]
    choose_axes(dock, "CYX")
    hands.click(dock, "train_predict_all")
    hands.wait(lambda: "second segmentation" in viewer.layers)
    assert viewer.layers["second segmentation"].data.shape == (48, 64)


def test_changing_the_axes_remakes_the_pair_and_keeps_the_paint(hands: Any, viewer: Any, dock: Any) -> None:
    viewer.add_image(stack(3, 2, 48, 64), name="cells")
    hands.wait(lambda: dock.chooser.has_image)
    hands.click(dock, "train_new_strokes")
    strokes = viewer.layers["cells strokes"]
    paint = strokes.data.copy()
    paint[1, 0, 2, 4:30] = 1
    paint[1, 1, 20, 15:30] = 2
    strokes.data = paint
    hands.wait(lambda: dock.session.snapshots.get().painted_ids == (1, 2))
    choose_axes(dock, "TCYX")
    hands.wait(lambda: dock.controller.current is not None and dock.controller.current.image.axes == "TCYX")
    scribbles = dock.session.pair(dock.controller.current.key).scribbles
    assert scribbles.shape == (3, 48, 64)
    assert list(scribbles.planes) == [1]
    assert scribbles.counts() == {1: 26, 2: 15}
    assert strokes.data.shape == (3, 1, 48, 64)
    hands.wait(lambda: "cells prediction" in viewer.layers and viewer.layers["cells prediction"].data.any())
    hands.wait(lambda: "axes" not in dock.note_line.text())


def test_paint_is_refitted_by_hand() -> None:
    old = np.zeros((2, 3, 4, 5), np.uint8)
    old[1, 0, 2, 2], old[1, 2, 3, 3] = 1, 2
    laid = refitted(old, (2, 3, 4, 5), None, 1, (0, 0, 0, 0))
    assert laid is not None
    assert laid.shape == (2, 1, 4, 5)
    assert (laid[1, 0, 2, 2], laid[1, 0, 3, 3], int((laid > 0).sum())) == (1, 2, 2)
    back = refitted(laid, (2, 3, 4, 5), 1, None, (0, 2, 0, 0))
    assert back is not None
    assert back.shape == (2, 3, 4, 5)
    assert (back[1, 2, 2, 2], back[1, 2, 3, 3], int((back > 0).sum())) == (1, 2, 2)
    first = refitted(old, (2, 3, 4, 5), None, 0, (0, 0, 0, 0))
    assert first is not None
    assert first.shape == (3, 4, 5)
    assert (first[0, 2, 2], first[2, 3, 3]) == (1, 2)
    other = refitted(first, (2, 3, 4, 5), 0, 1, (1, 0, 0, 0))
    assert other is not None
    assert other.shape == (2, 1, 4, 5)
    assert (other[1, 0, 2, 2], other[1, 0, 3, 3], int((other > 0).sum())) == (1, 2, 2)
    assert refitted(old, (2, 3, 4, 6), None, 1, (0, 0, 0, 0)) is None


def test_channels_that_come_last_are_put_first(hands: Any, viewer: Any, dock: Any) -> None:
    data = np.moveaxis(stack(2, 64, 80), 0, -1)
    layer = viewer.add_image(data, name="cells")
    hands.wait(lambda: dock.chooser.has_image)
    hands.wait(lambda: "choose YXC" in dock.note_line.text())
    choose_axes(dock, "YXC")
    assert layer.data.shape == (2, 64, 80)
    assert np.array_equal(layer.data[1], data[..., 1])
    assert "were put first" in dock.note_line.text()
    hands.click(dock, "train_new_strokes")
    assert viewer.layers["cells strokes"].data.shape == (64, 80)


def test_layers_that_napari_split_are_channels_of_one_image(hands: Any, viewer: Any, dock: Any) -> None:
    red, green, blue = viewer.add_image(stack(3, 48, 64), channel_axis=0, name=["red", "green", "blue"])
    hands.wait(lambda: len(dock.chooser.image_box.layers) == 3)
    dock.chooser.image_box.layer = red
    hands.wait(lambda: dock.chooser.channels.has_choice)
    actions = {one.text(): one for one in dock.chooser.channels.list.actions()}
    assert set(actions) == {"green", "blue"}
    actions["green"].trigger()
    hands.wait(lambda: dock.chooser.channels.text() == "2 channels")
    assert channels_of(red) == [red, green]
    assert dock.chooser.image_box.layers == [blue, red] or dock.chooser.image_box.layers == [red, blue]
    image = image_of(red)
    assert (image.axes, image.n_channels, image.shape) == ("CYX", 2, (48, 64))
    assert np.array_equal(image.plane(0)[1], green.data.astype(np.float32))
    hands.click(dock, "train_new_strokes")
    strokes = viewer.layers["red strokes"]
    strokes.data[2, 4:30] = 1
    strokes.data[20, 15:30] = 2
    strokes.events.set_data()
    hands.wait(lambda: dock.session.model is not None and dock.controller.wanted_channels == 2)
    assert green.visible, "a channel of the image that is looked at stays as it is"
    viewer.layers.selection.active = green
    hands.settle(dock)
    assert dock.controller.current.image_layer is red, "a channel belongs to its image"
    viewer.layers.remove(green)
    hands.wait(lambda: image_of(red).n_channels == 1)
    hands.wait(lambda: dock.controller.current is not None and dock.controller.current.image.n_channels == 1)

"""The right strokes on the right image: layers are known by themselves, and one image is looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_unet.core.errors import UserError
from napari_unet.ui.channel_layers import join_channels, possible_channels
from napari_unet.ui.layer_metadata import image_name_of
from napari_unet.ui.sessions import ties_of


@pytest.fixture
def dock(hands: Any) -> Any:
    """The dock as it opens."""
    return hands.dock("Train U-Net")


def scene(seed: int, size: int = 64) -> np.ndarray:
    """A dark picture with a bright square somewhere."""
    image = np.random.default_rng(seed).normal(40, 6, (size, size)).clip(0, 255).astype(np.uint8)
    image[10 + seed:30 + seed, 12:40] += 120
    return image


def painted(shape: tuple[int, ...], row: int) -> np.ndarray:
    """Strokes of two classes, one of them in a row of its own."""
    strokes = np.zeros(shape, np.uint8)
    strokes[2, 4:30] = 1
    strokes[row, 15:30] = 2
    return strokes


def current(dock: Any) -> tuple[str, str]:
    """Name of the image and of the strokes that are learnt from and looked at."""
    binding = dock.controller.current
    return (binding.image_layer.name, binding.strokes.name) if binding is not None else ("", "")


def choose(hands: Any, dock: Any, layer: Any) -> None:
    hands.wait(lambda: layer in dock.chooser.image_box.layers)
    dock.chooser.image_box.layer = layer


def names_learnt(dock: Any) -> list[tuple[str, str]]:
    return sorted((one.image_layer.name, one.strokes.name) for one in dock.controller.bindings.values())


def open_two(viewer: Any, first: str, second: str) -> None:
    """Open two images, each with strokes that are named after it, as from files."""
    for number, name in enumerate((first, second)):
        viewer.add_image(scene(number), name=name)
    for number, name in enumerate((second, first)):
        viewer.add_labels(painted((64, 64), 40 + number), name=f"{name} strokes")


def test_a_name_that_begins_like_another_takes_no_strokes_of_it(hands: Any, viewer: Any, dock: Any) -> None:
    open_two(viewer, "sample_1", "sample_10")
    choose(hands, dock, viewer.layers["sample_1"])
    hands.wait(lambda: current(dock) == ("sample_1", "sample_1 strokes"))
    choose(hands, dock, viewer.layers["sample_10"])
    hands.wait(lambda: current(dock) == ("sample_10", "sample_10 strokes"))
    assert names_learnt(dock) == [("sample_1", "sample_1 strokes"), ("sample_10", "sample_10 strokes")]
    compare = hands.dock("Compare methods")
    rows = {row.layer.name: row for row in compare.images.rows}
    assert rows["sample_1"].strokes.layer.name == "sample_1 strokes"
    assert rows["sample_10"].strokes.layer.name == "sample_10 strokes"


def test_a_reference_is_taken_by_its_whole_name_and_that_is_said(hands: Any, viewer: Any) -> None:
    open_two(viewer, "sample_1", "sample_10")
    viewer.add_labels(painted((64, 64), 9), name="sample_10 mask")
    compare = hands.dock("Compare methods")
    rows = {row.layer.name: row for row in compare.images.rows}
    assert rows["sample_1"].reference.layer is None
    assert rows["sample_10"].reference.layer.name == "sample_10 mask"
    hands.wait(lambda: "'sample_10 mask' is taken for the reference of 'sample_10'" in compare.hint.text())


def test_strokes_taken_by_their_name_are_told(hands: Any, viewer: Any, dock: Any) -> None:
    viewer.add_image(scene(0), name="cells")
    viewer.add_labels(painted((64, 64), 40), name="cells_strokes")
    hands.wait(lambda: current(dock) == ("cells", "cells_strokes"))
    hands.wait(lambda: "'cells_strokes' is taken for the strokes of 'cells', by its name" in dock.note_line.text())


def test_strokes_of_another_shape_are_not_taken(hands: Any, viewer: Any, dock: Any) -> None:
    viewer.add_image(scene(0), name="cells")
    viewer.add_labels(painted((64, 65), 40), name="cells strokes")
    hands.wait(lambda: dock.chooser.has_image)
    assert current(dock) == ("", "")


def test_a_renamed_image_keeps_its_strokes_and_a_new_one_of_its_name_gets_none(hands: Any, viewer: Any,
                                                                               dock: Any) -> None:
    first = viewer.add_image(scene(0), name="cells")
    hands.wait(lambda: dock.chooser.has_image)
    hands.click(dock, "train_new_strokes")
    strokes = viewer.layers["cells strokes"]
    first.name = "field 1"
    assert strokes.name == "field 1 strokes"
    assert image_name_of(strokes) == "field 1"
    second = viewer.add_image(scene(3), name="cells")
    choose(hands, dock, second)
    hands.wait(lambda: dock.chooser.strokes_box.layer is None)
    assert current(dock) == ("", "")
    choose(hands, dock, first)
    hands.wait(lambda: current(dock) == ("field 1", "field 1 strokes"))
    assert ties_of(viewer).image_of(strokes) is first


def test_strokes_of_an_image_that_is_gone_are_offered_and_not_taken(hands: Any, viewer: Any, dock: Any) -> None:
    first = viewer.add_image(scene(0), name="cells")
    hands.wait(lambda: dock.chooser.has_image)
    hands.click(dock, "train_new_strokes")
    strokes = viewer.layers["cells strokes"]
    strokes.data = painted((64, 64), 20)
    hands.wait(lambda: "cells prediction" in viewer.layers and viewer.layers["cells prediction"].data.any())
    viewer.layers.remove(first)
    viewer.layers.remove(viewer.layers["cells prediction"])
    hands.wait(lambda: not dock.controller.bindings)
    second = viewer.add_image(scene(3), name="cells")
    hands.wait(lambda: dock.chooser.image_box.layer is second)
    assert dock.chooser.strokes_box.layer is None
    hands.wait(lambda: "was painted on an image that is gone" in dock.note_line.text())
    hands.click(dock, "train_new_strokes")
    hands.wait(lambda: current(dock)[0] == "cells")
    hands.settle(dock)
    assert "cells prediction" not in viewer.layers, "a model of before does not answer an image nobody has painted on"
    dock.chooser.strokes_box.layer = strokes
    hands.wait(lambda: current(dock) == ("cells", strokes.name))
    assert ties_of(viewer).image_of(strokes) is second


def test_an_image_has_one_strokes_layer_in_use(hands: Any, viewer: Any, dock: Any) -> None:
    viewer.add_image(scene(0), name="cells")
    hands.wait(lambda: dock.chooser.has_image)
    hands.click(dock, "train_new_strokes")
    other = viewer.add_labels(painted((64, 64), 40), name="a second try")
    hands.wait(lambda: other in dock.chooser.strokes_box.layers)
    dock.chooser.strokes_box.layer = other
    hands.wait(lambda: current(dock) == ("cells", "a second try"))
    assert names_learnt(dock) == [("cells", "a second try")]
    assert len(dock.session.keys) == 1, "the strokes that were let go are not learnt from"


def test_strokes_that_change_their_image_are_told(hands: Any, viewer: Any, dock: Any) -> None:
    open_two(viewer, "a", "b")
    choose(hands, dock, viewer.layers["a"])
    hands.wait(lambda: current(dock) == ("a", "a strokes"))
    dock.chooser.strokes_box.layer = viewer.layers["b strokes"]
    hands.wait(lambda: current(dock) == ("a", "b strokes"))
    hands.wait(lambda: "'b strokes' belongs to 'a' now, and no longer to 'b'" in dock.note_line.text())
    assert names_learnt(dock) == [("a", "b strokes")]


def test_the_dock_follows_the_active_layer_and_the_view_the_dock(hands: Any, viewer: Any, dock: Any) -> None:
    images = [viewer.add_image(scene(number), name=f"fluo_{number:02}") for number in range(10)]
    hands.wait(lambda: dock.chooser.image_box.layer is images[9])
    hands.click(dock, "train_new_strokes")
    viewer.layers["fluo_09 strokes"].data = painted((64, 64), 20)
    choose(hands, dock, images[3])
    hands.wait(lambda: not images[9].visible)
    assert not viewer.layers["fluo_09 strokes"].visible
    assert dock.controller.images.view.seen() is images[3], "it lies above the others that are shown"
    hands.click(dock, "train_new_strokes")
    assert current(dock) == ("fluo_03", "fluo_03 strokes")
    viewer.layers.selection.active = images[9]
    hands.wait(lambda: current(dock) == ("fluo_09", "fluo_09 strokes"))
    assert dock.chooser.image_box.layer is images[9]
    assert images[9].visible
    assert viewer.layers["fluo_09 strokes"].visible
    hands.wait(lambda: not images[3].visible)
    hands.click(dock, "train_previous_image")
    hands.wait(lambda: dock.chooser.image_box.layer is not images[9])
    hands.click(dock, "train_next_image")
    hands.wait(lambda: dock.chooser.image_box.layer is images[9])
    dock.chooser.one_tick.setChecked(False)
    assert images[3].visible
    assert viewer.layers["fluo_03 strokes"].visible


def test_channels_and_layers_of_others_are_never_hidden(hands: Any, viewer: Any, dock: Any) -> None:
    first = viewer.add_image(scene(0), name="first")
    hands.wait(lambda: dock.chooser.has_image)
    hands.click(dock, "train_new_strokes")
    viewer.layers["first strokes"].data = painted((64, 64), 20)
    foreign = [viewer.add_points([[5, 5]], name="spots"), viewer.add_labels(np.ones((64, 64), int), name="foreign"),
               viewer.add_image(scene(2), name="bare")]
    second = viewer.add_image(scene(1), name="second")
    choose(hands, dock, second)
    hands.wait(lambda: not first.visible)
    assert all(layer.visible for layer in foreign), "points, labels of others, and an image without strokes"


def test_results_for_other_images_do_not_pile_up(hands: Any, viewer: Any, dock: Any) -> None:
    images = [viewer.add_image(scene(number), name=f"fluo_{number}") for number in range(3)]
    choose(hands, dock, images[0])
    hands.click(dock, "train_new_strokes")
    viewer.layers["fluo_0 strokes"].data = painted((64, 64), 20)
    hands.wait(lambda: dock.session.model is not None)
    hands.click(dock, "train_predict_all")
    hands.wait(lambda: all(f"fluo_{number} segmentation" in viewer.layers for number in range(3)))
    hands.wait(lambda: not any(viewer.layers[f"fluo_{number} segmentation"].visible for number in (1, 2)))
    assert viewer.layers["fluo_0 segmentation"].visible
    choose(hands, dock, images[2])
    hands.wait(lambda: viewer.layers["fluo_2 segmentation"].visible)
    assert not viewer.layers["fluo_0 segmentation"].visible
    assert "Nothing is painted on 'fluo_2'" not in dock.note_line.text(), "it has no strokes layer, so no live answer"


def test_paint_on_a_picture_that_one_does_not_see_is_told(hands: Any, viewer: Any, dock: Any) -> None:
    below = viewer.add_image(scene(0), name="below")
    hands.wait(lambda: dock.chooser.has_image)
    hands.click(dock, "train_new_strokes")
    above = viewer.add_image(scene(1), name="above")
    choose(hands, dock, below)
    dock.chooser.one_tick.setChecked(False)
    viewer.layers.move(viewer.layers.index(above), len(viewer.layers))
    viewer.layers.selection.active = viewer.layers["below strokes"]
    dock.hold_class(1)
    hands.drag(viewer.layers["below strokes"], [(5, 5), (5, 50)])
    hands.wait(lambda: "the picture you see is 'above'" in dock.note_line.text())
    above.visible = False
    dock.hold_class(1)
    hands.drag(viewer.layers["below strokes"], [(50, 5), (50, 50)])
    hands.wait(lambda: "the picture you see" not in dock.note_line.text())


def test_our_layers_lie_where_their_image_lies(hands: Any, viewer: Any, dock: Any) -> None:
    image = viewer.add_image(scene(0), name="cells")
    hands.wait(lambda: dock.chooser.has_image)
    hands.click(dock, "train_new_strokes")
    strokes = viewer.layers["cells strokes"]
    strokes.data = painted((64, 64), 20)
    hands.wait(lambda: "cells prediction" in viewer.layers)
    image.scale = (0.25, 0.25)
    image.units = ("um", "um")
    image.translate = (10, 20)
    image.rotate = 30
    image.shear = [0.2]
    image.affine = np.array([[1.5, 0, 3], [0, 1.5, 4], [0, 0, 1]])
    for layer in (strokes, viewer.layers["cells prediction"]):
        point = (40.0, 40.0)
        assert np.allclose(layer.data_to_world(point), image.data_to_world(point)), layer.name
        assert [str(unit) for unit in layer.units] == [str(unit) for unit in image.units]


def test_a_stroke_after_the_pixel_size_was_set_is_stored_where_it_was_painted(hands: Any, viewer: Any,
                                                                             dock: Any) -> None:
    image = viewer.add_image(scene(0), name="cells")
    hands.wait(lambda: dock.chooser.has_image)
    hands.click(dock, "train_new_strokes")
    strokes = viewer.layers["cells strokes"]
    image.scale = (0.25, 0.25)
    viewer.reset_view()
    dock.hold_class(2)
    hands.drag(strokes, [(40, 38), (40, 42)])
    hands.wait(lambda: strokes.data.any())
    rows, columns = np.nonzero(strokes.data)
    assert abs(rows.mean() - 40) < 1.5
    assert abs(columns.mean() - 40) < 1.5


def test_prediction_hidden_by_its_tick_stays_hidden_with_its_image(hands: Any, viewer: Any, dock: Any) -> None:
    first = viewer.add_image(scene(0), name="one")
    hands.wait(lambda: dock.chooser.has_image)
    hands.click(dock, "train_new_strokes")
    viewer.layers["one strokes"].data = painted((64, 64), 20)
    hands.wait(lambda: "one prediction" in viewer.layers)
    second = viewer.add_image(scene(1), name="two")
    choose(hands, dock, second)
    hands.wait(lambda: not viewer.layers["one prediction"].visible)
    dock.prediction_tick.setChecked(False)
    choose(hands, dock, first)
    hands.wait(lambda: viewer.layers["one strokes"].visible)
    assert not viewer.layers["one prediction"].visible
    dock.prediction_tick.setChecked(True)
    assert viewer.layers["one prediction"].visible


def test_strokes_on_a_picture_that_is_gone_are_not_learnt_from(hands: Any, viewer: Any, dock: Any) -> None:
    image = viewer.add_image(scene(0), name="cells")
    hands.wait(lambda: dock.chooser.has_image)
    hands.click(dock, "train_new_strokes")
    strokes = viewer.layers["cells strokes"]
    strokes.data = painted((64, 64), 20)
    hands.wait(lambda: dock.session.snapshots.get().painted_ids == (1, 2))
    image.data = scene(1, 80)
    hands.wait(lambda: dock.session.snapshots.get().pairs == ())
    strokes.data = painted((80, 80), 20)
    hands.wait(lambda: [pair.image.shape for pair in dock.session.snapshots.get().pairs] == [(80, 80)])
    assert dock.session.snapshots.get().painted_ids == (1, 2)


def test_of_two_names_that_differ_in_case_the_exact_one_is_meant(hands: Any, viewer: Any, dock: Any) -> None:
    viewer.add_image(scene(0), name="Cells")
    viewer.add_image(scene(1), name="cells")
    strokes = viewer.add_labels(painted((64, 64), 20), name="cells strokes")
    assert ties_of(viewer).image_of(strokes) is viewer.layers["cells"]


def test_layers_that_lie_elsewhere_are_no_channels_of_an_image(viewer: Any) -> None:
    first = viewer.add_image(scene(0), name="first")
    moved = viewer.add_image(scene(1), name="moved", translate=(5, 0))
    assert possible_channels(first, [first, moved]) == []
    with pytest.raises(UserError, match="does not lie where 'first' lies"):
        join_channels(first, [moved])

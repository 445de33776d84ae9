"""What is kept, taken up again and not doubled: pairs, predictions, undo, notes; whatever other plugins noted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_unet.ui.layer_axes import image_of


@pytest.fixture
def dock(hands: Any) -> Any:
    """The dock as it opens."""
    return hands.dock("Train U-Net")


def strokes_on(truth: np.ndarray) -> np.ndarray:
    """A few strokes of two classes."""
    strokes = np.zeros_like(truth)
    strokes[2, 2:40], strokes[12:14, 10:24] = 1, 2
    return strokes


def close(viewer: Any, dock: Any) -> None:
    dock.parentWidget().title.close_button.click()


def names(viewer: Any, ending: str) -> list[str]:
    return [one.name for one in viewer.layers if ending in one.name]


def test_pairs_whose_layers_went_while_the_dock_was_closed_are_not_learnt(hands: Any, viewer: Any, squares: Any,
                                                                          dock: Any) -> None:
    image, truth = squares
    for name in ("a", "b", "c"):
        viewer.add_image(image, name=name)
        viewer.add_labels(strokes_on(truth), name=f"{name} strokes")
        hands.wait(lambda name=name: name in [one.image_layer.name for one in dock.controller.bindings.values()])
    session = dock.session
    session.enable(str(viewer.layers["b strokes"].unique_id), False)
    close(viewer, dock)
    hands.wait(lambda: not dock.controller.bindings)
    viewer.layers.remove("c strokes")
    viewer.layers["b strokes"].data = strokes_on(truth)[::-1]
    again = hands.dock("Train U-Net")
    hands.wait(lambda: len(again.controller.bindings) == 2)
    assert again.session is session
    learnt = {session.pair(key).image.name: key for key in session.keys}
    assert set(learnt) == {"a", "b"}, "what one does not see is not learnt from"
    assert set(again.controller.bindings) == set(session.keys)
    assert not session.enabled(learnt["b"]), "a tick is kept"
    assert (session.pair(learnt["b"]).scribbles.to_array() == strokes_on(truth)[::-1]).all()


def test_an_image_has_one_live_prediction(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    image, truth = squares
    viewer.add_image(image, name="cells")
    viewer.add_image(image // 2, name="other stain", blending="additive")
    viewer.add_labels(strokes_on(truth), name="cells strokes")
    hands.wait(lambda: bool(names(viewer, "prediction")) and viewer.layers["cells prediction"].data.any())
    close(viewer, dock)
    hands.wait(lambda: not dock.controller.bindings)
    again = hands.dock("Train U-Net")
    hands.wait(lambda: again.controller.current is not None and again.controller.current.prediction is not None)
    assert names(viewer, "prediction") == ["cells prediction"], "of a dock that was closed"
    second = viewer.add_labels(strokes_on(truth), name="second try")
    hands.wait(lambda: second in again.chooser.strokes_box.layers)
    again.chooser.strokes_box.layer = second
    hands.settle(again)
    assert names(viewer, "prediction") == ["cells prediction"], "of other strokes"
    again.chooser.channels.list.actions()[0].trigger()
    hands.wait(lambda: again.controller.current is not None and again.controller.current.image.n_channels == 2)
    hands.settle(again)
    assert names(viewer, "prediction") == ["cells prediction"], "of other channels"
    assert again.controller.current.prediction is viewer.layers["cells prediction"]
    viewer.layers.remove("cells prediction")
    second.paint((30, 30), 1)
    hands.wait(lambda: names(viewer, "prediction") == ["cells prediction"])


def test_what_was_taken_by_name_is_not_told_again(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    image, truth = squares
    viewer.add_image(image, name="cells")
    viewer.add_labels(strokes_on(truth), name="cells strokes")
    hands.wait(lambda: "is taken for the strokes" in dock.note_line.text())
    close(viewer, dock)
    hands.wait(lambda: not dock.controller.bindings)
    again = hands.dock("Train U-Net")
    hands.wait(lambda: bool(again.controller.bindings))
    assert "is taken for the strokes" not in again.note_line.text()


def test_undo_after_the_axes_were_changed_does_nothing(hands: Any, viewer: Any, dock: Any) -> None:
    viewer.add_image(np.zeros((3, 32, 32), np.uint8), name="stack")
    hands.wait(lambda: dock.chooser.has_image)
    hands.click(dock, "train_new_strokes")
    strokes = viewer.layers["stack strokes"]
    strokes.paint((1, 8, 8), 2)
    dock.chooser.axes_box.chosen.emit("CYX")
    hands.wait(lambda: strokes.ndim == 2)
    painted = strokes.data.copy()
    strokes.undo()
    assert painted.any()
    assert (strokes.data == painted).all()


@pytest.mark.parametrize("noted", [None, -9999, "none", [None], {"a": 1}, np.float32(5)])
def test_metadata_of_others_that_is_called_as_ours_does_no_harm(viewer: Any, squares: Any, noted: Any) -> None:
    layer = viewer.add_image(squares[0], name="cells", metadata={"no_data": noted})
    assert image_of(layer).no_data in ((), (-9999.0,), (5.0,))


def test_images_side_by_side_do_not_cover_each_other(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    image, _ = squares
    first, second = (viewer.add_image(image, name=name) for name in ("a", "b"))
    view = dock.controller.images.view
    assert view.covers(first) is second
    viewer.canvas.grid.enabled = True
    assert view.covers(first) is None


def test_strokes_that_can_be_used_again_are_taken_and_the_note_goes(hands: Any, viewer: Any, squares: Any,
                                                                    dock: Any) -> None:
    image, truth = squares
    viewer.add_image(image, name="cells")
    objects = viewer.add_labels(np.full(truth.shape, 300, np.int32), name="cells strokes")
    hands.wait(lambda: "holds ids from 300 to 300" in dock.note_line.text())
    objects.data = strokes_on(truth).astype(np.int32)
    hands.wait(lambda: dock.controller.current is not None and "holds ids" not in dock.note_line.text())


def test_a_picture_of_another_shape_leaves_no_prediction_behind(hands: Any, viewer: Any, squares: Any,
                                                                dock: Any) -> None:
    image, truth = squares
    layer = viewer.add_image(image, name="cells")
    strokes = viewer.add_labels(strokes_on(truth), name="cells strokes")
    hands.wait(lambda: bool(names(viewer, "prediction")) and viewer.layers["cells prediction"].data.any())
    layer.data, strokes.data = image[:40], strokes_on(truth)[:40]
    hands.wait(lambda: "cells prediction" in viewer.layers and viewer.layers["cells prediction"].data.shape == (40, 80))
    assert names(viewer, "prediction") == ["cells prediction"]


def test_strokes_that_were_there_before_their_image_lie_above_it(hands: Any, viewer: Any, squares: Any,
                                                                 dock: Any) -> None:
    image, truth = squares
    strokes = viewer.add_labels(strokes_on(truth), name="cells strokes")
    opened = viewer.add_image(image, name="cells")
    dock.chooser.strokes_box.layer = strokes
    hands.wait(lambda: "cells prediction" in viewer.layers)
    shown = [one for one in viewer.layers if one in (opened, strokes, viewer.layers["cells prediction"])]
    assert [one.name for one in shown] == ["cells", "cells prediction", "cells strokes"]

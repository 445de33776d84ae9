"""The training dock: strokes of every kind of image, pausing, files, classes, and everything that can go wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exchange_scene import network_model
from qtpy.QtWidgets import QFileDialog

from napari_unet.core.errors import WorkError
from napari_unet.io.model_file import load_model
from napari_unet.networks.unet import UNet
from napari_unet.ui.layer_metadata import class_table


@pytest.fixture
def dock(hands: Any) -> Any:
    """The dock, with a network that learns in moments."""
    made = hands.dock("Train U-Net")
    hands.tiny_network(made)
    return made


def paint(layer: Any, truth: np.ndarray) -> None:
    """Put strokes of two classes into a layer from code (the shown plane of a stack), as undo and scripts do."""
    plane = layer.data if layer.data.ndim == 2 else layer.data[(0,) * (layer.data.ndim - 2)]
    plane[3, 4:60] = 1
    plane[60, 4:60] = 1
    plane[12:16, 10:22] = truth[12:16, 10:22]
    layer.refresh()
    layer.events.set_data()


def open_image(hands: Any, dock: Any, data: np.ndarray, name: str = "cells", **options: Any) -> None:
    """Add an image and let the dock take note of it."""
    image = hands.viewer.add_image(data, name=name, **options)
    hands.wait(lambda: dock.chooser.image_box.layer is image)


def start(hands: Any, dock: Any, name: str = "cells", truth: Any = None) -> Any:
    """Make strokes on an image, paint, and learn until there is a prediction; returns the strokes layer."""
    hands.click(dock, "train_new_strokes")
    strokes = hands.viewer.layers[f"{name} strokes"]
    paint(strokes, truth)
    hands.click(dock, "train_live")
    hands.wait(lambda: f"{name} prediction" in hands.viewer.layers)
    hands.wait(lambda: hands.viewer.layers[f"{name} prediction"].data.any())
    return strokes


def stop(hands: Any, dock: Any) -> None:
    hands.click(dock, "train_stop")
    hands.wait(lambda: not dock.controller.training)


def test_an_empty_window_teaches(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    assert "Open an image" in dock.note_line.text()
    open_image(hands, dock, squares[0])
    hands.wait(lambda: not dock.note_line.text())
    assert "press +" in dock.state_line.text()
    hands.click(dock, "train_new_strokes")
    assert "Nothing is painted yet" in dock.state_line.text()
    viewer.layers["cells strokes"].data[3, 4:60] = 1
    viewer.layers["cells strokes"].events.set_data()
    hands.wait(lambda: "Only background is painted" in dock.state_line.text())
    hands.click(dock, "train_live")
    hands.wait(lambda: dock.controller.training)
    hands.wait(lambda: any(words in dock.state_line.text() for words in ("second class", "Warming up")))
    stop(hands, dock)
    other = viewer.add_image(squares[0], name="others")
    hands.wait(lambda: other in dock.chooser.image_box.layers)
    dock.chooser.image_box.layer = other
    hands.wait(lambda: "Press +" in dock.note_line.text())  # there are strokes, but not on this image
    assert dock.chooser.strokes_box.layer is None
    pairs = [(one.image_layer.name, one.strokes.name) for one in dock.controller.bindings.values()]
    assert pairs == [("cells", "cells strokes")]


@pytest.mark.parametrize("kind", ["rgb", "channels", "stack", "time series of stacks"])
def test_every_kind_of_image(hands: Any, viewer: Any, squares: Any, kind: str, dock: Any) -> None:
    image, truth = squares
    if kind == "rgb":
        viewer.add_image(np.stack([image, image // 2, image // 3], -1), name="cells", rgb=True)
    elif kind == "channels":
        viewer.add_image(np.stack([image, 255 - image]), name="cells", axis_labels=("c", "y", "x"))
    else:
        shape = (2,) if kind == "stack" else (2, 2)
        viewer.add_image(np.broadcast_to(image, (*shape, *image.shape)).copy(), name="cells",
                         scale=(3,) * len(shape) + (0.5, 0.5))
    viewer.dims.set_current_step(0, 0)
    hands.wait(lambda: dock.chooser.has_image)
    strokes = start(hands, dock, truth=truth)
    assert strokes.data.dtype == np.uint8
    assert tuple(strokes.scale) == tuple(viewer.layers["cells"].scale)[-strokes.ndim:]
    stop(hands, dock)
    hands.click(dock, "train_predict")
    hands.wait(lambda: "cells segmentation" in viewer.layers)
    made = viewer.layers["cells segmentation"]
    assert set(np.unique(made.data)) <= {1, 2}
    assert made.data.shape[-2:] == image.shape


def test_pause_go_on_update_once(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    open_image(hands, dock, squares[0])
    start(hands, dock, truth=squares[1])
    hands.wait(lambda: bool(dock.session.learning_curve))
    hands.click(dock, "train_live")
    assert dock.live_button.text() == "Live"
    assert "Paused" in dock.state_line.text()
    trainer = dock.controller.runs.worker
    hands.wait(lambda: not trainer._inbox)  # what it has done before
    step = dock.session.learning_curve[-1].step
    hands.qtbot.wait(100)  # some steps, if it went on
    assert dock.session.learning_curve[-1].step <= step + 1, "a pause is a pause, but for the step it was in"
    step += 1
    hands.click(dock, "train_live")
    hands.wait(lambda: dock.session.learning_curve[-1].step > step)
    hands.click(dock, "train_live")
    dock.update_once()
    hands.wait(lambda: "Updated" in dock.state_line.text())
    hands.wait(lambda: not dock.controller.training)  # its thread ends a moment later


def test_models_are_saved_loaded_and_forgotten(hands: Any, viewer: Any, squares: Any, dock: Any, tmp_path: Path,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    open_image(hands, dock, squares[0])
    hands.click(dock, "train_save")
    assert "no model to save yet" in dock.note_line.text()
    start(hands, dock, truth=squares[1])
    stop(hands, dock)
    path = tmp_path / "m.pt"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    hands.click(dock, "train_save")
    assert load_model(path).classes.ids == (1, 2)
    hands.click(dock, "train_new_model")
    assert dock.session.model is None
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    hands.click(dock, "train_load")
    assert dock.session.model is not None
    (tmp_path / "bad.pt").write_text("no model")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "bad.pt"), ""))
    hands.click(dock, "train_load")
    assert "not a model file" in dock.note_line.text()
    assert dock.session.model is not None, "the good model is kept"


def test_predicting_can_be_cancelled_and_all_images_be_done(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    open_image(hands, dock, squares[0])
    start(hands, dock, truth=squares[1])
    stop(hands, dock)
    open_image(hands, dock, squares[0][:40], "more")
    hands.click(dock, "train_predict_all")
    hands.wait(lambda: {"cells segmentation", "more segmentation"} <= {layer.name for layer in viewer.layers})
    assert viewer.layers["more segmentation"].data.shape == (40, 80)
    hands.wait(lambda: not dock.jobs.busy)
    open_image(hands, dock, np.tile(squares[0], (40, 40)), "huge")
    dock.chooser.image_box.layer = viewer.layers["huge"]
    hands.click(dock, "train_predict")
    hands.wait(lambda: dock.jobs.busy)
    hands.click(dock, "train_cancel")
    hands.wait(lambda: not dock.jobs.busy)
    assert "huge segmentation" not in viewer.layers


def test_several_images_are_learnt_together(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    open_image(hands, dock, squares[0], "one")
    hands.click(dock, "train_new_strokes")
    viewer.layers["one strokes"].data[3, 4:60] = 1
    viewer.layers["one strokes"].events.set_data()
    open_image(hands, dock, squares[0][:60], "two")
    dock.chooser.image_box.layer = viewer.layers["two"]
    hands.click(dock, "train_new_strokes")
    viewer.layers["two strokes"].data[12:16, 10:22] = 2
    viewer.layers["two strokes"].events.set_data()
    hands.wait(lambda: set(dock.session.snapshots.get().painted_ids) == {1, 2})
    hands.click(dock, "train_live")
    hands.wait(lambda: len(dock.session.seen_versions) == 2 and dock.session.model is not None)
    stop(hands, dock)


def test_classes_and_their_keys(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    open_image(hands, dock, squares[0])
    hands.click(dock, "train_new_strokes")
    strokes = viewer.layers["cells strokes"]
    hands.click(dock, "train_add_class")
    assert dock.session.classes.ids == (1, 2, 3)
    assert class_table(strokes).ids == (1, 2, 3)
    dock.hold_class(3)
    assert (strokes.selected_label, strokes.mode) == (3, "paint")
    hands.click(dock, "train_class_1")
    assert strokes.selected_label == 1
    strokes.data[30, 30:35] = 7  # an id beyond the table joins it
    strokes.events.set_data()
    hands.wait(lambda: dock.session.classes.ids == (1, 2, 3, 7))


def test_undo_reaches_the_training(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    open_image(hands, dock, squares[0])
    hands.click(dock, "train_new_strokes")
    strokes = viewer.layers["cells strokes"]
    hands.drag(strokes, [(12, 12), (20, 20)])
    hands.wait(lambda: dock.session.snapshots.get().painted_ids == (2,))
    strokes.undo()
    hands.wait(lambda: dock.session.snapshots.get().painted_ids == ())


def test_deleting_the_image_stops_the_training_and_keeps_the_rest(hands: Any, viewer: Any, squares: Any,
                                                                  dock: Any) -> None:
    open_image(hands, dock, squares[0])
    strokes = start(hands, dock, truth=squares[1])
    painted = strokes.data.copy()
    viewer.layers.remove("cells")
    hands.wait(lambda: not dock.controller.training)
    assert "'cells' was removed" in dock.state_line.text()
    assert np.array_equal(viewer.layers["cells strokes"].data, painted)
    assert dock.session.model is not None


def test_an_error_in_the_training_is_a_line_in_the_dock(hands: Any, viewer: Any, squares: Any, dock: Any,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_unet.learning.learner import Learner

    def broken(*_: Any) -> float:
        raise RuntimeError("the card is on fire")

    monkeypatch.setattr(Learner, "learn", broken)
    open_image(hands, dock, squares[0])
    hands.click(dock, "train_new_strokes")
    paint(viewer.layers["cells strokes"], squares[1])
    hands.click(dock, "train_live")
    hands.wait(lambda: "the card is on fire" in dock.state_line.text())
    assert issubclass(WorkError, Exception)
    assert not issubclass(WorkError, RuntimeError)


def test_two_docks_share_one_training(hands: Any, viewer: Any, squares: Any, dock: Any) -> None:
    from napari_unet.ui.train.train_dock import TrainDock

    open_image(hands, dock, squares[0])
    second = TrainDock(viewer)
    hands.qtbot.addWidget(second)
    assert second.controller is dock.controller
    start(hands, dock, truth=squares[1])
    assert second.controller.live
    stop(hands, dock)


def test_closing_the_window_while_learning(qtbot: Any, squares: Any) -> None:
    import napari
    from conftest import Hands

    viewer = napari.Viewer(show=True)
    try:
        hands = Hands(viewer, qtbot)
        dock = hands.dock("Train U-Net")
        hands.tiny_network(dock)
        open_image(hands, dock, squares[0])
        start(hands, dock, truth=squares[1])
        controller = dock.controller
    finally:
        viewer.close()
    hands.wait(lambda: not controller.runs.worker or not controller.runs.worker.running)


def test_every_control_has_a_name_and_a_tooltip(hands: Any, dock: Any) -> None:
    from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QTabBar

    docks = [dock, hands.dock("Compare methods"), hands.dock("Export masks")]
    for one in docks:
        for kind in (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit):
            for control in one.findChildren(kind):
                if isinstance(control.parentWidget(), QTabBar):
                    continue  # Qt's own, to scroll a narrow row of tabs
                named = control
                while named is not None and (not named.objectName() or named.objectName().startswith("qt_")):
                    named = named.parentWidget()
                assert named is not None
                assert named is not one, f"{control} has no name"
                assert control.toolTip() or named.toolTip(), named.objectName()


def test_the_model_leaves_for_other_programs(hands: Any, viewer: Any, squares: Any, dock: Any, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    open_image(hands, dock, squares[0])
    hands.click(dock, "train_export_model")
    assert "no model to export yet" in dock.note_line.text()
    dock.session.set_model(network_model(UNet(depth=1, width=2)))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "m"), "ONNX (*.onnx)"))
    hands.click(dock, "train_export_model")
    hands.wait(lambda: "Exported the model as m.onnx" in dock.note_line.text())
    assert onnx.load(tmp_path / "m.onnx").producer_name == "napari-unet"
    hands.wait(lambda: not dock.jobs.busy)
    hands.click(dock, "train_export_model")
    hands.wait(lambda: "is not overwritten" in dock.note_line.text())

"""Volumes in the real window: answered as such, painted in planes and in both cuts across them."""

from __future__ import annotations

from typing import Any

import numpy as np
from instant_window_scene import dock, filled, open_image  # noqa: F401 (fixtures)

from napari_unet.core.classes import ClassTable
from napari_unet.ui.layer_metadata import KEY, mark_layer, set_class_table


def test_a_volume_is_answered_everywhere_and_painted_in_every_view(hands: Any, viewer: Any, dock: Any) -> None:
    pixels = np.random.default_rng(0).normal(100, 15, (10, 32, 32))
    pixels[2:8, 8:24, 8:24] += 80
    strokes = open_image(hands, dock, pixels.astype(np.float32), axis_labels=("z", "y", "x"), scale=(2, 1, 1))
    viewer.dims.set_current_step(0, 5)
    viewer.reset_view()
    session, controller = dock.session, dock.controller
    dock.hold_class(1)
    hands.drag(strokes, [(3, 4), (3, 28)])
    dock.hold_class(2)
    hands.drag(strokes, [(12, 12), (20, 20)])

    def depth() -> str:
        return getattr(getattr(getattr(session.model, "weights", None), "network", None), "beyond", "plane")

    hands.wait(lambda: depth() == "three cuts")
    prediction = filled(hands)
    assert controller.current.image.axes == "ZYX"
    assert prediction.data[5, 11:21, 11:21].mean() > 1.9

    def painted() -> dict[int, int]:
        planes = session.pair(controller.current.key).scribbles.planes
        return {number: int(np.count_nonzero(plane == held)) for number, plane in planes.items()}

    for order, axis, at, held in (((1, 0, 2), 1, 28, 1), ((2, 0, 1), 2, 4, 1)):
        viewer.dims.order = order
        viewer.dims.set_current_step(axis, at)
        viewer.reset_view()
        before, version = painted(), session.version(controller.current.key)
        dock.hold_class(held)
        hands.drag(strokes, [(1, 16), (8, 16)])
        hands.published(dock)
        assert session.version(controller.current.key) > version
        hands.settle(dock)
        new = [plane for plane, count in painted().items() if count > before.get(plane, 0)]
        assert len(new) >= 6, "a line along z lies on many planes"
        across = np.moveaxis(strokes.data, axis, 0)[at]
        assert np.count_nonzero(across == held) >= 6
        hands.wait(lambda: (np.moveaxis(prediction.data, axis, 0)[at][across > 0] == held).mean() > 0.9)  # noqa: B023
    # as far beyond planes as is chosen, at once
    dock.settings.fill()
    dock.settings._form.set_values({"volume": "neighbours"})
    dock.settings._on_changed()
    hands.wait(lambda: depth() == "neighbours")

    # a network that is planned for the voxels: what it would be is read in the dock, and it learns live
    settings = dock.settings
    assert settings.plan.isHidden()
    settings._networks.setCurrentIndex(settings._networks.findData("planned"))
    assert not settings.plan.isHidden()
    settings.plan.expand()
    told = settings.plan.label.text()
    for words in ("volume", "voxels of 2 x 1 x 1", "<b>kernels</b>: 3x3x3"):
        assert words in told
    settings._form.set_values({"dimensions": "planes"})
    settings._on_changed()
    assert "<b>kernels</b>: 1x3x3" in settings.plan.label.text()
    settings._form.set_values({"dimensions": "auto"})
    settings._on_changed()
    hands.click(dock, "train_live")
    hands.wait(lambda: getattr(getattr(session.model, "weights", None), "network_name", "") == "planned")
    assert session.model.seen(controller.current.image) == "volumes"
    hands.wait(lambda: (prediction.data[strokes.data > 0] == strokes.data[strokes.data > 0]).mean() > 0.8)
    hands.click(dock, "train_stop")
    hands.wait(lambda: not controller.training)


def test_methods_are_compared_in_volumes_once_somebody_says_what_z_is(hands: Any, viewer: Any) -> None:
    truth = np.ones((8, 40, 40), np.uint8)
    truth[2:7, 10:28, 8:26] = 2
    viewer.add_image((truth * 60 + np.random.default_rng(0).normal(0, 9, truth.shape)).astype(np.uint8), name="block")
    paint = np.zeros_like(truth)
    for row in (2, 31, 36):
        paint[3, row, 4:36] = 1
    for row in (12, 18, 25):
        paint[3, row, 12:22] = 2
    strokes = viewer.add_labels(paint, name="block strokes")
    set_class_table(strokes, ClassTable.named({1: "background", 2: "cell"}))
    mark_layer(strokes, "strokes", "block")
    viewer.add_labels(truth, name="block reference", visible=False)
    dock = hands.dock("Compare methods")
    hands.tick_methods(dock, "threshold", "felzenszwalb")
    box = dock.scoring.against
    box.setCurrentIndex(next(index for index in range(box.count()) if "reference" in box.itemText(index)))

    def looked() -> dict[str, str]:
        hands.click(dock, "compare_run")
        hands.wait(lambda: not dock.running)
        model = dock.table.scores
        heads = [column.title for column in model.columns]
        if "looked at" not in heads:
            return {}
        return {line.name: line.cells[model.columns[heads.index("looked at")].key].text for line in model.lines}

    assert looked() == {}, "a guess is not z"
    axes = hands.find(dock, "compare_axes_0")
    index = axes.findData("ZYX")
    axes.setCurrentIndex(index)
    axes.activated.emit(index)
    assert looked() == {"threshold": "volumes", "felzenszwalb": "planes"}
    comparison = dock.board.comparison
    shown = [layer for layer in viewer.layers if layer.metadata.get(KEY, {}).get("role") == "result" and layer.visible]
    assert np.array_equal(shown[0].data, comparison.masks[dock.table.chosen][0])
    assert (comparison.masks["threshold"][0] == truth).mean() > 0.9

"""Volumes in the real window: answered as such, painted in planes and in both cuts across them."""

from __future__ import annotations

from typing import Any

import numpy as np
from instant_window_scene import dock, filled, open_image  # noqa: F401 (fixtures)


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
        hands.wait(lambda: session.version(controller.current.key) > version)  # noqa: B023 (waited for here)
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

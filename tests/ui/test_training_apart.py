"""Live learns in a process of its own: the window goes on whatever becomes of it, and leaves none behind."""

from __future__ import annotations

from typing import Any

import psutil
import pytest
from conftest import SLOW

from napari_unet.session.training_process import IN_THREAD


def test_live_learns_in_a_process_that_may_die_and_ends_with_the_window(
    hands: Any, viewer: Any, painted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(IN_THREAD)
    monkeypatch.setattr("napari_unet.session.training_child.TO_LEAVE", SLOW / 1000)
    dock = hands.dock("Train U-Net")
    hands.tiny_network(dock)
    hands.wait(lambda: dock.controller.current is not None)
    hands.click(dock, "train_live")
    hands.wait(lambda: len(dock.session.learning_curve) > 2)
    child = psutil.Process(dock.controller.runs._process._child._process.pid)
    assert child.is_running()
    told: list[str] = []
    dock.session.state_changed.connect(lambda state: told.append(state.line))
    child.kill()
    hands.wait(lambda: any("was started again" in one for one in told))
    before = dock.session.learning_curve[-1].step
    hands.wait(lambda: dock.session.learning_curve[-1].step > before)
    assert dock.controller.live
    again = psutil.Process(dock.controller.runs._process._child._process.pid)
    strokes = dock.controller.current.strokes
    strokes.data[50, 10:20] = 1
    strokes.events.set_data()
    hands.wait(lambda: dock.session.seen_versions == dock.session.training_set().versions)
    hands.click(dock, "train_stop")
    hands.wait(lambda: not dock.controller.training)
    hands.click(dock, "train_live")
    hands.wait(lambda: len(dock.session.learning_curve) > 1)
    assert again.is_running(), "the same process serves again"
    viewer.close()
    hands.wait(lambda: bool(psutil.wait_procs([again], timeout=0)[0]))  # also where nobody has waited for it

"""Each dock says on top that the other plugin is installed too, and says nothing where it is not."""

from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtWidgets import QLabel, QWidget

from napari_unet.core.namesake import namesake_warning
from napari_unet.ui.demo_window import DOCKS


def lines(dock: QWidget) -> list[QLabel]:
    return [one for one in dock.findChildren(QLabel) if one.objectName().endswith("_namesake")]


@pytest.mark.parametrize("title", DOCKS)
def test_a_dock_says_it_on_top(hands: Any, other_plugin: None, title: str) -> None:
    dock = hands.dock(title)
    (found,) = lines(dock)
    hands.wait(found.isVisible)
    assert found.text() == namesake_warning() != ""
    assert found.parentWidget().layout().itemAt(0).widget() is found


@pytest.mark.parametrize("title", DOCKS)
def test_a_dock_says_nothing_where_only_ours_is_installed(hands: Any, title: str) -> None:
    assert not lines(hands.dock(title))

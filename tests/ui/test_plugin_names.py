"""What napari opens by the plugin's name, from a script and from its own menus."""

from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtWidgets import QApplication, QMenu, QWidget

from napari_unet.sample_data import load, names
from napari_unet.ui.demo_window import DOCKS, PLUGIN

OBJECTS = {"Train U-Net": "train_dock", "Compare methods": "compare_dock", "Export masks": "export_dock"}


def choose(viewer: Any, *path: str) -> None:
    """Go through the menu bar along these titles and trigger what the last one names."""
    place: Any = viewer.window._qt_window.menuBar()
    for title in path:
        if isinstance(place, QMenu):
            place.aboutToShow.emit()  # napari fills and enables its menus only now
        found = [one for one in place.actions() if one.text().replace("&", "") == title]
        assert found, f"no {title!r} among {[one.text() for one in place.actions()]}"
        place = found[0].menu() or found[0]
    place.trigger()
    QApplication.processEvents()


def open_docks(viewer: Any) -> set[str]:
    found = {one.objectName() for one in viewer.window._qt_window.findChildren(QWidget)}
    return found & set(OBJECTS.values())


def test_each_dock_by_the_name_of_the_plugin(viewer: Any) -> None:
    assert PLUGIN == "napari-unet-live"
    assert tuple(OBJECTS) == DOCKS
    for title, name in OBJECTS.items():
        assert viewer.window.add_plugin_dock_widget("napari-unet-live", title)[1].objectName() == name


@pytest.mark.parametrize("menu", [("Plugins", "napari-unet"), ("Layers", "Segment")])
def test_each_dock_by_the_menu(viewer: Any, menu: tuple[str, str]) -> None:
    for number, title in enumerate(DOCKS, 1):
        choose(viewer, *menu, f"{title} (napari-unet)")
        assert len(open_docks(viewer)) == number
    assert open_docks(viewer) == set(OBJECTS.values())


def test_each_sample_by_the_menu(viewer: Any) -> None:
    for name in names():
        choose(viewer, "File", "Open Sample", "napari-unet", load(name).title)
        assert f"{name} strokes" in viewer.layers

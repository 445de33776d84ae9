"""The demo's window: a sample with its strokes, the docks open, live training running."""

from __future__ import annotations

import sys

import napari
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

from .dock_tabs import frame_of

PLUGIN = "napari-unet-live"
DOCKS = ("Train U-Net", "Compare methods", "Export masks")


def open_demo(sample: str, *, live: bool = True) -> napari.Viewer:
    """Open a viewer with a shipped sample and the docks; start live training."""
    viewer = napari.Viewer(title=f"napari-unet: {sample}")
    viewer.open_sample(PLUGIN, sample)
    docks = [viewer.window.add_plugin_dock_widget(PLUGIN, name)[1] for name in DOCKS]
    viewer.dims.set_current_step(0, 0)  # a painted plane
    show_tab(docks[0])
    if live:
        docks[0].start_live()
    return viewer


def show_tab(dock: QWidget) -> None:
    """Bring a dock to the front of its tabs."""
    frame = frame_of(dock)
    if frame is not None:
        QTimer.singleShot(0, frame.raise_)  # once the tabs are laid out


if __name__ == "__main__":
    kept = open_demo(sys.argv[1])
    napari.run()

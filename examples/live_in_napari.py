"""Open napari with a sample, its strokes and the Train U-Net dock, and start live training."""

from __future__ import annotations

import sys

import napari


def main() -> None:
    viewer = napari.Viewer()
    viewer.open_sample("napari-unet-live", sys.argv[1] if len(sys.argv) > 1 else "membranes")
    dock = viewer.window.add_plugin_dock_widget("napari-unet-live", "Train U-Net")[1]
    dock.start_live()
    napari.run()


if __name__ == "__main__":
    main()

"""How long it takes to go from image to image of a project: with ten images, and with a hundred, in one run.

    python benchmarks/stepping.py --size 2048 --steps 30

Draws the images into a temporary folder, opens them in a real window (on a machine without one, under ``xvfb-run -a``)
and presses *Next*. A step ends when the image is in the window and has been drawn. There are two ways of stepping:
*looked at*, where a person looks at each image for a moment (the next one is read meanwhile), and *held down*, where
the key is held.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import tifffile


def draw(folder: Path, count: int, size: int) -> None:
    """Write images of noise with a bright square each; every other one compressed."""
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 200, (size, size), np.uint8)
        pixels[size // 4:size // 2, size // 4:size // 2] += 50
        tifffile.imwrite(folder / f"cells_{number:03}.tif", pixels, compression="zlib" if number % 2 else None)


def wait(until: Any, seconds: float = 120.0) -> None:
    """Turn the event loop until something is so."""
    from qtpy.QtWidgets import QApplication

    end = time.perf_counter() + seconds
    while not until():
        QApplication.processEvents()
        if time.perf_counter() > end:
            raise SystemExit("Waited in vain; the machine may be too busy to measure on.")


def steps(count: int, size: int, number: int, look: float) -> np.ndarray:
    """Return the seconds of each step through a project of so many images."""
    import napari
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer(show=True)
    dock = viewer.window.add_plugin_dock_widget("napari-unet-live", "Images")[1]
    images = dock.session.images
    taken = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder, count, size)
        dock.jobs.add(lambda: iter(sorted(folder.glob("*.tif"))), folder / "stepping.unet")
        wait(lambda: not dock.jobs.busy and images.current is not None)
        for _ in range(number):
            pause = time.perf_counter() + look
            wait(lambda end=pause: time.perf_counter() >= end)
            wanted, began = images.neighbour(1), time.perf_counter()
            dock.next_button.click()
            wait(lambda key=wanted: images.current == key)
            viewer.window._qt_viewer.canvas.native.update()
            QApplication.processEvents()
            taken.append(time.perf_counter() - began)
        viewer.close()
    return np.array(taken)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", type=int, default=2048, help="rows and columns of an image")
    parser.add_argument("--steps", type=int, default=30, help="steps in each project")
    parser.add_argument("--images", type=int, nargs="+", default=[10, 100], help="images in each project")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as config:
        os.environ["NAPARI_UNET_CONFIG"] = config  # the projects of this run are nobody's recent ones
        print(f"{'images':>7} {'way':>10} {'median ms':>10} {'p95 ms':>8} {'max ms':>8}")
        for look, way in ((0.5, "looked at"), (0.0, "held down")):
            for count in arguments.images:
                taken = 1000 * steps(count, arguments.size, arguments.steps, look)
                print(f"{count:>7} {way:>10} {np.median(taken):>10.0f} {np.percentile(taken, 95):>8.0f} "
                      f"{taken.max():>8.0f}", flush=True)


if __name__ == "__main__":
    main()

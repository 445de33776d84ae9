"""Time of the table of measures: 16 megapixels, 20 000 objects, beside ``regionprops_table`` of scikit-image.

Run it on two cores: ``python benchmarks/object_table.py``. With ``--scroll`` the table is shown and scrolled, by 100
pages down and 100 jumps, which needs a display (``xvfb-run -a``, or ``QT_QPA_PLATFORM=offscreen``): printed is for how
long the window does not look at the mouse, by the clock and in processor time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from napari_unet.objects.measure_table import MeasureTable
from napari_unet.objects.measures import measure
from napari_unet.objects.object_map import ObjectMap

PROPERTIES = (
    "label", "area", "perimeter", "centroid", "equivalent_diameter_area", "axis_major_length", "axis_minor_length",
    "eccentricity", "extent", "solidity", "intensity_mean", "intensity_std", "intensity_min", "intensity_max",
)


def scene(side: int, pitch: int) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
    """Draw ellipses on a grid, some of which touch, and an image of two channels."""
    rng = np.random.default_rng(0)
    numbers = np.zeros((side, side), np.uint32)
    y, x = np.mgrid[:pitch, :pitch] - (pitch - 1) / 2
    starts = range(0, side - pitch + 1, pitch)
    for number, (top, left) in enumerate(((top, left) for top in starts for left in starts), 1):
        radius, flat = rng.uniform(0.3, 0.55) * pitch, rng.uniform(0.7, 1)
        here = numbers[top : top + pitch, left : left + pitch]
        here[(y / flat) ** 2 + x**2 < radius**2] = number
    image = rng.integers(200, 4000, (2, side, side)).astype(np.uint16)
    return numbers, image


def scrolled(table: MeasureTable, pages: int = 100) -> Iterator[str]:
    """Show a table as the dock does and scroll it; yield a line for each way to scroll."""
    from qtpy.QtWidgets import QApplication

    from napari_unet.ui.object_table.object_view import ObjectView

    app = QApplication.instance() or QApplication([])
    view = ObjectView("table")
    view.resize(1000, 600)
    view.show_table(table, np.ones(len(table), bool))
    view.show()
    app.processEvents()
    bar = view.verticalScrollBar()
    rng = np.random.default_rng(0)
    ways = {"page down": [min(bar.maximum(), (page + 1) * bar.pageStep()) for page in range(pages)],
            "jump": rng.integers(0, bar.maximum(), pages).tolist()}
    for name, places in ways.items():
        gaps = []
        for place in places:
            clock, processor = time.perf_counter(), time.process_time()
            bar.setValue(place)
            app.processEvents()  # draws what is due, and comes back when there is nothing left to do
            gaps.append((time.perf_counter() - clock, time.process_time() - processor))
        by_clock, used = (1000 * np.array(one) for one in zip(*gaps, strict=True))
        yield (f"{name}, {len(gaps)} times: median {np.median(by_clock):.0f} ms, longest {by_clock.max():.0f} ms by "
               f"the clock; {np.median(used):.0f} and {used.max():.0f} ms of processor time")
    view.close()


def main() -> None:
    """Print seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=4096, help="pixels along each side")
    parser.add_argument("--pitch", type=int, default=28, help="pixels from object to object")
    parser.add_argument("--alone", action="store_true", help="leave out scikit-image's own table")
    parser.add_argument("--scroll", action="store_true", help="also show the table and scroll it")
    options = parser.parse_args()
    numbers, image = scene(options.side, options.pitch)
    found = ObjectMap.of(numbers, spacing=(0.5, 0.5))
    print(f"{numbers.size / 1e6:.1f} megapixels, {found.count} objects, 2 channels")
    start = time.perf_counter()
    table = measure(found, image, unit="micrometer")
    print(f"ours: {time.perf_counter() - start:.1f} s, {len(table.columns)} columns")
    if options.scroll:
        for line in scrolled(table):
            print(line)
    if not options.alone:
        from skimage.measure import regionprops_table

        start = time.perf_counter()
        regionprops_table(numbers, np.moveaxis(image, 0, -1), properties=PROPERTIES, spacing=(0.5, 0.5))
        print(f"regionprops_table: {time.perf_counter() - start:.1f} s, no border, no neighbours")


if __name__ == "__main__":
    main()

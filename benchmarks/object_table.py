"""Time of the table of measures: 16 megapixels, 20 000 objects, beside ``regionprops_table`` of scikit-image.

Run it on two cores: ``python benchmarks/object_table.py``.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from numpy.typing import NDArray

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


def main() -> None:
    """Print seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=4096, help="pixels along each side")
    parser.add_argument("--pitch", type=int, default=28, help="pixels from object to object")
    parser.add_argument("--alone", action="store_true", help="leave out scikit-image's own table")
    options = parser.parse_args()
    numbers, image = scene(options.side, options.pitch)
    found = ObjectMap.of(numbers, spacing=(0.5, 0.5))
    print(f"{numbers.size / 1e6:.1f} megapixels, {found.count} objects, 2 channels")
    start = time.perf_counter()
    table = measure(found, image, unit="micrometer")
    print(f"ours: {time.perf_counter() - start:.1f} s, {len(table.columns)} columns")
    if not options.alone:
        from skimage.measure import regionprops_table

        start = time.perf_counter()
        regionprops_table(numbers, np.moveaxis(image, 0, -1), properties=PROPERTIES, spacing=(0.5, 0.5))
        print(f"regionprops_table: {time.perf_counter() - start:.1f} s, no border, no neighbours")


if __name__ == "__main__":
    main()

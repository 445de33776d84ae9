"""Objects of a mask larger than memory, found and measured block by block: time, and memory above the start.

Run it on two cores: ``python benchmarks/object_blocks.py``. The mask is made tile by tile; with ``--check`` the objects
are held against those found in memory (a side that fits).
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import zarr

from napari_unet.core.image import Image
from napari_unet.core.work import run_to_end
from napari_unet.io import load_objects, read_labels
from napari_unet.objects.image_objects import ObjectSearch, find_in_image
from napari_unet.objects.matching import match
from napari_unet.workflows.class_store import open_class_store
from napari_unet.workflows.object_store import objects_to_store
from napari_unet.workflows.store_measures import NumberedStore, measure_store

TILE = 2048


class Peak:
    """The most memory that this process has taken since, beyond what it had."""

    def __enter__(self) -> Peak:
        self._process, self._over = psutil.Process(), threading.Event()
        self._start = self.most = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.most = max(self.most, self._process.memory_info().rss)

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def gigabytes(self) -> float:
        """In 10**9 bytes."""
        return (self.most - self._start) / 1e9


def make(folder: Path, side: int, pitch: int) -> tuple[Path, Image]:
    """Write a mask of discs on a shaken grid, many of which touch, and return an image that is made when it is read."""
    array = zarr.create_array(str(folder / "mask.zarr"), shape=(side, side), chunks=(512, 512), dtype="uint8")
    rows, columns = np.mgrid[:TILE, :TILE]
    for top in range(0, side, TILE):
        for left in range(0, side, TILE):
            cell = (top + rows) // pitch, (left + columns) // pitch
            shift = [(7919 * cell[0] + 104729 * cell[1] + 31 * one) % 7 - 3 for one in (0, 5)]
            apart = [(at + rows_ if one == 0 else left + columns) % pitch - pitch / 2 - shift[one]
                     for one, (at, rows_) in enumerate(((top, rows), (left, columns)))]
            tile = (np.hypot(*apart) < 0.5 * pitch).astype(np.uint8)
            array[top : top + TILE, left : left + TILE] = tile[: side - top, : side - left]
    return folder / "mask.zarr", Image(array, "YX", "made")


def main() -> None:
    """Print seconds and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=16384, help="pixels along each side")
    parser.add_argument("--pitch", type=int, default=24, help="pixels from object to object")
    parser.add_argument("--ways", default="parts,auto")
    parser.add_argument("--check", action="store_true", help="also find them in memory, and compare")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        mask, image = make(folder, options.side, options.pitch)
        for way in options.ways.split(","):
            target = folder / f"{way}.zarr"
            with Peak() as peak:
                start = time.perf_counter()
                made = objects_to_store(open_class_store(mask, values="mask"), target, ObjectSearch(way)).result()
                seconds = time.perf_counter() - start
            print(f"{way}: {len(made.of_number) - 1} objects on {options.side} x {options.side} in {seconds:.0f} s, "
                  f"{peak.gigabytes:.2f} GB above the start. {made.note}", flush=True)
            with Peak() as peak:
                start = time.perf_counter()
                table = measure_store(NumberedStore(target), image).result()
                seconds = time.perf_counter() - start
            print(f"{way}: measured, {len(table)} rows of {len(table.columns)} columns, in {seconds:.0f} s, "
                  f"{peak.gigabytes:.2f} GB", flush=True)
            if options.check:
                check(mask, target, way)


def check(mask: Path, target: Path, way: str) -> None:
    """Compare with what is found in memory."""
    with Peak() as peak:
        start = time.perf_counter()
        whole = run_to_end(find_in_image(read_labels(mask)[0] + 1, "YX", ObjectSearch(way)))
        seconds = time.perf_counter() - start
    found = load_objects(target).found
    same = match(whole.numbers, found.numbers)
    print(f"{way}: in memory {whole.count} objects in {seconds:.0f} s, {peak.gigabytes:.2f} GB; "
          f"{int((same.iou == 1).sum())} are the very same pixels, "
          f"{'same numbers' if np.array_equal(whole.numbers, found.numbers) else 'other numbers'}", flush=True)


if __name__ == "__main__":
    main()

"""How many objects are found, beside the plainest ways and the true mask.

    python benchmarks/objects.py --data FOLDER [--sets NAME ...] [--seeds 0] [--lines 10] [--planes 12]
        [--cache FOLDER] [--csv FILE]
    python benchmarks/objects.py --speed

parts            connected parts of the answer
plain            a distance watershed as it stands in handbooks, from maxima of the smoothed distance that are 1 px high
auto             the automatic way of the program
lines            the same, taught by --lines cuts and joins that a simulated person draws on the painted planes: they
                 choose its parameters, and what lies under the cuts is learnt as a border
true parts       connected parts of the true mask
true watershed   the plain watershed of the true mask: more than any answer can be expected to reach

FOLDER holds one folder per set, laid out like those of ``napari_unet/sample_data``; the answer of class 2
is parted. The answer is that of the instant method to the fixed strokes. Scored is TP / (TP + FP + FN) at an IoU of one
half, mean over at most --planes test planes, of a volume over the whole test part at once. --cache keeps the answers:
the next run takes seconds. Throw the folder away when the method or the strokes change.

--speed needs no data: drawn discs, how many objects are found, the processor time that takes, and how long after an
answer the window has the numbers of its objects, each as it was before: where all are in view, and where a tenth is.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _objects.agreement import ap50
from _objects.answers import Answered, Answers, answers
from _objects.hand import Find, drawn
from _objects.speed import lines as speed_lines
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import h_maxima
from skimage.segmentation import watershed

from napari_unet.core.components import label_components
from napari_unet.objects.auto import taught
from napari_unet.objects.finding import find_objects
from napari_unet.objects.hints import Hints

COLUMNS = ("parts", "plain", "auto", "lines", "true parts", "true watershed")
SETS = ("dsb2018_fluo", "dsb2018_fluo_wide", "dsb2018_stained", "plant_nuclei_3d")
"""Those whose class 2 is made of objects."""

Numbers = Callable[[Answered], NDArray[np.integer[Any]]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.speed:
        for line in speed_lines():
            print(line, flush=True)
        return
    if given.data is None:
        parser.error("--data FOLDER is needed, or --speed")
    names = given.sets or [one for one in SETS if (given.data / one / "instances.tif").exists()]
    rows: list[tuple[str, int, str, float]] = []
    print(f"{'set':<20}" + "".join(f"{one:>16}" for one in COLUMNS))
    for name in names:
        found: dict[str, list[float]] = {one: [] for one in COLUMNS}
        for seed in given.seeds:
            began = time.perf_counter()
            these = answers(given.data / name, seed, given.planes, given.cache)
            for column, value in columns(these, given.lines):
                found[column].append(value)
                rows.append((name, seed, column, value))
            seconds = time.perf_counter() - began
        print(f"{name:<20}" + "".join(f"{statistics.median(one):>16.3f}" for one in found.values())
              + f"   {len(these.test)} planes, {seconds:.0f} s", flush=True)
    if given.csv:
        given.csv.parent.mkdir(parents=True, exist_ok=True)
        with given.csv.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("set", "seed", "way", "average precision at 0.5"))
            writer.writerows((*one[:3], f"{one[3]:.4f}") for one in rows)


def columns(these: Answers, lines: int) -> Iterator[tuple[str, float]]:
    """Yield the score of each column."""
    painted = drawn(these.painted, finder, lines)
    find = finder(painted)
    taught_by = these.with_borders([find(one) for one in painted], painted)
    ways: dict[str, Numbers] = {
        "parts": lambda one: label_components(one.said),
        "plain": lambda one: plain_watershed(one.said, one.field.spacing),
        "auto": lambda one: find_objects(one.field, one.hints).numbers,
        "lines": lambda one: find(one).numbers,
        "true parts": lambda one: label_components(one.mask),
        "true watershed": lambda one: plain_watershed(one.mask, one.field.spacing),
    }
    for column in COLUMNS:
        planes = taught_by if column == "lines" else these.test
        yield column, float(np.mean([ap50(one.true, ways[column](one)) for one in planes]))


def finder(planes: Sequence[Answered]) -> Find:
    """Return the automatic way as the lines on some planes have taught it."""
    way = taught((one.field, Hints(one.hints.lines)) for one in planes)

    def find(one: Answered) -> Any:
        return find_objects(one.field, one.hints, "auto", **vars(way))

    return find


def plain_watershed(mask: NDArray[np.bool_], spacing: tuple[float, ...]) -> NDArray[np.integer[Any]]:
    """Return objects by the maxima of the smoothed distance that are one pixel high, and the watershed from them."""
    step = min(spacing)
    distance = ndimage.distance_transform_edt(mask, sampling=[one / step for one in spacing])
    distance = ndimage.gaussian_filter(distance, 1)
    seeds = label_components(h_maxima(distance, 1)).astype(np.int32)
    found: NDArray[np.integer[Any]] = watershed(-distance, seeds, mask=mask)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of sets")
    parser.add_argument("--speed", action="store_true", help="measure how long drawn scenes take, and nothing else")
    parser.add_argument("--sets", nargs="+", help="default: those of nuclei")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--lines", type=int, default=10, help="cuts and joins that are drawn (default 10)")
    parser.add_argument("--planes", type=int, default=12, help="test planes of a set at most, evenly spread")
    parser.add_argument("--cache", type=Path, help="where answers are kept")
    parser.add_argument("--csv", type=Path, help="also write set, seed, way, score")
    return parser


if __name__ == "__main__":
    main()

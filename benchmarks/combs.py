"""Combs: labelled pixels without labelled neighbours, counted by their place on the grid.

    python benchmarks/combs.py --data FOLDER [--sets NAME ...] [--methods instant unet] [--seconds 10] [--side 2048]

Counted are pixels of a class whose left and right (``x``; upper and lower: ``y``) neighbours are not of the class, by
the coordinate modulo 2, 4, 8 and 16. On noise every place is alike. Printed are the largest count, the smallest, and
how many standard errors of their difference lie between them (4 is what chance may give; the largest over the smallest
may be 1.05): as if each pixel were alone by its own chance, and by how much lines of the same place scatter, as such
pixels stand above one another. Real images are shown again shifted by 1 to 15 px: what follows the image stays where
it is in the image, what follows the grid moves. Printed is how uneven the places of the image are, and those of the
grid, when all shifts are added up.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from _shared import Predict, of_model, set_names
from numpy.typing import NDArray

from napari_unet.comparison.contenders import make_method
from napari_unet.core.image import Image
from napari_unet.core.work import Work
from napari_unet.sample_data import Sample, load_set

PERIODS = (2, 4, 8, 16)
SHIFTS = (0, 1, 2, 3, 5, 8, 11, 15)
MARGIN = 16
"""Pixels at the border that are not counted."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of sets")
    parser.add_argument("--sets", nargs="+", help="default: all")
    parser.add_argument("--methods", nargs="+", choices=("instant", "unet"), default=["instant", "unet"])
    parser.add_argument("--seconds", type=float, default=10.0, help="training time of unet (default 10)")
    parser.add_argument("--side", type=int, default=2048, help="rows and columns of the noise (default 2048)")
    given = parser.parse_args(arguments)
    for name in set_names(given.data, given.sets):
        sample = load_set(given.data / name)
        for kind in given.methods:
            options = {"seconds": given.seconds, "hold_out": "never"} if kind == "unet" else {}
            predict = of_model(Work(make_method(kind, seed=0, **options).fit(sample.training)).result())
            on_noise(f"{name}, {kind}", predict, sample, given.side)
            on_image(f"{name}, {kind}", predict, sample)


def on_noise(what: str, predict: Predict, sample: Sample, side: int) -> None:
    """Print the table of noise as bright as a training plane."""
    like = sample.pairs[0].image.plane(0)
    rng = np.random.default_rng(0)
    noise = rng.normal(like.mean((1, 2)), like.std((1, 2)), (side, side, len(like)))
    labels = predict(Image(np.clip(noise, 0, 255).round().astype(np.uint8), "YXC"), 0)
    for axis, name in ((1, "x"), (0, "y")):
        for number in np.unique(labels):
            counts = lone(labels == number, axis)
            cells = [f"{period:>2}: {cell(by_place(counts, period), scatter(counts, period))}" for period in PERIODS]
            print(f"{what} on noise, class {number}, {name} modulo " + "   ".join(cells), flush=True)


def on_image(what: str, predict: Predict, sample: Sample) -> None:
    """Print how even a test plane is, by the grid and by the image."""
    number, plane = sample.test[0]
    whole = sample.pairs[number].image.plane(plane)
    of_grid, of_image = (np.zeros((len(sample.classes.ids), 16), np.int64) for _ in range(2))
    for shift in SHIFTS:
        labels = predict(Image(whole[:, shift:, shift:], "CYX"), 0)
        for row, one in enumerate(sample.classes.ids):
            counts = lone(labels == one, 1)
            of_grid[row] += by_place(counts, 16)
            of_image[row] += by_place(np.concatenate([np.zeros(shift, np.int64), counts]), 16)
    for row, one in enumerate(sample.classes.ids):
        print(f"{what} on a test plane shifted, class {one}, x modulo  4: the grid {cell(folded(of_grid[row]))}   "
              f"the image {cell(folded(of_image[row]))}", flush=True)


def lone(labelled: NDArray[np.bool_], axis: int) -> NDArray[np.int64]:
    """Count pixels without labelled neighbours along an axis, by their coordinate; those near the border are not."""
    lines = labelled if axis == 1 else labelled.T
    alone = np.zeros_like(lines)
    alone[:, 1:-1] = lines[:, 1:-1] & ~lines[:, :-2] & ~lines[:, 2:]
    alone[:, :MARGIN] = False
    alone[:, lines.shape[1] // 16 * 16 - MARGIN :] = False
    counts: NDArray[np.int64] = alone.sum(axis=0)
    return counts


def by_place(counts: NDArray[np.int64], period: int) -> NDArray[np.int64]:
    """Add up counts by coordinate modulo a period."""
    return np.bincount(np.arange(len(counts)) % period, counts, period).astype(np.int64)


def folded(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add up counts by place modulo 16 to those modulo 4."""
    total: NDArray[np.int64] = counts.reshape(-1, 4).sum(axis=0)
    return total


def scatter(counts: NDArray[np.int64], period: int) -> float:
    """Return the variance of a place's count as lines of the same place scatter, the same for all places."""
    inner = counts[MARGIN : len(counts) // 16 * 16 - MARGIN]
    lines = inner[: len(inner) // period * period].reshape(-1, period)
    return float(len(lines) * lines.var(axis=0, ddof=1).mean())


def cell(counts: NDArray[np.int64], variance: float | None = None) -> str:
    """Return the largest and smallest count, their ratio, and how many standard errors lie between them."""
    most, least = int(counts.max()), int(counts.min())
    errors = f"{(most - least) / max(1, most + least) ** 0.5:.1f}"
    if variance is not None:
        errors += f" or {(most - least) / max(1.0, 2 * variance) ** 0.5:.1f}"
    return f"{most}/{least} = {most / max(1, least):.3f} ({errors} s.e.)"


if __name__ == "__main__":
    main()

"""What the second eye costs and what it brings, by how much the picture is enlarged before and by what is taken of it.

    python benchmarks/eye.py --data FOLDER [--sets NAME ...] [--variants 2:7+10 1:7+10 ...] [--seeds 0 1 2]
        [--planes N] [--size 1024] [--repeats 3]

A variant is ENLARGED:BLOCKS, the blocks of the classifier after which features are taken; ``none`` is without a second
eye. For each, an instant answer is fitted to the strokes of every set, all taken plane by plane: the mean over the test
planes and classes of each set (median over seeds), and the mean over sets. Beside it, how fast such a model segments a
grey plane of ``--size`` pixels a side, and how many features of 16 bits it keeps of one. Trust in a feature is the same
in all: sets where a variant brings nothing show what it costs.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

from _shared import set_names
from instant import picture
from prediction import network_weights
from strokes import measured, plane_by_plane

from napari_unet.networks import _second_eye
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.sample_data import load_set

VARIANTS = ("none", "2:7+10", "2:10", "2:4+7+10", "2:2+4+7+10", "1:7+10", "1:2+4+7+10")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    given = _parser().parse_args(arguments)
    names = set_names(given.data, given.sets)
    samples = [plane_by_plane(load_set(given.data / name)) for name in names]
    print(f"{'variant':<14}{'MPix/s':>8}{'MB':>8}  " + "".join(f"{name[:10]:>12}" for name in names) + f"{'mean':>8}")
    for name in given.variants:
        with variant(name):
            method = "one_eye" if name == "none" else "instant"
            rate = speed("one_eye" if name == "none" else "trees", given.size, given.repeats)
            dices = []
            for sample in samples:
                found = [[one.dice for one in measured(sample, method, seed, given)] for seed in given.seeds]
                dices.append(statistics.fmean(map(statistics.median, zip(*found, strict=True))))
            print(f"{name:<14}{rate:8.2f}{megabytes(name, given.size):8.1f}  "
                  + "".join(f"{one:12.3f}" for one in dices) + f"{statistics.fmean(dices):8.3f}", flush=True)


@contextlib.contextmanager
def variant(name: str) -> Iterator[None]:
    """Let the second eye look at a picture that is enlarged so much, and give features after these blocks."""
    if name == "none":
        yield
        return
    enlarged, taps = int(name.partition(":")[0]), tuple(map(int, name.partition(":")[2].split("+")))
    levels, stride = [], 2
    for number, (_, _, step, width) in enumerate(_second_eye.BLOCKS):
        stride *= step
        if number in taps:
            levels.append((stride // enlarged, width))
    coarsest = max(stride for stride, _ in levels)
    with patch.multiple(_second_eye, ENLARGED=enlarged, TAPS=taps, LEVELS=tuple(levels), STRIDE=coarsest,
                        COUNT=sum(count for _, count in levels)), \
            patch.object(_second_eye, "REACH", _second_eye.eye_reach(enlarged, coarsest)):
        yield


def speed(network: str, size: int, repeats: int) -> float:
    """Return how many megapixels a second a model segments, trees included."""
    model, image, seconds = NetworkModel(network_weights(network)), picture(size, 1), []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        for _ in model.segment(image):
            pass
        seconds.append(time.perf_counter() - began)
    return size**2 / statistics.median(seconds[1:]) / 1e6


def megabytes(name: str, size: int) -> float:
    """Return how much memory the features of the second eye take that are kept of a plane."""
    numbers = sum(count * (size // stride) ** 2 for stride, count in _second_eye.LEVELS)
    return 0.0 if name == "none" else 2 * numbers / 1e6


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of sets")
    parser.add_argument("--sets", nargs="+", help="default: all")
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), help=f"default: {' '.join(VARIANTS)}")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--planes", type=int, help="test planes of a set at most, evenly spread (default: all)")
    parser.add_argument("--size", type=int, default=1024, help="rows and columns of the timed plane (default 1024)")
    parser.add_argument("--repeats", type=int, default=3, help="measurements of the time (default 3)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps")
    return parser


if __name__ == "__main__":
    main()

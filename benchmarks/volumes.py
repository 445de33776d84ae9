"""Classical methods plane by plane and as volumes.

    python benchmarks/volumes.py --data FOLDER [--sets NAME ...] [--methods NAME ...] [--planes N]

FOLDER holds one folder per set, laid out like those of ``napari_unet/sample_data``; sets whose ``split.json`` says
``3d-volume`` are taken. Every method that can look at volumes learns the painted strokes twice, with ``volume`` planes
and with ``volume`` volume; all other parameters stand at ``auto``, so that they are chosen on the strokes. Printed are
the mean Dice of the foreground classes over the test planes, seconds to learn and to answer the whole volume, and what
``auto`` takes.
"""

from __future__ import annotations

import argparse
import platform
import time
import warnings
from pathlib import Path

import numpy as np
from _shared import dice, thinned

from napari_unet import segmenters
from napari_unet.classical.parameter_search import default_candidate
from napari_unet.core.depth import has_depth
from napari_unet.core.errors import InputWarning
from napari_unet.core.method import assemble
from napari_unet.core.sight import sees_of
from napari_unet.core.work import Work
from napari_unet.sample_data import Sample, load_set
from napari_unet.segmenters._classical import ClassicalMethod


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of sets")
    parser.add_argument("--sets", nargs="+", help="default: all that are volumes")
    parser.add_argument("--methods", nargs="+", choices=deep_methods(), default=deep_methods(), metavar="NAME")
    parser.add_argument("--planes", type=int, help="test planes of a set at most, evenly spread (default: all)")
    given = parser.parse_args(arguments)
    names = given.sets or sorted(path.parent.name for path in given.data.glob("*/split.json"))
    for name in names:
        sample = load_set(given.data / name)
        if any(has_depth(pair.image) for pair in sample.pairs):
            shape = " x ".join(map(str, sample.pairs[0].image.shape))
            print(f"{name}, {shape}: Dice, s to learn + to answer", flush=True)
            print(f"{'method':<16} {'planes':>24} {'volume':>24}   auto", flush=True)
            for method in given.methods:
                print(line(sample, method, given.planes), flush=True)
    print(f"{platform.machine()}, Python {platform.python_version()}")


def deep_methods() -> list[str]:
    """Return the names of the classical methods that can look at volumes."""
    return [entry.name for entry in segmenters.REGISTRY
            if issubclass(entry.item, ClassicalMethod) and sees_of(entry.item) == "both"]


def line(sample: Sample, name: str, planes: int | None) -> str:
    """Return the line of one method."""
    cells = [f"{name:<16}"]
    for volume in ("planes", "volume"):
        found, learning, answering = measured(sample, name, volume, planes)
        cells.append(f"{found:.3f} ({learning:5.1f} + {answering:5.1f} s)".rjust(24))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)  # why something is looked at plane by plane
        model = Work(default_candidate(segmenters.REGISTRY[name]()).fit(sample.training)).result()
    return f"{' '.join(cells)}   {model.seen(sample.pairs[0].image)}"


def measured(sample: Sample, name: str, volume: str, planes: int | None) -> tuple[float, float, float]:
    """Return Dice on the test planes, and the seconds of learning and of answering everything."""
    began = time.perf_counter()
    model = Work(segmenters.REGISTRY[name](volume=volume).fit(sample.training)).result()
    learnt = time.perf_counter()
    answers = [assemble(pair.image, model.segment(pair.image)) for pair in sample.pairs]
    ended = time.perf_counter()
    scores = []
    for number, plane in thinned(sample.test, planes):
        where, reference = sample.pairs[number].image.where(plane), sample.references[number]
        assert reference is not None
        scores.append([dice(answers[number][where], reference[where], one) for one in sample.classes.ids[1:]])
    return float(np.mean(scores)), learnt - began, ended - learnt


if __name__ == "__main__":
    main()

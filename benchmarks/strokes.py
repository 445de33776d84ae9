"""How good the answer to a few fixed strokes is.

    python benchmarks/strokes.py --data FOLDER [--sets NAME ...] [--methods NAME ...]
        [--seeds 0 1 2] [--seconds 60] [--dense-seconds 130] [--planes N] [--as-planes] [--csv FILE]

forest    100 trees of depth 20 on filters of 1 to 16 px
ilastik, labkit, convpaint
          what these programs learn with, as far as it needs no download, rebuilt from papers and manuals
imagenet  a head on features of a classifier of photographs, the second eye, alone
one_eye   the answer at once, from pre-trained features without the second eye
instant   the answer at once, as it is
deep      the network that begins with that answer, after 60 s of training
scratch   the same training from nothing, of a plain U-Net
dense     as deep, but 130 s on labels of every pixel of all training planes: a ceiling

FOLDER holds one folder per set, laid out like those of ``napari_unet/sample_data``. Only the painted strokes are learnt
from. Sets whose ``split.json`` says ``3d-volume`` are volumes, unless all are taken ``--as-planes``. Scored is the mean
Dice of each foreground class over the test planes; the table shows the median over seeds.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import os
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from _peers import PEERS
from _shared import Predict, ceiling, dice, forest, of_model, set_names, thinned

from napari_unet.comparison.contenders import make_method
from napari_unet.core.scribbles import TrainingSet
from napari_unet.core.work import Work
from napari_unet.sample_data import Sample, load_set

METHODS = ("forest", *PEERS, "instant", "deep", "scratch", "dense")
USUAL = ("forest", "instant", "deep", "scratch", "dense")


@dataclasses.dataclass(frozen=True)
class Result:
    """Dice of one class by one method on one set; ``seconds`` are those of learning."""

    set: str
    method: str
    seed: int
    dice_class: str
    dice: float
    seconds: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    given = _parser().parse_args(arguments)
    results: list[Result] = []
    for name in set_names(given.data, given.sets):
        sample = load_set(given.data / name)
        if given.as_planes:
            sample = plane_by_plane(sample)
        for method in given.methods:
            for seed in given.seeds:
                results += measured(sample, method, seed, given)
        for line in table([one for one in results if one.set == name], given.methods):
            print(line, flush=True)
    print(*summary(results, given.methods), sep="\n")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; "
          f"median over seeds {', '.join(map(str, given.seeds))}")
    if given.csv:
        given.csv.parent.mkdir(parents=True, exist_ok=True)
        with given.csv.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("set", "method", "class", "dice", "seconds", "seed"))
            writer.writerows((one.set, one.method, one.dice_class, f"{one.dice:.4f}", f"{one.seconds:.3f}", one.seed)
                             for one in results)


def plane_by_plane(sample: Sample) -> Sample:
    """Return a set whose planes are counted, but not known to lie behind one another."""
    pairs = [dataclasses.replace(one, image=dataclasses.replace(one.image, axes=one.image.axes.replace("Z", "N")))
             for one in sample.pairs]
    return dataclasses.replace(sample, pairs=tuple(pairs))


def measured(sample: Sample, method: str, seed: int, given: argparse.Namespace) -> Iterator[Result]:
    """Let a method learn the strokes of a set and score the test planes."""
    began = time.perf_counter()
    if method == "forest":
        predict = forest(sample.pairs, seed)
    elif method in PEERS:
        predict = PEERS[method](sample.training, seed, given.device)
    elif method == "instant":
        predict = fitted(sample.training, "instant", seed, given)
    elif method == "dense":
        predict = ceiling(sample, seed, given.dense_seconds, given.device)
    else:
        start = "pretrained" if method == "deep" else "scratch"
        predict = fitted(sample.training, "unet", seed, given, start=start, seconds=given.seconds)
    seconds = time.perf_counter() - began
    scores = []
    for number, plane in thinned(sample.test, given.planes):
        image, reference = sample.pairs[number].image, sample.references[number]
        assert reference is not None
        labels, truth = predict(image, plane), reference[image.where(plane)]
        scores.append([dice(labels, truth, one) for one in sample.classes.ids[1:]])
    for one, score in zip(sample.classes.ids[1:], np.mean(scores, axis=0), strict=True):
        yield Result(sample.name, method, seed, sample.classes.name(one), float(score), seconds)


def fitted(training: TrainingSet, name: str, seed: int, given: argparse.Namespace, **options: Any) -> Predict:
    """Let a method of the program learn."""
    return of_model(Work(make_method(name, seed=seed, device=given.device, **options).fit(training)).result())


def table(results: list[Result], methods: list[str]) -> Iterator[str]:
    """Yield a line per class of one set: Dice by method, and how long it learnt."""
    for one in dict.fromkeys(result.dice_class for result in results):
        cells = []
        for method in methods:
            mine = [result for result in results if result.method == method and result.dice_class == one]
            dices, times = ([getattr(result, what) for result in mine] for what in ("dice", "seconds"))
            cells.append(f"{method} {statistics.median(dices):.3f} ({statistics.median(times):.2f} s)")
        yield f"{results[0].set:<20} {one:<12} " + "   ".join(cells)


def summary(results: list[Result], methods: list[str]) -> Iterator[str]:
    """Yield the mean over sets, of the mean over each set's classes, of the median over seeds."""
    for method in methods:
        by_set: dict[str, dict[str, list[float]]] = {}
        for one in results:
            if one.method == method:
                by_set.setdefault(one.set, {}).setdefault(one.dice_class, []).append(one.dice)
        means = [statistics.fmean(map(statistics.median, classes.values())) for classes in by_set.values()]
        yield f"mean over {len(means)} sets: {method:<8} {statistics.fmean(means):.3f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of sets")
    parser.add_argument("--sets", nargs="+", help="default: all")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(USUAL),
                        help=f"default: {' '.join(USUAL)}")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=60.0, help="training time (default 60)")
    parser.add_argument("--dense-seconds", type=float, default=130.0, help="training on all labels (default 130)")
    parser.add_argument("--planes", type=int, help="test planes of a set at most, evenly spread (default: all)")
    parser.add_argument("--as-planes", action="store_true", help="take volumes for planes that have nothing in common")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps")
    parser.add_argument("--csv", type=Path, help="also write set, method, class, dice, seconds, seed")
    return parser


if __name__ == "__main__":
    main()

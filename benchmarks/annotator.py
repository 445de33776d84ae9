"""How fast a set is learnt from a person who paints where the screen is wrong: Dice against strokes and seconds.

    python benchmarks/annotator.py --data FOLDER [--sets NAME ...] [--methods forest instant deep scratch dense]
        [--seeds 0 1 2] [--strokes 30] [--every 5] [--wrong 0.05] [--planes N] [--csv FILE] [--png FILE]

FOLDER holds one folder per set, laid out like those of ``napari_unet/sample_data``. On two training planes of a set the
simulated person paints one stroke per class, then again and again one stroke where the labels shown are most wrong: in
the middle of the error, with a brush half as wide, never a wrong pixel and never one twice. It takes 2 s to find an
error and 1 s per 150 pixels to paint, at most 5 s a stroke. Meanwhile the method works at real speed and is seen only
once it is done. The labels are scored on the test planes after 2 more seconds, those of looking for the next error.

forest    100 trees of depth 20 on filter banks, grown anew at every stroke
instant   the instant answer
deep      the network in training, as the program does it
scratch   the same from nothing
dense     the same network after 130 s on labels of every pixel of all training planes: the ceiling (strokes: 0)
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from _annotator import curves
from _annotator.curves import Row
from _annotator.learners import LEARNERS
from _annotator.simulated_session import Field, SimulatedSession, annotate
from _shared import Predict, ceiling, dice, field_of, set_names, thinned

from napari_unet.core.image import Image
from napari_unet.core.scribbles import TrainingSet
from napari_unet.sample_data import Sample, load_set

METHODS = (*LEARNERS, "dense")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print and save."""
    given = _parser().parse_args(arguments)
    rows: list[Row] = []
    for method in set(given.methods) & set(LEARNERS):
        warm_up(method, given.device)
    names = set_names(given.data, given.sets)
    for name in names:
        sample = load_set(given.data / name)
        for seed, method in itertools.product(given.seeds, given.methods):
            rows += dense(sample, seed, given) if method == "dense" else painted(sample, method, seed, given)
            if given.csv:  # hours of work: keep what there is
                curves.write_csv(rows, given.csv)
        print(*curves.table(rows, name, given.methods), sep="\n", flush=True)
    if len(names) > 1:
        print(*curves.table(rows, None, given.methods), sep="\n")
    print(*curves.conclusions(rows, given.methods), sep="\n")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; median over seeds "
          f"{', '.join(map(str, given.seeds))}; {given.wrong:.0%} of the strokes wrong")
    if given.png:
        curves.draw(rows, given.methods, given.png)


def painted(sample: Sample, method: str, seed: int, given: argparse.Namespace) -> Iterator[Row]:
    """Let a person paint while a method learns; score at some numbers of strokes."""
    fields = [Field(*field_of(sample, *place)) for place in chosen(sample)]
    session = SimulatedSession(fields, sample.classes, LEARNERS[method], seed, given.device, given.pace,
                               time.process_time if given.processor_time else time.perf_counter)
    wanted = numbers(given.strokes, given.every)
    try:
        for point in annotate(session, given.strokes, seed, given.wrong):
            if point.strokes in wanted:
                for name, value in scores(sample, point.answer.others, given.planes):
                    yield Row(sample.name, method, point.strokes, point.seconds, name, value, seed, given.wrong)
    finally:
        session.close()


def dense(sample: Sample, seed: int, given: argparse.Namespace) -> Iterator[Row]:
    """Train on all labels of all training planes, and score."""
    predict = ceiling(sample, seed, given.dense_seconds, given.device)
    for name, value in scores(sample, predict, given.planes):
        yield Row(sample.name, "dense", curves.ALL_LABELS, given.dense_seconds, name, value, seed, 0.0)


def scores(sample: Sample, predict: Predict, most: int | None) -> Iterator[tuple[str, float]]:
    """Yield the mean Dice over the test planes of each class but the background."""
    found: list[list[float]] = []
    for number, plane in thinned(sample.test, most):
        image, reference = sample.pairs[number].image, sample.references[number]
        assert reference is not None, "the layout has labels"
        labels, truth = predict(image, plane), reference[image.where(plane)]
        found.append([dice(labels, truth, one) for one in sample.classes.ids[1:]])
    for one, value in zip(sample.classes.ids[1:], np.mean(found, axis=0), strict=True):
        yield sample.classes.name(one), float(value)


def chosen(sample: Sample) -> tuple[tuple[int, int], ...]:
    """Return the two training planes to paint on: of those that hold most classes together, the first.

    Chosen among the planes with strokes in the folder, if there are two.
    """
    marked = [(number, plane) for number, pair in enumerate(sample.pairs) for plane in pair.scribbles.planes]
    planes = [place for place in marked if place in sample.train]
    pairs = list(itertools.combinations(planes if len(planes) >= 2 else sample.train, 2)) or [sample.train]
    held = {place: set(np.unique(field_of(sample, *place)[1])) for pair in pairs for place in pair}
    return max(pairs, key=lambda pair: len(set.union(*(held[place] for place in pair))))


def numbers(strokes: int, every: int) -> frozenset[int]:
    """Return the numbers of strokes after which is scored: each up to 10, then every few, and the last."""
    return frozenset({*range(1, min(10, strokes) + 1), *range(every, strokes + 1, every), strokes})


def warm_up(method: str, device: str) -> None:
    """Let a method answer once on a tiny image, so that what it imports is not counted."""
    grey = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    truth = np.ones(grey.shape, np.uint8)
    truth[:, 32:] = 2
    sample = Image(grey[None], "NYX", "warming up")
    session = SimulatedSession([Field(sample, truth)], TrainingSet(()).classes, LEARNERS[method], 0, device)
    next(annotate(session, 2, 0))
    session.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of sets")
    parser.add_argument("--sets", nargs="+", help="default: all")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--strokes", type=int, default=30, help="in all, those of the start included (default 30)")
    parser.add_argument("--every", type=int, default=5, help="beyond 10 strokes, score every so many (default 5)")
    parser.add_argument("--wrong", type=float, default=0.0, help="share of the strokes painted with a wrong class")
    parser.add_argument("--planes", type=int, help="test planes of a set at most, evenly spread (default: all)")
    parser.add_argument("--dense-seconds", type=float, default=130.0, help="training on all labels (default 130)")
    parser.add_argument("--pace", type=float, default=1.0,
                        help="seconds a method gets for each second of the person; below 1 for a quick look only")
    parser.add_argument("--processor-time", action="store_true",
                        help="count the time that the processor worked: on a busy machine, with OMP_NUM_THREADS=1")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps")
    parser.add_argument("--csv", type=Path, help="also write " + ", ".join(curves.HEADINGS))
    parser.add_argument("--png", type=Path, help="also draw the curves")
    return parser


if __name__ == "__main__":
    main()

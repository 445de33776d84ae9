"""Networks that see depth against one of planes: the same strokes, the same training.

    python benchmarks/depth.py --data FOLDER [--sets plant_nuclei_3d fib25_em_3d] [--networks unet unet25d ...]
        [--seconds 60 | --steps 200] [--seeds 0] [--planes 6] [--csv FILE]

Every network learns in a process of its own, from nothing, for the same time (or the same number of steps), and then
segments the whole volume. Dice is the mean over foreground classes and test planes, the median over seeds; memory is
the peak of the process above what was there before it learnt.

FOLDER holds one folder per set, laid out like those of ``napari_unet/sample_data``.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import os
import platform
import resource
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from _shared import dice, thinned

from napari_unet.comparison.contenders import make_method
from napari_unet.core.method import assemble
from napari_unet.core.work import Work
from napari_unet.sample_data import load_set

SETS = ("plant_nuclei_3d", "fib25_em_3d")
NETWORKS = ("unet", "unet25d", "unet3d", "planned")


@dataclasses.dataclass(frozen=True)
class VolumeResult:
    """What one network made of one set."""

    set: str
    network: str
    seed: int
    sees: str
    dice: float
    steps: int
    learnt: float
    segmented: float
    memory: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    given = _parser().parse_args(arguments)
    results = []
    for name in given.sets:
        for network in given.networks:
            for seed in given.seeds:
                options = {"steps": given.steps, "seconds": None} if given.steps else {"seconds": given.seconds}
                # a process of its own: the peak of its memory is that of this network
                with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                    results.append(pool.submit(measured, given.data / name, network, seed, given.planes,
                                               {**options, "device": given.device}).result())
            print(line([one for one in results if (one.set, one.network) == (name, network)]), flush=True)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; seeds {given.seeds}")
    if given.csv:
        given.csv.parent.mkdir(parents=True, exist_ok=True)
        with given.csv.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([field.name for field in dataclasses.fields(VolumeResult)])
            writer.writerows(dataclasses.astuple(one) for one in results)


def measured(folder: Path, network: str, seed: int, most: int | None, options: dict[str, Any]) -> VolumeResult:
    """Let a network learn the strokes of a set from nothing, segment its volume, and score the test planes."""
    sample = load_set(folder)
    method = make_method(network, start="scratch", seed=seed, **options)
    before = _peak()
    began = time.perf_counter()
    model = Work(method.fit(sample.training)).result()
    learnt = time.perf_counter() - began
    scores, segmented = [], 0.0
    for number, (pair, truth) in enumerate(zip(sample.pairs, sample.references, strict=True)):
        assert truth is not None
        began = time.perf_counter()
        labels = assemble(pair.image, model.segment(pair.image))
        segmented += time.perf_counter() - began
        for where in (pair.image.where(plane) for at, plane in thinned(sample.test, most) if at == number):
            scores += [dice(labels[where], truth[where], one) for one in sample.classes.ids[1:]]
    return VolumeResult(sample.name, network, seed, model.seen(sample.pairs[0].image), float(np.mean(scores)),
                        model.weights.step, learnt, segmented, (_peak() - before) / 2**20)


def line(results: list[VolumeResult]) -> str:
    """Return one network on one set: the median over seeds."""
    one = results[0]
    middle = {name: statistics.median(getattr(each, name) for each in results)
              for name in ("dice", "steps", "learnt", "segmented", "memory")}
    return (f"{one.set:<18} {one.network:<9} {one.sees:<8} Dice {middle['dice']:.3f}   {middle['steps']:5.0f} steps in "
            f"{middle['learnt']:5.1f} s   volume in {middle['segmented']:5.1f} s   memory {middle['memory']:.2f} GB")


def _peak() -> float:
    """Peak memory of this process in KB."""
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of sets")
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=float, default=60.0, help="training time (default 60)")
    length.add_argument("--steps", type=int, help="training steps instead")
    parser.add_argument("--planes", type=int, help="test planes of a set at most, evenly spread (default: all)")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda, mps")
    parser.add_argument("--csv", type=Path, help="also write one line for each network and seed")
    return parser


if __name__ == "__main__":
    main()

"""How well a network learns from a few strokes: trains on real sets and scores the test planes.

    python benchmarks/training.py --data FOLDER [--sets NAME ...] [--seeds 0 1 2] [--seconds 60 | --steps 250]

FOLDER holds one folder per set with ``images.tif``, ``labels.tif``, ``scribbles.tif`` (or numbered files) and
``split.json``; see ``napari_unet/sample_data`` for the layout. Only the painted strokes are learnt from. Printed is the
mean Dice of each class over the test planes, for every seed and as the median over seeds.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet import segmenters
from napari_unet.core import parameters
from napari_unet.core.method import assemble
from napari_unet.core.work import Work
from napari_unet.sample_data import load_set


def dice(predicted: np.ndarray, labels: np.ndarray, number: int) -> float:
    """Dice of a class where the labels are known; 1 where neither has it."""
    claimed, true = (predicted == number) & (labels > 0), labels == number
    total = int(claimed.sum() + true.sum())
    return 2 * int((claimed & true).sum()) / total if total else 1.0


def run(folder: Path, name: str, options: dict[str, Any]) -> tuple[dict[str, float], dict[str, float]]:
    """Train once; return the mean Dice by class name, and steps and seconds."""
    sample = load_set(folder)
    training = sample.training
    began = time.perf_counter()
    work = Work(segmenters.REGISTRY[name](**options).fit(training))
    step = None
    for event in work:
        step = event if hasattr(event, "step") else step
    model, taken = work.result(), time.perf_counter() - began
    values: dict[str, list[float]] = {}
    for number, plane in sample.test:
        image, truth = sample.pairs[number].image, sample.references[number]
        assert truth is not None, "load_set always reads labels"
        where = image.where(plane)
        predicted, labels = assemble(image, model.segment(image, [plane]))[where], truth[where]
        for one in training.classes.classes:
            if one.id > 1:
                values.setdefault(one.name, []).append(dice(predicted, labels, one.id))
    return {key: float(np.mean(value)) for key, value in values.items()}, {
        "steps": float(step.step if step else 0), "seconds": taken}


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", help="default: all")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--steps", type=int, help="train by steps instead of seconds, for busy machines")
    parser.add_argument("--network", default="unet")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="e.g. width=32 learning_rate=1e-3")
    parser.add_argument("--csv", type=Path, help="write one row per set, class and seed")
    given = parser.parse_args()
    texts = dict(item.split("=", 1) for item in given.set)
    options = parameters.parse(segmenters.REGISTRY[given.network], texts)
    options |= {"seconds": None, "steps": given.steps} if given.steps else {"seconds": given.seconds}
    rows = []
    print(f"{'set':<20} {'class':<14} {'median':>7}  by seed")
    for name in given.sets or sorted(path.parent.name for path in given.data.glob("*/split.json")):
        found: dict[str, list[float]] = {}
        for seed in given.seeds:
            scores, effort = run(given.data / name, given.network, {**options, "seed": seed})
            for class_name, value in scores.items():
                found.setdefault(class_name, []).append(value)
                rows.append({"set": name, "class": class_name, "seed": seed, "dice": round(value, 4), **effort})
        for class_name, each in found.items():
            listed = "  ".join(f"{value:.3f}" for value in each)
            print(f"{name:<20} {class_name:<14} {statistics.median(each):7.3f}  {listed}", flush=True)
    if given.csv:
        with given.csv.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=["set", "class", "seed", "dice", "steps", "seconds"])
            writer.writeheader()
            writer.writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How well a network learns from a few strokes: trains on real sets and scores the test planes.

    python benchmarks/training.py --data FOLDER [--sets isbi2012_em ...] [--seeds 0 1 2] [--seconds 60 | --steps 250]

FOLDER holds one folder per set with ``images.tif``, ``labels.tif``, ``scribbles.tif`` (or numbered files) and
``split.json``; see ``napari_unet/sample_data`` for the layout. Only the painted strokes are learnt from. Printed is the
mean Dice of each class over the test planes, for every seed and as the median over seeds.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_unet import segmenters
from napari_unet.core import knobs
from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import Work

SETS = ("isbi2012_em", "dsb2018_fluo", "axon_sem", "plant_nuclei_3d", "dsb2018_stained")


def load(folder: Path) -> tuple[TrainingSet, list[tuple[Image, int, np.ndarray]]]:
    """Return the painted pairs and the test planes with their labels (1 = background, 0 = unknown)."""
    split = json.loads((folder / "split.json").read_text())
    classes = ClassTable.named({int(number): name for number, name in split["classes"].items()})

    def read(kind: str, number: int | None = None) -> np.ndarray:
        return tifffile.imread(folder / (f"{kind}.tif" if number is None else f"{kind}_{number:02d}.tif"))

    if split["kind"] == "2d-files":
        axes = split["axes"].replace("N", "")
        pairs = [Pair(Image(read("images", number), axes, f"{folder.name} {number}"),
                      Scribbles.from_array(read("scribbles", number))) for number in split["scribbled"]]
        tests = [(Image(read("images", number), axes, f"{folder.name} {number}"), 0, read("labels", number))
                 for number in split["test"]]
    else:
        image = Image(read("images"), split["axes"], folder.name)
        labels = read("labels")
        planes = range(*split["test"]) if split["kind"] == "3d-volume" else split["test"]
        pairs = [Pair(image, Scribbles.from_array(read("scribbles")))]
        tests = [(image, number, labels[number]) for number in planes]
    return TrainingSet(tuple(pairs), classes), tests


def dice(predicted: np.ndarray, labels: np.ndarray, number: int) -> float:
    """Dice of a class where the labels are known; 1 where neither has it."""
    claimed, true = (predicted == number) & (labels > 0), labels == number
    total = int(claimed.sum() + true.sum())
    return 2 * int((claimed & true).sum()) / total if total else 1.0


def run(folder: Path, name: str, options: dict[str, Any]) -> tuple[dict[str, float], dict[str, float]]:
    """Train once; return the mean Dice by class name, and steps and seconds."""
    training, tests = load(folder)
    began = time.perf_counter()
    work = Work(segmenters.SHELF[name](**options).fit(training))
    step = None
    for event in work:
        step = event if hasattr(event, "step") else step
    model, taken = work.result(), time.perf_counter() - began
    values: dict[str, list[float]] = {}
    for image, plane, labels in tests:
        predicted = assemble(image, model.segment(image, [plane])).reshape(-1, *image.plane_shape)[plane]
        for one in training.classes.classes:
            if one.id > 1:
                values.setdefault(one.name, []).append(dice(predicted, labels, one.id))
    return {key: float(np.mean(value)) for key, value in values.items()}, {
        "steps": float(step.step if step else 0), "seconds": taken}


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--steps", type=int, help="train by steps instead of seconds, for busy machines")
    parser.add_argument("--network", default="unet")
    parser.add_argument("--set", nargs="*", default=[], metavar="KNOB=VALUE", help="e.g. width=32 learning_rate=1e-3")
    parser.add_argument("--csv", type=Path, help="write one row per set, class and seed")
    given = parser.parse_args()
    texts = dict(item.split("=", 1) for item in given.set)
    options = knobs.parse(segmenters.SHELF[given.network], texts)
    options |= {"seconds": None, "steps": given.steps} if given.steps else {"seconds": given.seconds}
    rows = []
    print(f"{'set':<20} {'class':<14} {'median':>7}  by seed")
    for name in given.sets:
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
        with given.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=["set", "class", "seed", "dice", "steps", "seconds"])
            writer.writeheader()
            writer.writerows(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())

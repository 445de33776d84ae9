"""Whether what is shown is ever worse than the instant answer, and what choosing gains.

    python benchmarks/never_worse.py --data FOLDER [--sets NAME ...] [--dark NAME ...] [--seeds 0 1 2 3 4]
        [--steps 300 | --seconds 60] [--planes 6] [--largest 512] [--csv FILE]

instant   the answer at once
shown     what the program shows when the training is over: the choice between the two
half      the mean of the network as trained and the one it began as, always
trained   the network as trained, always
best      the best of instant, half and trained, as only the truth tells

FOLDER holds one folder per set, laid out like those of ``napari_unet/sample_data``. Sets named with ``--dark`` are
taken a second time, multiplied by a vignette that leaves 15 % of the light in the corners, without the strokes in the
dark. Larger planes are cut to their middle. With ``--seconds`` a network that has won learns from the held-out strokes
too; with ``--steps``, as while somebody paints, it does not. The table gives Dice (mean over the classes but the
background and the test planes) and, in the end, how far each is above instant: the least and the mean of all cases.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import os
import platform
import statistics
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
from _shared import dice, of_model, set_names, thinned
from numpy.typing import NDArray

from napari_unet.comparison.contenders import make_method
from napari_unet.core.image import Image
from napari_unet.core.method import Model
from napari_unet.core.scribbles import Pair, Scribbles
from napari_unet.core.work import Work
from napari_unet.instant import answer_then_train
from napari_unet.instant.candidate_selection import CandidateSelection, interpolated
from napari_unet.instant.features import FeatureStore
from napari_unet.instant.instant_model import fit_instantly
from napari_unet.learning.learner import Learner
from napari_unet.learning.training_data import TrainingData
from napari_unet.learning.validation import ModelChoice
from napari_unet.predicting.devices import choose_device
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.oblivious_trees import without_trees
from napari_unet.predicting.weights import Weights, snapshot
from napari_unet.sample_data import Sample, load_set

HEADINGS = ("set", "seed", "instant", "shown", "half", "trained", "best", "remark")
COMPARED = HEADINGS[3:7]
DARK_CORNER, BRIGHT = 0.15, 0.8


@dataclasses.dataclass(frozen=True)
class Case:
    """Dice of one set at one seed, and what the state line says in the end."""

    set: str
    seed: int
    instant: float
    shown: float
    half: float
    trained: float
    remark: str

    @property
    def best(self) -> float:
        """What the truth would choose."""
        return max(self.instant, self.half, self.trained)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    given = _parser().parse_args(arguments)
    cases = read_csv(given.csv) if given.csv and given.csv.exists() else []
    names = set_names(given.data, given.sets)
    print("  ".join(HEADINGS), *map(line, cases), sep="\n")
    done = {(case.set, case.seed) for case in cases}
    for seed in given.seeds:
        for name, dark in [(name, dark) for name in names for dark in (False, True) if not dark or name in given.dark]:
            sample = middle(load_set(given.data / name), given.largest)
            sample = darkened(sample) if dark else sample
            if (sample.name, seed) in done:
                continue
            cases.append(measured(sample, seed, given))
            print(line(cases[-1]), flush=True)
            if given.csv:  # hours of work: keep what there is
                write_csv(cases, given.csv)
    print(*summary(cases), sep="\n")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; seeds "
          f"{', '.join(map(str, given.seeds))}; {len(cases)} cases")


def measured(sample: Sample, seed: int, given: argparse.Namespace) -> Case:
    """Train on the strokes of a set as the program does, and score what is shown and what could be."""
    method = make_method("unet", seconds=None if given.steps else given.seconds, steps=given.steps, seed=seed,
                         device=given.device)
    last: dict[str, Weights] = {}

    class Watched(CandidateSelection):
        """Keeps the network as trained, which the program hands on only where it has won."""

        def __call__(self, learner: Learner, data: TrainingData, step: int) -> Generator[None, None, ModelChoice]:
            choice = yield from super().__call__(learner, data, step)
            assert isinstance(choice.model, NetworkModel)
            shown = choice.model.weights
            last["trained"] = snapshot(learner.averaged, without_trees(shown).network, shown.network_name,
                                       learner.channels, data.classes, shown.normalisation, learner.step)
            return choice

    with patch.object(answer_then_train, "CandidateSelection", Watched):
        events = list(Work(method.fit(sample.training)))
    models = [event.model for event in events if isinstance(event.model, NetworkModel)]
    ways = {}
    for name, trust in (("half", 0.5), ("trained", 1.0)):
        weights = interpolated(without_trees(models[0].weights), last["trained"], trust)
        store = FeatureStore(weights, choose_device(given.device))
        ways[name] = score(sample, Work(fit_instantly(store, sample.training, seed)).result(), given.planes)
    return Case(sample.name, seed, score(sample, models[0], given.planes), score(sample, models[-1], given.planes),
                ways["half"], ways["trained"], events[-1].text)


def score(sample: Sample, model: Model, most: int | None) -> float:
    """Return the mean Dice over test planes and classes but the background."""
    predict, found = of_model(model), []
    for number, plane in thinned(sample.test, most):
        image, reference = sample.pairs[number].image, sample.references[number]
        assert reference is not None, "the layout has labels"
        labels, truth = predict(image, plane), reference[image.where(plane)]
        found += [dice(labels, truth, one) for one in sample.classes.ids[1:]]
    return statistics.fmean(found)


def middle(sample: Sample, largest: int) -> Sample:
    """Return a set with planes of at most so many rows and columns: the middle of each."""
    pairs, references = [], []
    for pair, reference in zip(sample.pairs, sample.references, strict=True):
        assert reference is not None, "the layout has labels"
        height, width = pair.image.plane_shape
        cut = tuple(slice(max(0, (size - largest) // 2), max(0, (size - largest) // 2) + largest)
                    for size in (height, width))
        pairs.append(Pair(_of_planes(pair.image, _planes(pair.image)[(..., *cut)]),
                          Scribbles.from_array(pair.scribbles.to_array().reshape(-1, height, width)[(..., *cut)])))
        references.append(np.ascontiguousarray(reference.reshape(-1, height, width)[(..., *cut)]))
    return dataclasses.replace(sample, pairs=tuple(pairs), references=tuple(references))


def darkened(sample: Sample) -> Sample:
    """Return a set that is lit unevenly, without strokes where it is dark."""
    pairs = []
    for pair in sample.pairs:
        light, planes = vignette(*pair.image.plane_shape), _planes(pair.image)
        dim = np.round(planes * light) if planes.dtype.kind in "iu" else planes * light
        paint = pair.scribbles.to_array().reshape(-1, *light.shape) * (light >= BRIGHT)
        pairs.append(Pair(_of_planes(pair.image, dim.astype(planes.dtype)),
                          Scribbles.from_array(paint.astype(np.uint8))))
    return dataclasses.replace(sample, name=f"{sample.name} (dark)", pairs=tuple(pairs), references=tuple(
        None if one is None else one.reshape(-1, *one.shape[-2:]) for one in sample.references))


def vignette(height: int, width: int) -> NDArray[np.float64]:
    """Return the share of light (Y, X): all of it in the middle, falling smoothly to :data:`DARK_CORNER`."""
    radius = np.hypot(np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None])
    way = np.clip((radius - 0.6) / 0.7, 0, 1)
    found: NDArray[np.float64] = 1 - (1 - DARK_CORNER) * way**2 * (3 - 2 * way)
    return found


def _planes(image: Image) -> NDArray[np.generic]:
    return np.stack([image.plane(number) for number in range(image.n_planes)])


def _of_planes(image: Image, planes: NDArray[np.generic]) -> Image:
    return Image(np.ascontiguousarray(planes), "NCYX", image.name)


def line(case: Case) -> str:
    """Return a line of the table."""
    values = "  ".join(f"{getattr(case, name):.3f}" for name in HEADINGS[2:7])
    return f"{case.set:<26} {case.seed}  {values}  {case.remark}"


def summary(cases: Sequence[Case]) -> Iterator[str]:
    """Yield for each choice how far it is above the instant answer."""
    for name in COMPARED:
        above = [getattr(one, name) - one.instant for one in cases]
        yield f"{name:<8} minus instant: least {min(above):+.3f}, mean {statistics.fmean(above):+.4f}"


def read_csv(path: Path) -> list[Case]:
    """Read what an earlier run with the same options has written."""
    with path.open(newline="") as file:
        return [Case(row["set"], int(row["seed"]), *(float(row[name]) for name in HEADINGS[2:6]), row["remark"])
                for row in csv.DictReader(file)]


def write_csv(cases: Sequence[Case], path: Path) -> None:
    """Write all cases."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADINGS)
        for one in cases:
            writer.writerow((one.set, one.seed, *(f"{getattr(one, name):.4f}" for name in HEADINGS[2:7]), one.remark))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of sets")
    parser.add_argument("--sets", nargs="+", help="default: all")
    parser.add_argument("--dark", nargs="*", default=["dsb2018_stained", "fib25_em_3d", "isbi2012_em"],
                        help="of these sets, those that are darkened as well")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--steps", type=int, help="training steps, instead of seconds")
    parser.add_argument("--seconds", type=float, default=60.0, help="training time (default 60)")
    parser.add_argument("--planes", type=int, default=6, help="test planes of a set at most, evenly spread (default 6)")
    parser.add_argument("--largest", type=int, default=512, help="rows and columns that are looked at (default 512)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps")
    parser.add_argument("--csv", type=Path, help=f"also write {', '.join(HEADINGS)}; cases that an earlier run has "
                                                 "written there are not measured again")
    return parser


if __name__ == "__main__":
    main()

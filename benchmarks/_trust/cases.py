"""One case: some strokes on a set, several methods compared without a reference, and the truth. Prints nothing."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.comparison.contenders import make_contenders
from napari_unet.comparison.runner import run_comparison
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import Work
from napari_unet.learning.strokes import Stroke, keep_strokes, single_strokes
from napari_unet.learning.true_dice import HeldOutEvidence
from napari_unet.report.summary import summarise
from napari_unet.sample_data import Sample, load_set

PAINTED_PLANES = 2
FRACTIONS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16)
"""Shares of a plane that are painted; the smallest with enough strokes of each class is taken."""


@dataclasses.dataclass(frozen=True)
class Judged:
    """What was known of a method without a reference, and its true mean Dice on the test planes."""

    set: str
    seed: int
    method: str
    evidence: HeldOutEvidence
    truth: float


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is the same in all cases.

    Parameters
    ----------
    data : Path
        Folder of sets.
    tool : Path or None
        ``make_scribbles.py``; without, strokes are drawn from those in the folder, as far as they suffice.
    methods : sequence of str
    side : int
        Planes are cut to their middle, at most so many pixels a side.
    planes : int
        Test planes of a set at most, evenly spread.
    device : str
    cache : Path or None
        Folder in which the results of single cases are kept.
    """

    data: Path
    tool: Path | None
    methods: Sequence[str]
    side: int
    planes: int
    device: str = "auto"
    cache: Path | None = None


def judged(plan: Plan, name: str, seed: int, strokes: int) -> list[Judged]:
    """Run a case, or read it; nothing where a set has not so many strokes."""
    kept = None if plan.cache is None else plan.cache / f"{name}_{seed}_{strokes}.json"
    if kept is not None and kept.exists():
        return [Judged(**{**one, "evidence": HeldOutEvidence(**one["evidence"])})
                for one in json.loads(kept.read_text(encoding="utf-8"))]
    found = list(_run(plan, load_set(plan.data / name), seed, strokes))
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps([dataclasses.asdict(one) for one in found], indent=1), encoding="utf-8")
    return found


def _run(plan: Plan, sample: Sample, seed: int, strokes: int) -> list[Judged]:
    marked = [(number, plane) for number, pair in enumerate(sample.pairs) for plane in pair.scribbles.planes]
    fields = [_field(sample, *place, plan.side) for place in _thin(marked, PAINTED_PLANES)]
    tests = [_field(sample, *place, plan.side) for place in _thin(sample.test, plan.planes)]
    paint = _paint(plan.tool, fields, [_given(sample, *place, plan.side) for place in _thin(marked, PAINTED_PLANES)],
                   sample.classes.ids, seed, strokes)
    if paint is None:
        return []
    pairs = [Pair(image, one) for (image, _), one in zip(fields, paint, strict=True)]
    pairs += [Pair(image, Scribbles.empty(image.shape)) for image, _ in tests]
    contenders = make_contenders(list(plan.methods), {}, {"seed": seed, "device": plan.device})
    found = Work(run_comparison(TrainingSet(tuple(pairs), sample.classes), contenders, seed=seed)).result()
    evidence = summarise(found.rows).evidence()
    made = []
    for method, masks in found.masks.items():
        dice = [_mean_dice(mask[0], truth, sample.classes.ids[1:])
                for mask, (_, truth) in zip(masks[len(fields):], tests, strict=True)]
        if method in evidence:
            made.append(Judged(sample.name, seed, method, evidence[method], float(np.mean(dice))))
    return made


def _field(sample: Sample, number: int, plane: int, side: int) -> tuple[Image, NDArray[np.uint8]]:
    """Return the middle of a plane as an image of its own, and its labels (Y, X)."""
    image, reference = sample.pairs[number].image, sample.references[number]
    assert reference is not None, "the layout has labels"
    pixels = np.ascontiguousarray(_middle(image.plane(plane), side))
    return (Image(pixels[None], "NCYX", f"{image.name} plane {plane}"),
            np.ascontiguousarray(_middle(reference[image.where(plane)], side)))


def _given(sample: Sample, number: int, plane: int, side: int) -> NDArray[np.uint8]:
    return np.ascontiguousarray(_middle(sample.pairs[number].scribbles.planes[plane], side))


def _middle(values: NDArray[Any], side: int) -> NDArray[Any]:
    height, width = values.shape[-2:]
    rows, columns = min(side, height), min(side, width)
    top, left = (height - rows) // 2, (width - columns) // 2
    return values[..., top : top + rows, left : left + columns]


def _thin(places: Sequence[tuple[int, int]], most: int) -> list[tuple[int, int]]:
    return [places[int(one)] for one in np.linspace(0, len(places) - 1, min(most, len(places))).round()]


def _paint(
    tool: Path | None, fields: Sequence[tuple[Image, NDArray[np.uint8]]], given: Sequence[NDArray[np.uint8]],
    ids: Sequence[int], seed: int, strokes: int,
) -> list[Scribbles] | None:
    """Return the paint of so many strokes of each class over the fields; None if there are not so many."""
    draw = None if tool is None else _tool(tool)
    for fraction in FRACTIONS if draw is not None else (0.0,):
        planes = given if draw is None else [
            draw.scribble_plane(truth, np.random.default_rng([seed, 7, number]), fraction=fraction).astype(np.uint8)
            for number, (_, truth) in enumerate(fields)]
        pairs = tuple(Pair(image, Scribbles.from_array(plane[None]))
                      for (image, _), plane in zip(fields, planes, strict=True))
        by_class: dict[int, list[Stroke]] = {number: [] for number in ids}
        for stroke in single_strokes(TrainingSet(pairs)):
            by_class[stroke.class_id].append(stroke)
        if all(len(found) >= strokes for found in by_class.values()):
            chance = np.random.default_rng([seed, strokes])
            chosen = [found[int(one)] for found in by_class.values()
                      for one in chance.permutation(len(found))[:strokes]]
            return [keep_strokes(pair.scribbles, number, chosen, inside=True) for number, pair in enumerate(pairs)]
    return None


def _tool(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("make_scribbles", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _mean_dice(labels: NDArray[np.uint8], truth: NDArray[np.uint8], ids: Sequence[int]) -> float:
    from _shared import dice

    return float(np.mean([dice(labels, truth, number) for number in ids]))

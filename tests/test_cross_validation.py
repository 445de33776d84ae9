"""Strokes held out in folds."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from comparison_scene import Clock, Fake, clock, few, run, training  # noqa: F401 (fixtures)
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.comparison.contenders import Contender
from napari_unet.comparison.held_out_evidence import MORE_PLANES
from napari_unet.core.errors import UsageError
from napari_unet.core.image import Image
from napari_unet.core.method import Patch, Progress
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.learning.folds import fold_strokes
from napari_unet.learning.strokes import hold_out
from napari_unet.learning.true_dice import HeldOutEvidence, LikelyDice
from napari_unet.metrics.scoring import score_pair
from napari_unet.report.summary import summarise


@few
@given(st.integers(2, 6), st.integers(0, 99), st.lists(st.integers(0, 5), min_size=2, max_size=4))
def test_every_stroke_is_held_out_once_and_every_class_is_always_learnt(
    folds: int, seed: int, counts: list[int]
) -> None:
    strokes = np.zeros((2, 3 * len(counts), 24), np.uint8)
    for index, count in enumerate(counts):
        for place in range(count):
            strokes[place % 2, 3 * index, 4 * (place // 2) : 4 * (place // 2) + 2] = index + 1
    image = Image(np.zeros(strokes.shape, np.uint8), "NYX")
    parts = fold_strokes(TrainingSet((Pair(image, Scribbles.from_array(strokes)),)), folds, seed)
    assert len(parts) <= folds
    held_sum = np.zeros(strokes.shape, int)
    for kept, held in parts:
        inside, outside = held.pairs[0].scribbles.to_array(), kept.pairs[0].scribbles.to_array()
        np.testing.assert_array_equal(inside + outside, strokes)
        assert not ((inside > 0) & (outside > 0)).any()
        assert inside.any()
        assert kept.painted_ids == tuple(index + 1 for index, count in enumerate(counts) if count)
        held_sum += inside > 0
    for index, count in enumerate(counts):
        assert (held_sum[strokes == index + 1] == (count > 1)).all()


def test_one_fold_is_no_fold() -> None:
    with pytest.raises(UsageError, match=r"folds cannot be 1\. Allowed: a whole number of at least 2"):
        fold_strokes(training(), 1)


@dataclasses.dataclass
class Crammer:
    """Knows every pixel it has seen painted, and gets every other one wrong."""

    fits: list[int] = dataclasses.field(default_factory=list)

    def fit(self, painted: TrainingSet) -> Generator[Progress, None, Any]:
        yield Progress("cramming")
        self.fits.append(sum(painted.counts().values()))
        known = {pair.image.name: pair.scribbles.to_array() for pair in painted.pairs}

        def segment(image: Image, planes: Sequence[int], **_: Any) -> Iterator[Patch]:
            for done, plane in enumerate(planes, 1):
                right = image.plane(plane)[0] / 100
                seen = known[image.name][image.where(plane)]
                yield Patch(image.where(plane), np.where(seen > 0, seen, 3 - right).astype(np.uint8), None, done,
                            len(planes))

        return SimpleNamespace(segment=segment, classes=painted.classes, note="")


@pytest.mark.parametrize("folds", [1, 3, 4])
def test_nobody_is_scored_on_what_it_has_seen(folds: int) -> None:
    crammer = Crammer()
    of = training(images=2)
    found, events = run(Contender("crammer", crammer), of=of, dense=False, folds=folds)  # type: ignore[arg-type]
    assert len(crammer.fits) == max(2, folds), "a quarter is held out, and another quarter in a second fit"
    assert found.held_out
    dice = [row.value for row in found.rows if row.metric == "dice" and row.value is not None]
    assert set(dice) == {0.0}
    total = sum(of.counts().values())
    held = sum(int((truth > 0).sum()) for truth in found.references if truth is not None)
    if folds > 1:
        assert held == total, "every stroke is scored"
        assert sum(total - one for one in crammer.fits) == total
    assert all(event.patch is None or event.fraction for event in events)
    again = [
        dataclasses.replace(row, sees="planes")
        for pair, mask, truth in zip(of.pairs, found.masks["crammer"], found.references, strict=True)
        for row in score_pair(mask, truth, found.classes, method="crammer", image_name=pair.image.name, pixel_only=True)
    ]
    assert again == [row for row in found.rows if row.plane is not None], "the masks are what was scored"


def test_a_plane_that_one_fold_did_not_do_is_not_done(clock: Clock) -> None:
    slow = Fake(clock, to_fit=5, to_segment=8)
    found, _ = run(Contender("slow", slow, budget=20.0), dense=False, folds=2)  # type: ignore[arg-type]
    assert found.done["slow"] == ((0, 1),)
    assert found.notes["slow"] == "made up. 2 of 3 planes in its time."


def test_where_nothing_can_be_held_out_nothing_is_scored(clock: Clock) -> None:
    of = training(planes=1)
    one = np.zeros((1, 8, 40), np.uint8)
    one[0, 1, 1:4], one[0, 6, 1:4] = 1, 2
    of = TrainingSet((Pair(of.pairs[0].image, Scribbles.from_array(one)),))
    found, _ = run(Contender("a", Fake(clock)), of=of, dense=False, folds=4)  # type: ignore[arg-type]
    assert [row.metric for row in found.rows] == ["seconds"]


@dataclasses.dataclass
class Changeable:
    """Is right in its first fit; every later one takes a part of each plane for the other class."""

    wrong: int = 0
    planes: list[list[int]] = dataclasses.field(default_factory=list)

    def fit(self, painted: TrainingSet) -> Generator[Progress, None, Any]:
        yield Progress("learning")
        wrong = self.wrong if self.planes else 0
        self.planes.append([])

        def segment(image: Image, planes: Sequence[int], **_: Any) -> Iterator[Patch]:
            self.planes[-1] += planes
            for done, plane in enumerate(planes, 1):
                labels = (image.plane(plane)[0] / 100).astype(np.uint8)
                labels[:, :wrong] = 3 - labels[:, :wrong]
                yield Patch(image.where(plane), labels, None, done, len(planes))

        return SimpleNamespace(segment=segment, classes=painted.classes, note="")


def evidence_of(wrong: int, of: TrainingSet, **options: Any) -> tuple[HeldOutEvidence, LikelyDice, Changeable]:
    method = Changeable(wrong)
    found, _ = run(Contender("one", method), of=of, dense=False, **options)  # type: ignore[arg-type]
    summary = summarise(found.rows)
    likely = summary.likely("one")
    assert likely is not None
    return summary.evidence()["one"], likely, method


@pytest.mark.parametrize("folds", [1, 4])
def test_where_two_fits_disagree_less_is_expected(folds: int) -> None:
    of = training()
    steady, sure, _ = evidence_of(0, of, folds=folds)
    assert (steady.dice, steady.agreement, steady.strokes) == (1.0, 1.0, 12)
    fickle, unsure, _ = evidence_of(20, of, folds=folds)
    assert fickle.agreement == pytest.approx(0.5), "half of each plane is something else"
    assert unsure.high < sure.high
    assert unsure.low < sure.low
    assert steady.loss is not None
    assert fickle.loss is not None
    assert fickle.loss > steady.loss > 0, "no method is surer than its strokes allow"


def test_the_second_fit_does_few_planes_beside_those_it_is_scored_on() -> None:
    image = Image(np.repeat(training(1).pairs[0].image.data, 40, axis=0), "NYX")
    strokes = Scribbles(image.shape, dict(training(1).pairs[0].scribbles.planes))
    _, _, method = evidence_of(0, TrainingSet((Pair(image, strokes),)))
    first, second = method.planes
    assert first == list(range(40))
    assert second[0] == 0, "the painted plane comes first"
    assert len(second) == 1 + MORE_PLANES
    assert second[-1] == 39, "spread over the whole stack"


def test_with_a_reference_there_is_one_fit_and_nothing_is_guessed() -> None:
    method = Changeable()
    found, _ = run(Contender("one", method), of=training())  # type: ignore[arg-type]
    assert len(method.planes) == 1
    assert {row.metric for row in found.rows if row.plane is None} == {"seconds"}


def test_two_parts_hold_out_different_strokes_as_many_each() -> None:
    of = training()
    first, second = (hold_out(of, 3, part)[1].pairs[0].scribbles.to_array() for part in (0, 1))
    assert first.any()
    assert (first > 0).sum() == (second > 0).sum()
    assert not ((first > 0) & (second > 0)).any()

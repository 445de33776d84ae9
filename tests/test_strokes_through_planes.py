"""Strokes that pass through the planes of a volume: each is one stroke, learnt from or held out as a whole."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

from napari_unet.classical.parameter_search import paint_folds
from napari_unet.core.depth import plane_behind, plane_runs
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.learning.folds import fold_strokes
from napari_unet.learning.joined_pieces import touching_strokes
from napari_unet.learning.stroke_tracker import StrokeTracker
from napari_unet.learning.strokes import hold_out, single_strokes, stroke_components, strokes_by_class
from napari_unet.segmenters._candidate_scorer import CandidateScorer
from napari_unet.segmenters._sample_collection import collect_samples
from napari_unet.session.stroke_needs import StrokeCounter

SHAPE = (10, 40, 50)
LINES = 8


@dataclasses.dataclass
class NumberedPaint:
    painted: np.ndarray
    numbers: np.ndarray


def columns(slope: int = 0) -> np.ndarray:
    """Return as many strokes of each of two classes, painted across planes as in a cut; leaning by ``slope``."""
    paint = np.zeros(SHAPE, np.uint8)
    for number in range(LINES):
        for plane in range(1, 9):
            row = 4 * number + 1
            paint[plane, row, 3 + slope * plane : 5 + slope * plane] = 1
            paint[plane, row, 28 + slope * plane : 30 + slope * plane] = 2
    return paint


def of(paint: np.ndarray, axes: str = "ZYX", image: Image | None = None, version: int = 0) -> TrainingSet:
    image = image or Image(np.zeros(paint.shape, np.float32), axes)
    return TrainingSet((Pair(image, Scribbles.from_array(paint, version=version)),))


def sides(train: TrainingSet, held: TrainingSet) -> tuple[np.ndarray, np.ndarray]:
    one, other = (part.pairs[0].scribbles.to_array() for part in (train, held))
    return one, other


def assert_whole(train: TrainingSet, held: TrainingSet) -> None:
    """No row of the volume, which is a stroke on either side of it, is on both sides."""
    one, other = sides(train, held)
    for half in (np.s_[:, :, :26], np.s_[:, :, 26:]):
        learnt, left = ({int(row) for row in np.nonzero(part[half])[1]} for part in (one, other))
        assert not learnt & left
        assert len(learnt) + len(left) == LINES


def test_pieces_that_touch_by_a_corner_are_found_and_planes_painted_all_over_take_no_seconds() -> None:
    generator = np.random.default_rng(0)
    for _ in range(60):
        height, width = generator.integers(1, 8, 2)
        paint = generator.integers(0, 3, (2, height, width)).astype(np.uint8)
        one, other = (NumberedPaint(plane, stroke_components(plane)[0].astype(np.int32)) for plane in paint)
        expected = {(int(one.numbers[row, column]), int(other.numbers[there]))
                    for row, column in np.argwhere(paint[0]) for there in np.ndindex(height, width)
                    if max(abs(there[0] - row), abs(there[1] - column)) < 2
                    and paint[1][there] == paint[0, row, column]}
        assert touching_strokes(one, other) == expected
    blocks = np.kron(generator.integers(1, 3, (64, 64)), np.ones((16, 16))).astype(np.uint8)
    plane = NumberedPaint(blocks, stroke_components(blocks)[0].astype(np.int32))
    began = time.process_time()
    for _ in range(20):
        stroke_components(blocks)
    yardstick, began = (time.process_time() - began) / 20, time.process_time()
    assert touching_strokes(plane, plane)
    # about 45 times as long; it was 1800 times, 8 s, and a stack has a hundred such planes
    assert time.process_time() - began < 400 * yardstick


def test_planes_behind_one_another() -> None:
    volume, times = Image(np.zeros((3, 4, 5, 6)), "TZYX"), Image(np.zeros((4, 3, 5, 6)), "ZTYX")
    assert [plane_behind(volume, plane) for plane in (0, 2, 3, 11)] == [1, 3, None, None]
    assert [plane_behind(times, plane) for plane in (0, 8, 9)] == [3, 11, None]
    assert plane_runs(volume, (0, 1, 3, 4, 5, 9)) == [[0, 1], [3], [4, 5], [9]]
    assert plane_runs(times, (0, 3, 1, 6, 10)) == [[0, 3, 6], [1], [10]]
    assert plane_runs(Image(np.zeros((4, 5, 6)), "TYX"), (2, 0, 1)) == [[0], [1], [2]]
    assert plane_runs(Image(np.zeros((4, 5, 6)), "ZYX", guessed_axes=True), (0, 1)) == [[0], [1]]


@pytest.mark.parametrize("slope", [0, 1, 2])
def test_a_stroke_is_on_one_side(slope: int) -> None:
    """Leaning by the width of the brush, its pieces share no pixel: they touch by their corners."""
    training = of(columns(slope))
    assert {number: len(strokes) for number, strokes in strokes_by_class(training).items()} == {1: LINES, 2: LINES}
    for seed in range(3):
        train, held = hold_out(training, seed)
        assert_whole(train, held)
        assert len({one.stroke for one in single_strokes(held)}) == 2 * LINES // 4
    divided = fold_strokes(training, 3)
    for train, held in divided:
        assert_whole(train, held)
    np.testing.assert_array_equal(sum(sides(*one)[1] for one in divided), columns(slope))


def test_along_time_they_are_strokes_of_their_own() -> None:
    assert len(strokes_by_class(of(columns(), "TYX"))[1]) == 8 * LINES
    assert len({one.stroke for one in single_strokes(of(columns(), "TYX"))}) == 16 * LINES


def test_touching_classes_are_no_one_stroke() -> None:
    paint = np.zeros(SHAPE, np.uint8)
    paint[2, 5, 5:9], paint[3, 5, 5:9], paint[5, 5, 5:9] = 1, 2, 1
    assert {number: len(strokes) for number, strokes in strokes_by_class(of(paint)).items()} == {1: 2, 2: 1}


def test_what_is_derived_in_part_is_never_held_out() -> None:
    paint = columns()
    marks = {3: (paint[3] == 2).astype(np.uint8)}
    strokes = Scribbles(SHAPE, {number: plane for number, plane in enumerate(paint) if plane.any()}, 0, marks)
    training = TrainingSet((Pair(Image(np.zeros(SHAPE), "ZYX"), strokes),))
    assert {number: len(found) for number, found in strokes_by_class(training).items()} == {1: LINES, 2: 0}
    assert 2 not in hold_out(training)[1].counts()


def test_while_painting_it_has_one_role() -> None:
    paint, book = np.zeros(SHAPE, np.uint8), StrokeTracker()
    image, whole = Image(np.zeros(SHAPE, np.float32), "ZYX"), columns(1)
    version = 0
    for row in range(1, 4 * LINES, 4):
        for ids in (1, 2):
            paint[:, row] = np.where(whole[:, row] == ids, ids, paint[:, row])
            version += 1
            strokes = book.update(of(paint, image=image, version=version), step=version)
    roles: dict[int, set[bool]] = {}
    for one in strokes:
        roles.setdefault(one.stroke, set()).add(one.held)
    assert len(roles) == 2 * LINES
    assert all(len(role) == 1 for role in roles.values())
    assert sum(role == {True} for role in roles.values()) == 2 * LINES // 4


def test_a_piece_that_joins_a_held_stroke_takes_it_back() -> None:
    paint, book = columns(), StrokeTracker()
    paint[5:] = 0
    image = Image(np.zeros(SHAPE, np.float32), "ZYX")
    held = [one for one in book.update(of(paint, image=image, version=1)) if one.held]
    assert len({one.stroke for one in held}) == 4
    row = int(held[0].pixels[0]) // SHAPE[2]
    paint[5, row] = paint[4, row]
    strokes = book.update(of(paint, image=image, version=2), step=5)
    again = [one for one in strokes if int(one.pixels[0]) // SHAPE[2] == row and one.class_id == held[0].class_id]
    assert len({one.stroke for one in again}) == 1
    assert not any(one.held for one in again)


def test_the_counter_counts_them_once_and_counts_again_what_changed() -> None:
    counter, paint = StrokeCounter(), columns()
    image = Image(np.zeros(SHAPE), "ZYX")
    assert counter.count(of(paint, image=image)).counts == {1: LINES, 2: LINES}
    paint[4, :, :26] = 0
    assert counter.count(of(paint, image=image)).counts == {1: 2 * LINES, 2: LINES}
    assert counter.count(of(paint, "TYX")).counts == {1: 7 * LINES, 2: 8 * LINES}


def test_parameters_are_tried_on_whole_strokes() -> None:
    training = of(columns())
    samples = collect_samples(training)
    for deep in (False, True):
        for fold in CandidateScorer.of(samples, deep)._folds:
            assert not fold.whole
            for left, learnt in zip(fold.left_out, fold.learnt, strict=True):
                assert not ((left > 0) & (learnt > 0)).any()
            rows = [{(int(ids), int(row)) for part in parts for ids in (1, 2)
                     for row in np.nonzero(part == ids)[part.ndim - 2]} for parts in (fold.left_out, fold.learnt)]
            assert rows[0]
            assert not rows[0] & rows[1]


def test_planes_are_left_out_where_no_stroke_passes_through_them() -> None:
    plane = columns()[1]
    assert len(paint_folds([plane, plane], [[0], [1]])) == 2
    assert len(paint_folds([plane, plane], [[0, 1]])) == 3
    assert len(paint_folds([columns()])) == 3

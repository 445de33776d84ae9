"""Single strokes, their age and their roles."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.measure import label

from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.learning.folds import fold_strokes
from napari_unet.learning.stroke_tracker import StrokeTracker
from napari_unet.learning.strokes import held_share, hold_out, single_strokes

paint = hnp.arrays(np.uint8, (7, 9), elements=st.sampled_from([0, 0, 0, 1, 2]))


class Painter:
    """Paints on one image; every snapshot has a higher version."""

    def __init__(self, shape=(40, 60)):
        self.image = Image(np.zeros(shape, np.float32), "ZYX"[3 - len(shape):])
        self.paint = np.zeros(shape, np.uint8)
        self.version = 0

    def snapshot(self):
        self.version += 1
        return TrainingSet((Pair(self.image, Scribbles.from_array(self.paint, version=self.version)),))

    def line(self, row, class_id, start=0, stop=10):
        self.paint[..., row, start:stop] = class_id
        return self.snapshot()


def lines(book, painter, count, class_id=2, first=0):
    """Paint one line after the other; return the strokes after the last."""
    for number in range(count):
        strokes = book.update(painter.line(first + 3 * number, class_id))
    return strokes


def rows_of(strokes, painter):
    """Return the row of each single-row stroke."""
    return [int(stroke.pixels[0]) // painter.paint.shape[-1] for stroke in strokes]


def roles(strokes):
    return {stroke.number: stroke.held for stroke in strokes}


@given(paint)
@settings(max_examples=60)
def test_strokes_are_the_connected_components_of_each_class(array):
    training = TrainingSet((Pair(Image(np.zeros(array.shape)), Scribbles.from_array(array)),))
    strokes = single_strokes(training)
    expected = sum(label(array == number, connectivity=2).max() for number in (1, 2))
    assert len(strokes) == expected
    together = np.zeros_like(array)
    for stroke in strokes:
        assert (together.flat[stroke.pixels] == 0).all()
        together.flat[stroke.pixels] = stroke.class_id
    assert np.array_equal(together, array)


@given(paint, st.integers(0, 5))
@settings(max_examples=60)
def test_hold_out_divides_the_paint(array, seed):
    training = TrainingSet((Pair(Image(np.zeros(array.shape)), Scribbles.from_array(array, version=4)),))
    train, held = hold_out(training, seed)
    a, b = (part.pairs[0].scribbles.to_array() for part in (train, held))
    assert ((a > 0) & (b > 0)).sum() == 0
    assert np.array_equal(a + b, array)
    assert train.versions == held.versions == (4,)
    for number in (1, 2):
        count = label(array == number, connectivity=2).max()
        assert label(b == number, connectivity=2).max() == held_share(count)


def test_the_share_held_out():
    assert [held_share(count) for count in (0, 1, 2, 3, 4, 7, 8, 12, 40)] == [0, 0, 0, 1, 1, 1, 2, 3, 10]


def test_two_strokes_of_a_class_are_all_kept():
    painter = Painter()
    painter.line(0, 1)
    painter.line(4, 1)
    training = painter.line(8, 2)
    train, held = hold_out(training)
    assert train.counts() == training.counts()
    assert held.counts() == {}
    assert held.pairs[0].image is painter.image


def test_hold_out_depends_on_the_seed_alone():
    painter = Painter()
    lines(StrokeTracker(), painter, 12)
    training = painter.snapshot()
    drawn = [hold_out(training, seed)[1].pairs[0].scribbles.to_array() for seed in (0, 0, 1, 2, 3)]
    assert np.array_equal(drawn[0], drawn[1])
    assert any(not np.array_equal(drawn[0], other) for other in drawn[2:])


def test_hold_out_counts_strokes_over_all_images():
    painters = [Painter() for _ in range(3)]
    training = TrainingSet(tuple(painter.line(2, 2).pairs[0] for painter in painters))
    _, held = hold_out(training)
    assert held.counts() == {2: 10}


def test_strokes_are_in_the_order_they_were_painted():
    painter, book = Painter(), StrokeTracker()
    for row in (20, 5, 30):
        strokes = book.update(painter.line(row, 1))
    assert rows_of(strokes, painter) == [20, 5, 30]
    assert [stroke.number for stroke in strokes] == sorted(stroke.number for stroke in strokes)


def test_a_snapshot_without_a_change_changes_nothing():
    painter, book = Painter(), StrokeTracker()
    before = lines(book, painter, 4)
    after = book.update(painter.snapshot())
    assert [(s.number, s.seen, s.held) for s in before] == [(s.number, s.seen, s.held) for s in after]


def test_a_brush_that_moves_on_is_one_stroke():
    painter, book = Painter(), StrokeTracker()
    for stop in (10, 20, 30):
        strokes = book.update(painter.line(3, 2, stop=stop))
    assert [stroke.pixels.size for stroke in strokes] == [30]


def test_paint_that_touches_an_older_stroke_is_a_new_one():
    painter, book = Painter(), StrokeTracker()
    book.update(painter.line(3, 2))
    book.update(painter.line(20, 1))
    strokes = book.update(painter.line(4, 2))
    assert rows_of(strokes, painter) == [3, 20, 4]


def test_two_strokes_of_one_snapshot_do_not_join_each_other():
    painter, book = Painter(), StrokeTracker()
    book.update(painter.line(3, 2))
    painter.line(10, 2)
    strokes = book.update(painter.line(20, 2))
    assert len(strokes) == 3


def test_erased_and_overpainted_pixels_leave_their_stroke():
    painter, book = Painter(), StrokeTracker()
    lines(book, painter, 2)
    painter.paint[0, :5] = 0
    painter.paint[3, :5] = 1
    strokes = book.update(painter.snapshot())
    assert sorted((stroke.class_id, stroke.pixels.size) for stroke in strokes) == [(1, 5), (2, 5), (2, 5)]
    painter.paint[:] = 0
    assert book.update(painter.snapshot()) == ()


def test_nothing_is_held_out_before_the_third_stroke_of_a_class():
    painter, book = Painter(), StrokeTracker()
    assert not any(stroke.held for stroke in lines(book, painter, 2))
    assert sum(stroke.held for stroke in lines(book, painter, 1, first=10)) == 1


def test_the_newest_stroke_of_a_class_always_trains():
    painter, book = Painter(), StrokeTracker()
    for number in range(12):
        strokes = book.update(painter.line(3 * number, 1 + number % 2))
        for class_id in (1, 2):
            mine = [stroke for stroke in strokes if stroke.class_id == class_id]
            assert not mine or not mine[-1].held
            assert sum(stroke.held for stroke in mine) == held_share(len(mine))


def test_roles_do_not_flip():
    painter, book = Painter((80, 60)), StrokeTracker()
    history = [roles(book.update(painter.line(4 * number, 2))) for number in range(20)]
    for number in history[-1]:
        told = [snapshot[number] for snapshot in history if number in snapshot]
        assert sum(a != b for a, b in itertools.pairwise(told)) <= 1


def test_a_held_out_stroke_that_becomes_the_newest_trains_for_good():
    painter, book = Painter(), StrokeTracker()
    strokes = lines(book, painter, 3)
    (held,) = [stroke for stroke in strokes if stroke.held]
    painter.line(6, 0)  # erase the newest: two are left
    assert not any(stroke.held for stroke in book.update(painter.snapshot()))
    strokes = lines(book, painter, 3, first=12)
    assert not roles(strokes)[held.number]


def test_a_held_out_stroke_that_another_joins_trains():
    painter, book = Painter(), StrokeTracker()
    strokes = lines(book, painter, 4)
    (held,) = [stroke for stroke in strokes if stroke.held]
    row = rows_of([held], painter)[0]
    book.update(painter.line(30, 1))
    strokes = book.update(painter.line(row + 1, 2))
    assert not roles(strokes)[held.number]
    assert sum(stroke.held for stroke in strokes) == 1


def test_erasing_gives_surplus_strokes_back_to_training():
    painter, book = Painter(), StrokeTracker()
    strokes = lines(book, painter, 8)
    assert sum(stroke.held for stroke in strokes) == 2
    trained = [row for row, stroke in zip(rows_of(strokes, painter), strokes, strict=True) if not stroke.held]
    painter.paint[trained[:5]] = 0
    strokes = book.update(painter.snapshot())
    assert len(strokes) == 3
    assert sum(stroke.held for stroke in strokes) == 1


def test_honesty_of_the_score():
    painter, book = Painter(), StrokeTracker()
    for row in (0, 3, 6, 9, 12):
        painter.line(row, 2)
    (fresh,) = [stroke for stroke in book.update(painter.snapshot(), step=0) if stroke.held]
    assert fresh.counts(step=0, settle=100)  # never trained on

    painter, book = Painter(), StrokeTracker()
    for step, row in enumerate((0, 3, 6)):
        strokes = book.update(painter.line(row, 2), step=10 * step)
    (known,) = [stroke for stroke in strokes if stroke.held]
    assert known.held_since == 20
    assert not known.counts(step=119, settle=100)
    assert known.counts(step=120, settle=100)


def test_holding_out_can_be_switched_off():
    painter, book = Painter(), StrokeTracker(hold=False)
    assert not any(stroke.held for stroke in lines(book, painter, 8))


def test_strokes_follow_their_image_when_the_list_of_images_changes():
    one, two, book = Painter(), Painter(), StrokeTracker()
    lines(StrokeTracker(), one, 3)
    lines(StrokeTracker(), two, 3)
    first, second = one.snapshot().pairs[0], two.snapshot().pairs[0]
    before = book.update(TrainingSet((first, second)))
    after = book.update(TrainingSet((second,)))
    kept = {stroke.number: stroke for stroke in before if stroke.pair == 1}
    assert {stroke.number for stroke in after} == set(kept)
    assert all(stroke.pair == 0 and stroke.seen == kept[stroke.number].seen for stroke in after)


def test_another_array_means_new_strokes():
    painter, book = Painter(), StrokeTracker()
    old = lines(book, painter, 2)
    painter.image = Image(np.ones((40, 60), np.float32))
    new = book.update(painter.snapshot())
    assert not {stroke.number for stroke in old} & {stroke.number for stroke in new}


@pytest.mark.parametrize("planes", [1, 3])
def test_planes_are_kept_apart(planes):
    painter, book = Painter((planes, 40, 60)), StrokeTracker()
    strokes = book.update(painter.line(3, 2))
    assert [stroke.plane for stroke in strokes] == list(range(planes))


def taken(painter, row, class_id=2, stop=10):
    """Paint a line that was taken from a prediction."""
    painter.paint[..., row, :stop] = class_id
    training = painter.snapshot()
    marks = np.zeros(painter.paint.shape, bool)
    marks[row, :stop] = True
    painter.marks = getattr(painter, "marks", np.zeros_like(marks)) | marks
    return marked(training, painter)


def marked(training, painter):
    (pair,) = training.pairs
    return TrainingSet((Pair(pair.image, Scribbles(
        pair.scribbles.shape, pair.scribbles.planes, pair.scribbles.version, {0: painter.marks})),))


@pytest.mark.parametrize("seed", range(4))
def test_what_was_taken_from_a_prediction_is_never_held_out(seed):
    painter, book = Painter((80, 60)), StrokeTracker(seed)
    for row in range(0, 30, 3):
        book.update(taken(painter, row))
    for row in range(40, 64, 3):
        strokes = book.update(marked(painter.line(row, 2), painter))
    held = [stroke for stroke in strokes if stroke.held]
    assert len(held) == held_share(8), "as many as of the eight that a person has painted"
    assert not any(stroke.derived for stroke in held)
    training = marked(painter.snapshot(), painter)
    rows = [int(stroke.pixels[0]) // 60 for stroke in single_strokes(hold_out(training, seed)[1])]
    assert len(rows) == held_share(8)
    assert all(row >= 40 for row in rows)
    assert sum(len(single_strokes(held)) for _, held in fold_strokes(training, 3, seed)) == 8
    kept = hold_out(training, seed)[0]
    assert sum(stroke.derived for stroke in single_strokes(kept)) == 10, "and they stay marked"


def test_a_stroke_that_touches_a_prediction_taken_over_is_not_held_out():
    painter, book = Painter((80, 60)), StrokeTracker()
    for row in range(0, 24, 3):
        strokes = book.update(painter.line(row, 2))
    assert any(stroke.held for stroke in strokes)
    painter.marks = (painter.paint == 0)
    painter.marks[26:] = False
    painter.paint[painter.marks] = 2
    assert not any(stroke.held for stroke in book.update(marked(painter.snapshot(), painter)))

"""What the numbers of a reference stand for: recognised, or asked about, never silently wrong."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

import napari_unet
from napari_unet.cli.parser import make_parser
from napari_unet.comparison.code_rules import recognise
from napari_unet.comparison.label_survey import LabelSurvey
from napari_unet.comparison.reference_values import VALUES, UnclearReferenceError, read_references
from napari_unet.comparison.result_and_reference import read_both
from napari_unet.core.errors import InputWarning, UsageError, UserError

CENTRES = [(row, column) for row in (10, 30, 50) for column in (10, 30, 50, 70)]


def discs(values: Any = 1, radius: float = 6.0) -> np.ndarray:
    """Return twelve discs (60, 80), each with a value."""
    rows, columns = np.mgrid[:60, :80]
    made = np.zeros((60, 80), np.int64)
    for (row, column), value in zip(CENTRES, np.broadcast_to(values, len(CENTRES)), strict=True):
        made[(rows - row) ** 2 + (columns - column) ** 2 <= radius**2] = value
    return made


OBJECTS = discs(np.arange(1, 13))
CLASSES = discs([1, 2] * 6)
CELLS = (discs() > 0) + np.uint8(1)
"""One class as painted ids."""


def strokes(ids: Any = 2, on: Any = range(12)) -> np.ndarray:
    """Return strokes on some discs, and between them."""
    made = np.zeros((60, 80), np.uint8)
    made[20, 2:78] = made[40, 2:78] = 1
    for place, number in zip(range(12), np.broadcast_to(ids, 12), strict=True):
        if place in on:
            row, column = CENTRES[place]
            made[row, column - 4:column + 5] = number
    return made


def read(reference: np.ndarray, painted: np.ndarray | None = None) -> np.ndarray:
    """Read one reference."""
    found = read_references([reference], "auto", [strokes() if painted is None else painted])[0]
    assert found is not None
    return found


def test_strokes_are_no_reference_for_themselves():
    with pytest.warns(InputWarning, match="The reference is what was painted: methods learn from the pixels they are"):
        np.testing.assert_array_equal(read_references([None, strokes()], "painted", [None, strokes()])[1], strokes())
    read_references([strokes()], "painted", [strokes(on=range(3))])
    read_references([CELLS, None], "painted", [strokes(), strokes()])


@pytest.mark.parametrize("value", [2, 7, 128, 255, 65535])
@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_any_two_values_are_a_mask_of_one_class(value, kind):
    with pytest.warns(InputWarning, match=rf"^The reference holds 0 and {value}, and is used as a mask of one class\."):
        np.testing.assert_array_equal(read(discs(value).astype(kind)), CELLS)


def test_the_class_of_a_mask_of_one_is_the_one_painted():
    with pytest.warns(InputWarning, match="0 and 255"):
        np.testing.assert_array_equal(read(discs(255), strokes(5)), np.where(CELLS == 2, 5, 1))
    np.testing.assert_array_equal(read(discs(4), strokes(5)), np.where(CELLS == 2, 5, 1)), "its own number says so too"


@pytest.mark.parametrize("mask", [discs() > 0, discs().astype(np.uint8), discs().astype(float)])
def test_plain_masks_need_no_word(mask):
    np.testing.assert_array_equal(read(mask), CELLS)


@pytest.mark.parametrize("on", [range(12), (4, 7), (3, 8, 10)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32])
def test_single_objects_are_of_the_one_class_that_is_painted(on, kind):
    with pytest.warns(InputWarning, match="12 values besides 0, each mostly one connected part, and is used as"):
        np.testing.assert_array_equal(read(OBJECTS.astype(kind), strokes(on=on)), CELLS)


def test_objects_of_large_numbers_of_a_stack_and_without_strokes_on_them():
    stack = np.stack([1000 * OBJECTS, np.roll(1000 * OBJECTS, 3, axis=0)])
    painted = np.zeros(stack.shape, np.uint8)
    painted[0] = strokes()
    with pytest.warns(InputWarning, match="single objects"):
        np.testing.assert_array_equal(read(stack, painted), (stack > 0) + 1)
    elsewhere = [strokes(), np.zeros((60, 80), np.uint8)]
    with pytest.warns(InputWarning, match="single objects"):
        found = read_references([None, OBJECTS], "auto", elsewhere)
    assert found[0] is None
    np.testing.assert_array_equal(found[1], CELLS)


def test_two_objects_with_strokes_on_both():
    two = np.where(OBJECTS <= 2, OBJECTS, 0)
    with pytest.warns(InputWarning, match="single objects"):
        np.testing.assert_array_equal(read(two, strokes(on=(0, 1))), (two > 0) + 1)


@pytest.mark.parametrize(("mask", "painted"), [
    (CLASSES, strokes([2, 3] * 6)),
    (discs([2, 5] * 6), strokes([3, 6] * 6)),
    (CLASSES, strokes([2, 3] * 6, on=(0, 2))),  # of the second class there is no stroke on this image
    (np.where(CLASSES == 1, 0, CLASSES), strokes([2, 3] * 6)),  # and here no reference of the first
    (np.where(OBJECTS <= 2, OBJECTS, 0), strokes([2, 3] * 6, on=(0, 1))),  # a part of each
])
def test_class_masks_with_and_without_gaps(mask, painted):
    np.testing.assert_array_equal(read(mask, painted), mask + 1)


def test_painted_ids_with_and_without_unknown_pixels():
    np.testing.assert_array_equal(read(CLASSES + 1, strokes([2, 3] * 6)), CLASSES + 1)
    np.testing.assert_array_equal(read(CELLS), CELLS)
    unknown = CELLS.copy()
    unknown[:8] = 0
    with pytest.warns(InputWarning, match="The reference looks like 1 = background, 0 = unknown"):
        np.testing.assert_array_equal(read(unknown), unknown)
    sparse = strokes([2, 3] * 6)
    with pytest.warns(InputWarning, match="1 = background"), pytest.warns(InputWarning, match="what was painted"):
        np.testing.assert_array_equal(read(sparse, sparse), sparse)


@pytest.mark.parametrize(("reference", "painted", "words"), [
    # are these two objects, or a class and one that was not painted?
    (np.where(OBJECTS <= 2, OBJECTS, 0), strokes(on=(0,)), "holds the values 1 and 2, and one class was painted"),
    (OBJECTS, strokes(on=(0,)), "holds the values 1, 2, 3, 4, ... 12, and one class was painted besides the "
                                "background: are these single objects or classes?"),
    (discs([2, 5] * 6), strokes(), "holds the values 2 and 5, and one class was painted"),
    (OBJECTS, strokes([2, 3] * 6), "holds the values 1, 2, 3, 4, ... 12, but the classes that were painted besides the "
                                   "background are 1 and 2 in a mask"),
    (discs([2, 5] * 6), strokes([2, 3] * 6), "holds the values 2 and 5, but the classes"),
    (discs(255), strokes([2, 3] * 6), "holds 0 and 255 only, but 2 classes were painted"),
    (CLASSES * 127, strokes([2, 3] * 6), "holds the values 127 and 254, but the classes"),
    (np.random.default_rng(0).integers(0, 256, (60, 80)), strokes(), "is it an image rather than labels?"),
    (np.random.default_rng(0).integers(0, 60000, (60, 80)), strokes(), "is it an image rather than labels?"),
])
def test_what_cannot_be_known_is_asked(reference, painted, words):
    with pytest.raises(UnclearReferenceError, match=re.escape(words)) as raised:
        read(reference, painted)
    assert "--reference-values mask" in str(raised.value)
    assert str(raised.value).startswith(f"{raised.value.question} ")
    if len(np.unique(painted)) == 3:
        assert "--reference-values objects (all but 0 is of one class)" in str(raised.value)


def test_what_is_said_is_done():
    two, painted = np.where(OBJECTS <= 2, OBJECTS, 0), [strokes(on=(0,))]
    np.testing.assert_array_equal(read_references([two], "objects", painted)[0], (two > 0) + 1)
    np.testing.assert_array_equal(read_references([two], "mask", painted)[0], two + 1)
    np.testing.assert_array_equal(read_references([two], "painted", painted)[0], two)
    np.testing.assert_array_equal(read_references([discs(255)], "mask", painted)[0], CELLS)
    with pytest.raises(UserError, match=r"cannot hold single objects of one class: there are 2 classes besides"):
        read_references([OBJECTS], "objects", [strokes([2, 3] * 6)])
    with pytest.raises(UsageError, match=r"Values cannot be 'things'\. Allowed: auto \(recognised\), mask"):
        read_references([OBJECTS], "things", painted)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="holds NaN"):
        read_references([np.full((3, 3), np.nan)], "objects", [None])


def test_images_of_one_comparison_are_read_alike():
    only_second = np.where(CLASSES == 2, 2, 0)
    found = read_references([CLASSES, only_second], "auto", [strokes([2, 3] * 6), np.zeros((60, 80), np.uint8)])
    np.testing.assert_array_equal(found[1], only_second + 1)
    with pytest.warns(InputWarning, match="0 and 255"):
        found = read_references([discs(255), 0 * OBJECTS], "auto", [strokes(), strokes(on=())])
    np.testing.assert_array_equal(found[1], np.ones((60, 80)))


def test_strokes_that_agree_with_nothing_are_said():
    with pytest.warns(InputWarning, match=r"your strokes agree with neither code \(\d+ %\): is it the right"):
        read((discs() == 0).astype(np.uint8))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 12), st.booleans())
def test_random_objects_in_any_order_of_numbers(seed, count, large):
    random = np.random.default_rng(seed)
    numbers = np.zeros(12, np.int64)
    numbers[random.permutation(12)[:count]] = random.permutation(count) + 1
    reference = discs(numbers * (317 if large else 1), radius=float(random.uniform(3, 8)))
    on = random.permutation(np.flatnonzero(numbers))[:3]
    with pytest.warns(InputWarning, match="single objects"):
        np.testing.assert_array_equal(read(reference, strokes(on=on.tolist())), (reference > 0) + 1)


# -- a result and its reference ---------------------------------------------------------------------------------------


SCORED = {
    "mask and mask": (discs(), discs()), "bool and 0/255": (discs() > 0, discs(255)),
    "0/255 and mask": (discs(255), discs()), "mask and 0/128": (discs(), discs(128)),
    "mask and objects": (discs(), OBJECTS), "objects and mask": (OBJECTS, discs()),
    "objects and 0/255": (1000 * OBJECTS, discs(255)), "mask and painted": (discs(), CELLS),
    "painted and mask": (CELLS, discs()), "0/2 and mask": (discs(2), discs()),
    "objects and objects": (OBJECTS, discs(np.arange(12, 0, -1))),
}


@pytest.mark.filterwarnings("ignore::napari_unet.core.errors.InputWarning")
@pytest.mark.parametrize("name", SCORED)
def test_scores_of_the_same_cells_in_any_two_codes_are_one(name):
    rows = napari_unet.score(*SCORED[name]).result()
    assert [row.value for row in rows if row.metric == "dice"] == [1.0]
    worse = (np.roll(SCORED[name][0], 3, axis=1), SCORED[name][1])
    values = [row.value for row in napari_unet.score(*worse).result() if row.metric == "dice"]
    expected = [row.value for row in napari_unet.score(np.roll(discs(), 3, axis=1), discs()).result()
                if row.metric == "dice"]
    assert values == expected, "one class in both"


@pytest.mark.parametrize(("prediction", "reference"), [
    (CLASSES, CLASSES), (np.where(CLASSES == 2, 2, 0), CLASSES), (discs([2, 5] * 6), discs([2, 5] * 6)),
    (np.roll(CLASSES, 3, axis=1), CLASSES), (np.where(OBJECTS <= 2, OBJECTS, 0),) * 2,
    (CLASSES, np.where(CLASSES == 1, 1, 0)),
])
def test_class_masks_stay_classes(prediction, reference):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_both(prediction, reference, "auto", "auto")
    np.testing.assert_array_equal(found[0], prediction + 1)
    np.testing.assert_array_equal(found[1], reference + 1)


def test_a_painted_reference_of_a_mask():
    unknown = CLASSES + 1
    unknown[:8] = 0
    with pytest.warns(InputWarning, match="The reference looks like 1 = background"):
        found = read_both(CLASSES, unknown, "auto", "auto")
    np.testing.assert_array_equal(found[0], CLASSES + 1)
    np.testing.assert_array_equal(found[1], unknown)


def test_numbers_that_may_be_both_are_asked_about():
    with pytest.raises(UnclearReferenceError, match="The prediction holds 12 values besides 0 and the reference 12, "
                       r"each mostly one connected part: are they single objects or classes\? Say which: --values and "
                       "--reference-values objects"):
        napari_unet.score(OBJECTS, OBJECTS).result()
    rows = napari_unet.score(OBJECTS, OBJECTS, values="mask", reference_values="mask").result()
    assert [row.value for row in rows if row.metric == "dice"] == [1.0] * 12
    rows = napari_unet.score(OBJECTS, OBJECTS, values="objects", reference_values="objects").result()
    assert [row.value for row in rows if row.metric == "dice"] == [1.0]


def test_the_command_line_has_the_same_codes():
    parser = make_parser()
    for flag in ("--values", "--reference-values"):
        for value in VALUES:
            parser.parse_args(["score", "a.tif", "b.tif", flag, value])
    assert parser.parse_args(["compare", "i.tif", "s.tif", "-o", "o"]).reference_values == "auto"


def test_a_comparison_with_single_objects_as_reference():
    noise = np.random.default_rng(0).normal(0, 5, (60, 80))
    image = (100 + 80 * (discs() > 0) + noise).astype(np.float32)
    with pytest.warns(InputWarning, match="single objects"):
        found = napari_unet.compare(image, strokes(), OBJECTS, methods="threshold").result()
    assert [one.id for one in found.training.classes.classes] == [1, 2], "no class for each object"
    assert [row.value for row in found.rows if row.metric == "dice"] == [pytest.approx(1, abs=0.02)]


def test_the_survey_looks_at_parts_and_at_strokes():
    survey = LabelSurvey.of([OBJECTS], [strokes()])
    assert survey.values == tuple(range(1, 13))
    assert (survey.zero, survey.whole) == (True, 1.0)
    assert survey.size == pytest.approx(np.count_nonzero(OBJECTS) / 12)
    assert survey.share([1], [0.0]) == 1.0
    assert survey.foreground([1]) == pytest.approx(1 / 12)
    assert survey.top() == pytest.approx(1 / 12)
    torn = CLASSES.copy()
    assert LabelSurvey.of([torn]).whole == 0, "six parts each"
    assert LabelSurvey.of([np.zeros((4, 4), int)]) == LabelSurvey((), True, 1.0, 0.0, {})
    assert ndimage.label(OBJECTS)[1] == 12
    assert recognise(LabelSurvey((), True, 1.0, 0.0, {})).code == "mask"


def test_strokes_given_as_reference_are_read_as_what_they_are():
    """0 is where nobody painted, and 1 is background: scored is where there is paint alone."""
    painted = np.zeros_like(CLASSES)
    painted[::5, ::3] = CLASSES[::5, ::3] + 1
    with pytest.warns(InputWarning, match="The reference looks like 1 = background, 0 = unknown"):
        found = read_both(CLASSES, painted, "auto", "auto")
    np.testing.assert_array_equal(found[1], painted)
    one = discs() * (np.mgrid[:60, :80][1] < 76)
    sparse = np.where(np.mgrid[:60, :80][0] % 4 == 0, one + 1, 0)
    with pytest.warns(InputWarning, match="1 = background"):
        rows = napari_unet.score(one, sparse).result()
    assert [row.value for row in rows if row.metric == "dice"] == [1.0]

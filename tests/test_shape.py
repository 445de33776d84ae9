"""Centre lines, compactness, patches and matched parts and holes: by hand and by law."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.draw import disk
from skimage.measure import regionprops
from skimage.morphology import skeletonize

from napari_unet.core.components import label_components
from napari_unet.metrics import REGISTRY, ClassComparison, NoValue, Options
from napari_unet.metrics.betti_matching import betti_matching_error
from napari_unet.metrics.shape import cl_dice, compactness, skeleton
from napari_unet.metrics.topology import betti_error, betti_error_patches, betti_numbers

few = settings(max_examples=60)
pairs = hnp.arrays(bool, st.tuples(st.just(2), st.integers(1, 9), st.integers(1, 9)))
THREE = ("compactness", "compactness_reference", "compactness_error")


def drawn(text: str) -> np.ndarray:
    """Turn lines of ``#`` (object) and ``.`` into booleans (Y, X)."""
    return np.array([[sign == "#" for sign in line.strip()] for line in text.strip().splitlines()])


# -- centre lines -----------------------------------------------------------------------------------------------------


def test_cl_dice_of_lines_by_hand():
    line, half = np.zeros((5, 12), bool), np.zeros((5, 12), bool)
    line[2, 1:11] = True
    half[2, 1:6] = True
    assert cl_dice(ClassComparison(half, line)) == pytest.approx(2 * 1 * 0.5 / 1.5)
    thick = np.zeros((5, 12), bool)
    thick[1:4, 1:11] = True
    both = ClassComparison(thick, line)
    assert cl_dice(both) > 0.9, "but for a corner the centre line of each lies within the other, however thick it is"
    assert REGISTRY["dice"](both) == 0.5


@few
@given(pairs)
def test_cl_dice_agrees_with_the_formula_of_shit_and_others(masks):
    prediction, reference = masks
    prediction.flat[0] = reference.flat[0] = True
    line, true_line = skeletonize(prediction), skeletonize(reference)
    precision, recall = (line & reference).sum() / line.sum(), (true_line & prediction).sum() / true_line.sum()
    expected = 2 * precision * recall / (precision + recall) if precision + recall else 0
    assert cl_dice(ClassComparison(prediction, reference)) == pytest.approx(expected)
    assert cl_dice(ClassComparison(reference, reference)) == 1
    assert cl_dice(ClassComparison(reference, prediction)) == cl_dice(ClassComparison(prediction, reference))


def test_every_part_of_a_volume_keeps_a_centre_line():
    tiny = np.zeros((6, 6, 6), bool)
    tiny[1, 1, 1] = tiny[2, 1, 1] = tiny[2, 2, 2] = True  # scikit-image 0.26 leaves nothing of it
    tiny[5, 5, :] = True
    line = skeleton(tiny, label_components(tiny))
    assert label_components(line).max() == 2
    assert not (line & ~tiny).any()
    assert cl_dice(ClassComparison(tiny, tiny)) == 1


def test_cl_dice_of_nothing():
    none, some = np.zeros((4, 4), bool), np.eye(4, dtype=bool)
    assert cl_dice(ClassComparison(none, none)) == 1
    assert cl_dice(ClassComparison(none, some)) == cl_dice(ClassComparison(some, none)) == 0
    assert cl_dice(ClassComparison(some, some[::-1])) == 0, "they share no pixel"


# -- compactness ------------------------------------------------------------------------------------------------------


def test_compactness_tells_a_disc_from_a_line():
    round_one, line = np.zeros((90, 90), bool), np.zeros((90, 90), bool)
    round_one[disk((44, 44), 40)] = True
    line[44, 5:85] = True
    assert compactness(label_components(round_one)) == pytest.approx(1, abs=0.02)
    assert compactness(label_components(line)) < 0.1
    one = regionprops(line.astype(int))[0]
    expected = 4 * math.pi * one.area / one.perimeter_crofton**2
    assert compactness(label_components(line)) == pytest.approx(expected, abs=1e-6)
    assert compactness(label_components(np.eye(1, dtype=bool))) == 1, "never more than a disc"
    # weighted by area: the pixel next to the line hardly counts
    line[0, 0] = True
    assert compactness(label_components(line)) == pytest.approx((80 * compactness(label_components(line[1:])) + 1) / 81)


def test_compactness_where_one_is_empty():
    none, some = np.zeros((5, 5), bool), np.eye(5, dtype=bool)
    missing, wrong = NoValue("nothing was predicted"), NoValue("the class is not in the reference")
    assert [REGISTRY[name](ClassComparison(none, none)) for name in THREE] == [missing, wrong, 0]
    assert [REGISTRY[name](ClassComparison(none, some)) for name in THREE][::2] == [missing, missing]
    assert [REGISTRY[name](ClassComparison(some, none)) for name in THREE][1:] == [wrong, wrong]
    assert REGISTRY["compactness_error"](ClassComparison(some, some)) == 0


# -- topology in places -----------------------------------------------------------------------------------------------


def test_errors_in_different_places_do_not_cancel_out_by_patch():
    reference, prediction = np.zeros((8, 16), bool), np.zeros((8, 16), bool)
    reference[2:4, 2:4] = prediction[2:4, 12:14] = True
    both = ClassComparison(prediction, reference, options=Options(patch=8))
    assert betti_error(both) == 0
    assert betti_error_patches(both) == 1
    known = np.ones_like(reference)
    known[:, 8:] = False
    assert betti_error_patches(ClassComparison(prediction, reference, known, options=Options(patch=8))) == 1
    assert betti_error_patches(ClassComparison(prediction, reference, options=Options(patch=16))) == 0


@few
@given(hnp.arrays(bool, st.tuples(st.just(2), st.integers(1, 7), st.integers(1, 7), st.integers(1, 4))),
       st.integers(2, 5))
def test_patches_agree_with_loops(masks, side):
    errors = []
    for z in range(0, masks.shape[1], side):
        for y in range(0, masks.shape[2], side):
            for x in range(0, masks.shape[3], side):
                one, other = (betti_numbers(mask[z:z + side, y:y + side, x:x + side]) for mask in masks)
                errors.append(abs(one.b0 - other.b0) + abs(one.b1 - other.b1) + abs(one.b2 - other.b2))
    assert betti_error_patches(ClassComparison(*masks, options=Options(patch=side))) == pytest.approx(np.mean(errors))
    whole = ClassComparison(*masks, options=Options(patch=64))
    assert betti_error_patches(whole) == betti_error(whole)


MATCHED = {
    "the same": ("#.#", "#.#", 0),
    "as many, but elsewhere": ("#....", "....#", 2),
    "one found as two: one of the two has no partner": ("##.##", "#####", 1),
    "two found as one": ("#####", "##.##", 1),
    "joined by the union, one partner each": ("##...", ".####", 0),
    "a part too many": ("#.#.#", "#.#..", 1),
    "nothing found": (".....", "#.#..", 2),
    "a hole at the same place": (
        """
        #####
        #...#
        #####
        """,
        """
        #####
        ##.##
        #####
        """, 0),
    "a hole in place of another": (
        """
        ######
        #.####
        ######
        """,
        """
        ######
        ####.#
        ######
        """, 2),
    "a hole where the wall is thick": (
        """
        #####
        #.#.#
        #####
        """,
        """
        #####
        #...#
        #####
        """, 1),
    "a ring that is open": (
        """
        ###
        #.#
        #.#
        """,
        """
        ###
        #.#
        ###
        """, 1),
}


@pytest.mark.parametrize("name", MATCHED)
def test_matching_by_hand(name):
    prediction, reference, unmatched = MATCHED[name]
    assert betti_matching_error(ClassComparison(drawn(prediction), drawn(reference))) == unmatched


def test_holes_are_matched_as_well_as_can_be():
    # the wide hole could take either of two, the narrow one only the first: both get a partner
    prediction = drawn("########\n#....#.#\n########")
    reference = drawn("########\n#.#....#\n########")
    assert betti_matching_error(ClassComparison(prediction, reference)) == 0


@few
@given(pairs)
def test_matching_laws(masks):
    prediction, reference = masks
    both = ClassComparison(prediction, reference)
    error = betti_matching_error(both)
    assert error == betti_matching_error(ClassComparison(reference, prediction))
    assert error == betti_matching_error(ClassComparison(prediction[::-1], reference[::-1]))
    assert error >= betti_error(both), "who has too few cannot match all"
    assert (error - betti_error(both)) % 2 == 0, "one more pair takes one from either side"
    assert betti_matching_error(ClassComparison(reference, reference)) == 0
    one = betti_numbers(reference)
    assert betti_matching_error(ClassComparison(reference & False, reference)) == one.b0 + one.b1

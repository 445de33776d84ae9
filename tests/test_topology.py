from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage
from skimage.measure import euler_number as skimage_euler_number

from napari_unet.core.components import count_components
from napari_unet.metrics import REGISTRY, ClassComparison
from napari_unet.metrics.topology import Betti, betti_numbers, euler_number

planes = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))
volumes = hnp.arrays(bool, hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=7))
masks = planes | volumes


def drawn(text: str) -> np.ndarray:
    """Turn lines of ``#`` (object) and ``.`` into booleans (Y, X)."""
    return np.array([[sign == "#" for sign in line.strip()] for line in text.strip().splitlines()])


DRAWINGS = {
    "nothing": ("....\n....", 0, 0),
    "everything": ("####\n####", 1, 0),
    "one pixel": ("#", 1, 0),
    "corners touch": ("#..#\n.##.", 1, 0),
    "a gap of one": ("#.#\n#.#", 2, 0),
    "a ring": (
        """
        .###.
        .#.#.
        .###.
        """, 1, 1),
    "a ring whose corners touch only diagonally still closes": (
        """
        .#.
        #.#
        .#.
        """, 1, 1),
    "two holes that touch at a corner are two": (
        """
        #####
        #.###
        ##.##
        #####
        """, 1, 2),
    "a bay open to the border is no hole": (
        """
        ####
        #...
        ####
        """, 1, 0),
    "a bay open at the border pixel only": (
        """
        #.##
        #.##
        ####
        """, 1, 0),
    "an island in a lake": (
        """
        #######
        #.....#
        #..#..#
        #.....#
        #######
        """, 2, 1),
    "eight": (
        """
        .###.
        .#.#.
        .###.
        .#.#.
        .###.
        """, 1, 2),
    "letters": (
        """
        ###..#..##.
        #.#.....#.#
        ###..#..##.
        #....#..#.#
        #....#..##.
        """, 4, 3),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_counted_by_hand(name):
    text, parts, holes = DRAWINGS[name]
    assert betti_numbers(drawn(text)) == Betti(parts, holes)


def hollow(*corners: tuple[int, int]) -> np.ndarray:
    """Return a 5x5x5 cube with a hollow 3x3x3 inside; ``corners`` are (Y, X) where a shaft goes through along Z."""
    cube = np.ones((5, 5, 5), bool)
    cube[1:4, 1:4, 1:4] = False
    for y, x in corners:
        cube[:, y, x] = False
    return cube


def torus() -> np.ndarray:
    ring = np.ones((1, 3, 3), bool)
    ring[0, 1, 1] = False
    return ring


def test_volumes_counted_by_hand():
    assert betti_numbers(np.zeros((3, 3, 3), bool)) == Betti(0, 0, 0)
    assert betti_numbers(np.ones((3, 3, 3), bool)) == Betti(1, 0, 0)
    assert betti_numbers(torus()) == Betti(1, 1, 0)
    assert betti_numbers(np.concatenate([torus(), torus()])) == Betti(1, 1, 0)
    assert betti_numbers(np.concatenate([torus(), torus() & False, torus()])) == Betti(2, 2, 0)
    assert betti_numbers(hollow()) == Betti(1, 0, 1)
    # a shaft through both walls opens the cavity and makes a tunnel; each further one adds a tunnel in each wall
    assert betti_numbers(hollow((2, 2))) == Betti(1, 1, 0)
    assert betti_numbers(hollow((1, 1), (3, 3))) == Betti(1, 3, 0)
    diagonal = np.zeros((2, 2, 2), bool)
    diagonal[0, 0, 0] = diagonal[1, 1, 1] = True
    assert betti_numbers(diagonal) == Betti(1, 0, 0)


@given(masks)
def test_euler_number_agrees_with_scikit_image(mask):
    assert euler_number(mask) == skimage_euler_number(mask, connectivity=mask.ndim)


@given(planes)
def test_holes_are_background_components_that_do_not_reach_the_border(mask):
    outside = np.pad(~mask, 1, constant_values=True)
    holes = ndimage.label(outside)[1] - 1  # scipy's default: pixels that share a side
    betti = betti_numbers(mask)
    assert betti == Betti(ndimage.label(mask, np.ones((3, 3)))[1], holes)
    assert skimage_euler_number(mask, connectivity=2) == betti.b0 - betti.b1


@given(volumes)
def test_volumes_keep_the_euler_poincare_formula(mask):
    betti = betti_numbers(mask)
    assert betti.b0 == ndimage.label(mask, np.ones((3, 3, 3)))[1]
    assert betti.b2 == ndimage.label(np.pad(~mask, 1, constant_values=True))[1] - 1
    assert betti.b0 - betti.b1 + betti.b2 == skimage_euler_number(mask, connectivity=3)
    assert betti.b1 >= 0


@given(masks, st.data())
def test_flips_turns_and_margins_change_nothing(mask, data):
    axis = data.draw(st.integers(0, mask.ndim - 1))
    order = data.draw(st.permutations(range(mask.ndim)))
    assert betti_numbers(np.flip(mask, axis)) == betti_numbers(mask)
    assert betti_numbers(mask.transpose(order)) == betti_numbers(mask)
    assert betti_numbers(np.pad(mask, 2)) == betti_numbers(mask)


@given(planes)
def test_a_plane_is_a_volume_of_one_plane(mask):
    flat = betti_numbers(mask)
    assert betti_numbers(mask[None]) == Betti(flat.b0, flat.b1, 0)


@given(masks)
def test_the_sum_over_separate_copies(mask):
    gap = np.zeros((1, *mask.shape[1:]), bool)
    one, two = betti_numbers(mask), betti_numbers(np.concatenate([mask, gap, mask]))
    assert two == Betti(2 * one.b0, 2 * one.b1, 2 * one.b2)


def test_tiny_arrays_of_any_content():
    for shape in [(1, 7), (7, 1), (2, 3), (1, 1, 7), (7, 1, 1), (1, 3, 3), (2, 2, 2)]:
        for bits in itertools.product((False, True), repeat=int(np.prod(shape))):
            mask = np.array(bits).reshape(shape)
            for corners in (True, False):
                structure = np.ones((3,) * mask.ndim) if corners else None
                assert count_components(mask, corners=corners) == ndimage.label(mask, structure)[1]


def test_metrics_of_both_and_the_error_between_them():
    prediction = drawn("#.###.#\n..#.#..\n#.###.#")
    reference = drawn("..###..\n..#.#..\n..###..")
    both = ClassComparison(prediction, reference)
    names = ("components", "components_reference", "components_error", "holes", "holes_reference", "holes_error")
    assert [REGISTRY[name](both) for name in names] == [5, 1, 4, 1, 1, 0]
    volume = ClassComparison(hollow((1, 1), (3, 3)), hollow())
    names = ("tunnels", "tunnels_reference", "tunnels_error", "cavities", "cavities_reference", "cavities_error")
    assert [REGISTRY[name](volume) for name in names] == [3, 0, 3, 0, 1, 1]


IN_PLACE = {
    "three holes of three, all elsewhere": (
        """
        ###############
        #.#.#.#########
        ###############
        """,
        """
        ###############
        #########.#.#.#
        ###############
        """, (3, 3, 0, 6), (1, 1, 0, 0)),
    "two in place, one missed": (
        """
        #######
        #.#.###
        #######
        """,
        """
        #######
        #.#.#.#
        #######
        """, (2, 3, 1, 1), (1, 1, 0, 0)),
    "two parts of two, one of them elsewhere": (
        """
        ##.....
        ##....#
        .......
        """,
        """
        ##.....
        ##.....
        ...##..
        """, (0, 0, 0, 0), (2, 2, 0, 2)),
    "one part that covers two matches one": ("#####", "##.##", (0, 0, 0, 0), (1, 2, 1, 1)),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_parts_and_holes_without_a_partner_in_place(name):
    prediction, reference, holes, parts = IN_PLACE[name]
    both = ClassComparison(drawn(prediction), drawn(reference))
    ends = ("", "_reference", "_error", "_unmatched")
    assert tuple(REGISTRY[f"holes{end}"](both) for end in ends) == holes
    assert tuple(REGISTRY[f"components{end}"](both) for end in ends) == parts


def test_cavities_without_a_partner_in_place():
    ball, other = np.ones((2, 5, 5, 9), bool)
    ball[2, 2, 2] = other[2, 2, 6] = False
    names = ("cavities", "cavities_reference", "cavities_error", "cavities_unmatched", "components_unmatched")
    assert [REGISTRY[name](ClassComparison(ball, other)) for name in names] == [1, 1, 0, 2, 0]
    assert [REGISTRY[name](ClassComparison(ball, ball)) for name in names] == [1, 1, 0, 0, 0]


@given(masks, st.data())
def test_what_is_unmatched_fits_the_counts(mask, data):
    both = ClassComparison(mask, data.draw(hnp.arrays(bool, mask.shape)))
    for count in ("components", "holes" if mask.ndim == 2 else "cavities"):
        found, true, error, unmatched = (REGISTRY[count + end](both)
                                         for end in ("", "_reference", "_error", "_unmatched"))
        assert error <= unmatched <= found + true
        assert (found + true - unmatched) % 2 == 0, "partners are pairs"


def test_unknown_pixels_are_background_in_both_before_counting():
    ring, valid = drawn("###\n#.#\n###"), drawn("###\n###\n#.#")
    both = ClassComparison(ring, ring, valid)  # the ring is cut open, in both
    names = ("components", "components_reference", "holes", "holes_reference", "holes_error")
    assert [REGISTRY[name](both) for name in names] == [1, 1, 0, 0, 0]


def test_euler_number_and_the_sum_of_errors():
    both = ClassComparison(drawn("#.###.#\n..#.#..\n#.###.#"), drawn("..###..\n..#.#..\n..###.."))
    names = ("euler", "euler_reference", "euler_error", "betti_error")
    assert [REGISTRY[name](both) for name in names] == [4, 0, 4, 4]
    volume = ClassComparison(hollow((1, 1), (3, 3)), hollow())
    assert [REGISTRY[name](volume) for name in names] == [-2, 2, 4, 4]

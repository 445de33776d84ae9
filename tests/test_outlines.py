"""Outlines of objects: their pixels are exactly the object, their rings are simple and wound as they should be."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_unet.objects.outlines import object_outlines, pixels_inside, signed_area

PLANES = hnp.arrays(np.int64, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9),
                    elements=st.integers(0, 3))


def filled(numbers: np.ndarray) -> np.ndarray:
    out = np.zeros_like(numbers)
    for one in object_outlines(numbers):
        box, inside = pixels_inside([one.shell, *one.holes], numbers.shape)
        assert not out[box][inside].any()  # no pixel is in two parts
        out[box][inside] = one.number
    return out


@settings(max_examples=200, deadline=None)
@given(numbers=PLANES)
def test_inside_the_outlines_are_exactly_the_objects(numbers: np.ndarray) -> None:
    np.testing.assert_array_equal(filled(numbers), numbers)


@settings(max_examples=200, deadline=None)
@given(numbers=PLANES)
def test_rings_are_simple_and_wound_right(numbers: np.ndarray) -> None:
    for one in object_outlines(numbers):
        assert signed_area(one.shell) > 0
        assert all(signed_area(hole) < 0 for hole in one.holes)
        for ring in (one.shell, *one.holes):
            assert len({tuple(point) for point in ring.tolist()}) == len(ring) >= 4


def test_a_ring_of_pixels_closed_by_a_corner_has_a_hole() -> None:
    numbers = np.array([[1, 1, 1], [1, 0, 1], [0, 1, 1]])  # the gap at the lower left is closed by a corner
    (one,) = object_outlines(numbers)
    assert len(one.holes) == 1
    assert [len(ring) for ring in (one.shell, *one.holes)] == [6, 4]


def test_no_object_has_no_outline() -> None:
    assert object_outlines(np.zeros((4, 5), int)) == []
    assert object_outlines(np.zeros((0, 5), int)) == []


def test_any_polygon_is_filled_where_the_middle_of_a_pixel_lies_inside() -> None:
    box, inside = pixels_inside([np.array([[0.4, 0.4], [3.6, 0.4], [3.6, 2.6], [0.4, 2.6]])], (5, 6))
    whole = np.zeros((5, 6), bool)
    whole[box] = inside
    assert np.argwhere(whole).tolist() == [[y, x] for y in (0, 1, 2) for x in (0, 1, 2, 3)]
    box, inside = pixels_inside([np.array([[-3, -3], [2, -3], [2, 2], [-3, 2]])], (5, 6))
    assert (box, inside.sum()) == ((slice(0, 2), slice(0, 2)), 4)

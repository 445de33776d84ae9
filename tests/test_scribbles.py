"""Strokes as snapshots: what is painted is kept exactly, what cannot be an id is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet, checked_ids

ids = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=4, max_side=4), elements=st.integers(0, 4))


@given(ids, st.sampled_from(["u1", "<i4", ">u2", "i8", "f4"]))
def test_an_array_comes_back_as_it_went_in(array: np.ndarray, dtype: str) -> None:
    strokes = Scribbles.from_array(array.astype(dtype))
    np.testing.assert_array_equal(strokes.to_array(), array)
    assert strokes.to_array().dtype == np.uint8
    assert all(plane.any() and not plane.flags.writeable for plane in strokes.planes.values())
    numbers, counts = np.unique(array[array > 0], return_counts=True)
    assert strokes.counts() == dict(zip(numbers.tolist(), counts.tolist(), strict=True))


@given(ids, st.data())
def test_replacing_planes_is_painting_them(array: np.ndarray, data: st.DataObject) -> None:
    strokes = Scribbles.from_array(array)
    strokes.counts()
    flat = array.reshape(-1, *array.shape[-2:]).copy()
    number = data.draw(st.integers(0, len(flat) - 1))
    plane = data.draw(hnp.arrays(np.uint8, flat.shape[1:], elements=st.integers(0, 3)))
    flat[number] = plane
    expected = Scribbles.from_array(flat.reshape(array.shape))
    changed = strokes.replacing({number: plane}, version=5)
    assert changed.version == 5
    assert changed.same_paint(expected)
    assert changed.counts() == expected.counts()
    np.testing.assert_array_equal(strokes.to_array(), array)


def test_a_snapshot_does_not_follow_the_layer() -> None:
    layer = np.zeros((2, 3, 3), np.uint8)
    layer[1, 0, 0] = 2
    strokes = Scribbles.from_array(layer)
    layer[1] = 1
    assert strokes.counts() == {2: 1}
    assert list(strokes.planes) == [1]


def test_same_paint_looks_at_pixels_only() -> None:
    one = Scribbles.from_array(np.eye(3, dtype=np.uint8), version=1)
    assert one.same_paint(Scribbles.from_array(np.eye(3), version=2))
    assert not one.same_paint(Scribbles.from_array(np.eye(3) * 2))
    assert not one.same_paint(Scribbles.empty((3, 3)))
    assert not Scribbles.empty((3, 3)).same_paint(Scribbles.empty((3, 4)))


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([[0.5, 1]]), "'paint' holds fractions or NaN; allowed are whole numbers from 0"),
        (np.array([[np.nan, 1]]), "fractions or NaN"),
        (np.array([[np.inf, 1]]), "fractions or NaN"),
        (np.array([[-1, 1]]), "ids from -1 to 1; allowed are 0 .not painted."),
        (np.array([[0, 256]]), "ids from 0 to 256.*single objects rather than of classes"),
        (np.array([[1j, 1]]), "holds complex128; allowed are whole numbers"),
        (np.array([["a"]]), "allowed are whole numbers"),
    ],
)
def test_what_is_no_id_is_refused(array: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message):
        checked_ids(array, "paint")
    if array.dtype.kind not in "U":
        with pytest.raises(UserError, match=message):
            Scribbles.from_array(array, "paint")


def test_bool_and_empty_are_ids() -> None:
    np.testing.assert_array_equal(checked_ids(np.array([True, False])), [1, 0])
    assert checked_ids(np.zeros((0, 3), int)).shape == (0, 3)


def test_one_row_is_no_picture() -> None:
    with pytest.raises(UserError, match=r"shape \(3,\); strokes need at least rows and columns"):
        Scribbles.from_array(np.zeros(3, np.uint8))


def test_strokes_have_the_shape_of_the_image_without_channels() -> None:
    image = Image(np.zeros((4, 5, 6, 3)), "NYXC", "cells")
    Pair(image, Scribbles.empty((4, 5, 6)))
    with pytest.raises(UserError, match=r"strokes of 'cells' have shape \(5, 6\).* has \(4, 5, 6\) \(axes NYX\)"):
        Pair(image, Scribbles.empty((5, 6)))


def test_a_training_set_says_what_to_paint() -> None:
    image = Image(np.zeros((3, 3)))

    def painted(*numbers: int) -> TrainingSet:
        array = np.zeros((3, 3), np.uint8)
        array[0, : len(numbers)] = numbers
        return TrainingSet((Pair(image, Scribbles.from_array(array)),), ClassTable.named({1: "background", 2: "axon"}))

    assert painted().missing() == (
        "Nothing is painted yet. Paint a little background and a little of each class."
    )
    assert painted(1).missing() == "Only background is painted. Paint a little of a second class too (axon)."
    assert painted(2).missing() == "Only axon is painted. Paint a little of a second class too (background)."
    assert painted(1, 2).missing() is None
    assert painted(1, 7).classes.ids == (1, 2, 7)
    assert painted(1, 7, 7).counts() == {1: 1, 7: 2}

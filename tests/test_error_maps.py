"""Where results are wrong, as pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_scene import picture

from napari_unet.core.errors import UserError
from napari_unet.report.error_maps import COLOURS, FALSE, MISSED, OTHER, error_map, painted_errors, ringed
from napari_unet.report.object_errors import Mark
from napari_unet.report.rasters import encode_png, parse_colour, shrunk


def test_errors_of_every_kind_by_hand():
    reference = np.array([[1, 2, 2, 3, 0], [1, 1, 2, 3, 0]])
    prediction = np.array([[1, 1, 2, 2, 2], [2, 1, 0, 3, 1]])
    found = error_map(prediction, reference, dense=False)
    np.testing.assert_array_equal(found.codes, [[0, MISSED, 0, OTHER, 0], [FALSE, 0, 0, 0, 0]])
    np.testing.assert_array_equal(found.right, [[0, 0, 1, 0, 0], [0, 0, 0, 1, 0]])
    assert [found.count(code) for code in COLOURS] == [1, 1, 1]
    assert (found.strays, found.holes) == ((), ())


def test_stray_components_and_holes_are_pointed_out():
    reference = np.ones((40, 60), np.uint8)
    reference[5:25, 5:25] = 2
    prediction = reference.copy()
    prediction[10:13, 10:13] = 1  # a hole in what should be whole
    prediction[30:32, 50:56] = 2  # far from anything
    prediction[25:27, 10] = 2  # false, but part of the square
    found = error_map(prediction, reference)
    assert [(mark.y, mark.x) for mark in found.strays] == [(30.5, 52.5)]
    assert [(mark.y, mark.x) for mark in found.holes] == [(11, 11)]
    assert found.strays[0].radius == pytest.approx(0.5 * np.hypot(2, 6))
    reference[11, 11] = 1  # now there is a hole in the reference too
    assert error_map(prediction, reference).holes == ()
    reference[31, 50] = 0  # not known: it may be true
    assert error_map(prediction, reference).strays == ()


@given(st.integers(0, 2**32 - 1))
def test_error_maps_agree_with_a_plain_count(seed):
    generator = np.random.default_rng(seed)
    reference, prediction = generator.integers(0, 4, (2, 9, 11))
    found = error_map(prediction, reference)
    known = (reference > 0) & (prediction > 0)
    assert found.count(MISSED) == np.count_nonzero(known & (reference > 1) & (prediction == 1))
    assert found.count(FALSE) == np.count_nonzero(known & (reference == 1) & (prediction > 1))
    assert np.count_nonzero(found.codes) == np.count_nonzero(known & (reference != prediction))
    assert error_map(reference, reference).codes.max() == 0


def test_pictures_of_errors_have_their_colours():
    reference, prediction = np.array([[1, 2], [2, 1]]), np.array([[2, 1], [2, 1]])
    base = np.full((2, 2, 3), 0.5, np.float32)
    painted = painted_errors(base, error_map(prediction, reference))
    assert np.abs(painted[0, 0] - parse_colour(COLOURS[FALSE])).max() < 0.12
    assert np.abs(painted[0, 1] - parse_colour(COLOURS[MISSED])).max() < 0.12
    assert painted[1, 0].min() > painted[1, 1].max(), "what is right is pale"
    assert (base == 0.5).all()
    ring = ringed(np.zeros((30, 30, 3), np.float32), (Mark(15, 15, 4),), "#f0e442")
    assert (ring[15, 15] == 0).all()
    np.testing.assert_allclose(ring[15, 23], parse_colour("#f0e442"))
    with pytest.raises(UserError, match=r"A result of shape \(2, 2\) cannot be held against a reference of"):
        error_map(prediction, np.ones((3, 3)))


def test_smaller_pictures_are_means_and_keep_their_size_in_bounds(tmp_path):
    board = (np.indices((90, 61)).sum(axis=0) % 2)[..., None].repeat(3, axis=2).astype(np.float32)
    small = shrunk(board, 45)
    assert small.shape == (45, 31, 3)
    np.testing.assert_allclose(small[:, :30], 0.5)
    assert shrunk(small, 45) is small
    (tmp_path / "p.png").write_bytes(encode_png(np.full((5, 4, 3), parse_colour("#d55e00"))))
    assert np.abs(picture(tmp_path / "p.png")[0, 0].astype(int) - [213, 94, 0]).max() <= 3

"""Laws of planes and axes: whatever the order of the axes, plain numpy indexing gives the same pixels."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_unet.core.errors import InputWarning, UserError
from napari_unet.core.image import Image, resolve_axes, warn_not_finite
from napari_unet.core.normalisation import Normalisation

AXES = ("YX", "NYX", "YXC", "CYX", "NYXC", "ZYXC", "CZYX", "TCZYX", "TZCYX", "YXZ", "CYZX", "YCXT", "NTZYX")


def numbered(sizes: tuple[int, ...]) -> np.ndarray:
    """Every pixel has a number of its own."""
    return np.arange(math.prod(sizes), dtype=np.int32).reshape(sizes)


@st.composite
def images(draw: st.DrawFn) -> tuple[str, np.ndarray]:
    axes = draw(st.sampled_from(AXES))
    return axes, numbered(tuple(draw(st.integers(1, 4)) for _ in axes))


@given(images())
def test_planes_are_what_numpy_says(case: tuple[str, np.ndarray]) -> None:
    axes, data = case
    image = Image(data, axes)
    leading = [letter for letter in axes if letter not in "CYX"]
    order = [*leading, *("C" if "C" in axes else ""), "Y", "X"]
    moved = data.transpose([axes.index(letter) for letter in order])
    if "C" not in axes:
        moved = moved[..., None, :, :]
    assert image.label_axes == "".join(leading) + "YX"
    assert image.shape == moved.shape[:-3] + moved.shape[-2:]
    assert image.n_channels == moved.shape[-3]
    flat = moved.reshape(-1, *moved.shape[-3:])
    assert image.n_planes == len(flat)
    for number, expected in enumerate(flat):
        plane = image.plane(number)
        assert plane.dtype == np.float32
        assert plane.flags.c_contiguous
        np.testing.assert_array_equal(plane, expected)


@given(images(), st.data())
def test_where_and_plane_of_are_inverse(case: tuple[str, np.ndarray], data: st.DataObject) -> None:
    image = Image(case[1], case[0])
    number = data.draw(st.integers(0, image.n_planes - 1))
    y = slice(*sorted(data.draw(st.tuples(*[st.integers(0, image.plane_shape[0])] * 2))))
    where = image.where(number, y)
    assert image.plane_of(where) == number
    numpy_integers = tuple(np.int64(part) if isinstance(part, int) else part for part in where)
    assert image.plane_of(numpy_integers) == number
    whole = np.zeros(image.shape, int)
    whole[where] = 1
    assert whole.reshape(-1, *image.plane_shape)[number, y].all()
    assert whole.sum() == whole.reshape(-1, *image.plane_shape)[number, y].size


def test_a_plane_is_a_fresh_array() -> None:
    data = np.ones((2, 3, 4), np.float32)
    plane = Image(data, "NYX").plane(1)
    plane[:] = 7
    assert (data == 1).all()


def test_values_stay_themselves_where_float32_can_hold_them() -> None:
    """A threshold given by hand means what it says."""
    for dtype in (np.uint8, np.int16, np.int32, np.uint64, np.float32, np.float64):
        data = np.array([[1000 % 256, 90, 100]], dtype)
        np.testing.assert_array_equal(Image(data).plane(0)[0], data)


@pytest.mark.parametrize(
    "dtype", ["?", "u1", "i1", "<u2", ">u2", "i2", "u4", ">i4", "u8", ">i8", "e", ">e", "f", ">f", "d", ">d"]
)
@given(data=st.data())
def test_the_order_of_intensities_is_kept(dtype: str, data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from([(1, 1), (1, 7), (6, 1), (4, 5)]))
    array = data.draw(hnp.arrays(np.dtype(dtype), shape))
    before = array.copy()
    plane = Image(array).plane(0)
    normalised, valid = Normalisation()(plane)
    np.testing.assert_array_equal(array, before)
    finite = np.isfinite(array) if array.dtype.kind == "f" else np.ones(shape, bool)
    np.testing.assert_array_equal(valid, finite)
    assert normalised.dtype == np.float32
    assert np.isfinite(normalised).all()
    assert normalised.min() >= -3
    assert normalised.max() <= 8
    assert (normalised[0][~finite] == 0).all()
    order = np.argsort(array[finite], kind="stable")
    for values in (plane[0], normalised[0]):
        assert (np.diff(values[finite][order]) >= 0).all()


@pytest.mark.parametrize(
    "values",
    [
        np.array([2**64 - 3, 2**64 - 2, 2**64 - 1], np.uint64),
        np.array([-(2**63), 0, 2**63 - 1], np.int64),
        np.array([2**31 - 3, 2**31 - 2, 2**31 - 1], np.int32),
        np.array([-1.7e308, 0, 1.7e308]),
        np.array([1e-310, 2e-310, 3e-310]),
        np.array([1e9, 1e9 + 1e-4, 1e9 + 2e-4]),
        np.array([1, 1 + 2**-52, 1 + 2**-51]),
        np.array([-3e38, 0, 3e38], np.float32),
        np.array([1e-42, 2e-42, 3e-42], np.float32),
        np.array([-65504, 0, 65504], np.float16),
        np.array([0.5, 1.5, 2.5], np.float16),
    ],
    ids=str,
)
def test_contrast_survives_extremes(values: np.ndarray) -> None:
    for order in "<>":
        image = Image(values.astype(values.dtype.newbyteorder(order))[None])
        normalised, _ = Normalisation()(image.plane(0))
        # percentiles 1 and 99 of three evenly spaced values lie 2 % inside the extremes
        np.testing.assert_allclose(normalised.ravel(), [-0.0102, 0.5, 1.0102], atol=2e-3)


def test_channels_with_different_offsets_keep_their_contrast() -> None:
    data = np.array([[[0, 1, 2]], [[2**40, 2**40 + 1, 2**40 + 2]]], np.int64)
    np.testing.assert_array_equal(Image(data, "CYX").plane(0), [[[0, 1, 2]]] * 2)


def test_percentiles_go_to_zero_and_one() -> None:
    plane = np.linspace(0, 100, 10001, dtype=np.float32).reshape(1, 73, 137)
    normalised, valid = Normalisation(1, 99)(plane)
    assert valid.all()
    assert normalised.ravel()[100] == pytest.approx(0, abs=1e-5)
    assert normalised.ravel()[9900] == pytest.approx(1, abs=1e-5)


def test_a_hot_pixel_is_clipped_and_a_constant_is_zero() -> None:
    plane = np.random.default_rng(0).normal(size=(1, 40, 40)).astype(np.float32)
    plane[0, 3, 3] = 1e30
    assert Normalisation()(plane)[0][0, 3, 3] == 8
    assert not Normalisation()(np.full((1, 4, 4), 9, np.float32))[0].any()


def test_rare_bright_pixels_are_not_lost_on_a_constant_ground() -> None:
    plane = np.zeros((1, 50, 50), np.float32)
    plane[0, 0, 0] = 5
    assert Normalisation()(plane)[0].max() == 1


def test_a_channel_without_numbers_makes_pixels_invalid() -> None:
    plane = np.ones((2, 3, 3), np.float32)
    plane[1] = np.nan
    normalised, valid = Normalisation()(plane)
    assert not valid.any()
    assert not normalised.any()


def test_pixels_that_are_no_numbers_are_counted_once() -> None:
    image = Image(np.ones((4, 5)), name="cells")
    with pytest.warns(InputWarning, match="'cells': 3 of 20 pixels are NaN or infinite"):
        warn_not_finite(image, 3)
    warn_not_finite(image, 0)
    with pytest.raises(UserError, match="'cells' holds no numbers at all"):
        warn_not_finite(image, 20)


@pytest.mark.parametrize(
    ("shape", "given_axes", "metadata", "letters", "reason"),
    [
        ((4, 5), None, None, "YX", "two axes"),
        ((9, 4, 5), None, None, "NYX", "first of three"),
        ((9, 5, 3), None, None, "YXC", "last axis of 3"),
        ((9, 5, 4), None, None, "YXC", "last axis of 4"),
        ((2, 9, 5, 3), None, None, "NYXC", "last axis of 3"),
        ((9, 5, 3), "zyx", None, "ZYX", "as given"),
        ((9, 5, 3), None, "ZYX", "ZYX", "metadata"),
        ((9, 5, 3), "NYX", "YXC", "NYX", "as given"),
    ],
)
def test_axes_are_resolved_in_order(
    shape: tuple[int, ...], given_axes: str | None, metadata: str | None, letters: str, reason: str
) -> None:
    axes = resolve_axes(shape, given_axes, metadata)
    assert axes.letters == letters
    assert reason in axes.reason


@pytest.mark.parametrize(
    ("shape", "given_axes", "message"),
    [
        ((2, 3, 4, 5), None, r"shape \(2, 3, 4, 5\) cannot be guessed.*e.g. NYX"),
        ((2, 3, 4, 5, 3), None, "cannot be guessed"),
        ((7,), None, "needs rows and columns"),
        ((4, 5), "NYX", r"'NYX' \(the axes given\) does not fit an array of shape \(4, 5\).*e.g. YX"),
        ((4, 5), "XY", "Y before X"),
        ((4, 5, 6), "NNX", "does not fit"),
        ((4, 5, 6), "Y X", "does not fit"),
    ],
)
def test_wrong_axes_say_what_is_allowed(shape: tuple[int, ...], given_axes: str | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        resolve_axes(shape, given_axes)


def test_bad_images_are_refused() -> None:
    for data, axes, message in (
        (np.zeros((3, 0)), "YX", r"is empty \(shape \(3, 0\)\)"),
        (np.zeros((3, 3), complex), "YX", "complex128. Allowed: bool, integer or real.*magnitude"),
        (np.array([["a", "b"]]), "YX", "Allowed: bool, integer or real"),
        (np.zeros((3, 3)), "NYX", "does not fit"),
    ):
        with pytest.raises(UserError, match=message):
            Image(data, axes)
    with pytest.raises(UserError, match="has 3 axes without channels but 2 scales"):
        Image(np.zeros((2, 3, 4)), "NYX", scale=(1, 2))


def test_scale_and_axes_may_come_in_any_clothes() -> None:
    image = Image(np.zeros((2, 3, 4)), "zyx", scale=np.array([3, 1, 1]))
    assert image.axes == "ZYX"
    assert image.scale == (3.0, 1.0, 1.0)


def test_every_order_of_four_axes_is_an_image_if_y_comes_before_x() -> None:
    for letters in map("".join, itertools.permutations("TCYX")):
        if letters.index("Y") < letters.index("X"):
            assert Image(np.zeros((2, 3, 4, 5)), letters).label_axes == "TYX"
        else:
            with pytest.raises(UserError, match="Y before X"):
                Image(np.zeros((2, 3, 4, 5)), letters)


class TestUsualRange:
    """Planes of one experiment keep some of their differences in brightness."""

    PLANES = tuple(np.linspace(0, top, 101, dtype=np.float32).reshape(1, 1, 101) for top in (100, 200))

    def test_the_means_of_the_percentiles(self) -> None:
        stack = Image(np.concatenate(self.PLANES), "NYX")
        found = Normalisation().fitted([stack])
        assert found.usual == ((pytest.approx(1.5), pytest.approx(148.5)),)
        alone = Normalisation().fitted(Image(np.arange(count)[None]) for count in (101, 201))  # counts: not one picture
        assert np.ptp(alone.usual[0]) == pytest.approx(147.0)

    def test_half_way_by_hand(self) -> None:
        dim, bright = (Normalisation(0, 100, ((0.0, 150.0),))(plane)[0].max() for plane in self.PLANES)
        assert dim == pytest.approx(100 / np.sqrt(100 * 150))
        assert bright == pytest.approx(200 / np.sqrt(200 * 150))
        assert Normalisation(0, 100)(self.PLANES[1])[0].max() == 1

    def test_a_constant_plane_takes_the_usual_range(self) -> None:
        flat = np.full((1, 4, 4), 90, np.float32)
        assert Normalisation(usual=((10.0, 110.0),))(flat)[0] == pytest.approx(np.full(flat.shape, 0.4))

    def test_channels_without_numbers_have_no_usual_range(self) -> None:
        plane = np.stack([np.arange(9.0), np.full(9, np.nan), np.arange(9.0)]).reshape(3, 3, 3).astype(np.float32)
        assert len(Normalisation().fitted([Image(plane, "CYX")]).usual) == 1
        assert Normalisation().fitted([]) == Normalisation()


def test_a_dask_array_is_read_without_those_who_listen_to_dask() -> None:
    """napari's cache listens to every computation, and fails where two threads compute at once."""
    from dask import array
    from dask.callbacks import Callback

    heard: list[object] = []
    values = numbered((2, 6, 8))
    lazy = array.from_array(values, chunks=(1, 3, 4))
    with Callback(pretask=lambda key, *_: heard.append(key)):
        assert np.array_equal(Image(lazy, "ZYX").window(1)[0], values[1])
        assert np.array_equal(Image(lazy, "ZYX").plane(0)[0], values[0])
        assert not heard
        np.asarray(lazy)
    assert heard, "others are heard"


@pytest.mark.parametrize("axes", ["YX", "YXC", "NYX"])
def test_an_image_of_one_value_is_told_once(axes: str) -> None:
    """A blank picture, the wrong channel: any answer for it means nothing."""
    image = Image(np.full((90, 70, 3)[: len(axes)] if axes != "NYX" else (1, 90, 70), 7, np.uint16), axes, "blank")
    with pytest.warns(InputWarning, match=r"'blank' holds the same value everywhere \(7\)") as told:
        image.note_flat(image.window(0))
    image.note_flat(image.window(0))  # without a word: a second one would be an error
    assert len(told) == 1


def test_images_with_anything_in_them_are_read_without_a_word() -> None:
    one = np.zeros((90, 70), np.uint8)
    one[33, 41] = 1
    channels = np.stack([one, np.zeros_like(one)], -1)
    empty = np.full((90, 70), np.nan)  # told in words of its own
    for image in (Image(one), Image(np.zeros((2, 90, 70), np.uint8), "NYX"), Image(channels, "YXC"), Image(empty)):
        image.note_flat(image.window(0))

"""What is known of a plane without its being in memory is what is known of the whole."""

from __future__ import annotations

import contextvars
import dataclasses
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core import plane_facts as module
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.image_range import channel_ranges
from napari_unet.core.leaving import NoLongerWantedError, heed
from napari_unet.core.normalisation import Normalisation
from napari_unet.core.parts_read import read_parts
from napari_unet.core.pixel_values import percentile_range
from napari_unet.core.plane_facts import _counted_range, how_judged, plane_facts, spread_pixels
from napari_unet.core.seen_parts import seeing
from napari_unet.core.window_stack import SampledPixels

RNG = np.random.default_rng(0)


def planes() -> dict[str, np.ndarray]:
    grey = RNG.normal(100, 30, (90, 70))
    filled = grey.astype(np.float32)
    filled[:20] = -9999
    holed = grey.astype(np.float32)
    holed[40:50, 3:9] = np.nan
    signed = grey.astype(np.int16)
    signed[:, :9] = -32768
    return {
        "uint8": grey.clip(0, 255).astype(np.uint8), "uint16": (grey * 100).astype(np.uint16), "bool": grey > 100,
        "int16 with a fill value": signed, "float32 with a fill value": filled, "float32 with NaN": holed,
        "int64 on an offset": (grey * 10).astype(np.int64) + 2**40, "float64 on an offset": grey * 1e-6 + 1e6,
        "float64, tiny": grey * 1e-40, "big-endian": (grey * 100).astype(">u2"),
        "constant": np.full((90, 70), 7, np.uint8),
    }


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGE_PLANE", 1000)
    monkeypatch.setattr(module, "BAND", 32)


@given(st.lists(st.integers(0, 300), min_size=1, max_size=400))
@settings(max_examples=60, deadline=None)
def test_percentiles_of_counts_are_those_of_the_values(values: list[int]) -> None:
    given_values = np.array(values)
    found = _counted_range(np.bincount(given_values, minlength=400), -7, (1.0, 99.0))
    assert found == percentile_range((given_values - 7).astype(np.float32), 1.0, 99.0)


@pytest.mark.filterwarnings("ignore:.*same value everywhere")
@pytest.mark.parametrize("kind", planes())
def test_a_window_is_that_part_of_the_normalised_plane(kind: str, small_limit: None) -> None:
    image = Image(planes()[kind])
    recipe = Normalisation(usual=((20.0, 200.0),), steps=(None,))
    whole, valid = recipe.plane(image, 0)
    for rows, columns in ((slice(0, 90), slice(0, 70)), (slice(17, 61), slice(5, 33))):
        part, there = recipe.window(image, 0, image.window(0, rows, columns))
        np.testing.assert_array_equal(part, whole[:, rows, columns])
        np.testing.assert_array_equal(there, valid[rows, columns])
    assert how_judged(image) == "every pixel"


def test_colours_have_no_data_where_all_channels_have_it(small_limit: None) -> None:
    colours = RNG.integers(0, 255, (60, 50, 3)).astype(np.uint8)
    colours[:10] = 0
    image = Image(colours, "YXC", no_data=(0.0,))
    whole, valid = Normalisation().plane(image, 0)
    part, there = Normalisation().window(image, 0, image.window(0, slice(5, 30)))
    np.testing.assert_array_equal(part, whole[:, 5:30])
    np.testing.assert_array_equal(there, valid[5:30])
    assert not there[:5].any()


def test_the_usual_range_is_that_of_planes_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = RNG.integers(0, 4000, (3, 700, 600)).astype(np.uint16)
    known = channel_ranges(Image(stack, "NYX"))
    monkeypatch.setattr(module, "LARGE_PLANE", 1000)
    monkeypatch.setattr(module, "BAND", 100)
    assert channel_ranges(Image(stack, "NYX")) == known


def test_what_is_too_large_is_judged_by_a_sample_that_is_always_the_same(
    monkeypatch: pytest.MonkeyPatch, small_limit: None
) -> None:
    monkeypatch.setattr(module, "WHOLE_VALUES", 40_000)
    monkeypatch.setattr(module, "SAMPLE_SIDE", 20)
    grey = RNG.normal(100, 30, (500, 400)).astype(np.float32)
    facts = plane_facts(Image(grey), 0, 1.0, 99.0)
    assert facts == plane_facts(Image(grey), 0, 1.0, 99.0)
    assert how_judged(Image(grey)) == "256 blocks of 20 x 20 pixels, evenly spread"
    (low, high), = facts.ranges
    assert abs(low - np.percentile(grey, 1)) < 3
    assert abs(high - np.percentile(grey, 99)) < 3


def test_no_more_than_a_block_is_read_at_a_time(small_limit: None) -> None:
    class Watched:
        """Remembers the largest part that was asked for."""

        shape, dtype, ndim, most = (300, 200), np.dtype(np.uint8), 2, 0

        def __getitem__(self, where: tuple[slice, slice]) -> np.ndarray:
            part = np.zeros(self.shape, np.uint8)[where]
            self.most = max(self.most, part.size)
            return part

    watched = Watched()
    image = Image(watched)
    plane_facts(image, 0, 1.0, 99.0)
    channel_ranges(image)
    assert watched.most <= module.SAMPLE_SIDE**2
    assert watched.most < 300 * 200


@pytest.mark.parametrize("far", [False, True])
def test_parts_are_read_in_order_and_the_first_that_fails_tells(far: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.arange(40 * 30, dtype=np.uint16).reshape(40, 30)
    boxes = [(slice(y, y + 10), slice(x, x + 10)) for y in range(0, 40, 10) for x in range(0, 30, 10)]
    image = Image(pixels, "YX")
    with seeing(image) as seen:
        found = read_parts(image, 0, boxes, is_far=far)
    for box, part in zip(boxes, found, strict=True):
        np.testing.assert_array_equal(part[0], pixels[box])
    assert len(seen) == len(boxes), "whoever notes what is read hears of it in threads, too"
    assert read_parts(image, 0, []) == []

    def torn(self: Image, number: int, rows: slice, columns: slice) -> np.ndarray:
        if rows.start + columns.start >= 20:
            raise UserError(f"row {rows.start}, column {columns.start}")
        return pixels[rows, columns][None]

    monkeypatch.setattr(Image, "window", torn)
    with pytest.raises(UserError, match="row 0, column 20"):
        read_parts(image, 0, boxes, is_far=far)


def test_reading_of_parts_is_left_in_its_middle() -> None:
    left = threading.Event()
    left.set()

    def leave() -> None:
        heed(left)
        read_parts(Image(np.zeros((20, 20)), "YX"), 0, [(slice(0, 10), slice(0, 10))] * 9)

    with pytest.raises(NoLongerWantedError):
        contextvars.copy_context().run(leave)


def test_the_sample_of_a_plane_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    image = Image(SampledPixels(np.random.default_rng(0).integers(0, 9, (3000, 1500), np.uint16)), "YX")
    monkeypatch.setattr(module, "LARGE_PLANE", 100)

    def counted(image: Image, number: int, parts: list[tuple[slice, slice]], *, is_far: bool) -> list[np.ndarray]:
        read.append(number)
        return read_parts(image, number, parts, is_far=is_far)

    monkeypatch.setattr(module, "read_parts", counted)
    spread = spread_pixels(image, 0, 4, (1.0, 99.0))
    facts = plane_facts(image, 0, 1.0, 99.0)
    assert read == [0]
    assert facts == plane_facts(dataclasses.replace(image), 0, 1.0, 99.0)
    assert spread.shape[0] == 1
    assert set(np.unique(spread)) <= set(range(9))

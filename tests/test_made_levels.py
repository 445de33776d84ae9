"""Smaller copies that are made for looking: what they hold, how little is read and kept."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from napari_unet.core import made_levels as module
from napari_unet.core.level_making import LevelMaker
from napari_unet.core.made_levels import MadeLevel, made_levels
from napari_unet.core.reduced_image import averaged


class Counted:
    """An array that counts what is read of it, and remembers the largest piece."""

    def __init__(self, data: np.ndarray, chunks: tuple[int, ...] | None = None) -> None:
        self._data, self.read, self.largest = data, 0, 0
        self.shape, self.dtype, self.ndim = data.shape, data.dtype, data.ndim
        if chunks is not None:
            self.chunks = chunks

    def __getitem__(self, index: Any) -> np.ndarray:
        found = self._data[index]
        self.read += found.size
        self.largest = max(self.largest, found.size)
        return found


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SMALLEST", 40)
    monkeypatch.setattr(module, "FITS", 3000)
    monkeypatch.setattr(module, "KEPT", 6000)
    monkeypatch.setattr(module, "_BLOCK", 64)


@pytest.mark.parametrize(("axes", "shape"), [
    ("YX", (301, 259)), ("ZYX", (2, 301, 259)), ("YXC", (301, 259, 3)), ("CYX", (2, 301, 259)),
    ("TYCX", (2, 130, 3, 99))])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "bool"])
def test_levels_are_the_means_of_what_they_stand_for(
    small: None, axes: str, shape: tuple[int, ...], dtype: str
) -> None:
    data = (np.random.default_rng(0).random(shape) * (255 if dtype == "uint8" else 1.9)).astype(dtype)
    levels = made_levels(data, axes)
    assert max(levels[-1].shape[axes.index("Y")], levels[-1].shape[axes.index("X")]) <= 40
    source, done = data, 1
    order = [axes.index(letter) for letter in axes if letter not in "CYX"]
    for number, level in enumerate(levels, 1):
        factor, by = 2**number, 2**number // done
        assert level.dtype == data.dtype
        assert [math.ceil(size / factor) if letter in "YX" else size for letter, size in zip(axes, shape, strict=True)
                ] == list(level.shape)
        stacked = np.moveaxis(source, order, range(len(order)))
        rest = "".join(letter for letter in axes if letter in "CYX")
        planes = stacked.reshape(-1, *stacked.shape[len(order):])
        expected = []
        for plane in planes:
            moved = plane.transpose([rest.index(one) for one in "CYX"]) if "C" in rest else plane[None]
            mean = averaged(moved, by)
            expected.append(mean.transpose(["CYX".index(one) for one in rest]) if "C" in rest else mean[0])
        found = np.moveaxis(np.asarray(level), order, range(len(order))).reshape(np.shape(expected))
        np.testing.assert_array_equal(found, expected)
        if level.plane_bytes <= 3000:
            source, done = np.asarray(level), factor


def test_parts_are_indexed_as_of_an_array(small: None) -> None:
    data = np.random.default_rng(0).integers(0, 255, (3, 301, 259)).astype(np.uint8)
    level = MadeLevel(data, "ZYX", 2)
    whole = np.asarray(level)
    for index in ((1,), (slice(None), 5, 7), (2, slice(10, 90, 3), slice(-5, None)), (..., slice(3, 3)), (0, -1),
                  (slice(2, 0, -1), slice(40, 10, -7), 3), (np.int64(1), slice(0, 1), slice(0, 500))):
        np.testing.assert_array_equal(level[index], whole[index])
    with pytest.raises(IndexError):
        level[0, 151, 0]


def test_an_image_is_read_once_for_all_that_is_seen_from_afar(small: None) -> None:
    data = Counted(np.random.default_rng(0).integers(0, 255, (640, 512)).astype(np.uint8), chunks=(64, 64))
    levels = made_levels(data, "YX")
    np.asarray(levels[-1])
    assert data.read == 640 * 512
    assert data.largest <= 64 * 64
    for level in levels:
        if level.plane_bytes <= 3000:
            np.asarray(level)
    assert data.read == 640 * 512, "nothing is read twice"
    levels[0][100:110, 100:110]
    assert data.read - 640 * 512 <= 4 * 64 * 64, "close by, what is looked at is read"
    for level in levels:
        assert sum(block.nbytes for block in level._kept.values()) <= 6000


def test_strips_are_not_cut(small: None) -> None:
    data = Counted(np.zeros((640, 512), np.uint8), chunks=(8, 512))
    level = MadeLevel(data, "YX", 4)
    np.asarray(level)
    assert data.read == 640 * 512
    assert level.chunks[1] == 128, "as wide as the strips"


def test_class_numbers_and_what_stands_for_no_data_are_not_averaged(small: None) -> None:
    data = np.random.default_rng(0).choice([0, 7, -9999], (301, 259)).astype(np.int16)
    for number, level in enumerate(made_levels(data, "YX", mean=False), 1):
        np.testing.assert_array_equal(np.asarray(level), data[:: 2**number, :: 2**number])


@pytest.mark.parametrize(("axes", "order"), [("XY", (1, 0)), ("XCY", (2, 0, 1)), ("CXY", (0, 2, 1))])
def test_columns_may_come_before_rows(axes: str, order: tuple[int, ...]) -> None:
    turned = "".join(axes[at] for at in order)
    pixels = np.random.default_rng(0).integers(0, 255, (2, 37, 53)[-len(axes):]).astype(np.uint8)
    (straight, *_), (level, *_) = made_levels(pixels, turned), made_levels(pixels.transpose(np.argsort(order)), axes)
    assert np.array_equal(level[...].transpose(order), straight[...])


def test_a_pixel_without_a_number_takes_no_others_with_it() -> None:
    pixels = np.ones((64, 64), np.float32)
    pixels[::7, ::9] = np.nan
    pixels[40:, 40:] = np.nan
    seen = MadeLevel(pixels, "YX", 8)[...]
    assert np.isnan(seen[5:, 5:]).all()
    seen[5:, 5:] = 1
    assert (seen == 1).all()


def test_numbers_do_not_outgrow_their_type_on_the_way_to_the_mean() -> None:
    assert MadeLevel(np.full((8, 8), 40000, np.float16), "YX", 4)[0, 0] == np.float16(40000)


def test_of_complex_numbers_some_are_taken() -> None:
    assert MadeLevel(np.full((8, 8), 1 + 2j, np.complex64), "YX", 2)[0, 0] == np.complex64(1 + 2j)


@pytest.mark.parametrize("axes", ["YX", "CYX", "YXC", "ZYX"])
def test_what_is_there_is_known_at_once_and_what_is_missing_is_named(small: None, axes: str) -> None:
    sizes = {"Y": 301, "X": 259, "C": 2, "Z": 2}
    data = Counted(np.random.default_rng(0).integers(1, 255, [sizes[one] for one in axes]).astype(np.uint8))
    levels = made_levels(data, axes)
    last, index = levels[-1], (0,) if axes == "ZYX" else (...,)
    found, missing = last.known(index)
    assert data.read == 0
    assert not found.any()
    assert {one for one, _ in missing} >= {last}
    before = 0
    for number, (level, key) in enumerate(missing):
        level.make(key)
        seen, left = last.known(index)
        assert len(left) == len(missing) - number - 1
        assert np.count_nonzero(seen) >= before
        before = np.count_nonzero(seen)
    np.testing.assert_array_equal(last.known(index)[0], last[index])
    assert data.read <= math.prod(data.shape)
    assert levels[0].known(...) is None, "more than is kept"
    part = tuple(slice(0, 20) if one in "YX" else 0 if one == "Z" else slice(None) for one in axes)
    assert len(levels[0].known(part)[1]) == 1


def test_a_maker_makes_what_is_looked_at_from_the_middle_and_no_view_twice(small: None) -> None:
    data = Counted(np.random.default_rng(0).integers(1, 255, (2, 640, 512)).astype(np.uint8), chunks=(1, 64, 64))
    *_, last = levels = made_levels(data, "ZYX")
    maker = LevelMaker()
    whole = (0, slice(None), slice(None))
    assert maker.ask(last, whole, last.known(whole)[1])
    run = maker.run()
    first = next(run)
    assert (first.done, first.total > 20) == (1, True)
    near = (0, slice(0, 5), slice(0, 5))
    assert maker.ask(levels[0], near, levels[0].known(near)[1])
    next(run)
    assert not levels[0].known(near)[1], "what is looked at closely comes first"
    far = (0, slice(200, 220), slice(200, 220))
    maker.ask(levels[0], far, levels[0].known(far)[1])
    maker.ask(last, whole, last.known(whole)[1])
    maker.ask(last, whole, last.known(whole)[1])
    next(run)
    assert levels[0].known(far)[1], "not after one has gone back"
    other = (1, slice(None), slice(None))
    assert maker.ask(last, other, last.known(other)[1])
    shares = list(run)
    assert shares[-1].done == shares[-1].total
    assert not last.known(other)[1]
    assert last.known(whole)[1], "the plane that nobody looks at any more was left"
    assert not maker.has_wishes
    assert maker.ask(last, whole, last.known(whole)[1])
    maker.give_up()
    for _ in range(2):
        assert not maker.ask(last, whole, last.known(whole)[1]), "given up: the same view asks in vain"
        maker.go_on()
    assert list(maker.run()) == []
    assert maker.ask(last, near, last.known(near)[1])

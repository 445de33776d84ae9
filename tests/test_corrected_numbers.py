"""Cuts, joins and pins over numbers that are read piece by piece give what they give over the whole."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.objects import corrected_numbers
from napari_unet.objects.class_field import ClassField
from napari_unet.objects.corrected_numbers import CorrectedNumbers
from napari_unet.objects.corrections import Pin, put_right
from napari_unet.objects.drawn_lines import with_lines
from napari_unet.objects.finding import find_objects
from napari_unet.objects.hints import Hints, Line
from napari_unet.objects.object_map import ObjectMap


def discs(chance: np.random.Generator, shape: tuple[int, ...]) -> ObjectMap:
    """Parts of discs (balls) at random places, some of which touch."""
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    labels = np.ones(shape, np.uint8)
    for _ in range(60 if len(shape) == 2 else 12):
        center = chance.uniform(0, shape)
        labels[((places - center) ** 2).sum(-1) <= chance.uniform(3, 8) ** 2] = chance.integers(2, 4)
    return find_objects(ClassField(labels), way="parts")


def any_line(chance: np.random.Generator, shape: tuple[int, ...]) -> Line:
    start = chance.uniform(-5, np.array(shape) + 5)
    stop = start + chance.normal(0, 14, len(shape))
    if len(shape) == 3:
        stop[0] = start[0] = round(start[0])
    return Line("cut" if chance.random() < 0.6 else "join", (tuple(start), tuple((start + stop) / 2 + 1), tuple(stop)))


def any_pin(chance: np.random.Generator, found: ObjectMap) -> Pin:
    """An object, or a box, or two objects as one, of some class or none."""
    number = int(chance.choice(found.present))
    mask = found.numbers == number
    if chance.random() < 0.3:
        mask |= found.numbers == int(chance.choice(found.present))
    if chance.random() < 0.3:
        mask = np.zeros(found.numbers.shape, bool)
        corner = [int(chance.integers(0, size - 3)) for size in mask.shape]
        mask[tuple(slice(at, at + int(chance.integers(2, 14))) for at in corner)] = True
    return Pin.of(mask, int(chance.integers(1, 4)))


def same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]), axis=1)
    return bool(len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]
                and np.array_equal(one > 0, other > 0))


@pytest.mark.parametrize("shape", [(90, 110), (10, 40, 50)])
@pytest.mark.parametrize("seed", range(8))
def test_it_is_what_comes_of_the_whole(seed: int, shape: tuple[int, ...]) -> None:
    chance = np.random.default_rng(seed)
    found = discs(chance, shape)
    lines = [any_line(chance, shape) for _ in range(6)]
    pins = [any_pin(chance, found) for _ in range(seed)]
    wanted = put_right(with_lines(found, Hints(tuple(lines))), pins)

    def read(box: tuple[slice, ...]) -> np.ndarray:
        return found.numbers[box].astype(np.int64)

    areas = np.bincount(found.numbers.ravel(), minlength=len(found.classes))
    mended = CorrectedNumbers(read, shape, areas, found.classes)
    mended.put_right(lines, pins)
    made = np.zeros(shape, np.int64)
    for start in range(0, shape[-1], 23):  # read in strips, as it is written
        box = (*(slice(0, size) for size in shape[:-1]), slice(start, min(start + 23, shape[-1])))
        made[box] = mended.numbers(box)
    assert same_partition(made, wanted.numbers)
    assert np.array_equal(mended.classes[made], wanted.classes[wanted.numbers])
    assert np.array_equal(np.flatnonzero(mended.classes), np.unique(made[made > 0])), "no class without an object"
    assert mended.left_out == 0


def test_what_is_too_large_for_a_line_is_left_as_it_is_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corrected_numbers, "MOST", 1000)
    numbers = np.zeros((60, 60), np.int64)
    numbers[5:55, 5:55] = 1
    mended = CorrectedNumbers(lambda box: numbers[box], numbers.shape, np.array([0, 2500]), np.array([0, 2], np.uint8))
    mended.put_right([Line("cut", ((0, 30), (59, 30)))], [Pin.of(numbers[:8] > 0, 1)])
    assert mended.left_out == 1
    made = mended.numbers((slice(0, 60), slice(0, 60)))
    assert (made[:8] == 0).all(), "pins need no window"
    assert np.array_equal(made[8:], numbers[8:])

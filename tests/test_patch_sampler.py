"""Patches around strokes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.core.errors import InputWarning, UserError
from napari_unet.core.image import Image
from napari_unet.core.normalisation import Normalisation
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.learning.patch_sampler import PatchSampler
from napari_unet.learning.plane_cache import PlaneCache
from napari_unet.learning.stroke_tracker import StrokeTracker


def numbered(shape=(64, 80)):
    """An image whose pixels are all different."""
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def setup(data, paint, axes="YX", ids=None, seed=0, hold=False):
    training = TrainingSet((Pair(Image(data, axes), Scribbles.from_array(paint)),))
    strokes = StrokeTracker(hold=hold).update(training)
    planes = PlaneCache(Normalisation())
    ids = ids or training.painted_ids
    return PatchSampler(training, strokes, ids, planes, np.random.default_rng(seed)), strokes, planes


def two_lines(shape=(64, 80)):
    paint = np.zeros(shape, np.uint8)
    paint[10, 5:30] = 1
    paint[40, 50:70] = 3
    return paint


def test_targets_sit_on_their_pixels():
    data, paint = numbered(), two_lines()
    sampler, _, _ = setup(data, paint)
    batch = sampler.draw(8, 32)
    normal = Normalisation()(data[None])[0][0]
    assert batch.images.shape == (8, 1, 32, 32)
    assert batch.images.dtype == np.float32
    assert batch.targets.dtype == np.int64
    for image, target in zip(batch.images[:, 0], batch.targets, strict=True):
        rows, columns = np.where(normal == image[0, 0])  # clipped values apart, every pixel is unique
        assert any(
            np.array_equal(image, normal[r:r + 32, c:c + 32])
            and np.array_equal(target, np.choose(paint[r:r + 32, c:c + 32], [-1, 0, -1, 1]))
            for r, c in zip(rows, columns, strict=True)
        )


def test_every_class_has_its_share_and_every_stroke_its_turn():
    paint = np.zeros((300, 300), np.uint8)
    for number in range(5):
        paint[20 + 50 * number, 10:200] = 1
    paint[280, 290] = 2  # a single pixel
    sampler, _, _ = setup(numbered(paint.shape), paint)
    batch = sampler.draw(60, 16)
    assert (batch.targets == 1).any(axis=(1, 2)).sum() == 30  # half of all patches for one pixel
    normal = Normalisation()(numbered(paint.shape)[None])[0][0]
    seen = {int(np.abs(normal[:, 0] - image[0, 0, 0]).argmin()) // 50 for image in batch.images}
    assert seen >= {0, 1, 2, 3, 4}


def test_the_newest_stroke_is_drawn_more_often():
    image, paint = Image(numbered((40, 400))), np.zeros((40, 400), np.uint8)
    book = StrokeTracker(hold=False)
    paint[5, 350] = 2
    for column in (10, 100, 200, 300):
        paint[20, column:column + 5] = 1
        training = TrainingSet((Pair(image, Scribbles.from_array(paint)),))
        strokes = book.update(training)
    sampler = PatchSampler(training, strokes, (1, 2), PlaneCache(Normalisation()), np.random.default_rng(0))
    batch = sampler.draw(800, 16)
    normal = Normalisation()(image.plane(0))[0][0]
    first = batch.images[(batch.targets == 0).any(axis=(1, 2)), 0, 8, 8]
    where = np.abs(normal[None] - first[:, None, None]).reshape(len(first), -1).argmin(1) % 400
    counts = [int((np.abs(where - column) < 20).sum()) for column in (10, 100, 200, 300)]
    assert sum(counts) == 400
    assert counts[3] > 1.3 * counts[2] > 1.3 * 1.1 * counts[0]
    assert min(counts) > 40


@pytest.mark.parametrize("shape", [(9, 7), (1, 50), (50, 1), (1, 1)])
def test_images_smaller_than_a_patch(shape):
    data = np.random.default_rng(0).random(shape).astype(np.float32)
    paint = np.zeros(shape, np.uint8)
    paint[0, 0] = 2
    paint[-1, -1] = 1
    sampler, _, _ = setup(data, paint, ids=(1, 2))
    batch = sampler.draw(2, 16)
    assert np.isfinite(batch.images).all()
    assert (batch.targets >= 0).sum() <= 2 * np.count_nonzero(paint)  # padding is not painted
    assert (batch.targets >= 0).any()


@given(st.integers(1, 12), st.integers(1, 12), st.integers(4, 40))
@settings(max_examples=40)
def test_padding_is_the_mirror_image(height, width, size):
    data = np.random.default_rng(height * 100 + width).random((height, width)).astype(np.float32)
    paint = np.ones((height, width), np.uint8)
    sampler, _, planes = setup(data, paint)
    image, target = sampler.cut(0, 0, 0, 0, size)
    normal, _ = planes.get(sampler._training.pairs[0].image, 0)
    top, left = max(0, (size - height) // 2), max(0, (size - width) // 2)
    expected = np.pad(normal, ((0, 0), (top, max(0, size - height - top)), (left, max(0, size - width - left))),
                      mode="reflect")[:, :size, :size]
    assert np.array_equal(image, expected)
    assert (target == 0).sum() == min(height, size) * min(width, size)


@pytest.mark.parametrize("length", [40, 64, 100])
def test_a_margin_does_not_keep_the_border_of_an_image_out_of_reach(length):
    paint = np.zeros((length, length), np.uint8)
    paint[0, 0] = 1
    paint[-1, -1] = 2
    sampler, _, _ = setup(numbered(paint.shape), paint)
    batch = sampler.draw(20, 32, 20)
    assert batch.images.shape[-2:] == (72, 72)
    inner = batch.targets[:, 20:-20, 20:-20]
    assert (inner >= 0).any(axis=(1, 2)).all()


def test_held_out_strokes_are_not_in_the_targets():
    paint = np.zeros((64, 64), np.uint8)
    for row in range(0, 64, 8):
        paint[row, :30] = 1
        paint[row, 40:] = 2
    sampler, strokes, _ = setup(numbered((64, 64)), paint, hold=True)
    held = [stroke for stroke in strokes if stroke.held]
    assert len(held) == 4
    _, target = sampler.cut(0, 0, 0, 0, 64)
    for stroke in held:
        assert (target.flat[stroke.pixels] == -1).all()
    assert (target >= 0).sum() == sum(stroke.pixels.size for stroke in strokes if not stroke.held)
    alone = sampler.centred(held[0], 64).targets[0]
    assert np.array_equal(np.flatnonzero(alone >= 0), held[0].pixels)


def test_pixels_that_are_not_finite_are_not_painted():
    data, paint = numbered(), two_lines()
    data[10, 5:15] = np.nan
    data[0, 0] = np.inf
    sampler, _, _ = setup(data, paint)
    with pytest.warns(InputWarning, match="11 of 5120 pixels are NaN or infinite"):
        _, target = sampler.cut(0, 0, 0, 0, 64)
    assert (target == 0).sum() == 15


def test_an_image_without_any_number_is_refused():
    sampler, _, _ = setup(np.full((64, 80), np.nan, np.float32), two_lines())
    with pytest.raises(UserError, match="holds no numbers at all"):
        sampler.draw(1, 16)


def test_channels_and_planes():
    data = np.random.default_rng(0).random((3, 64, 80, 2)).astype(np.float32)
    paint = np.zeros((3, 64, 80), np.uint8)
    paint[2] = two_lines()
    sampler, _, planes = setup(data, paint, axes="ZYXC")
    assert sampler.draw(3, 32).images.shape == (3, 2, 32, 32)
    assert planes.n_bytes == 64 * 80 * (2 * 4 + 1)  # one plane read, two were never painted


def test_the_same_seed_gives_the_same_patches():
    first, second, other = (setup(numbered(), two_lines(), seed=seed)[0].draw(4, 16) for seed in (1, 1, 2))
    assert np.array_equal(first.images, second.images)
    assert not np.array_equal(first.images, other.images)


def test_the_memory_of_the_cache_is_bounded():
    stack = np.random.default_rng(0).random((20, 32, 32)).astype(np.float32)
    image, planes = Image(stack, "ZYX"), PlaneCache(Normalisation(), max_bytes=4 * 32 * 32 * 5)
    for number in [*range(20), 0]:
        values, valid = planes.get(image, number)
        assert planes.n_bytes <= 4 * 32 * 32 * 5
        assert np.array_equal(values, Normalisation()(image.plane(number))[0])
        assert valid.all()
    assert planes.get(image, 0)[0] is values


def test_the_image_is_not_changed():
    data = numbered()
    before = data.copy()
    setup(data, two_lines())[0].draw(4, 32)
    assert np.array_equal(data, before)

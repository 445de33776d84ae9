"""One picture in many forms is answered alike, dim planes stay dim, and what is on another scale is said."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

import napari_unet
from napari_unet.core.errors import InputWarning
from napari_unet.core.image import Image
from napari_unet.core.image_range import channel_ranges, grey_step
from napari_unet.core.normalisation import Normalisation
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import Work
from napari_unet.learning.plane_cache import PlaneCache
from napari_unet.sample_data import load
from napari_unet.segmenters.instant_answer import Instant

FORMS = {
    "8 bits": lambda grey: grey.astype(np.uint8),
    "16 bits": lambda grey: (grey * 257).astype(np.uint16),
    "0 to 1": lambda grey: (grey / 255).astype(np.float32),
    "offset of 1000": lambda grey: (grey + 1000).astype(np.uint16),
    "below zero": lambda grey: (grey * 3 - 20_000).astype(np.int16),
    "standardised": lambda grey: ((grey - 61.3) / 17.9).astype(np.float64),
}


def scene(seed: int, gain: float = 1.0, planes: int = 1) -> NDArray[np.int64]:
    """Discs on noise, 0 to 255, (planes, 96, 96)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :96]
    grey = rng.normal(30, 6, (planes, 96, 96))
    for plane in grey:
        discs = [(y - top) ** 2 + (x - left) ** 2 < 64 for top, left in rng.integers(10, 86, (8, 2))]
        plane[np.any(discs, axis=0)] += 120
    return np.clip(20 + (grey - 20) * gain, 0, 255).round().astype(np.int64)


@pytest.mark.parametrize("learnt", FORMS)
@pytest.mark.parametrize("asked", FORMS)
def test_the_same_numbers_whatever_the_form(learnt: str, asked: str) -> None:
    normalisation = Normalisation().fitted([Image(FORMS[learnt](scene(0, planes=3)), "NYX")])
    for picture in (scene(1), scene(2, 0.4), scene(3, 1.6)):
        expected, _ = normalisation.plane(Image(FORMS[learnt](picture), "NYX"), 0)
        image = Image(FORMS[asked](picture), "NYX")
        np.testing.assert_allclose(normalisation.plane(image, 0)[0], expected, atol=2e-3)
        assert normalisation.told(image) is None


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("learnt", FORMS)
def test_an_empty_plane_or_file_of_the_experiment_stays_dim(learnt: str, form: str) -> None:
    stack = scene(0, planes=6)
    empty = np.random.default_rng(1).normal(30, 2, stack[:1].shape).round().astype(np.int64)
    stack[4] = empty[0]
    normalisation = Normalisation().fitted([Image(FORMS[learnt](stack), "NYX")])
    for image, number in ((Image(FORMS[form](stack), "NYX"), 4), (Image(FORMS[form](empty), "NYX"), 0)):
        noise = normalisation.plane(image, number)[0].std()
        stretched = Normalisation().plane(image, number)[0].std()
        assert noise < 0.55 * stretched  # half is the least that is left, see MOST


def test_a_plane_is_the_same_alone_asked_for_and_in_the_whole_stack() -> None:
    stack = Image(scene(0, planes=12).astype(np.uint8), "NYX")
    normalisation = Normalisation().fitted([Image(scene(5, planes=4).astype(np.uint8), "NYX")])
    first = normalisation.plane(Image(stack.data, "NYX"), 7)[0]
    for number in range(stack.n_planes):
        found = normalisation.plane(stack, number)[0]
    np.testing.assert_array_equal(first, normalisation.plane(stack, 7)[0])
    assert not np.array_equal(first, found)


def test_an_image_on_another_scale_counts_alone_and_that_is_said() -> None:
    normalisation = Normalisation().fitted([Image(scene(0)[0].astype(np.uint8))])
    rng = np.random.default_rng(0)
    other = Image((scene(1)[0] * 235 + rng.integers(0, 235, (96, 96))).astype(np.uint16), name="other")
    assert "'other' is on another scale than what was learnt from" in (normalisation.told(other) or "")
    np.testing.assert_allclose(normalisation.plane(other, 0)[0], Normalisation()(other.plane(0))[0], atol=1e-5)
    planes = PlaneCache(normalisation)
    with pytest.warns(InputWarning, match="another scale"):
        planes.get(other, 0)
    planes.get(other, 0)  # warnings are errors here: it is said once


def test_computed_pictures_have_no_step_but_a_scale() -> None:
    smooth = Image(np.random.default_rng(0).normal(5, 2, (64, 64)))
    assert channel_ranges(smooth)[0].step is None
    normalisation = Normalisation().fitted([smooth])
    assert normalisation.told(Image(smooth.data * 0.1)) is None
    assert normalisation.told(Image(smooth.data / 255)) is not None
    assert normalisation.told(Image(np.full((64, 64), 7.5))) is None


@pytest.mark.parametrize("step", [1, 2, 16, 257, 1 / 255, 1 / 4095, 0.37])
@pytest.mark.parametrize("offset", [0, -300, 1000])
def test_steps(step: float, offset: int) -> None:
    rng = np.random.default_rng(0)
    values = (rng.choice(200, 60, replace=False) + offset) * step
    assert grey_step(values.astype(np.float32)) == pytest.approx(step, rel=1e-4)


def test_where_no_step_can_be_told() -> None:
    assert grey_step(np.array([])) is None
    assert grey_step(np.array([3.0])) is None
    assert grey_step(np.array([0, 255])) is None
    assert grey_step(np.array([0.0, 0.2])) is None
    assert grey_step(np.array([0, 255, 511])) == 1
    assert grey_step(np.random.default_rng(0).random(1000)) is None


def test_files_of_before_have_numbers_alone() -> None:
    stack = Image(scene(0, planes=3).astype(np.uint8), "NYX")
    before = dataclasses.replace(Normalisation().fitted([stack]), steps=())
    for number in range(3):
        np.testing.assert_array_equal(before.plane(stack, number)[0], before(stack.plane(number))[0])
    for form in ("8 bits", "16 bits", "0 to 1", "offset of 1000"):  # a gain of 3 is an exposure: there is no step
        image = Image(FORMS[form](scene(0, planes=3)), "NYX")
        for number in range(3):
            np.testing.assert_allclose(before.plane(image, number)[0], before.plane(stack, number)[0], atol=0.02)


def agreement(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Dice of the foreground."""
    return float(2 * np.count_nonzero((one == 2) & (other == 2)) / np.count_nonzero([one == 2, other == 2]))


def test_strokes_on_8_and_16_bits_are_learnt_together() -> None:
    sample = load("nuclei")
    stack, strokes = sample.pairs[0].image, sample.pairs[0].scribbles
    first, second = (stack.plane(number)[0] for number in list(strokes.planes)[:2])
    paint = list(strokes.planes.values())
    answers = []
    for picture in (second.astype(np.uint8), (second * 257).astype(np.uint16)):
        pairs = (Pair(Image(first.astype(np.uint8)), Scribbles.from_array(paint[0])),
                 Pair(Image(picture), Scribbles.from_array(paint[1])))
        model = Work(Instant(seed=0, device="cpu").fit(TrainingSet(pairs))).result()
        answers.append([napari_unet.predict(pair.image, model).result() + 1 for pair in pairs])
    for one, same in zip(*answers, strict=True):
        assert agreement(one, same) > 0.98

"""The width of a brush that is proposed: after what was painted, else after the image's own structures."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.image import Image
from napari_unet.core.scribbles import Scribbles
from napari_unet.ui.brush_width import PART, PLAIN, proposed_width, stroke_widths, structure_width


def _stripes(width: int, side: int = 256, bright: bool = True) -> np.ndarray:
    plane = np.zeros((side, side), np.float32)
    for start in range(10, side - width, 5 * width + 10):
        plane[:, start:start + width] = 1
    noise = np.random.default_rng(0).normal(0, 0.05, plane.shape)
    return ((plane if bright else 1 - plane) + noise).astype(np.float32)


@pytest.mark.parametrize("bright", [True, False])
@pytest.mark.parametrize("width", [6, 12, 24])
def test_the_structures_of_an_image_are_measured(width: int, bright: bool) -> None:
    found = structure_width(_stripes(width, bright=bright))
    assert found == pytest.approx(width, rel=0.25, abs=2)
    assert proposed_width(Image(_stripes(width, bright=bright))) == pytest.approx(width / 2, rel=0.25, abs=1)


def test_the_size_of_the_image_does_not_matter() -> None:
    small, large = (proposed_width(Image(_stripes(12, side))) for side in (256, 1024))
    assert small == large


def test_thin_things_count_where_there_are_thick_ones_too() -> None:
    plane = _stripes(8)
    plane[100:160, 100:160] += 1
    assert proposed_width(Image(plane)) <= 6


def test_what_was_painted_before_goes_first_and_specks_do_not_count() -> None:
    strokes = np.zeros((2, 64, 64), np.uint8)
    strokes[1, 4:9, 4:40] = 1
    strokes[1, 20:31, 4:40] = 2
    strokes[1, 50, 50] = 2
    painted = Scribbles.from_array(strokes)
    assert sorted(stroke_widths(painted)) == [5, 11]
    assert proposed_width(Image(_stripes(24)), [Scribbles.empty((64, 64)), painted]) == 5


def test_channels_planes_and_empty_images_are_no_trouble() -> None:
    stack = np.stack([np.stack([_stripes(6)] * 3, -1), np.stack([_stripes(24)] * 3, -1)])
    assert proposed_width(Image(stack, "TYXC"), plane=0) < proposed_width(Image(stack, "TYXC"), plane=1)
    assert proposed_width(Image(np.zeros((40, 40)))) == PLAIN
    assert proposed_width(Image(np.full((40, 40), np.nan, np.float32))) == PLAIN
    assert proposed_width(Image(np.ones((3, 3)))) == PLAIN


def test_of_a_large_image_only_the_middle_is_read() -> None:
    class Watched:
        shape, dtype = (4, 100_000, 100_000), np.dtype(np.uint8)
        asked: tuple[slice, ...] = ()

        def __getitem__(self, index: tuple[slice, ...]) -> np.ndarray:
            Watched.asked = index
            return np.zeros((PART, PART), np.uint8)

    assert proposed_width(Image(Watched(), "ZYX"), plane=2) == PLAIN
    assert Watched.asked == (2, slice(49_744, 50_256), slice(49_744, 50_256))

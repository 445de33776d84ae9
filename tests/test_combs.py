"""No column or row is favoured for its place on the grid: what is said of noise is even."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.core.work import Work
from napari_unet.sample_data import load
from napari_unet.segmenters.instant_answer import Instant


def lone(labelled: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Pixels whose left and right neighbours are not labelled, by column modulo 4."""
    alone = labelled[:, 16:-16] & ~labelled[:, 15:-17] & ~labelled[:, 17:-15]
    return alone.sum(axis=0).reshape(-1, 4).sum(axis=0)


@pytest.mark.parametrize("name", ["nuclei", "membranes"])
def test_noise_is_labelled_evenly(name: str) -> None:
    sample = load(name)
    model = Work(Instant(seed=0, device="cpu").fit(sample.training)).result()
    like = sample.pairs[0].image.plane(0)[0]
    noise = np.random.default_rng(0).normal(like.mean(), like.std(), (512, 512))
    image = Image(np.clip(noise, 0, 255).round().astype(np.uint8))
    labels = assemble(image, model.segment(image))
    seen = 0
    for number in np.unique(labels):
        for way in (labels == number, (labels == number).T):
            counts = lone(way)
            seen += int(counts.sum())
            assert counts.max() - counts.min() <= 5 * np.sqrt(counts.max() + counts.min())
    assert seen > 200

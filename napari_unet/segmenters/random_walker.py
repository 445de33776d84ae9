"""Random walker: each free pixel takes the class of the seed a random walk would reach first. By scikit-image."""

from __future__ import annotations

import dataclasses
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_unet.classical.appearance import Appearance
from napari_unet.classical.regions import Regions
from napari_unet.classical.seeds import memberships_of_taken
from napari_unet.core.classes import ClassTable
from napari_unet.core.parameters import Parameter

from . import register
from ._seeds import SeededMethod


@register("random_walker", title="Random walker", family="graphs")
@dataclasses.dataclass(frozen=True)
class RandomWalker(SeededMethod):
    """Random walker: a pixel takes the class whose seeds a random walk from it would reach first.

    The walk avoids steps between pixels of different brightness or colour, so classes meet on edges, also faint and
    broken ones (Grady 2006, doi:10.1109/TPAMI.2006.233). Seeds are the strokes and the pixels that surely look like a
    class; on planes without strokes the sure pixels alone. Where just one class has seeds on a plane, pixels take the
    class they resemble most.
    """

    voxel_bytes: ClassVar[int] = 800  # the equations of a walk

    beta: Annotated[float | None, Parameter("How strongly edges hold the walk back; smaller values give smoother "
                                            "borders.", min=0.1, max=100000, step=10, auto=(130.0, 30.0, 600.0))] = None

    def spread(
        self, seen: Regions, learnt: Appearance, shares: NDArray[np.float32], seeds: NDArray[np.int16]
    ) -> NDArray[np.float32]:
        """Return the probabilities of reaching each class first."""
        from skimage.segmentation import random_walker

        del learnt
        present = np.unique(seeds[seeds >= 0])
        if len(present) < 2 or (seeds >= 0).all() or not np.ptp(seen.stack) > 0:
            return memberships_of_taken(shares, seeds)
        labels = np.zeros(seeds.shape, np.int32)
        for number, index in enumerate(present, start=1):
            labels[seeds == index] = number
        found = random_walker(
            np.moveaxis(seen.stack, 0, -1), labels, beta=self.beta or 130.0, mode="cg_j", tol=1e-3, copy=True,
            return_full_prob=True, prob_tol=np.inf, channel_axis=-1, spacing=seen.spacing,
        )
        out = np.zeros_like(shares)
        out[present] = np.clip(found, 1e-6, 1)
        return out / out.sum(axis=0)

    def remark(self, learnt: Appearance, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say what walks from where."""
        del learnt
        return f"Random walks {self.started(classes, ids)}"

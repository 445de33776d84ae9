"""Patches of several planes of a volume, cut around strokes on any of them. Changes no image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.depth import stack_planes
from ..core.scribbles import TrainingSet
from ..predicting.slabs import DepthReach
from .patch_sampler import PatchSampler, axis_window
from .plane_cache import PlaneCache
from .strokes import Stroke


class VolumeSampler(PatchSampler):
    """Cuts patches (C, Z, S, S), with targets (Z, S, S) of all that is painted in them.

    A stroke lies at a random plane within the inner half of the patch. Where a volume has fewer planes than the patch,
    its mirror image fills the rest, unpainted. A network that has to be given planes beyond those it answers gets so
    many more on each side.

    Parameters
    ----------
    training, strokes, ids, planes, generator
        As of :class:`~.patch_sampler.PatchSampler`.
    along : DepthReach
        How the network looks along z.
    thickness : int
        Planes of what is learnt from, a multiple of the network's stride along z.
    """

    def __init__(
        self, training: TrainingSet, strokes: Sequence[Stroke], ids: Sequence[int], planes: PlaneCache,
        generator: np.random.Generator, along: DepthReach, thickness: int,
    ) -> None:
        super().__init__(training, strokes, ids, planes, generator)
        self._more = along.halo if along.beyond else 0
        self._thickness = thickness
        self._stacks: dict[tuple[int, int], tuple[int, ...]] = {}

    def planes_ahead(self, generator: np.random.Generator | None = None) -> int:
        """Return how many planes of a patch come before the one it is cut around: by chance, or half of them."""
        if generator is None:
            return self._thickness // 2
        return int(generator.integers(self._thickness // 4, self._thickness - self._thickness // 4))

    def cut(
        self, pair: int, plane: int, top: int, left: int, size: int, margin: int = 0,
        paint: NDArray[np.uint8] | None = None, ahead: int = 0,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Cut one patch, moved into the volume as far as it fits, along z as along rows and columns.

        Parameters
        ----------
        pair, plane, top, left, size, margin, ahead : int
            See :meth:`PatchSampler.cut`.
        paint : ndarray of uint8, shape (Y, X), optional
            Painted ids of this plane; no other is painted then.

        Returns
        -------
        image : ndarray of float32, shape (C, Z, S, S)
        target : ndarray of int64, shape (Z, S, S)
        """
        stack = self._stack(pair, plane)
        places, inside = axis_window(stack.index(plane) - ahead, self._thickness, self._more, len(stack))
        numbers = [stack[int(place)] for place in places]
        rows, columns = self._windows(pair, top, left, size, margin)
        pixels = {number: self._pixels(pair, number, rows, columns) for number in dict.fromkeys(numbers)}
        painted = {plane: paint} if paint is not None else {
            number: self._painted(pair, number) for number in pixels
            if number in self._training.pairs[pair].scribbles.planes}
        target = np.full((self._thickness, len(rows[0]), len(columns[0])), -1, np.int64)
        answered = slice(self._more, self._more + self._thickness)
        for at, (number, real) in enumerate(zip(numbers[answered], inside[answered], strict=True)):
            if real and number in painted:
                target[at] = self._target(pair, number, rows, columns, painted[number])
        return np.stack([pixels[number] for number in numbers], axis=1), target

    def _stack(self, pair: int, plane: int) -> tuple[int, ...]:
        if (pair, plane) not in self._stacks:
            stack = stack_planes(self._training.pairs[pair].image, plane)
            self._stacks |= {(pair, one): stack for one in stack}
        return self._stacks[pair, plane]

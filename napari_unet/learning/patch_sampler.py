"""Patches to learn from: cut around strokes, every class and every stroke with its share. Changes no image."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.scribbles import TrainingSet
from .plane_cache import PlaneCache
from .strokes import Stroke


@dataclasses.dataclass(frozen=True, eq=False)
class Batch:
    """Patches and what is painted in them.

    Parameters
    ----------
    images : ndarray of float32, shape (B, C, S, S)
        Normalised.
    targets : ndarray of int64, shape (B, S, S)
        Class index in the order of the ids given to :class:`PatchSampler`; -1 where not painted.
    """

    images: NDArray[np.float32]
    targets: NDArray[np.int64]


Window = tuple[NDArray[np.int64], NDArray[np.bool_]]
"""Indices along an axis, and which of them lie inside the image."""


class PatchSampler:
    """Cuts square patches around strokes.

    The patches of a batch go round the classes. Within a class, one stroke is drawn. Its weight is the square root of
    its number of pixels. The newest strokes count :attr:`NEWEST` times; the factor shrinks with each later change of
    the strokes. A random pixel of the stroke lies at a random place within the inner half of the patch. Where an image
    is smaller than the patch, its mirror image fills the rest, unpainted. Pixels that are not finite are unpainted.

    Parameters
    ----------
    training : TrainingSet
    strokes : sequence of Stroke
        Strokes of this training set; those held out are left out of the patches and their targets.
    ids : sequence of int
        Painted ids in the order of the target's class indices.
    planes : PlaneCache
    generator : numpy.random.Generator
    """

    NEWEST = 4.0

    def __init__(
        self,
        training: TrainingSet,
        strokes: Sequence[Stroke],
        ids: Sequence[int],
        planes: PlaneCache,
        generator: np.random.Generator,
    ) -> None:
        self._training = training
        self._planes = planes
        self._generator = generator
        self._index = np.full(256, -1, np.int64)
        self._index[list(ids)] = np.arange(len(ids))
        self._hidden: dict[tuple[int, int], list[Stroke]] = defaultdict(list)
        self._paint: dict[tuple[int, int], NDArray[np.uint8]] = {}
        by_class: dict[int, list[Stroke]] = defaultdict(list)
        for stroke in strokes:
            if stroke.held:
                self._hidden[stroke.pair, stroke.plane].append(stroke)
            elif stroke.class_id in ids:
                by_class[stroke.class_id].append(stroke)
        self._classes = [(members, _shares(members)) for _, members in sorted(by_class.items())]
        self._turn = 0
        self._order = np.arange(len(self._classes))
        self._planes_painted = sorted({(stroke.pair, stroke.plane) for stroke in strokes})

    def draw(self, count: int, size: int, margin: int = 0) -> Batch:
        """Cut patches around strokes.

        Parameters
        ----------
        count : int
            Number of patches, B.
        size : int
            Side in pixels of what will be learnt from.
        margin : int
            Pixels to add on each side, so that a patch can be turned; S = size + 2 margin. Only the margin may
            lie outside an image that is larger than ``size``.
        """
        cuts = []
        for _ in range(count):
            if self._turn % len(self._classes) == 0:
                self._order = self._generator.permutation(len(self._classes))
            members, shares = self._classes[self._order[self._turn % len(self._classes)]]
            self._turn += 1
            stroke = members[self._generator.choice(len(members), p=shares)]
            cuts.append(self._around(stroke, size, margin))
        return _stack(cuts)

    def anywhere(self, count: int, size: int, generator: np.random.Generator) -> Batch:
        """Cut patches anywhere in the painted planes: what the network sees when it predicts."""
        cuts = []
        for _ in range(count):
            pair, plane = self._planes_painted[generator.integers(len(self._planes_painted))]
            height, width = self._training.pairs[pair].image.plane_shape
            row, column = generator.integers(height), generator.integers(width)
            cuts.append(self.cut(pair, plane, int(row) - size // 2, int(column) - size // 2, size,
                                 ahead=self.planes_ahead(generator)))
        return _stack(cuts)

    def centred(self, stroke: Stroke, size: int) -> Batch:
        """Cut one patch with the middle pixel of a stroke at its centre; targets show this stroke alone."""
        image = self._training.pairs[stroke.pair].image
        row, column = divmod(int(stroke.pixels[stroke.pixels.size // 2]), image.plane_shape[1])
        alone = np.zeros(image.plane_shape, np.uint8)
        alone.flat[stroke.pixels] = stroke.class_id
        return _stack([self.cut(stroke.pair, stroke.plane, row - size // 2, column - size // 2, size, paint=alone,
                                ahead=self.planes_ahead())])

    def _around(self, stroke: Stroke, size: int, margin: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        width = self._training.pairs[stroke.pair].image.plane_shape[1]
        row, column = divmod(int(self._generator.choice(stroke.pixels)), width)
        down, right = self._generator.integers(size // 4, size - size // 4, 2)
        return self.cut(stroke.pair, stroke.plane, row - int(down), column - int(right), size, margin,
                        ahead=self.planes_ahead(self._generator))

    def planes_ahead(self, generator: np.random.Generator | None = None) -> int:
        """Return how many planes of a patch come before the one it is cut around, by chance or half of them: none."""
        del generator
        return 0

    def cut(
        self,
        pair: int,
        plane: int,
        top: int,
        left: int,
        size: int,
        margin: int = 0,
        paint: NDArray[np.uint8] | None = None,
        ahead: int = 0,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Cut one patch, its inner part (without the margin) moved into the image as far as it fits.

        Parameters
        ----------
        pair, plane : int
        top, left : int
            First row and column of the inner part.
        size, margin : int
            See :meth:`draw`.
        paint : ndarray of uint8, shape (Y, X), optional
            Painted ids to take instead of the plane's.
        ahead : int
            Planes of the patch before this one; a patch of one plane has none.

        Returns
        -------
        image : ndarray of float32, shape (C, S, S)
        target : ndarray of int64, shape (S, S)
        """
        del ahead
        rows, columns = self._windows(pair, top, left, size, margin)
        paint = self._painted(pair, plane) if paint is None else paint
        return self._pixels(pair, plane, rows, columns), self._target(pair, plane, rows, columns, paint)

    def _windows(self, pair: int, top: int, left: int, size: int, margin: int) -> tuple[Window, Window]:
        """Return rows and columns of a patch, see :func:`axis_window`."""
        height, width = self._training.pairs[pair].image.plane_shape
        return axis_window(top, size, margin, height), axis_window(left, size, margin, width)

    def _pixels(self, pair: int, plane: int, rows: Window, columns: Window) -> NDArray[np.float32]:
        values, _ = self._planes.get(self._training.pairs[pair].image, plane)
        return values[:, rows[0]][:, :, columns[0]]

    def _target(
        self, pair: int, plane: int, rows: Window, columns: Window, paint: NDArray[np.uint8]
    ) -> NDArray[np.int64]:
        _, valid = self._planes.get(self._training.pairs[pair].image, plane)
        seen = valid[rows[0]][:, columns[0]] & rows[1][:, None] & columns[1]
        return np.where(seen, self._index[paint[rows[0]][:, columns[0]]], -1)

    def _painted(self, pair: int, plane: int) -> NDArray[np.uint8]:
        """Return the paint of a plane without held-out strokes."""
        paint = self._training.pairs[pair].scribbles.planes[plane]
        if (pair, plane) not in self._hidden:
            return paint
        if (pair, plane) not in self._paint:
            left = paint.copy()
            for stroke in self._hidden[pair, plane]:
                left.flat[stroke.pixels] = 0
            self._paint[pair, plane] = left
        return self._paint[pair, plane]


def _shares(strokes: Sequence[Stroke]) -> NDArray[np.float64]:
    """Return the probability of each stroke of a class."""
    changes = sorted({stroke.seen for stroke in strokes}, reverse=True)
    rank = {seen: number for number, seen in enumerate(changes)}
    many = len(changes) > 1  # strokes of a single snapshot have no newest
    weights = np.array([
        stroke.pixels.size**0.5 * (1 + (PatchSampler.NEWEST - 1) * 0.5 ** rank[stroke.seen] * many)
        for stroke in strokes
    ])
    return np.asarray(weights / weights.sum(), np.float64)


def axis_window(start: int, size: int, margin: int, length: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return indices of a window along one axis, mirrored at the borders, and which of them lie inside the image."""
    if length >= size:
        start = min(max(start, 0), length - size)
    else:
        start = -((size - length) // 2)
    index = np.arange(start - margin, start + size + margin)
    inside = (index >= 0) & (index < length)
    period = max(2 * (length - 1), 1)
    folded = index % period
    return np.where(folded < length, folded, period - folded), inside


def _stack(cuts: Sequence[tuple[NDArray[np.float32], NDArray[np.int64]]]) -> Batch:
    return Batch(np.stack([image for image, _ in cuts]), np.stack([target for _, target in cuts]))

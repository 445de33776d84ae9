"""What networks say where nobody painted, near paint and far from it. Fits nothing, trains nothing.

Held-out strokes lie where people paint, and say nothing about the rest of an image. What is asked of the rest is
whether two networks on one way say the same there: the one as trained, and the mean of it and the one it began as. Near
paint they do. Where they do so less and less the farther it is from paint, strokes did not decide what they say: at a
dark border that nobody painted, one calls a half of it a class and the other one nothing.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from ..core.scribbles import TrainingSet
from .features import FeatureStore

if TYPE_CHECKING:
    from .instant_model import InstantModel

MOST_PIXELS = 40_000
"""So many unpainted pixels are looked at."""

PAINTED_TILES, OTHER_TILES = 8, 4
"""In at most so many tiles with paint, whose features are there already, and in so many without."""

MOST_DISTANCES = 2**20
"""Of planes with more pixels, the distance from paint is that of blocks of pixels."""

NEAR, FAR = 0.25, 0.75
"""The quarter of the unpainted pixels that is nearest to paint, and the one that is farthest."""

RARE = 0.01
"""A class with a smaller share of either quarter is not looked at: a few pixels of a border would decide."""


@dataclasses.dataclass(frozen=True, eq=False)
class GroundTile:
    """Unpainted pixels of one tile.

    Parameters
    ----------
    pair, plane, number : int
        Which tile of which plane of which image.
    pixels : ndarray of int64, shape (P,)
        Flat indices into the tile.
    distance : ndarray of float32, shape (P,)
        From the nearest paint of the plane, in pixels.
    """

    pair: int
    plane: int
    number: int
    pixels: NDArray[np.int64]
    distance: NDArray[np.float32]


@dataclasses.dataclass(frozen=True, eq=False)
class UnpaintedGround:
    """A sample of the unpainted pixels of painted planes, the same for all networks that are asked about it.

    Parameters
    ----------
    training : TrainingSet
    tiles : tuple of GroundTile
    """

    training: TrainingSet
    tiles: tuple[GroundTile, ...]

    @classmethod
    def of(cls, store: FeatureStore, training: TrainingSet, seed: int = 0) -> UnpaintedGround:
        """Draw the sample; ``store`` says how planes are cut and where they hold no number."""
        painted: list[GroundTile] = []
        others: list[GroundTile] = []
        for index, pair in enumerate(training.pairs):
            boxes = store.boxes(pair.image)
            for plane, paint in pair.scribbles.planes.items():
                distance = distance_from_paint(paint)
                hidden = store.hidden(pair.image, plane)
                for number, box in enumerate(boxes):
                    free = paint[box.slices] == 0 if hidden is None else (paint[box.slices] == 0) & ~hidden[box.slices]
                    pixels = np.flatnonzero(free)
                    tile = GroundTile(index, plane, number, pixels, distance[box.slices].ravel()[pixels])
                    if pixels.size:
                        (painted if paint[box.slices].any() else others).append(tile)
        others.sort(key=lambda one: float(one.distance.mean()), reverse=True)
        evenly = np.linspace(0, len(painted) - 1, min(PAINTED_TILES, len(painted))).round().astype(int)
        chosen = [*(painted[number] for number in evenly), *others[:OTHER_TILES]]
        return cls(training, tuple(_drawn(chosen, np.random.default_rng(seed))))

    @property
    def distance(self) -> NDArray[np.float32]:
        """From the nearest paint, in pixels, of all pixels (P,)."""
        return np.concatenate([one.distance for one in self.tiles]) if self.tiles else np.empty(0, np.float32)

    def labels(self, model: InstantModel) -> Generator[None, None, NDArray[np.uint8]]:
        """Return what a model calls each pixel, painted ids (P,), in the order of :attr:`distance`.

        Yields
        ------
        None
            Between tiles.
        """
        ids = np.array(model.classes.ids, np.uint8)
        found = [np.empty(0, np.uint8)]
        for one in self.tiles:
            tile = model.store.tile(self.training.pairs[one.pair].image, one.plane, one.number)
            found.append(ids[model.logits(tile.at(one.pixels).astype(np.float32)).argmax(axis=1)])
            yield
        return np.concatenate(found)


def _drawn(tiles: list[GroundTile], generator: np.random.Generator) -> Iterator[GroundTile]:
    """Draw pixels at random, of each tile the same share: every so many would see the same place of each cell alone."""
    total = sum(one.pixels.size for one in tiles)
    for one in tiles:
        count = max(1, round(one.pixels.size * min(1.0, MOST_PIXELS / total)))
        kept = np.sort(generator.choice(one.pixels.size, count, replace=False))
        yield dataclasses.replace(one, pixels=one.pixels[kept], distance=one.distance[kept])


def distance_from_paint(paint: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how far each pixel (Y, X) is from the nearest paint, in pixels; infinitely without paint."""
    height, width = paint.shape
    if not paint.any():
        return np.full(paint.shape, np.inf, np.float32)
    side = math.ceil(math.sqrt(paint.size / MOST_DISTANCES))
    padded = np.pad(paint > 0, ((0, -height % side), (0, -width % side)))
    blocks = padded.reshape(padded.shape[0] // side, side, padded.shape[1] // side, side).any(axis=(1, 3))
    distance = distance_transform_edt(~blocks).astype(np.float32) * side
    found: NDArray[np.float32] = distance.repeat(side, axis=0).repeat(side, axis=1)[:height, :width]
    return found


def agreement_lost(one: NDArray[np.uint8], other: NDArray[np.uint8], distance: NDArray[np.float32]) -> float:
    """Return by how much two sets of labels agree less far from paint than near it.

    Parameters
    ----------
    one, other : ndarray of uint8, shape (P,)
        Painted ids.
    distance : ndarray of float32, shape (P,)
        From the nearest paint, in pixels.

    Returns
    -------
    float
        Difference of their Dice with each other, of the class that loses most; 0 where nothing can be compared.
    """
    if not distance.size:
        return 0.0
    lower, upper = np.quantile(distance, (NEAR, FAR), method="nearest")
    near, far = distance <= lower, distance >= upper
    lost = [0.0]
    for number in np.union1d(one, other):
        pair = [_agreement(one[where] == number, other[where] == number) for where in (near, far)]
        if pair[0] is not None and pair[1] is not None:
            lost.append(pair[0] - pair[1])
    return max(lost)


def _agreement(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float | None:
    """Return the Dice of two claims to a class; None where it is rare."""
    total = int(np.count_nonzero(one) + np.count_nonzero(other))
    return None if total < 2 * RARE * one.size else 2 * int(np.count_nonzero(one & other)) / total

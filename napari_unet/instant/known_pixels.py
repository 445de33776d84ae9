"""Features of painted pixels, kept from stroke to stroke: only what is newly painted is looked up. Computes none."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from .feature_tile import FeatureTile
from .tile_cache import TileCache


@dataclasses.dataclass(frozen=True, eq=False)
class _Known:
    """Pixels in rising order, and their features; and all that was asked for, also where the image holds no number."""

    pixels: NDArray[np.integer]
    features: NDArray[np.float16]
    asked: NDArray[np.integer]


class KnownPixels:
    """Features of the pixels of tiles that were asked for last. Serves one thread at a time.

    Parameters
    ----------
    limit : int
        Bytes that may be kept; what was asked for last is in any case.
    """

    def __init__(self, limit: int) -> None:
        self._cache = TileCache(limit)

    @property
    def bytes(self) -> int:
        """Memory in use."""
        return self._cache.bytes

    def recalled(
        self, image: Image, key: Hashable, asked: NDArray[np.integer]
    ) -> tuple[NDArray[np.integer], NDArray[np.float16]] | None:
        """Return those pixels that hold a number, and their features, if all are known; parameters as :meth:`at`.

        So a tile that is not in memory any more need not be computed again for what was painted on it before.
        """
        known: _Known | None = self._cache.find(image, key)
        if known is None or not _is_among(asked, known.asked).all():
            return None
        places = np.flatnonzero(_is_among(known.pixels, asked))
        return known.pixels[places], known.features[places]

    def at(
        self, image: Image, key: Hashable, tile: FeatureTile, asked: NDArray[np.integer]
    ) -> tuple[NDArray[np.integer], NDArray[np.float16]]:
        """Return those of some pixels of a tile that hold a number, and their features (P, F).

        Parameters
        ----------
        image : Image
        key : hashable
            Says which tile of the image it is, and with which features.
        tile : FeatureTile
        asked : ndarray of int
            Flat indices into the box of the tile, in rising order.

        Returns
        -------
        pixels : ndarray of int, shape (P,)
        features : ndarray of float16, shape (P, F)
            Not to be written to.
        """
        pixels = asked if tile.hidden is None else asked[~tile.hidden.ravel()[asked]]
        known: _Known | None = self._cache.find(image, key)
        if known is None or not len(known.pixels) or not len(pixels):
            found = tile.at(pixels) if len(pixels) else np.empty((0, tile.count), np.float16)
        else:
            places = np.searchsorted(known.pixels, pixels).clip(max=len(known.pixels) - 1)
            old = known.pixels[places] == pixels
            found = np.empty((len(pixels), tile.count), np.float16)
            found[old], found[~old] = known.features[places[old]], tile.at(pixels[~old])
        self._cache.keep(image, key, _Known(pixels, found, asked), found.nbytes + pixels.nbytes + asked.nbytes)
        return pixels, found


def _is_among(some: NDArray[np.integer], others: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Say which of some numbers are among others; both in rising order."""
    if not len(others):
        return np.zeros(len(some), bool)
    return np.asarray(others[np.searchsorted(others, some).clip(max=len(others) - 1)] == some)

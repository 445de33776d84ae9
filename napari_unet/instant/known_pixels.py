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
    """Pixels in rising order, and their features."""

    pixels: NDArray[np.integer]
    features: NDArray[np.float16]


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

    def at(
        self, image: Image, key: Hashable, tile: FeatureTile, pixels: NDArray[np.integer]
    ) -> NDArray[np.float16]:
        """Return the features (P, F) of pixels of a tile.

        Parameters
        ----------
        image : Image
        key : hashable
            Says which tile of the image it is, and with which features.
        tile : FeatureTile
        pixels : ndarray of int, shape (P,)
            Flat indices into the box of the tile, in rising order, at least one.

        Returns
        -------
        ndarray of float16, shape (P, F)
            Not to be written to.
        """
        known: _Known | None = self._cache.find(image, key)
        if known is None:
            found = tile.at(pixels)
        else:
            places = np.searchsorted(known.pixels, pixels).clip(max=len(known.pixels) - 1)
            old = known.pixels[places] == pixels
            if old.all():
                return known.features[places]
            found = np.empty((len(pixels), tile.count), np.float16)
            found[old], found[~old] = known.features[places[old]], tile.at(pixels[~old])
        self._cache.keep(image, key, _Known(pixels, found), found.nbytes + pixels.nbytes)
        return found

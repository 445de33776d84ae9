"""Probabilities of classes as they came with the parts of a prediction, put together where they are wanted.

Frozen, so that they may cross threads without a copy. Computes none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_PROBABLE = 255
"""Probabilities are kept as whole numbers up to this: a quarter of the memory."""


@dataclasses.dataclass(frozen=True, eq=False)
class Likelihoods:
    """Probabilities of a part of a plane, as they came with it.

    Parameters
    ----------
    box : tuple of slice
        Rows and columns, with start and stop.
    maps : ndarray of uint8, shape (C, Y, X)
        0 to 255.
    ids : tuple of int
        Painted ids of the classes.
    """

    box: tuple[slice, slice]
    maps: NDArray[np.uint8]
    ids: tuple[int, ...]

    @classmethod
    def of(cls, box: tuple[slice, slice], maps: NDArray[np.floating[Any]], ids: tuple[int, ...]) -> Likelihoods:
        """Return probabilities (0 to 1) in a quarter of the memory."""
        return cls(box, np.rint(np.clip(maps, 0, 1) * _PROBABLE).astype(np.uint8), ids)



def put_together(
    parts: Sequence[Likelihoods], shape: tuple[int, ...], box: tuple[slice, ...] | None = None
) -> tuple[NDArray[np.float32] | None, tuple[int, ...]]:
    """Return the probabilities (C, Y, X) of a plane and the ids of their classes; nothing if some are missing.

    Parameters
    ----------
    parts : sequence of Likelihoods
        Later ones over earlier ones.
    shape : tuple of int
        Of what is wanted; of a volume there are none.
    box : tuple of slice, optional
        Which part of the plane that is; None: all of it.
    """
    ids = parts[0].ids if parts and len(shape) == 2 else ()
    if not ids or any(one.ids != ids for one in parts):
        return None, ()
    made, known = np.zeros((len(ids), *shape), np.uint8), np.zeros(shape, bool)
    corner = (0, 0) if box is None else tuple(one.start for one in box)
    for one in parts:
        here, there = [], []
        for side, at, size in zip(one.box, corner, shape, strict=True):
            start, stop = max(side.start, at), min(side.stop, at + size)
            here.append(slice(start - at, max(start, stop) - at))
            there.append(slice(start - side.start, max(start, stop) - side.start))
        made[(slice(None), *here)] = one.maps[(slice(None), *there)]
        known[tuple(here)] = True
    if not known.all():
        return None, ()
    return made.astype(np.float32) * np.float32(1 / _PROBABLE), ids

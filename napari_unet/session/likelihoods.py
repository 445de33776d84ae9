"""Probabilities of classes as they came with the parts of a prediction, put together where they are wanted.

Frozen, so that they may cross threads without a copy. Computes none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..objects.halves import by_halves

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
    border : ndarray of uint8, shape (1, Y, X), optional
        How much pixels look like the border between two objects, 0 to 255; None: nobody knows.
    """

    box: tuple[slice, slice]
    maps: NDArray[np.uint8]
    ids: tuple[int, ...]
    border: NDArray[np.uint8] | None = None

    @classmethod
    def of(
        cls, box: tuple[slice, slice], maps: NDArray[np.floating[Any]], ids: tuple[int, ...],
        border: NDArray[np.floating[Any]] | None = None,
    ) -> Likelihoods:
        """Return probabilities (0 to 1) in a quarter of the memory."""
        return cls(box, _in_steps(maps), ids, None if border is None else _in_steps(border[None]))

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return self.maps.nbytes + (0 if self.border is None else self.border.nbytes)


def put_together(
    parts: Sequence[Likelihoods], shape: tuple[int, ...], box: tuple[slice, ...] | None = None,
    wanted: tuple[int, ...] = (),
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
    wanted : tuple of int
        Ids of the classes that are wanted, if they are known; empty: all.
    """
    ids = parts[0].ids if parts and len(shape) == 2 else ()
    if not ids or any(one.ids != ids for one in parts):
        return None, ()
    at = [number for number, one in enumerate(ids) if not wanted or one in wanted]
    made = _pasted([(one.box, one.maps[at]) for one in parts], len(at), shape, box)
    return (None, ()) if made is None else (made, tuple(ids[number] for number in at))


def seen_border(
    parts: Sequence[Likelihoods], shape: tuple[int, ...], box: tuple[slice, ...] | None = None
) -> NDArray[np.float32] | None:
    """Return how much each pixel (Y, X) looks like a border; None if the newest of some pixel does not say it."""
    if len(shape) != 2 or not parts or any(one.border is None for one in parts):
        return None
    made = _pasted([(one.box, one.border) for one in parts if one.border is not None], 1, shape, box)
    return None if made is None else made[0]


def _pasted(
    parts: Sequence[tuple[tuple[slice, slice], NDArray[np.uint8]]], count: int, shape: tuple[int, ...],
    box: tuple[slice, ...] | None,
) -> NDArray[np.float32] | None:
    """Return maps (count, Y, X), 0 to 1, with later parts over earlier ones; None if they do not cover all."""
    made, known = np.zeros((count, *shape), np.uint8), np.zeros(shape, bool)
    corner = (0, 0) if box is None else tuple(one.start for one in box)
    for where, maps in parts:
        here, there = [], []
        for side, at, size in zip(where, corner, shape, strict=True):
            start, stop = max(side.start, at), min(side.stop, at + size)
            here.append(slice(start - at, max(start, stop) - at))
            there.append(slice(start - side.start, max(start, stop) - side.start))
        made[(slice(None), *here)] = maps[(slice(None), *there)]
        known[tuple(here)] = True
    if not known.all():
        return None
    found = np.empty(made.shape, np.float32)

    def fill(half: slice) -> None:
        np.multiply(made[:, half], np.float32(1 / _PROBABLE), out=found[:, half])

    by_halves(fill, shape[0], found.size)
    return found


def _in_steps(maps: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    found = np.clip(maps, 0, 1) * _PROBABLE
    return np.rint(np.nan_to_num(found, copy=False, nan=0.0)).astype(np.uint8)

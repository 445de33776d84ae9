"""What a person has shown about objects: lines between two, lines within one. Finds no object."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError

_LONG = 2**14
"""Pixels of a way between two corners that are gone through, wherever they lie."""


@dataclasses.dataclass(frozen=True)
class Line:
    """A line drawn by hand.

    Parameters
    ----------
    kind : {"cut", "join"}
        ``cut``: what lies on its two sides are two objects. ``join``: all it touches is one object.
    points : tuple of tuple of float
        Its corners in pixels, one number for each axis of the plane (Y, X) or the volume (Z, Y, X), at least one.

    Raises
    ------
    UserError
        If it has no point, or points of other than two or three numbers.
    """

    kind: Literal["cut", "join"]
    points: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        points = tuple(tuple(map(float, point)) for point in self.points)
        if not points or len({len(point) for point in points}) != 1 or len(points[0]) not in (2, 3):
            raise UserError(f"A line needs points of two or three numbers each, not {self.points!r:.80}.")
        object.__setattr__(self, "points", points)

    def pixels(self, shape: Sequence[int]) -> tuple[NDArray[np.int64], ...]:
        """Return the pixels of the line inside an array of a shape, as an index: each touches the next by a corner."""
        corners = np.array(self.points)
        steps = np.abs(np.diff(np.rint(corners), axis=0)).max(axis=1, initial=0).astype(int)
        runs = [np.linspace(start, stop, count + 1) if count <= _LONG else _inside(start, stop, count, shape)
                for start, stop, count in zip(corners[:-1], corners[1:], steps, strict=True)]
        places = np.rint(np.concatenate([corners[:1], *runs])).astype(np.int64)
        inside = ((places >= 0) & (places < np.array(shape))).all(axis=1)
        return tuple(np.unique(places[inside], axis=0).T)


def _inside(
    start: NDArray[np.float64], stop: NDArray[np.float64], count: int, shape: Sequence[int]
) -> NDArray[np.float64]:
    """Return those of ``count + 1`` places on a way that may lie inside of a shape: a file may tell of very long ways.
    """
    step = (stop - start) / count
    first, last = 0.0, float(count)
    for at, by, size in zip(start.tolist(), step.tolist(), shape, strict=True):
        if by == 0:
            first, last = (first, last) if -1 <= at <= size else (1.0, 0.0)
            continue
        low, high = sorted(((-1 - at) / by, (size - at) / by))
        first, last = max(first, low), min(last, high)
    if first > last:
        return np.empty((0, len(start)))
    return start + np.arange(math.floor(first), math.ceil(last) + 1)[:, None] * step


@dataclasses.dataclass(frozen=True, eq=False)
class Hints:
    """Everything shown about the objects of one plane or volume.

    Parameters
    ----------
    lines : tuple of Line
        Cuts and joins in the order they were drawn.
    strokes : ndarray of uint8, optional
        Painted ids, shape of the plane or volume, 0 = not painted: each connected stroke of a class lies in at least
        one object, a stroke of background lies in none.
    elsewhere : tuple of float
        What lines on other planes say of how narrow a neck is cut (:mod:`.neck_choice`), empty if nothing.
    typical : mapping of int to float
        Pixels that objects of a class (painted id) typically have, where more is known than this part of a plane says.
    """

    lines: tuple[Line, ...] = ()
    strokes: NDArray[Any] | None = None
    elsewhere: tuple[float, ...] = ()
    typical: Mapping[int, float] = dataclasses.field(default_factory=dict)

    @property
    def cuts(self) -> tuple[Line, ...]:
        """The lines between two objects."""
        return tuple(one for one in self.lines if one.kind == "cut")

    @property
    def joins(self) -> tuple[Line, ...]:
        """The lines within one object."""
        return tuple(one for one in self.lines if one.kind == "join")

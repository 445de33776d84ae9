"""Contours as the outlines of a mask that grows and shrinks. Knows no class, no paint and no method.

Morphological level sets after Marquez-Neila, Baumela and Alvarez 2014 (doi:10.1109/TPAMI.2013.106), step for step those
of scikit-image and tested against them. They are written here for four reasons. scikit-image keeps the order of its
smoothing operators in a variable of its module, so that two fits may differ. It cannot stop once nothing moves. It
takes tens of milliseconds for a round. And at the border of a plane it eats the mask away, where ours goes on.

What is said of planes (Y, X) holds for volumes (Z, Y, X) as well; a step is then one voxel along each axis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..core.leaving import look_up

Mask = NDArray[np.bool_]


def chan_vese(
    image: NDArray[np.float32], start: Mask, rounds: int, smoothing: int, parts: NDArray[np.integer] | None = None
) -> Mask:
    """Move a contour until the values inside are as alike as can be, and those outside too (Chan and Vese 2001).

    Parameters
    ----------
    image : ndarray of float32, shape (D, Y, X)
        One or several values per pixel (Chan, Sandberg and Vese 2000).
    start : ndarray of bool, shape (Y, X)
    rounds : int
        At most; it ends when nothing moves any more.
    smoothing : int
        How often the contour is smoothed in each round.
    parts : ndarray of int, shape (Y, X), optional
        Part of the outside, from 0, that each pixel belongs to when it is outside; each part has a mean of its own.

    Returns
    -------
    ndarray of bool, shape (Y, X)
    """
    parts = np.zeros(start.shape, np.intp) if parts is None else parts
    sizes = np.bincount(parts.ravel())
    totals = [np.bincount(parts.ravel(), values.ravel()) for values in image]

    def move(mask: Mask) -> Mask:
        if not mask.any() or mask.all():
            return mask
        edge = _edge(mask)
        part = parts[edge]
        inner, outer = np.zeros(len(part)), np.zeros(len(part))
        group = parts[mask]
        left_out = sizes - np.bincount(group, minlength=len(sizes))
        for values, total in zip(image, totals, strict=True):
            within = np.bincount(group, values[mask], len(sizes))
            inner += np.square(values[edge] - within.sum() / len(group))
            outer += np.square(values[edge] - ((total - within) / np.maximum(left_out, 1))[part])
        nearer = np.where(left_out[part] > 0, outer - inner, 0)
        moved = mask.copy()
        moved[edge] = np.where(nearer == 0, mask[edge], nearer > 0)
        return moved

    return _until_still(move, start, rounds, smoothing)


def geodesic_contour(
    speed: NDArray[np.float32], start: Mask, rounds: int, smoothing: int, push: int = 0, stop: float = 0.0
) -> Mask:
    """Move a contour to where ``speed`` is least, that is to edges (Caselles, Kimmel and Sapiro 1997).

    Parameters
    ----------
    speed : ndarray of float32, shape (Y, X)
        About 1 where nothing is, near 0 on edges.
    start : ndarray of bool, shape (Y, X)
    rounds, smoothing : int
        As for :func:`chan_vese`.
    push : {-1, 0, 1}
        Grow (1) or shrink (-1) by a pixel a round wherever ``speed`` is more than ``stop``.
    stop : float
    """
    slopes = _slopes(speed)
    free = speed > stop

    def move(mask: Mask) -> Mask:
        if push:
            mask = np.where(free, _grown(mask) if push > 0 else ~_grown(~mask), mask)
        edge = _edge(mask)
        drift = np.zeros(int(edge.sum()), np.float32)
        for slope, (before, behind) in zip(slopes, _beside(mask), strict=True):
            drift += slope[edge] * (behind[edge].astype(np.float32) - before[edge])
        moved = mask.copy()
        moved[edge] = np.where(drift == 0, mask[edge], drift > 0)
        return moved

    return _until_still(move, start, rounds, smoothing)


def smoothed_contour(mask: Mask, inward_first: bool) -> Mask:
    """Smooth a contour as one step of mean curvature motion does.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)
    inward_first : bool
        Which of the two operators comes first; whoever smooths repeatedly takes turns.
    """
    return _widest(_narrowest(mask)) if inward_first else _narrowest(_widest(mask))


def dilated(mask: Mask, rounds: int) -> Mask:
    """Return a mask grown by a pixel (8 neighbours) per round."""
    for _ in range(rounds):
        mask = _grown(mask)
    return mask


def _until_still(move: Callable[[Mask], Mask], start: Mask, rounds: int, smoothing: int) -> Mask:
    """Repeat until the mask is the one of two rounds before (two, because the smoothing takes turns).

    From there on it would alternate between two masks: the one that the last round would give is returned.
    """
    mask, earlier, turn = start.astype(bool), [start, start], False
    for number in range(rounds):
        look_up()  # of a volume, a round takes its time
        mask = move(mask)
        for _ in range(smoothing):
            mask = smoothed_contour(mask, inward_first=turn)
            turn = not turn
        if number and np.array_equal(mask, earlier[0]):
            return mask if (rounds - 1 - number) % 2 == 0 else earlier[1]
        earlier = [earlier[1], mask]
    return mask


def _narrowest(mask: Mask) -> Mask:
    """Keep what some straight piece of 3 pixels around a pixel covers wholly (supremum of erosions)."""
    kept = np.zeros(mask.shape, bool)
    for piece in _pieces(mask, np.logical_and):
        kept |= piece
    return kept


def _widest(mask: Mask) -> Mask:
    """Add what every straight piece of 3 pixels around a pixel touches (infimum of dilations)."""
    added = np.ones(mask.shape, bool)
    for piece in _pieces(mask, np.logical_or):
        added &= piece
    return added


_Direction = tuple[int, ...]
_PIECES: dict[int, dict[_Direction, tuple[_Direction, ...]]] = {
    2: {(1, 0): (), (0, 1): (), (1, 1): (), (1, -1): ()},
    3: {(1, 0, 0): ((0, 1, 0), (0, 0, 1), (0, 1, 1), (0, 1, -1)), (0, 1, 0): ((0, 0, 1), (1, 0, 1), (1, 0, -1)),
        (0, 0, 1): ((1, 1, 0), (1, -1, 0))},
}
"""The straight pieces around a pixel: lines of 3 pixels in a plane, squares of 3 x 3 in a volume, each by the direction
of its lines and, of squares, the directions in which those lie side by side."""


def _pieces(mask: Mask, joined: Callable[[Mask, Mask], Mask]) -> Iterator[Mask]:
    """Yield for every straight piece what its pixels joined (all of them, or any) say at each pixel."""
    for first, others in _PIECES[mask.ndim].items():
        line = _along(mask, first, joined)
        if not others:
            yield line
        for second in others:
            yield _along(line, second, joined)


def _along(mask: Mask, direction: _Direction, joined: Callable[[Mask, Mask], Mask]) -> Mask:
    """Join each pixel with its two neighbours in a direction; at the border a mask goes on."""
    wide = np.pad(mask, [(abs(step), abs(step)) for step in direction], mode="edge")
    found = mask
    for sign in (1, -1):
        found = joined(found, wide[tuple(
            slice(abs(step) + sign * step, abs(step) + sign * step + size)
            for step, size in zip(direction, mask.shape, strict=True))])
    return found


def _beside(mask: Mask) -> list[tuple[Mask, Mask]]:
    """Return the neighbours of every pixel before and behind it along each axis, as views of a padded mask."""
    wide = np.pad(mask, 1, mode="edge")
    inner = [slice(1, -1)] * mask.ndim
    return [(wide[(*inner[:axis], slice(None, -2), *inner[axis + 1:])],
             wide[(*inner[:axis], slice(2, None), *inner[axis + 1:])]) for axis in range(mask.ndim)]


def _edge(mask: Mask) -> Mask:
    """Return where a mask ends, on both sides."""
    edge = np.zeros(mask.shape, bool)
    for before, behind in _beside(mask):
        edge |= before != behind
    return edge


def _grown(mask: Mask) -> Mask:
    for axis in range(mask.ndim):
        mask = _along(mask, tuple(int(other == axis) for other in range(mask.ndim)), np.logical_or)
    return mask


def _slopes(image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    wide = np.pad(image, 1, mode="edge").astype(np.float32, copy=False)
    inner, half = [slice(1, -1)] * image.ndim, np.float32(0.5)
    return [half * (wide[(*inner[:axis], slice(2, None), *inner[axis + 1:])]
                    - wide[(*inner[:axis], slice(None, -2), *inner[axis + 1:])]) for axis in range(image.ndim)]

"""What surrounds a pixel, as a layer: how far it is enclosed by brighter or darker ones, and how thin it is.

Learns nothing. What tells the inside of a ring from the outside is not how it looks but what lies around it: rays that
leave a pixel meet the rim in every direction (after "Ray features", Smith, Carleton and Lepetit 2009, which need edges;
here the largest brightness on a ray is taken, so that no threshold is needed). Openings by line segments tell thin
lines from small blobs (Soille, Breen and Jones 1996, "Recursive implementation of erosions and dilations along discrete
lines at arbitrary angles"). All of it is computed at half size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ._fixed import TRUNCATE, FixedLayer, gaussian, gaussian_smoothed

STRIDE = 2
"""Pixels of the plane per pixel of what is looked at."""

SIGMA = 1.0
"""Of the Gaussian before, in pixels of what is looked at."""

RAYS = (16, 64)
"""Lengths of rays, in pixels of the plane."""

LINES = (16, 48)
"""Lengths of line segments, in pixels of the plane."""

DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (2, 1), (-1, 2), (2, -1))
"""Steps (rows, columns) of the eight directions; rays go both ways."""

COUNT = 2 * (3 * len(RAYS) + len(LINES))
"""Numbers of a channel: for dark and for bright, three for each length of ray, one for each of segment."""

REACH = STRIDE * (max(max(RAYS), max(LINES)) // STRIDE + math.ceil(TRUNCATE * SIGMA) + 2)
"""Largest distance, in pixels, on which they depend: a ray or segment, the Gaussian, and a pixel to interpolate."""


class Surroundings(FixedLayer):
    """What surrounds each pixel, as a layer."""

    levels = ((STRIDE, COUNT),)
    stride, reach, trust = STRIDE, REACH, 0.5

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("gaussian", gaussian(SIGMA), persistent=False)

    def maps(self, plane: Tensor) -> list[Tensor]:
        """Return what surrounds each pixel, bright things first."""
        smooth = gaussian_smoothed(functional.avg_pool2d(plane, STRIDE), self.get_buffer("gaussian"))
        both = torch.cat([smooth, -smooth])
        return [torch.cat(torch.cat([*enclosure(both), *thinness(both)], 1).unflatten(0, (2, -1)).unbind(), 1)]


def enclosure(plane: Tensor) -> list[Tensor]:
    """Say how much brighter the brightest pixel is on the rays that leave a pixel.

    Parameters
    ----------
    plane : Tensor, shape (B, 1, Y, X)
        At half size.

    Returns
    -------
    list of Tensor
        For each of :data:`RAYS`: on the ray where it is least, which is above 0 where every ray meets something
        brighter, as inside a rim; the mean over all rays; and, of two rays that go opposite ways the lesser, that of
        the direction where it is most, which is above 0 between two walls. Rays end at the border of the plane.
    """
    known: list[tuple[Tensor, Tensor, Tensor] | None] = [None for _ in RAYS]
    for down, right in DIRECTIONS:
        steps = [ray_length(length, down, right) for length in RAYS]
        wide = edged(plane, down, right, steps[-1], steps[-1], -torch.inf)
        lines = running_extrema(wide, down, right, [step + 1 for step in steps], torch.maximum)
        for number, (step, line) in enumerate(zip(steps, lines, strict=True)):
            # a ray that comes from the other side is one that begins where it ends
            ahead = inner(line, down, right, steps[-1], steps[-1] - step)
            behind = inner(line, down, right, steps[-1] - step, steps[-1])
            lesser, both, old = torch.minimum(ahead, behind), ahead + behind, known[number]
            known[number] = (lesser, both, lesser) if old is None else (
                torch.minimum(old[0], lesser), old[1] + both, torch.maximum(old[2], lesser))
    return [one for least, total, most in filter(None, known)
            for one in (least - plane, total / (2 * len(DIRECTIONS)) - plane, most - plane)]


def thinness(plane: Tensor) -> list[Tensor]:
    """Say how much brighter a pixel is than every line through it in :data:`DIRECTIONS`, as long as :data:`LINES` say.

    Parameters
    ----------
    plane : Tensor, shape (B, 1, Y, X)
        At half size.

    Returns
    -------
    list of Tensor
        Plane minus the largest of its openings by line segments: 0 on lines in those directions and on large things,
        more on small ones.
    """
    opened: list[Tensor | None] = [None for _ in LINES]
    for down, right in DIRECTIONS:
        counts = [max(2, ray_length(length, down, right)) for length in LINES]
        lines = running_extrema(edged(plane, down, right, 0, counts[-1] - 1, torch.inf), down, right, counts,
                                torch.minimum)
        for number, (count, line) in enumerate(zip(counts, lines, strict=True)):
            eroded = edged(inner(line, down, right, 0, counts[-1] - count), down, right, count - 1, 0, -torch.inf)
            largest, old = next(running_extrema(eroded, down, right, [count], torch.maximum)), opened[number]
            opened[number] = largest if old is None else torch.maximum(old, largest)
    return [plane - largest for largest in opened if largest is not None]


def ray_length(length: int, down: int, right: int) -> int:
    """Return how many steps of a direction are as long as a length in pixels of the plane."""
    return max(1, round(length / STRIDE / math.hypot(down, right)))


def running_extrema(
    plane: Tensor, down: int, right: int, counts: Sequence[int], best: Callable[[Tensor, Tensor], Tensor]
) -> Iterator[Tensor]:
    """Yield the maximum or minimum over so many pixels from each one on, in a direction, for each of rising counts.

    Pixels from which these would leave the plane are left out: it gets smaller. Takes twice as many pixels at a time
    (van Herk 1992 needs fewer comparisons, but one pixel after the other); what is known of few pixels serves for many.
    """
    known = 1
    for count in counts:
        while known < count:
            more = min(known, count - known)
            plane = best(inner(plane, down, right, 0, more), inner(plane, down, right, more, 0))
            known += more
        yield plane


def edged(plane: Tensor, down: int, right: int, before: int, after: int, value: float) -> Tensor:
    """Return a plane with an edge of so many steps of a direction, on the side it comes from and on that it goes to."""
    rows, columns = (_ends(step, before, after) for step in (down, right))
    return functional.pad(plane, (*columns, *rows), value=value)


def inner(plane: Tensor, down: int, right: int, before: int, after: int) -> Tensor:
    """Return a plane without such an edge."""
    rows, columns = (slice(first, -last if last else None)  # asks for no size, so that it can be traced
                     for first, last in (_ends(step, before, after) for step in (down, right)))
    return plane[..., rows, columns]


def _ends(step: int, before: int, after: int) -> tuple[int, int]:
    """Return how many pixels an edge has at the beginning of an axis, and at its end."""
    return (before * step, after * step) if step >= 0 else (-after * step, -before * step)

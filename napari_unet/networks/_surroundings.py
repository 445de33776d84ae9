"""What surrounds a pixel, as a layer: how far it is enclosed by brighter or darker ones, and how thin it is.

Learns nothing. What tells the inside of a ring from the outside is not how it looks but what lies around it: rays that
leave a pixel meet the rim in every direction (after "Ray features", Smith, Carleton and Lepetit 2009, which need edges;
here the largest brightness on a ray is taken, so that no threshold is needed). Openings by line segments tell thin
lines from small blobs (Soille, Breen and Jones 1996, "Recursive implementation of erosions and dilations along discrete
lines at arbitrary angles"). All of it is computed at half size.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

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
    found: list[Tensor] = []
    for length in RAYS:
        pairs = [(running_extremum(plane, down, right, ray_length(length, down, right) + 1, torch.maximum, -torch.inf),
                  running_extremum(plane, -down, -right, ray_length(length, down, right) + 1, torch.maximum,
                                   -torch.inf))
                 for down, right in DIRECTIONS]
        least = [torch.minimum(*pair) for pair in pairs]
        mean = functools.reduce(torch.add, (one + other for one, other in pairs)) / (2 * len(pairs))
        found += [functools.reduce(torch.minimum, least) - plane, mean - plane,
                  functools.reduce(torch.maximum, least) - plane]
    return found


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
    found: list[Tensor] = []
    for length in LINES:
        opened = []
        for down, right in DIRECTIONS:
            count = max(2, ray_length(length, down, right))
            eroded = running_extremum(plane, down, right, count, torch.minimum, torch.inf)
            opened.append(running_extremum(eroded, -down, -right, count, torch.maximum, -torch.inf))
        found.append(plane - functools.reduce(torch.maximum, opened))
    return found


def ray_length(length: int, down: int, right: int) -> int:
    """Return how many steps of a direction are as long as a length in pixels of the plane."""
    return max(1, round(length / STRIDE / math.hypot(down, right)))


def running_extremum(
    plane: Tensor, down: int, right: int, count: int, best: Callable[[Tensor, Tensor], Tensor], beyond: float
) -> Tensor:
    """Return the maximum or minimum over ``count`` pixels from each one on, in a direction.

    Takes twice as many pixels at a time (van Herk 1992 needs fewer comparisons, but one pixel after the other).
    """
    known = 1
    while known < count:
        more = min(known, count - known)
        plane, known = best(plane, shifted(plane, more * down, more * right, beyond)), known + more
    return plane


def shifted(plane: Tensor, down: int, right: int, beyond: float) -> Tensor:
    """Return for each pixel the one that lies so far down and to the right, or ``beyond`` outside of the plane."""
    before, after = (max(0, -down), max(0, down)), (max(0, -right), max(0, right))
    wide = functional.pad(plane, (*after, *before), value=beyond)  # asks for no size, so that it can be traced
    rows, columns = (slice(move, None) if move >= 0 else slice(None, move) for move in (down, right))
    return wide[..., rows, columns]

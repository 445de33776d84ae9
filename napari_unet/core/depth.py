"""Which planes of an image lie behind one another in space, and how long its voxels are. Reads no pixels."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

import numpy as np

from .image import Image

Depth = Literal["plane", "neighbours", "three cuts"]
"""How far an answer looks beyond a plane: not at all; at the planes before and behind it; also along z, in the cuts xz
and yz. Each looks at all that the one before looks at."""

DEPTHS: tuple[Depth, ...] = ("plane", "neighbours", "three cuts")

LONGEST_BESIDE = 20.0
"""Voxels that are so many times as long as wide, or as wide as long, show nothing in the planes beside theirs."""


def has_depth(image: Image) -> bool:
    """Say whether planes of an image lie behind one another: only along an axis that is known to be z, never time."""
    return not image.guessed_axes and "Z" in image.label_axes and image.shape[image.label_axes.index("Z")] > 1


def stack_planes(image: Image, plane: int) -> tuple[int, ...]:
    """Return the numbers of all planes of the volume that a plane is in, in the order of z; itself without depth."""
    if not has_depth(image):
        return (plane,)
    leading = image.shape[:-2]
    axis = image.label_axes.index("Z")
    place = list(map(int, np.unravel_index(plane, leading)))
    found = []
    for number in range(leading[axis]):
        place[axis] = number
        found.append(int(np.ravel_multi_index(place, leading)))
    return tuple(found)


def planes_beside(image: Image, plane: int) -> tuple[int, ...]:
    """Return the numbers of the planes before and behind a plane: two, one at either end, none without depth."""
    stack = stack_planes(image, plane)
    place = stack.index(plane)
    return stack[max(0, place - 1) : place] + stack[place + 1 : place + 2]


def plane_behind(image: Image, plane: int) -> int | None:
    """Return the number of the plane directly behind a plane; None for the last, and without depth."""
    if not has_depth(image):
        return None
    leading, axis = image.shape[:-2], image.label_axes.index("Z")
    step = math.prod(leading[axis + 1 :])
    return plane + step if plane // step % leading[axis] < leading[axis] - 1 else None


def plane_runs(image: Image, planes: Iterable[int]) -> list[list[int]]:
    """Divide planes into runs that lie directly behind one another, each in the order of z; without depth, of one."""
    there = dict.fromkeys(sorted(planes))
    following = {behind for plane in there if (behind := plane_behind(image, plane)) is not None}
    runs = []
    for plane in there:
        if plane not in following:
            run, behind = [plane], plane_behind(image, plane)
            while behind is not None and behind in there:
                run.append(behind)
                behind = plane_behind(image, behind)
            runs.append(run)
    return runs


def elongation(image: Image) -> float:
    """Return how many times as long a voxel is along z as along rows and columns; 1 where nothing is known."""
    if not has_depth(image):
        return 1.0
    steps = [abs(step) if math.isfinite(step) and step else 1.0
             for step in (image.scale[image.label_axes.index("Z")], *image.scale[-2:])]
    return steps[0] / math.sqrt(steps[1] * steps[2])


def is_volume(image: Image) -> bool:
    """Say whether an image is worth looking at as volumes: it has depth, and voxels neither too long nor too flat."""
    longer = elongation(image)
    return has_depth(image) and max(longer, 1 / longer) <= LONGEST_BESIDE

"""Where and how the simulated person paints. Knows no method and no clock.

The person sees the labels on the screen and the truth, finds the place that is most wrong, and draws one stroke along
the middle of that error. No pixel is painted twice, and none outside the error.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.draw import disk
from skimage.graph import MCP_Geometric

FIND_SECONDS = 2.0
"""To find an error."""
PIXELS_PER_SECOND = 150
MOST_SECONDS = 5.0
"""For one stroke, event included."""
MOST_PIXELS = round((MOST_SECONDS - FIND_SECONDS) * PIXELS_PER_SECOND)
WIDEST = 7
"""Brush, in pixels across."""
REACH = 100
"""Pixels a stroke goes from where it starts, at most, along rows or columns."""
SIGHT = 51
"""Side of the field, in pixels, over which errors are weighed against each other."""

NEAR = np.ones((3, 3), bool)


@dataclasses.dataclass(frozen=True, eq=False)
class Stroke:
    """One stroke.

    Parameters
    ----------
    field : int
        Number of the image it is on.
    class_id : int
        What is true there.
    pixels : tuple of two ndarray
        Rows and columns, at most :data:`MOST_PIXELS`, none twice.
    width : int
        Brush, in pixels across.
    """

    field: int
    class_id: int
    pixels: tuple[NDArray[np.intp], NDArray[np.intp]]
    width: int

    @property
    def size(self) -> int:
        """Painted pixels."""
        return len(self.pixels[0])

    @property
    def seconds(self) -> float:
        """Time to paint it, event the place apart."""
        return self.size / PIXELS_PER_SECOND


class Painter:
    """A person with a brush.

    Parameters
    ----------
    truths : sequence of ndarray of uint8, shape (Y, X)
        Of each image; 0 = unknown, never painted.
    seed : int
        Of the places of the first strokes. All others follow from what is on the screen.
    """

    def __init__(self, truths: Sequence[NDArray[np.uint8]], seed: int = 0) -> None:
        self.truths = tuple(truths)
        self.painted = [np.zeros(truth.shape, np.uint8) for truth in truths]
        self._chance = np.random.default_rng(seed)

    @property
    def class_ids(self) -> tuple[int, ...]:
        """Classes there are to paint."""
        return tuple(sorted({int(number) for truth in self.truths for number in np.unique(truth) if number}))

    def first(self, class_id: int) -> Stroke:
        """Draw a stroke of a class at a random place of it that is not painted yet.

        Raises
        ------
        ValueError
            If there is no such place.
        """
        free = [(truth == class_id) & (paint == 0) for truth, paint in zip(self.truths, self.painted, strict=True)]
        counts = np.cumsum([np.count_nonzero(one) for one in free])
        if not counts[-1]:
            raise ValueError(f"nothing of class {class_id} is left to paint")
        number = int(self._chance.integers(counts[-1]))
        field = int(np.searchsorted(counts, number, side="right"))
        rows, columns = np.nonzero(free[field])
        place = number - (int(counts[field - 1]) if field else 0)
        return self._stroke(field, class_id, free[field], (int(rows[place]), int(columns[place])))

    def correct(self, shown: Sequence[NDArray[np.uint8]]) -> Stroke | None:
        """Draw a stroke where what is shown is most wrong; None if every pixel that is not painted is right.

        Parameters
        ----------
        shown : sequence of ndarray of uint8, shape (Y, X)
            Labels on the screen, for each image.
        """
        worst: tuple[float, int, int, tuple[int, int]] | None = None
        for field, (truth, labels, paint) in enumerate(zip(self.truths, shown, self.painted, strict=True)):
            wrong = (truth > 0) & (labels != truth) & (paint == 0)
            for class_id in np.unique(truth[wrong]):
                weight, place = most_wrong(wrong & (truth == class_id))
                if worst is None or weight > worst[0]:
                    worst = weight, field, int(class_id), place
        if worst is None:
            return None
        _, field, class_id, place = worst
        free = (self.truths[field] == class_id) & (shown[field] != class_id) & (self.painted[field] == 0)
        return self._stroke(field, class_id, free, place)

    def put(self, stroke: Stroke, class_id: int | None = None) -> None:
        """Paint a stroke, by mistake perhaps with another class."""
        self.painted[stroke.field][stroke.pixels] = stroke.class_id if class_id is None else class_id

    def _stroke(self, field: int, class_id: int, free: NDArray[np.bool_], place: tuple[int, int]) -> Stroke:
        """Draw from a place along the middle of the part of ``free`` that it lies in."""
        numbers, _ = ndimage.label(free, NEAR)
        corner = tuple(max(0, start - REACH) for start in place)
        window = tuple(slice(low, start + REACH + 1) for low, start in zip(corner, place, strict=True))
        region = (numbers == numbers[place])[window]
        depth = depths(region)
        start = place[0] - corner[0], place[1] - corner[1]
        width = int(np.clip(depth[start], 1, WIDEST))  # half as wide as the error
        width -= width % 2 == 0  # a brush has a middle
        rows, columns = brushed(region, middle_line(region, depth, start), width)
        return Stroke(field, class_id, (rows + corner[0], columns + corner[1]), width)


def depths(region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the distance of each pixel to the nearest one outside the region, which the border of the image is not."""
    if region.all():
        return np.full(region.shape, float(max(region.shape)))
    found: NDArray[np.float64] = ndimage.distance_transform_edt(region)
    return found


def most_wrong(wrong: NDArray[np.bool_]) -> tuple[float, tuple[int, int]]:
    """Weigh the errors of a class and find the worst.

    The weight is the sum of the cubed depths over the field of sight: a blob counts more than a rim of as many pixels,
    a thin structure missed over some length more than a speck. The place is the deepest pixel in sight there.

    Returns
    -------
    weight : float
    place : (int, int)
        A wrong pixel.
    """
    depth = depths(wrong)
    weights = ndimage.uniform_filter(depth**3, SIGHT, mode="constant") * SIGHT**2
    row, column = np.unravel_index(int(np.argmax(np.where(wrong, weights, -1))), wrong.shape)
    top, left = max(0, int(row) - SIGHT // 2), max(0, int(column) - SIGHT // 2)
    seen = depth[top : row + SIGHT // 2 + 1, left : column + SIGHT // 2 + 1]
    deepest = np.unravel_index(int(np.argmax(seen)), seen.shape)
    return float(weights[row, column]), (top + int(deepest[0]), left + int(deepest[1]))


def middle_line(
    region: NDArray[np.bool_], depth: NDArray[np.float64], start: tuple[int, int]
) -> list[tuple[int, int]]:
    """Return a line of neighbouring pixels through the middle of a region, ordered by how far they are from ``start``.

    It runs from the start to the farthest place of the inner part of the region, and to the one farthest from there.
    """
    inner = region & (depth >= depth[start] / 2)
    one_end = _farthest(inner, start)
    other_end = _farthest(inner, one_end)
    costs = MCP_Geometric(np.where(inner, 1 / np.maximum(depth, 1) ** 2, np.inf))
    costs.find_costs([start])
    ways = [costs.traceback(end) for end in (one_end, other_end)]
    steps = sorted((number, half, point) for half, way in enumerate(ways) for number, point in enumerate(way))
    return list(dict.fromkeys((int(row), int(column)) for _, _, (row, column) in steps))


def _farthest(region: NDArray[np.bool_], start: tuple[int, int]) -> tuple[int, int]:
    """Return the pixel that is the longest way from the start, within the region."""
    found, _ = MCP_Geometric(np.where(region, 1.0, np.inf)).find_costs([start])
    row, column = np.unravel_index(int(np.argmax(np.where(np.isfinite(found), found, -1))), found.shape)
    return int(row), int(column)


def brushed(
    region: NDArray[np.bool_], line: Sequence[tuple[int, int]], width: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pixels of a region under a round brush that follows a line, as far as they may be painted."""
    under = np.zeros(region.shape, bool)
    for point in line:
        pixels = disk(point, width / 2, shape=region.shape)
        new = region[pixels] & ~under[pixels]
        if np.count_nonzero(under) + np.count_nonzero(new) > MOST_PIXELS:
            break
        under[pixels[0][new], pixels[1][new]] = True
    rows, columns = np.nonzero(under)
    return rows, columns

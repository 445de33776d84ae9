"""A simulated person who parts and joins objects: looks at the true ones, draws a line for the worst error."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.objects.hints import Hints, Line
from napari_unet.objects.object_map import ObjectMap

from .agreement import Shared
from .answers import Answered

Find = Callable[[Answered], ObjectMap]


@dataclasses.dataclass(frozen=True)
class Wrong:
    """One error: two true objects in one found, or one true object in two; ``size`` are the pixels of the lesser."""

    plane: int
    kind: str
    whole: int
    parts: tuple[int, int]
    size: int


def drawn(planes: Sequence[Answered], find: Callable[[Sequence[Answered]], Find], count: int) -> list[Answered]:
    """Return planes with so many lines drawn on them, one after the other, each for the worst error left.

    Parameters
    ----------
    planes : sequence of Answered
    find : callable
        From the planes with the lines so far to what finds objects on each.
    count : int
    """
    planes, tried = list(planes), set()
    for _ in range(count):
        finder = find(planes)
        errors = [one for number, plane in enumerate(planes)
                  for one in wrongs(plane.true, finder(plane).numbers, number)]
        errors = [one for one in errors if _key(one) not in tried]
        if not errors:
            break
        worst = max(errors, key=lambda one: (one.size, one.plane, one.whole))
        tried.add(_key(worst))
        plane = planes[worst.plane]
        line = _line(worst, plane.true, finder(plane).numbers)
        planes[worst.plane] = plane.with_hints(Hints((*plane.hints.lines, line), plane.hints.strokes))
    return planes


def wrongs(true: NDArray[Any], found: NDArray[Any], plane: int) -> list[Wrong]:
    """Return all splits and merges: objects that lie for the most part in one of the other kind."""
    shared = Shared.of(true, found)
    missed = np.setdiff1d(shared.true, shared.true[shared.matched])
    errors = []
    for kind, wholes, parts, sizes in (("cut", shared.found, shared.true, shared.true_sizes),
                                       ("join", shared.true, shared.found, shared.found_sizes)):
        inside = 2 * shared.count > sizes[parts]
        for whole in np.unique(wholes[inside]).tolist():
            here = inside & (wholes == whole)
            order = np.argsort(-shared.count[here], kind="stable")
            own = parts[here][order]
            if len(own) < 2:
                continue
            first, second = own[:2].tolist()
            if np.isin((first, second) if kind == "cut" else whole, missed).any():
                errors.append(Wrong(plane, kind, whole, (first, second), int(shared.count[here][order][1])))
    return errors


def _key(one: Wrong) -> tuple[Any, ...]:
    about = sorted(one.parts) if one.kind == "cut" else (one.whole, one.size)
    return (one.plane, one.kind, *about)


def _line(error: Wrong, true: NDArray[Any], found: NDArray[Any]) -> Line:
    """Return the line a person draws: across the border of two, or from the middle of one to that of the other."""
    if error.kind == "join":
        ends = [_middle((found == one) & (true == error.whole)) for one in error.parts]
        return Line("join", tuple(tuple(map(float, end)) for end in ends))
    where = found == error.whole
    one, other = (where & (true == part) for part in error.parts)
    if true.ndim == 3:  # a person draws in the plane where the two touch most
        border = (ndimage.distance_transform_edt(~one) + ndimage.distance_transform_edt(~other)) * 1.0
        border[~where] = np.inf
        z = int(np.argmin(border.reshape(len(border), -1).min(axis=1)))
        if one[z].any() and other[z].any():
            return Line("cut", tuple((float(z), *point) for point in _across(where[z], one[z], other[z])))
        z = int(np.argmax(one.any(axis=(1, 2)) & other.any(axis=(1, 2))))
        return Line("cut", tuple((float(z), *point) for point in _across(where[z], one[z], other[z])))
    return Line("cut", _across(where, one, other))


def _across(
    where: NDArray[np.bool_], one: NDArray[np.bool_], other: NDArray[np.bool_]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the ends of a straight line over the border between two parts of a found object."""
    near, far = (ndimage.distance_transform_edt(~part) for part in (one, other))
    border = where & (np.abs(near - far) <= 1)
    places = np.argwhere(border & (near <= near[border].min() + 6)).astype(float)
    middle = places.mean(axis=0)
    _, _, axes = np.linalg.svd(places - middle, full_matrices=False)
    along = (places - middle) @ axes[0]
    start, stop = (middle + (end + step) * axes[0] for end, step in ((along.min(), -2), (along.max(), 2)))
    return tuple(map(float, start)), tuple(map(float, stop))


def _middle(chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    depth = ndimage.distance_transform_edt(np.pad(chosen, 1))
    place: NDArray[np.int64] = np.array(np.unravel_index(depth.argmax(), depth.shape)) - 1
    return place

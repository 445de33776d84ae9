"""Choose the parameters left to ``auto`` by their score on held-out painted pixels. Knows no method and no image.

The search is bounded by the number of candidates; the clock is only a last resort, so that two fits agree.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..core.parameters import fields
from ..learning.strokes import pixels_by_number, stroke_components

Method = TypeVar("Method")
_MOST_FOLDS = 4
MARGIN = 0.01
"""A later candidate must score better by this much: parameters stay at their first candidate unless it matters."""


@dataclasses.dataclass(frozen=True)
class TriedSettings:
    """One set of parameters that was tried, and its score (mean Dice over classes on painted pixels, 0 to 1)."""

    parameters: dict[str, Any]
    score: float


def default_candidate(method: Method) -> Method:
    """Return the method with every parameter left to ``auto`` at the first of its candidates."""
    return dataclasses.replace(  # type: ignore[type-var]  # methods are dataclasses
        method, **{name: values[0] for name, values in auto_parameters(method).items()}
    )


def auto_parameters(method: Any) -> dict[str, tuple[Any, ...]]:
    """Return the candidates of the parameters left to ``auto``, in order."""
    return {
        field.name: field.parameter.auto
        for field in fields(method)
        if getattr(method, field.name) is None and field.parameter.auto
    }


def coordinate_search(
    method: Method,
    score: Callable[[Method], float],
    used: Callable[[Method, str], bool] = lambda _method, _name: True,
    seconds: float = 10.0,
) -> Generator[str, None, tuple[Method, tuple[TriedSettings, ...], bool]]:
    """Try the candidates of one parameter after the other, keeping the best.

    Parameters
    ----------
    method : Method
    score : callable
        Larger is better.
    used : callable
        Says whether a parameter matters for a method with these parameters; one that does not is not tried.
    seconds : float
        Nothing new is tried after this time.

    Yields
    ------
    str
        What is tried next, for people.

    Returns
    -------
    method : Method
        With the chosen parameters.
    tried : tuple of TriedSettings
    cut : bool
        True if time ran out before all candidates were tried.
    """
    open_ = auto_parameters(method)
    best = default_candidate(method)
    end = time.monotonic() + seconds
    tried: list[TriedSettings] = []

    def evaluate(candidate: Method) -> float:
        value = score(candidate)
        tried.append(TriedSettings({name: getattr(candidate, name) for name in open_}, value))
        return value

    if all(len(values) < 2 for values in open_.values()):
        return best, (), False
    top = evaluate(best)
    for name, values in open_.items():
        for value in values[1:] if used(best, name) else ():
            if time.monotonic() > end:
                return best, tuple(tried), True
            yield f"trying {name} {value}"
            candidate = dataclasses.replace(best, **{name: value})  # type: ignore[type-var]
            found = evaluate(candidate)
            if found > top + MARGIN:
                best, top = candidate, found
    return best, tuple(tried), False


Pieces = list[tuple[int, NDArray[np.int64]]]
"""A stroke: in which of some planes it lies, and there at which flat indices."""


def paint_folds(
    paint: Sequence[NDArray[np.uint8]], runs: Sequence[Sequence[int]] | None = None
) -> list[list[NDArray[np.uint8]]]:
    """Divide paint for scoring: each fold is what is left out of each plane.

    Whole planes are left out in turn where every class is painted in at least two, and no stroke passes through
    several (of volumes, in at most four folds); else whole strokes (thirds of the strokes of every class; halves, where
    a class has only two); with fewer strokes nothing can be left out.

    Parameters
    ----------
    paint : sequence of ndarray of uint8, shape (Y, X) or (Z, Y, X)
    runs : sequence of sequence of int, optional
        Which of these planes lie directly behind one another, run by run, each in one; by default none does.

    Returns
    -------
    list of list of ndarray of uint8
        For every fold and plane the paint left out; empty if nothing can be left out.
    """
    strokes = _strokes_by_class(paint, [[index] for index in range(len(paint))] if runs is None else runs)
    planes = _painted_planes(paint)
    if not _pass_through(paint, strokes) and all(
            sum(bool((plane == number).any()) for plane in planes) >= 2 for number in strokes):
        deep = any(one.ndim > 2 for one in paint)
        return _planes_left_out(paint, min(_MOST_FOLDS, len(planes)) if deep else len(planes))
    count = min(3, *map(len, strokes.values()))
    if count < 2:
        return []
    out = [[np.zeros_like(plane) for plane in paint] for _ in range(count)]
    for number, mine in sorted(strokes.items()):
        for place, stroke in enumerate(mine):
            for index, pixels in stroke:
                out[place % count][index].ravel()[pixels] = number
    return out


def _painted_planes(paint: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Return all planes, those of volumes that are painted, as views."""
    return [plane for one in paint for plane in ([one] if one.ndim == 2 else [part for part in one if part.any()])]


def _planes_left_out(paint: Sequence[NDArray[np.uint8]], count: int) -> list[list[NDArray[np.uint8]]]:
    out = [[np.zeros_like(one) for one in paint] for _ in range(count)]
    targets = [_painted_like(paint, fold) for fold in out]
    for place, plane in enumerate(_painted_planes(paint)):
        targets[place % count][place][:] = plane
    return out


def _painted_like(paint: Sequence[NDArray[np.uint8]], fold: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Return the planes of a fold that :func:`_painted_planes` returns of the paint."""
    return [plane for one, mine in zip(paint, fold, strict=True)
            for plane in ([mine] if one.ndim == 2 else [mine[at] for at in range(len(one)) if one[at].any()])]


def _pass_through(paint: Sequence[NDArray[np.uint8]], strokes: dict[int, list[Pieces]]) -> bool:
    """Whether a stroke passes through several planes."""
    return any(len(stroke) > 1 or len(np.unique(pixels // (paint[index].shape[-2] * paint[index].shape[-1]))) > 1
               for each in strokes.values() for stroke in each for index, pixels in stroke)


def _strokes_by_class(
    paint: Sequence[NDArray[np.uint8]], runs: Sequence[Sequence[int]]
) -> dict[int, list[Pieces]]:
    """Return the strokes of each class; one that passes through the planes of a run is one stroke."""
    strokes: dict[int, list[Pieces]] = {}
    for run in runs:
        block = np.stack([paint[index] for index in run]) if len(run) > 1 else paint[run[0]]
        size = paint[run[0]].size
        for _, pixels in pixels_by_number(stroke_components(block)[0]):
            planes = pixels // size
            pieces = [(run[place], pixels[planes == place] % size) for place in np.unique(planes)]
            strokes.setdefault(int(block.ravel()[pixels[0]]), []).append(pieces)
    return strokes


def mean_dice(truth: NDArray[np.integer], given: NDArray[np.integer]) -> float:
    """Return the mean over the classes of ``truth`` of 2 |A and B| / (|A| + |B|)."""
    return float(np.mean([
        2 * np.count_nonzero((truth == number) & (given == number))
        / (np.count_nonzero(truth == number) + np.count_nonzero(given == number))
        for number in np.unique(truth)
    ]))

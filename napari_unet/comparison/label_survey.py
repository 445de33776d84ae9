"""What is in label images of unknown code: values, their parts, and what lies where the classes are known. Decides
nothing.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.components import label_components

_LOOKED_AT = 16
"""Planes of a stack in which parts are counted, evenly spread."""
_WHOLE = 0.9
"""Share of a value's pixels that its largest part must have, to count as one part: a stray pixel is no second."""
BACKGROUND = 1


@dataclasses.dataclass(frozen=True)
class LabelSurvey:
    """What is known of some label images together.

    Parameters
    ----------
    values : tuple of float
        All but 0, ascending.
    zero : bool
        Whether they hold 0.
    whole : float
        Share of the values, plane by plane, that are one connected part.
    size : float
        Mean pixels of a value in a plane; of an image with grey values it is small.
    hits : mapping of (int, float) to int
        Pixels by painted id (1 = background) and value, where a witness knows the class.
    """

    values: tuple[float, ...]
    zero: bool
    whole: float
    size: float
    hits: Mapping[tuple[int, float], int]

    @classmethod
    def of(cls, labels: Sequence[NDArray[Any]], witnesses: Sequence[NDArray[np.uint8] | None] = ()) -> LabelSurvey:
        """Look at label images of shape (..., Y, X).

        Parameters
        ----------
        labels : sequence of ndarray of numbers or bool
        witnesses : sequence of ndarray of uint8, same shapes, optional
            Painted ids of strokes or of another result on the same pixels; 0 = not known.
        """
        values, hits, parts = set[float](), Counter[tuple[int, float]](), list[tuple[bool, int]]()
        for one, witness in zip(labels, witnesses or [None] * len(labels), strict=True):
            planes = one.reshape(-1, *one.shape[-2:])
            known = None if witness is None else witness.reshape(planes.shape)
            for number, plane in enumerate(planes):
                values.update(_values(plane))
                if known is not None:
                    hits.update(_hits(plane, known[number]))
        if len(values - {0.0}) > 1:
            parts = [each for one in labels for plane in _spread(one) for each in _one_part(plane)]
        whole, size = np.mean(parts, axis=0).tolist() if parts else (1.0, 0.0)
        return cls(tuple(sorted(values - {0.0})), 0.0 in values, whole, size, dict(hits))

    def share(self, ids: Sequence[int], values: Sequence[float]) -> float | None:
        """Return which part of the pixels of these classes has one of these values; None without such pixels."""
        of_classes = {key: count for key, count in self.hits.items() if key[0] in ids}
        total = sum(of_classes.values())
        return sum(count for key, count in of_classes.items() if key[1] in values) / total if total else None

    def purity(self, number: int) -> float | None:
        """Return which part of the known pixels with this value is of the class with this painted id; None without."""
        with_value = {key: count for key, count in self.hits.items() if key[1] == number}
        total = sum(with_value.values())
        return sum(count for key, count in with_value.items() if key[0] == number) / total if total else None

    def foreground(self, values: Sequence[float] | None = None) -> float | None:
        """Return which part of the pixels of all classes but the background has one of these values, or any but 0."""
        ids = sorted({number for number, _ in self.hits if number > BACKGROUND})
        return self.share(ids, self.values if values is None else values)

    def top(self) -> float | None:
        """Return the largest share that one value has of the foreground's pixels that are not 0."""
        of_values = Counter[float]()
        for (number, value), count in self.hits.items():
            if number > BACKGROUND and value:
                of_values[value] += count
        total = sum(of_values.values())
        return max(of_values.values()) / total if total else None


def _values(plane: NDArray[Any]) -> list[float]:
    if _small(plane):
        return [float(value) for value in np.flatnonzero(np.bincount(plane.ravel()))]
    return [float(value) for value in np.unique(plane)]


def _hits(plane: NDArray[Any], witness: NDArray[np.uint8]) -> Counter[tuple[int, float]]:
    here = witness > 0
    if not here.any():
        return Counter()
    values, codes = np.unique(plane[here], return_inverse=True)
    counts = np.bincount(witness[here].astype(np.int64) * len(values) + codes)
    return Counter({(int(pair) // len(values), float(values[pair % len(values)])): int(counts[pair])
                    for pair in np.flatnonzero(counts)})


def _spread(labels: NDArray[Any]) -> Iterator[NDArray[Any]]:
    planes = labels.reshape(-1, *labels.shape[-2:])
    for number in np.unique(np.linspace(0, len(planes) - 1, min(_LOOKED_AT, len(planes))).round().astype(int)):
        yield planes[number]


def _one_part(plane: NDArray[Any]) -> list[tuple[bool, int]]:
    """Say of each value but 0 whether it is one connected part of the plane, and how many pixels it has."""
    if _small(plane):
        numbers = plane.astype(np.uint32)
    else:
        numbers = np.unique(plane, return_inverse=True)[1].reshape(plane.shape).astype(np.uint32) + 1
        numbers[plane == 0] = 0
    parts = label_components(numbers).ravel()
    sizes, total = np.bincount(parts), np.bincount(numbers.ravel())
    owner = np.zeros(sizes.size, np.int64)
    owner[parts] = numbers.ravel()
    largest = np.zeros(total.size, np.int64)
    np.maximum.at(largest, owner[1:], sizes[1:])
    return [(bool(big >= _WHOLE * size), int(size)) for big, size in zip(largest[1:], total[1:], strict=True) if size]


def _small(plane: NDArray[Any]) -> bool:
    """Whether a plane holds whole numbers that are small enough to be counted without sorting."""
    return bool(plane.size and plane.dtype.kind in "bui" and plane.min() >= 0 and plane.max() < 2**16)

"""Which necks are cut, chosen by the cuts and joins a person has drawn. Changes no object."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .basins import ROUGH, Basins, merged_basins
from .drawn_lines import beside
from .hints import Line

NECKS = (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.83, 0.87, 0.9, 0.92, 0.94, 0.96, 0.98)
"""What is tried."""

USUAL = 0.87
"""What is taken where nobody has drawn a line."""

CARE = 0.5
"""Lines that must speak for a step away from the usual; so one line alone moves little."""


def violations(basins: Basins, typical: float, lines: Sequence[Line], pixel: float = 1) -> NDArray[np.float64]:
    """Return which lines (rows) each of :data:`NECKS` (columns) would get wrong by itself: 1, else 0."""
    wrong = np.zeros((len(lines), len(NECKS)))
    shape = basins.numbers.shape
    seen = []
    for row, line in enumerate(lines):
        if line.kind == "cut":
            sides = [basins.numbers[side] for side in beside(line, shape)]
            sides = [one[one > 0] for one in sides]
            if all(len(one) for one in sides):
                seen.append((row, "cut", sides))
        else:
            under = basins.numbers[line.pixels(shape)]
            if (under > 0).any():
                seen.append((row, "join", [under[under > 0]]))
    if not seen:
        return wrong
    for place, neck in enumerate(NECKS):
        group = merged_basins(basins, neck, typical=typical, rough=rough_below(neck), pixel=pixel)
        for row, kind, sides in seen:
            most = [np.bincount(group[one]).argmax() for one in sides]
            if kind == "cut":
                wrong[row, place] = most[0] == most[1]
            else:
                wrong[row, place] = np.mean(group[sides[0]] == most[0]) < 0.9
    return wrong


def rough_below(neck: float) -> float:
    """Return by how much strands and shells may be narrower and still be whole; 1 cuts every waist."""
    return ROUGH if neck < 1 else 0.0


def chosen_neck(wrong: Sequence[ArrayLike]) -> float:
    """Return the neck that the fewest lines speak against, near the usual one.

    Parameters
    ----------
    wrong : sequence of array_like
        Each a row of numbers for :data:`NECKS`, several such rows, or empty.
    """
    rows = [one for one in map(np.asarray, wrong) if one.size]
    away = np.abs(np.arange(len(NECKS)) - NECKS.index(USUAL))
    cost = CARE * away + (np.vstack(rows).sum(axis=0) if rows else 0)
    return NECKS[int(np.argmin(cost))]

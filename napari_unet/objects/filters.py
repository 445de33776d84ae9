"""Which rows of a table of measures are kept: by the range of a column, by class, by the border. Changes no table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError

from .measure_table import MeasureTable


@dataclasses.dataclass(frozen=True)
class RangeFilter:
    """Keep rows whose value of a column lies in a range, both ends included.

    A row without a value is left out as soon as there is a limit: nobody knows where it lies.

    Parameters
    ----------
    column : str
        Name of a column of numbers.
    low, high : float, optional
        None where there is no limit.
    """

    column: str
    low: float | None = None
    high: float | None = None

    def keeps(self, table: MeasureTable) -> NDArray[np.bool_]:
        """Say of each row whether it is kept; a table without the column keeps all.

        Raises
        ------
        UserError
            If the column holds no numbers, or the range is none.
        """
        if self.column not in table.columns:
            return np.ones(len(table), bool)
        if self.column not in table.numbers:
            raise UserError(f"{self.column!r} holds no numbers. Columns with numbers: {', '.join(table.numbers)}.")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise UserError(f"No {self.column} is at least {self.low:g} and at most {self.high:g}. Swap the two.")
        values = table.columns[self.column]
        kept = np.ones(len(table), bool)
        with np.errstate(invalid="ignore"):
            if self.low is not None:
                kept &= values >= self.low
            if self.high is not None:
                kept &= values <= self.high
        return kept


@dataclasses.dataclass(frozen=True)
class ClassFilter:
    """Keep rows of some classes, by name."""

    names: frozenset[str]

    def keeps(self, table: MeasureTable) -> NDArray[np.bool_]:
        """Say of each row whether it is kept."""
        return np.array([one in self.names for one in table.columns["class"].tolist()], bool)


@dataclasses.dataclass(frozen=True)
class BorderFilter:
    """Keep rows of objects that do not touch the border, of which only a part is in the picture."""

    def keeps(self, table: MeasureTable) -> NDArray[np.bool_]:
        """Say of each row whether it is kept."""
        return ~table.columns["border"].astype(bool)


ObjectFilter = RangeFilter | ClassFilter | BorderFilter


def kept_rows(table: MeasureTable, filters: Iterable[ObjectFilter]) -> NDArray[np.bool_]:
    """Say of each row of a table whether all filters keep it."""
    kept = np.ones(len(table), bool)
    for one in filters:
        kept &= one.keeps(table)
    return kept

"""A table of measures: one row an object, columns with names and units. Computes no measure and writes no file."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError

PIXEL_ENDING = "_px"
"""Of columns in pixels that stand beside one of the same name in a physical unit."""

NO_OBJECT = "There is no object to measure."


@dataclasses.dataclass(frozen=True, eq=False)
class MeasureTable:
    """Measured objects, one row each.

    Parameters
    ----------
    columns : mapping of str to ndarray, shape (rows,)
        By name, in order. Numbers, booleans, or words (dtype object); NaN where there is no value.
    units : mapping of str to str
        Of the columns that have one: ``"pixel"``, ``"micrometer^2"``.
    notes : tuple of str
        Sentences: what was left out, and why.

    Raises
    ------
    UserError
        If the columns are not all of one length.
    """

    columns: Mapping[str, NDArray[Any]]
    units: Mapping[str, str] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise UserError(f"The columns of a table have one value for each object, not {lengths}.")

    def __len__(self) -> int:
        return max(map(len, self.columns.values()), default=0)

    def head(self, name: str) -> str:
        """Return the heading of a column, with its unit: ``area (micrometer^2)``."""
        unit = self.units.get(name, "")
        word = name.removesuffix(PIXEL_ENDING) if unit else name
        return f"{word} ({unit})" if unit else word

    @property
    def heads(self) -> tuple[str, ...]:
        """The headings in order; no two are the same."""
        return tuple(self.head(name) for name in self.columns)

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the columns that hold numbers."""
        return tuple(name for name, values in self.columns.items() if values.dtype.kind in "iuf")

    def row_of(self, number: int) -> int | None:
        """Return the row of an object by its number, None if it has none."""
        found = np.flatnonzero(self.columns["object"] == number)
        return int(found[0]) if found.size else None

    def only(self, chosen: NDArray[np.bool_]) -> MeasureTable:
        """Return a table of the rows that are true."""
        return dataclasses.replace(self, columns={name: values[chosen] for name, values in self.columns.items()})

    def without(self, name: str) -> MeasureTable:
        """Return a table without a column."""
        return dataclasses.replace(self, columns={key: one for key, one in self.columns.items() if key != name})

    def with_words(self, **words: str) -> MeasureTable:
        """Return a table that begins with columns of one word each: the image, the plane."""
        first = {name: np.full(len(self), word, object) for name, word in words.items()}
        return dataclasses.replace(self, columns={**first, **self.columns})

    def features(self) -> dict[str, NDArray[Any]]:
        """Return what a layer's ``features`` hold: ``index`` (the number of the object), and each column by heading."""
        return {"index": self.columns["object"], **{self.head(name): one for name, one in self.columns.items()}}

    def rows(self) -> Iterator[list[object]]:
        """Go through the rows; a value that is missing is None."""
        plain = [_plain(values) for values in self.columns.values()]
        yield from (list(row) for row in zip(*plain, strict=True))


def joined_tables(tables: Sequence[MeasureTable]) -> MeasureTable:
    """Return tables one below the other, with every column of any of them; a value that one lacks is missing."""
    units: dict[str, str] = {}
    columns: dict[str, str] = {}
    for table in tables:
        for name, values in table.columns.items():
            # micrometers of one image do not stand in one column with nanometers of another
            key = name if units.setdefault(name, table.units.get(name, "")) == table.units.get(name, "") \
                else f"{name} ({table.units.get(name, '')})"
            columns[key] = columns.get(key, "") + values.dtype.kind
    return MeasureTable(
        {key: np.concatenate([_part(table, key, units, kinds) for table in tables]) for key, kinds in columns.items()},
        {key: units[key] for key in columns if units.get(key)},
        tuple(dict.fromkeys(note for table in tables for note in table.notes if note != NO_OBJECT or not any(tables))),
    )


def _part(table: MeasureTable, key: str, units: Mapping[str, str], kinds: str) -> NDArray[Any]:
    """Return what a table has of a column of joined tables, missing values where it has none."""
    for name, values in table.columns.items():
        unit = table.units.get(name, "")
        if key == (name if units[name] == unit else f"{name} ({unit})"):
            return values
    return np.full(len(table), None, object) if "O" in kinds else np.full(len(table), np.nan)


def _plain(values: NDArray[Any]) -> list[object]:
    """Return values as those of Python, None for NaN."""
    if values.dtype.kind != "f":
        return list(values.tolist())
    return [None if one != one else one for one in values.tolist()]

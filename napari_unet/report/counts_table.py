"""Counts of parts, holes and areas as a CSV file that a spreadsheet opens as it is meant. Counts nothing."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping

from .csv_cells import ENCODING, harmless_cell
from .whole_file import appearing_whole


def write_counts(
    path: str | os.PathLike[str], rows: Iterable[Mapping[str, object]], columns: Iterable[str], overwrite: bool = False
) -> None:
    """Write rows of counts, whole or not at all.

    Parameters
    ----------
    path : path
    rows : iterable of mapping of str to object
        As :func:`napari_unet.workflows.counts.count_masks` makes them.
    columns : iterable of str
        In order: :data:`napari_unet.workflows.counts.COLUMNS`.
    overwrite : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    UserError
        If the file exists and may not be replaced, or cannot be written.
    """
    names = list(columns)
    with appearing_whole(path, overwrite) as unfinished, unfinished.open("w", encoding=ENCODING, newline="") as file:
        table = csv.writer(file)
        table.writerow(names)
        table.writerows([harmless_cell(row[name]) for name in names] for row in rows)


def is_counts(path: str | os.PathLike[str], columns: Iterable[str]) -> bool:
    """Say whether a file is a table as :func:`write_counts` writes it: one with these headings."""
    try:
        with open(path, encoding=ENCODING, newline="") as file:
            return next(csv.reader(file), []) == list(columns)
    except (OSError, UnicodeDecodeError, csv.Error):
        return False

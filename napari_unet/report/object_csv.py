"""Measured objects as a CSV file, one line an object, units in the headings. Measures nothing."""

from __future__ import annotations

import csv
import os

from napari_unet.objects.measure_table import MeasureTable

from .csv_cells import ENCODING, harmless_cell
from .whole_file import appearing_whole


def write_objects(path: str | os.PathLike[str], table: MeasureTable, overwrite: bool = False) -> None:
    """Write a table of objects, whole or not at all.

    Parameters
    ----------
    path : path
    table : MeasureTable
        Of one image, or joined of several (:func:`napari_unet.objects.measure_table.joined_tables`).
    overwrite : bool
        Whether a file that is there may be replaced.

    Raises
    ------
    UserError
        If the file exists and may not be replaced, or cannot be written.
    """
    with appearing_whole(path, overwrite) as unfinished, unfinished.open("w", encoding=ENCODING, newline="") as file:
        lines = csv.writer(file)
        lines.writerow([harmless_cell(head) for head in table.heads])
        lines.writerows([_cell(value) for value in row] for row in table.rows())


def _cell(value: object) -> object:
    """Return a value for a cell: numbers with as many digits as they are worth, yes and no as 1 and 0."""
    if isinstance(value, bool):
        return int(value)
    return harmless_cell(float(f"{value:.7g}") if isinstance(value, float) else value)

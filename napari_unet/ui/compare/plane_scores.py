"""How one method did on each plane, as lines of a table. Knows no widget and no viewer."""

from __future__ import annotations

from collections.abc import Sequence

from napari_unet.core.rows import Row
from napari_unet.report.summary import summarise

from ..score_table import ScoreColumn, ScoreLine
from .score_cells import column_key, score_cell, score_column, scored_columns

Place = tuple[str, int]
"""Name of an image, number of a plane."""


def scored_planes(rows: Sequence[Row], method: str) -> list[Place]:
    """Return where a method was scored, in order."""
    return list(dict.fromkeys((row.image, row.plane) for row in rows if row.method == method and row.plane is not None))


def plane_lines(
    rows: Sequence[Row], method: str, class_id: int | None
) -> tuple[list[ScoreColumn], list[ScoreLine], dict[str, Place]]:
    """Return columns, a line for each plane, and by the name of a line its place.

    Parameters
    ----------
    rows : sequence of Row
    method : str
    class_id : int, optional
        Painted id; None = the mean over classes.
    """
    by_place: dict[Place, list[Row]] = {}
    for row in rows:
        if row.method == method and row.plane is not None:
            by_place.setdefault((row.image, row.plane), []).append(row)
    several = len({image for image, _ in by_place}) > 1
    columns: list[ScoreColumn] = []
    lines: list[ScoreLine] = []
    places: dict[str, Place] = {}
    for (image, plane), mine in by_place.items():
        summary = summarise(mine)
        shown = scored_columns(summary, class_id)
        columns = columns or [score_column(one) for one in shown]
        name = f"{plane} {image}"
        places[name] = (image, plane)
        title = f"{image} · plane {plane}" if several else f"plane {plane}"
        lines.append(ScoreLine(name, title, "Click: the viewer goes there.",
                               {column_key(one): score_cell(summary, method, one) for one in shown}))
    return columns, lines, places

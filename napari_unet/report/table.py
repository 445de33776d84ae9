"""A summary as a table to read, and rows as a CSV file. Takes no means of its own and draws nothing."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import os
import textwrap
from collections.abc import Collection, Iterable, Sequence

from napari_unet.core.readable import readable
from napari_unet.core.rows import COLUMNS, Row
from napari_unet.metrics import COMPANIONS, UNMATCHED

from .csv_cells import ENCODING, harmless_cell
from .held_out_verdict import LIKELY, LIKELY_MEANS
from .summary import EVIDENCE, SEES, Summary, SummaryColumn, SummaryValue, best_methods, format_value, summarise
from .whole_file import appearing_whole

__all__ = ["Summary", "SummaryColumn", "TableCell", "TableGrid", "best_methods", "format_text", "summarise",
           "table_grids", "write_csv"]

DASH = "-"
NOT_SHOWN = "not shown"
_ALWAYS_SHOWN = ("dice", "iou", "seconds")


@dataclasses.dataclass(frozen=True)
class TableCell:
    """One cell to show: its text, whether it is the best of its column, and why it is a dash or covers less."""

    text: str
    best: bool = False
    note: str = ""


@dataclasses.dataclass(frozen=True)
class TableGrid:
    """One table to show: methods down, headers across.

    ``spare`` tells by column what may be left out where there is no room: 2 first, as it is in a table of its own too,
    then 1, and 0 only if nothing else helps. The first column always stays.
    """

    title: str
    headers: tuple[str, ...]
    spare: tuple[int, ...]
    methods: tuple[str, ...]
    cells: tuple[tuple[TableCell, ...], ...]


def table_grids(summary: Summary) -> tuple[TableGrid, ...]:
    """Lay a summary out for people: the mean over classes where there are several, then each class.

    Counts of the prediction and of the reference share a cell (``57/21``); the column behind it is the mean number of
    those without a partner at the same place (*unmatched*), and the one that is marked; or, where places are not
    matched, the mean difference (*off by*), and nothing is marked.
    """
    marked = best_methods(summary)
    made = []
    several = len(summary.classes) > 1
    if several or not summary.classes:
        made.append(_overview(summary, marked))
    for class_id, name in summary.classes:
        for volume, way in itertools.product((False, True), dict.fromkeys(("", *(one.way for one in summary.columns)))):
            found = _of_class(summary, class_id, volume, way)
            if not found:
                continue
            seconds = summary.column("seconds")
            if not several and seconds and not volume and not way:
                found.append(seconds)
            where = "whole volume" if volume else _planes(summary, found)
            what = f"{name}, objects by {way}" if way else name
            made.append(_grid(f"{what}, {where}", found, summary, marked))
    return _with_sight(_with_likely(tuple(grid for grid in made if grid.headers), summary), summary)


def format_text(summary: Summary, markdown: bool = False, width: int = 100) -> str:
    """Write a summary as aligned text, the best of each column marked with ``*`` (bold in Markdown).

    Parameters
    ----------
    summary : Summary
    markdown : bool
        Write Markdown tables instead.
    width : int
        Columns that matter less are left out to stay within this many characters (not in Markdown).
    """
    tables = table_grids(summary)
    if not tables:
        return "Nothing was scored."
    lines: list[str] = []
    dropped: list[str] = []
    for grid in tables:
        narrow, without = (grid, []) if markdown else _fitted(grid, width)
        dropped += without
        lines += [*_written(narrow, markdown), ""]
    marks = any(cell.best for grid in tables for line in grid.cells for cell in line)
    if marks and not markdown:
        lines.append("* best (all that are equal to the digits shown)")
    notes = _footnotes(tables)
    if summary.held_out:
        notes.append(LIKELY_MEANS)
    if dropped:
        notes.append(f"Not shown for lack of room: {', '.join(dict.fromkeys(dropped))}.")
    for note in notes:
        lines += [note] if markdown else textwrap.wrap(note, width, subsequent_indent="  ")
    return "\n".join(lines).rstrip("\n")


def write_csv(path: str | os.PathLike[str], rows: Iterable[Row], overwrite: bool = False) -> None:
    """Write rows as a tidy table, one value a line; a missing value is an empty cell.

    UTF-8 with a mark at its beginning, without which Excel takes names for another encoding (read it as ``utf-8-sig``).
    Words that a spreadsheet would run as a formula begin with an apostrophe (see :mod:`.csv_cells`).

    Raises
    ------
    UserError
        If the file exists and may not be overwritten, or cannot be written.
    """
    with appearing_whole(path, overwrite) as unfinished, unfinished.open("w", encoding=ENCODING, newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([harmless_cell(getattr(row, name)) for name in COLUMNS] for row in rows)


# -- laying out -------------------------------------------------------------------------------------------------------


def _overview(summary: Summary, marked: frozenset[tuple[str, SummaryColumn]]) -> TableGrid:
    """The mean over classes, and the Dice of each: what tells methods apart at a glance."""
    columns = [one for one in summary.columns if not one.volume and one.about.family != EVIDENCE
               and (one.metric == "dice" or (one.class_id is None and not _may_go(one)))]
    return _grid("mean over classes" if summary.classes else "", columns, summary, marked)


def _may_go(column: SummaryColumn) -> bool:
    """Whether a column matters less."""
    return column.about.family != "topology" and column.metric not in _ALWAYS_SHOWN


def _spare(column: SummaryColumn, overview: bool) -> int:
    return 2 if overview and column.class_id is not None else int(_may_go(column))


def _planes(summary: Summary, columns: Sequence[SummaryColumn]) -> str:
    counts = [summary.values[method, column].count for method in summary.methods for column in columns
              if (method, column) in summary.values and column.class_id is not None]
    most = max(counts, default=0)
    return "one plane" if most == 1 else f"mean over {most} planes"


def _grid(title: str, columns: Sequence[SummaryColumn], summary: Summary,
          marked: frozenset[tuple[str, SummaryColumn]]) -> TableGrid:
    """Make one table; a count, its reference and its error become two columns."""
    by_name = {(column.metric, column.way): column for column in columns if column.class_id == columns[0].class_id}
    headers: list[str] = []
    spare: list[int] = []
    overview = title.startswith("mean over classes")
    made: list[list[TableCell]] = []
    for column in columns:
        name = column.metric
        reference = by_name.get((f"{name}_reference", column.way))
        shown = {metric for metric, way in by_name if way == column.way}
        header = _beside_its_count(name, shown) or dataclasses.replace(column, way="").title
        if header == NOT_SHOWN:
            continue
        if column.class_id is not None and overview:
            header = f"{column.title} {_short(column.class_name)}"
        elif column.metric == "seconds":
            header = "seconds"
        headers.append(header)
        spare.append(_spare(column, overview))
        made.append([_cell(summary.values.get((method, column)), column,
                           summary.values.get((method, reference)) if reference else None,
                           (method, column) in marked) for method in summary.methods])
    return TableGrid(title, tuple(headers), tuple(spare), summary.methods, tuple(zip(*made, strict=True)))


def _beside_its_count(name: str, shown: Collection[str]) -> str:
    """Return what a companion of a count that is shown is called beside it; nothing for all other metrics."""
    count, end = next(((name.removesuffix(end), end) for end in COMPANIONS if name.endswith(end)), (name, ""))
    if not end or count not in shown:
        return ""
    headers = {"_error": NOT_SHOWN if count + UNMATCHED in shown else "off by", UNMATCHED: "unmatched"}
    return headers.get(end, NOT_SHOWN)


def _of_class(summary: Summary, class_id: int, volume: bool, way: str) -> list[SummaryColumn]:
    return [one for one in summary.columns if (one.class_id, one.volume, one.way) == (class_id, volume, way)
            and one.about.family != EVIDENCE]


def _with_likely(grids: tuple[TableGrid, ...], summary: Summary) -> tuple[TableGrid, ...]:
    """Put the interval of the true Dice behind the first column, which is Dice on held-out strokes."""
    if not grids or not summary.held_out:
        return grids
    grid, cells = grids[0], []
    for method, line in zip(grid.methods, grid.cells, strict=True):
        likely = summary.likely(method)
        cell = TableCell(DASH, note="too few strokes to tell") if likely is None else TableCell(likely.text)
        cells.append((line[0], cell, *line[1:]))
    first = dataclasses.replace(grid, headers=(grid.headers[0], LIKELY, *grid.headers[1:]),
                                spare=(grid.spare[0], 0, *grid.spare[1:]), cells=tuple(cells))
    return first, *grids[1:]


def _with_sight(grids: tuple[TableGrid, ...], summary: Summary) -> tuple[TableGrid, ...]:
    """Put what methods looked at behind the first table, where some looked at volumes."""
    if not grids or not summary.tells_sight:
        return grids
    grid = grids[0]
    cells = tuple((*line, TableCell(summary.sight(method) or DASH))
                  for method, line in zip(grid.methods, grid.cells, strict=True))
    return dataclasses.replace(grid, headers=(*grid.headers, SEES), spare=(*grid.spare, 0), cells=cells), *grids[1:]


def _short(name: str, length: int = 12) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"


def _cell(value: SummaryValue | None, column: SummaryColumn, reference: SummaryValue | None,
          is_best: bool) -> TableCell:
    if value is None:
        return TableCell(DASH, note="not scored")
    if value.value is None:
        return TableCell(DASH, note=value.note)
    text = format_value(value.value, column.about.unit)
    if reference is not None and reference.value is not None:
        text = f"{text}/{format_value(reference.value, column.about.unit)}"
    return TableCell(text, is_best, value.note)


# -- writing ----------------------------------------------------------------------------------------------------------


def _fitted(grid: TableGrid, width: int) -> tuple[TableGrid, list[str]]:
    """Leave out what matters least, from the right, until the table fits; return what is now in no table."""
    dropped: list[str] = []
    while _width(grid) > width and len(grid.headers) > 1:
        last = max(range(1, len(grid.headers)), key=lambda place: (grid.spare[place], place))
        if grid.spare[last] < 2:
            dropped.insert(0, grid.headers[last])
            kept = [place for place in range(len(grid.headers)) if place != last]
        else:  # the classes go together: one alone would look as if it were the only one
            kept = [place for place, spare in enumerate(grid.spare) if spare < 2]
        grid = dataclasses.replace(
            grid,
            headers=tuple(grid.headers[place] for place in kept),
            spare=tuple(grid.spare[place] for place in kept),
            cells=tuple(tuple(line[place] for place in kept) for line in grid.cells),
        )
    return grid, dropped


def _width(grid: TableGrid) -> int:
    return max(map(len, _written(grid, False)[1:]))


def _written(grid: TableGrid, markdown: bool) -> list[str]:
    """Return the lines of one table, its title first."""
    if markdown:
        return [f"**{grid.title}**", "", *_markdown(grid)] if grid.title else _markdown(grid)
    return [readable(grid.title), *_aligned(grid)] if grid.title else _aligned(grid)


def _markdown(grid: TableGrid) -> list[str]:
    lines = [("method", *grid.headers), ("---", *("---:" for _ in grid.headers))]
    lines += [(method, *(f"**{cell.text}**" if cell.best else cell.text for cell in line))
              for method, line in zip(grid.methods, grid.cells, strict=True)]
    return ["| " + " | ".join(text.replace("|", "\\|") for text in line) + " |" for line in lines]


def _aligned(grid: TableGrid) -> list[str]:
    # a mark has a place of its own, so that digits stay below each other
    columns = [[readable(header) + " ", *(cell.text + ("*" if cell.best else " ") for cell in column)]
               for header, column in zip(grid.headers, zip(*grid.cells, strict=True), strict=True)]
    names = ["method", *map(readable, grid.methods)]
    widest = max(map(len, names))
    padded = [[name.ljust(widest) for name in names]]
    padded += [[text.rjust(max(map(len, column))) for text in column] for column in columns]
    return [" ".join(line).rstrip() for line in zip(*padded, strict=True)]


def _footnotes(tables: Sequence[TableGrid]) -> list[str]:
    """Say why there are dashes, and which means leave something out."""
    dashes: dict[str, list[str]] = {}
    partial: list[str] = []
    for grid in tables:
        for method, line in zip(grid.methods, grid.cells, strict=True):
            for header, cell in zip(grid.headers, line, strict=True):
                if cell.note and header not in ("off by", "unmatched"):
                    if cell.text == DASH:
                        dashes.setdefault(cell.note, []).append(header)
                    else:
                        partial.append(f"{header} of {method} ({grid.title.partition(',')[0]}): {cell.note}")
    return [f"{DASH} {', '.join(dict.fromkeys(headers))}: {note}" for note, headers in dashes.items()] + partial

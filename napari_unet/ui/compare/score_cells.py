"""Numbers of a summary as columns and cells of a table: counts beside their reference, spread. Knows no widget."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np

from napari_unet.metrics import COMPANIONS, REGISTRY, UNMATCHED
from napari_unet.report.summary import EVIDENCE, Summary, format_value
from napari_unet.report.summary import SummaryColumn as Scored

from ..score_table import DASH, ScoreCell, ScoreColumn

MAIN = "dice"
"""The metric by which methods are ranked."""


def scored_columns(summary: Summary, class_id: int | None) -> list[Scored]:
    """Return what is shown for a class (None: the mean over classes): a count takes its reference and error along."""
    names = {one.metric for one in summary.columns}
    found = [
        one for one in summary.columns
        if (one.class_id == class_id or one.metric == "seconds") and not _companion_of(one.metric, names)
        and one.about.family != EVIDENCE
    ]
    return sorted(found, key=_place)


def _place(column: Scored) -> tuple[bool, bool, bool, bool]:
    """What fits into a narrow dock comes first: objects where they are asked for; overlap says much the same as Dice.
    """
    family = column.about.family
    return column.metric != MAIN, column.volume and not column.way, not (column.way or family == "topology"), \
        family == "overlap" or bool(family == "topology")


def score_column(column: Scored) -> ScoreColumn:
    """Return a column of the table; of a count the best has the fewest errors."""
    better = "lower" if f"{column.metric}_error" in REGISTRY else column.about.better
    return ScoreColumn(column_key(column), column_title(column), _tooltip(column),
                       {"higher": True, "lower": False}.get(better))


def score_cell(
    summary: Summary, method: str, column: Scored, marked: Collection[tuple[str, Scored]] = (),
    values: Sequence[float] = (),
) -> ScoreCell:
    """Return a cell; with the values of all planes, a ratio is given with its spread."""
    value = summary.values.get((method, column))
    if value is None or value.value is None:
        return ScoreCell(DASH, None, (value.note if value else "") or "Not scored.")
    unit = column.about.unit
    number, text = value.value, format_value(value.value, unit)
    reference = _companion(summary, method, column, "_reference")
    if reference is None:
        text = f"{text} s" if unit == "s" else text
        told = value.note
        if len(values) > 1:
            spread = format_value(float(np.std(values, ddof=1)), unit)
            text = f"{text} ± {spread[1:] if spread.startswith('0.') else spread}" if unit == "" else text
            mean = format_value(number, unit)
            told = f"Mean and standard deviation over {len(values)} planes: {mean} ± {spread}. {told}"
        return ScoreCell(text, number, told.strip(), (method, column) in marked)
    return _count_cell(summary, method, column, reference, marked)


def _count_cell(
    summary: Summary, method: str, column: Scored, reference: float, marked: Collection[tuple[str, Scored]]
) -> ScoreCell:
    """Return a count beside that of the reference, and how many of both have no partner in place."""
    value, unit = summary.values[method, column], column.about.unit
    text = f"{format_value(value.value or 0.0, unit)} / {format_value(reference, unit)}"
    told = f"{column_title(column)} found / in the reference"
    error = _companion(summary, method, column, "_error")
    if error is not None:
        told = f"{told}; off by {format_value(error, unit)} on average"
    unmatched = _companion(summary, method, column, UNMATCHED)
    if unmatched is None:
        return ScoreCell(text, value.value if error is None else error, f"{told}. {value.note}".strip())
    alone = format_value(unmatched, unit)
    text = f"{text} ({alone})"
    told = f"{told}; {alone} of both together have no partner at the same place. {value.note}"
    by_place = dataclasses.replace(column, metric=f"{column.metric}{UNMATCHED}")
    return ScoreCell(text, unmatched, told.strip(), (method, by_place) in marked)


def class_choices(summary: Summary) -> Sequence[tuple[int | None, str]]:
    """Return what a table can show: the mean where there are several classes, then each class."""
    classes: list[tuple[int | None, str]] = list(summary.classes)
    return [(None, "mean over classes"), *classes] if len(classes) != 1 else classes


def column_key(column: Scored) -> str:
    """Return what identifies a column of the table."""
    return f"{column.metric}{'_volume' if column.volume else ''}{'@' if column.way else ''}{column.way}"


def column_title(column: Scored) -> str:
    """Return what people read at its head."""
    if column.metric == "seconds":
        return "time"
    return f"{column.title} (volume)" if column.volume else column.title


def _companion(summary: Summary, method: str, column: Scored, suffix: str) -> float | None:
    found = summary.values.get((method, dataclasses.replace(column, metric=column.metric + suffix)))
    return None if found is None else found.value


def _companion_of(metric: str, names: set[str]) -> bool:
    return any(metric.endswith(end) and metric.removesuffix(end) in names for end in COMPANIONS)


def _tooltip(column: Scored) -> str:
    about = REGISTRY.entry(column.metric).summary if column.metric in REGISTRY else "Seconds to learn and to segment."
    better = {"higher": "Higher is better.", "lower": "Lower is better."}.get(column.about.better, "")
    if f"{column.metric}_reference" in REGISTRY:
        better = "Shown as found / in the reference."
    if f"{column.metric}{UNMATCHED}" in REGISTRY:
        better = ("Shown as found / in the reference, and in brackets how many of both have no partner at the same "
                  "place; the fewest are marked.")
    return f"{about} {better}\nClick to sort.".strip()

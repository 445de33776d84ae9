"""Numbers of a summary as columns and cells of a table: counts beside their reference, spread. Knows no widget."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

import numpy as np

from napari_unet.report.summary import EVIDENCE, Summary, SummaryValue, format_value
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
    """What fits into a narrow dock comes first; the other overlap scores say much the same as Dice."""
    family = column.about.family
    return column.metric != MAIN, column.volume, family != "topology", family == "overlap"


def score_column(column: Scored) -> ScoreColumn:
    """Return a column of the table."""
    return ScoreColumn(column_key(column), column_title(column), _tooltip(column),
                       {"higher": True, "lower": False}.get(column.about.better))


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
    reference, error = _companion(summary, method, column, "_reference"), _companion(summary, method, column, "_error")
    if reference is None or reference.value is None:
        text = f"{text} s" if unit == "s" else text
        told = value.note
        if len(values) > 1:
            spread = format_value(float(np.std(values, ddof=1)), unit)
            text = f"{text} ± {spread[1:] if spread.startswith('0.') else spread}" if unit == "" else text
            mean = format_value(number, unit)
            told = f"Mean and standard deviation over {len(values)} planes: {mean} ± {spread}. {told}"
        return ScoreCell(text, number, told.strip(), (method, column) in marked)
    text = f"{text} / {format_value(reference.value, unit)}"
    if error is None or error.value is None:
        return ScoreCell(text, number, value.note)
    wrong = dataclasses.replace(column, metric=f"{column.metric}_error")
    off = format_value(error.value, unit)
    told = f"{column_title(column)} found / in the reference; off by {off} on average. {value.note}"
    return ScoreCell(text, error.value, told.strip(), (method, wrong) in marked)


def class_choices(summary: Summary) -> Sequence[tuple[int | None, str]]:
    """Return what a table can show: the mean where there are several classes, then each class."""
    classes: list[tuple[int | None, str]] = list(summary.classes)
    return [(None, "mean over classes"), *classes] if len(classes) != 1 else classes


def column_key(column: Scored) -> str:
    """Return what identifies a column of the table."""
    return f"{column.metric}{'_volume' if column.volume else ''}"


def column_title(column: Scored) -> str:
    """Return what people read at its head."""
    if column.metric == "seconds":
        return "time"
    return f"{column.title} (volume)" if column.volume else column.title


def _companion(summary: Summary, method: str, column: Scored, suffix: str) -> SummaryValue | None:
    return summary.values.get((method, dataclasses.replace(column, metric=column.metric + suffix)))


def _companion_of(metric: str, names: set[str]) -> bool:
    return any(metric.endswith(end) and metric.removesuffix(end) in names for end in ("_reference", "_error"))


def _tooltip(column: Scored) -> str:
    from napari_unet.metrics import REGISTRY

    about = REGISTRY.entry(column.metric).summary if column.metric in REGISTRY else "Seconds to learn and to segment."
    better = {"higher": "Higher is better.", "lower": "Lower is better."}.get(column.about.better, "")
    if f"{column.metric}_reference" in REGISTRY:
        better = "Shown as found / in the reference; the nearest is marked."
    return f"{about} {better}\nClick to sort.".strip()

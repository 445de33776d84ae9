"""How a comparison stands: what each method is doing or has scored, as lines of a table. Knows no widget."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from napari_unet.comparison import Finding
from napari_unet.core.rows import Row
from napari_unet.report.summary import Column as Scored
from napari_unet.report.summary import Summary, Value, best, shown, summarise

from ..score_table import DASH, Cell, Column, Line

MAIN = "dice"
"""The metric that decides which method's layer is shown at the end."""

_FIRST = ("dice", "iou")


@dataclasses.dataclass
class _State:
    text: str = "waiting"
    fraction: float = 0.0
    note: str = ""
    failed: bool = False


class Standings:
    """Everything a running comparison has told so far.

    Parameters
    ----------
    titles : dict of str to str
        What people read, by name of the methods that take part, in their order.
    """

    def __init__(self, titles: dict[str, str]) -> None:
        self._titles = titles
        self._states = {name: _State() for name in titles}
        self._summary: Summary | None = None
        self.rows: list[Row] = []

    def take(self, finding: Finding) -> None:
        """Take note of a finding."""
        state = self._states[finding.method]
        share = finding.fraction or 0.0
        if finding.stage == "failed":
            state.failed, state.fraction, state.text = True, 1.0, finding.text
        elif finding.stage == "done":
            state.fraction, state.text, state.note = 1.0, "", finding.text
            self.rows += finding.rows
            self._summary = None
        elif finding.stage == "fit":
            state.fraction, state.text = 0.5 * share, f"learning: {finding.text}"
        else:
            state.fraction, state.text = 0.5 + 0.5 * share, f"segmenting {finding.text}"

    @property
    def summary(self) -> Summary:
        """The rows so far, as means."""
        if self._summary is None:
            self._summary = summarise(self.rows)
        return self._summary

    @property
    def fraction(self) -> float:
        """How much of the whole comparison is done, 0 to 1."""
        return sum(state.fraction for state in self._states.values()) / max(1, len(self._states))

    @property
    def ended(self) -> tuple[str, ...]:
        """Methods that are through, scored or failed."""
        return tuple(name for name, state in self._states.items() if self._is_over(state))

    @property
    def unfinished(self) -> tuple[str, ...]:
        """Methods that are not through."""
        return tuple(name for name, state in self._states.items() if not self._is_over(state))

    @property
    def count(self) -> int:
        """How many methods take part."""
        return len(self._states)

    @property
    def failed(self) -> tuple[str, ...]:
        """Methods that could not."""
        return tuple(name for name, state in self._states.items() if state.failed)

    def title(self, method: str) -> str:
        """What people call a method."""
        return self._titles.get(method, method)

    def stop(self) -> None:
        """Say of the methods that are not through that they were cancelled."""
        for state in self._states.values():
            if not self._is_over(state):
                state.text = "cancelled"

    def best_methods(self, class_id: int | None = None) -> list[str]:
        """Return the methods with the best main score (several if they are tied to the digits shown)."""
        column = self.summary.column(MAIN, class_id)
        if column is None:
            return [row.method for row in self.rows[:1]]
        found = [(value.value, name) for name in self.summary.methods
                 if (value := self.summary.values.get((name, column))) is not None and value.value is not None]
        if not found:
            return [row.method for row in self.rows[:1]]
        top = shown(max(value for value, _ in found), column.about.unit)
        return [name for value, name in found if shown(value, column.about.unit) == top]

    def columns(self, class_id: int | None) -> list[Column]:
        """Return the columns for a class (None: the mean over classes)."""
        return [
            Column(_key(one), _title(one), _tooltip(one), {"higher": True, "lower": False}.get(one.about.better))
            for one in self._scored(class_id)
        ]

    def lines(self, class_id: int | None) -> list[Line]:
        """Return one line per method for a class (None: the mean over classes)."""
        marked = best(self.summary)
        scored = self._scored(class_id)
        made = []
        for name, state in self._states.items():
            title = self.title(name)
            if state.failed:
                made.append(Line(name, title, state.text, instead=f"failed: {state.text}"))
            elif not self._is_over(state):
                made.append(Line(name, title, state.text, instead=state.text))
            else:
                cells = {_key(one): self._cell(name, one, marked) for one in scored}
                made.append(Line(name, title, state.note, cells))
        return made

    @staticmethod
    def _is_over(state: _State) -> bool:
        return state.failed or not state.text

    def _scored(self, class_id: int | None) -> list[Scored]:
        """Return the columns that are shown: a count takes its reference and its error along."""
        every = self.summary.columns
        names = {one.metric for one in every}
        shown_ones = [
            one for one in every
            if (one.class_id == class_id or one.metric == "seconds") and not _companion_of(one.metric, names)
        ]
        # what fits into a narrow dock comes first; the other overlap scores say much the same
        return sorted(shown_ones, key=lambda one: (one.metric not in _FIRST, one.about.family == "overlap", one.volume))

    def _cell(self, method: str, column: Scored, marked: frozenset[tuple[str, Scored]]) -> Cell:
        value = self.summary.values.get((method, column))
        if value is None or value.value is None:
            return Cell(DASH, None, (value.note if value else "") or "Not scored.")
        unit = column.about.unit
        number, text = value.value, shown(value.value, unit)
        reference, error = self._companion(method, column, "_reference"), self._companion(method, column, "_error")
        if reference is None or reference.value is None:
            text = f"{text} s" if unit == "s" else text
            return Cell(text, number, value.note, (method, column) in marked)
        text = f"{text}/{shown(reference.value, unit)}"
        if error is None or error.value is None:
            return Cell(text, number, value.note)
        wrong = dataclasses.replace(column, metric=f"{column.metric}_error")
        told = f"{_title(column)} found / in the reference; off by {shown(error.value, unit)} on average. {value.note}"
        return Cell(text, error.value, told.strip(), (method, wrong) in marked)

    def _companion(self, method: str, column: Scored, suffix: str) -> Value | None:
        return self.summary.values.get((method, dataclasses.replace(column, metric=column.metric + suffix)))


def classes_of(summary: Summary) -> Sequence[tuple[int | None, str]]:
    """Return what a table can show: the mean where there are several classes, then each class."""
    classes: list[tuple[int | None, str]] = list(summary.classes)
    return [(None, "mean over classes"), *classes] if len(classes) != 1 else classes


def _companion_of(metric: str, names: set[str]) -> bool:
    return any(metric.endswith(end) and metric.removesuffix(end) in names for end in ("_reference", "_error"))


def _key(column: Scored) -> str:
    return f"{column.metric}{'_volume' if column.volume else ''}"


def _title(column: Scored) -> str:
    if column.metric == "seconds":
        return "time"
    return f"{column.title} (volume)" if column.volume else column.title


def _tooltip(column: Scored) -> str:
    from napari_unet.metrics import SHELF

    about = SHELF.entry(column.metric).summary if column.metric in SHELF else "Seconds to learn and to segment."
    better = {"higher": "Higher is better.", "lower": "Lower is better."}.get(column.about.better, "")
    if f"{column.metric}_reference" in SHELF:
        better = "Shown as found / in the reference; the nearest is marked."
    return f"{about} {better}\nClick to sort.".strip()

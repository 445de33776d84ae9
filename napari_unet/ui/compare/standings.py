"""How a comparison stands: what each method is doing or has scored, as lines of a table. Knows no widget."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from napari_unet.comparison import Finding
from napari_unet.core.rows import Row
from napari_unet.report.paired import FEW, Standing, by_plane, standings
from napari_unet.report.summary import Column as Scored
from napari_unet.report.summary import Summary, best, shown, summarise

from ..score_table import DASH, STAR, Cell, Column, Line
from .cells import MAIN, cell_of, heading, key_of, scored_columns

TO_BEST = "to_best"
_TO_BEST = Column(TO_BEST, "to the best", (
    "How much Dice differs from the best method's, plane by plane, with the 95 % bootstrap interval of the mean.\n"
    "tie: the interval holds 0, so that these planes do not tell the two apart.\nClick to sort."
), True)


@dataclasses.dataclass
class _State:
    text: str = "waiting"
    fraction: float = 0.0
    note: str = ""
    stage: str = "waiting"

    @property
    def over(self) -> bool:
        return self.stage in ("done", "failed", "cancelled")


class Standings:
    """Everything a running comparison has told so far.

    Parameters
    ----------
    titles : dict of str to str
        What people read, by name of the methods that take part, in their order.
    """

    def __init__(self, titles: Mapping[str, str]) -> None:
        self.titles = dict(titles)
        self._states = {name: _State() for name in titles}
        self._summary: Summary | None = None
        self._ranked: dict[int | None, tuple[Standing, ...]] = {}
        self.rows: list[Row] = []

    def take(self, finding: Finding) -> None:
        """Take note of a finding."""
        state = self._states[finding.method]
        share = finding.fraction or 0.0
        state.stage = finding.stage
        if finding.stage == "fit":
            state.fraction, state.text = 0.5 * share, finding.text or "learning"
        elif finding.stage == "segment":
            state.fraction, state.text = 0.5 + 0.5 * share, finding.text
        else:
            state.fraction, state.text, state.note = 1.0, finding.text, finding.text
            self.rows += finding.rows
            self._summary = None
            self._ranked.clear()

    @property
    def summary(self) -> Summary:
        """The rows so far, as means."""
        if self._summary is None:
            self._summary = summarise(self.rows)
        return self._summary

    def ranked(self, class_id: int | None = None) -> tuple[Standing, ...]:
        """Return the methods by Dice, the best first."""
        if class_id not in self._ranked:
            self._ranked[class_id] = standings(self.rows, MAIN, class_id)
        return self._ranked[class_id]

    @property
    def fraction(self) -> float:
        """How much of the whole comparison is done, 0 to 1."""
        return sum(state.fraction for state in self._states.values()) / max(1, len(self._states))

    def state_of(self, method: str) -> tuple[str, float]:
        """Return what a method is doing, and how far it is."""
        state = self._states[method]
        return state.text, state.fraction

    @property
    def ended(self) -> tuple[str, ...]:
        """Methods that are through: scored, failed or called off."""
        return tuple(name for name, state in self._states.items() if state.over)

    @property
    def unfinished(self) -> tuple[str, ...]:
        """Methods that are not through."""
        return tuple(name for name, state in self._states.items() if not state.over)

    @property
    def count(self) -> int:
        """How many methods take part."""
        return len(self._states)

    def at(self, stage: str) -> tuple[str, ...]:
        """Return the methods at a stage: done, failed, cancelled."""
        return tuple(name for name, state in self._states.items() if state.stage == stage)

    def title(self, method: str) -> str:
        """What people call a method."""
        return self.titles.get(method, method)

    def level_methods(self, class_id: int | None = None) -> list[str]:
        """Return the best method, then those that the planes do not tell apart from it; without scores, the first."""
        ranked = self.ranked(class_id)
        if not ranked:
            return list(self.at("done")[:1])
        return [one.method for one in ranked if one.level]

    def columns(self, class_id: int | None) -> list[Column]:
        """Return the columns for a class (None: the mean over classes)."""
        scored = scored_columns(self.summary, class_id)
        made = [heading(one) for one in scored]
        counts = [one for one in scored[1:3] if one.about.family == "topology" and not one.volume]
        place = 1 + len(counts)  # Dice, parts and holes fit into a narrow dock
        return [*made[:place], _TO_BEST, *made[place:]] if len(self.ranked(class_id)) > 1 else made

    def lines(self, class_id: int | None) -> list[Line]:
        """Return one line for each method that is done or could not, for a class (None: the mean over classes)."""
        marked = best(self.summary)
        ranked = {one.method: one for one in self.ranked(class_id)}
        most = max((one.planes for one in ranked.values()), default=0)
        columns = scored_columns(self.summary, class_id)
        spread = {one: by_plane(self.rows, one.metric, class_id) for one in columns if not one.volume}
        made = []
        for name, state in self._states.items():
            if state.stage == "failed":
                made.append(Line(name, self.title(name), state.note, instead=f"could not: {state.note}"))
            elif state.stage == "done":
                cells = {key_of(one): self._cell(name, one, marked, spread) for one in columns}
                cells[TO_BEST] = _to_best(ranked.get(name), self._best_title(class_id))
                planes = ranked[name].planes if name in ranked else most
                partial = (planes, most) if planes < most else None
                made.append(Line(name, self.title(name), state.note, cells, partial=partial))
        return made

    def _cell(
        self, method: str, column: Scored, marked: frozenset[tuple[str, Scored]],
        spread: Mapping[Scored, Mapping[str, Mapping[tuple[str, int | None], float]]],
    ) -> Cell:
        values = list(spread.get(column, {}).get(method, {}).values())
        return cell_of(self.summary, method, column, marked, values)

    def _best_title(self, class_id: int | None) -> str:
        return next((self.title(one.method) for one in self.ranked(class_id) if one.best), "")


def _to_best(standing: Standing | None, best_title: str) -> Cell:
    """Return the cell of the paired difference."""
    if standing is None:
        return Cell(DASH, None, "Not scored.")
    if standing.best:
        return Cell(f"best {STAR}", 0.0, "The best mean of those that did most planes.")
    apart = standing.difference
    if apart is None:
        return Cell(DASH, None, f"No plane was done by both this method and {best_title}.")
    mean = _signed(apart.mean)
    if apart.low is None or apart.high is None:
        return Cell(mean, apart.mean, f"One plane in common with {best_title}: no interval can be given.")
    told = (f"{_signed(apart.mean, 3)} against {best_title} on {apart.planes} planes; 95 % interval "
            f"{_signed(apart.low, 3)} to {_signed(apart.high, 3)}.")
    if apart.planes < FEW:
        told += f" Fewer than {FEW} planes: the interval says little."
    between = f"[{_signed(apart.low)}, {_signed(apart.high)}]"
    if apart.tie:
        return Cell(f"tie {between}", apart.mean, f"{told} It holds 0: these planes do not tell the two apart.")
    return Cell(f"{mean} {between}", apart.mean, told)


def _signed(value: float, digits: int = 2) -> str:
    text = f"{abs(value):.{digits}f}"
    return text if not float(text) else f"{'+' if value > 0 else chr(0x2212)}{text}"


def verdict(standings_: Standings, held_out: bool) -> str:
    """Say in a line how it ended."""
    failed = [standings_.title(name) for name in standings_.at("failed")]
    said = f" Could not: {', '.join(failed)} (see the table)." if failed else ""
    off = len(standings_.at("cancelled"))
    late = sum(one.planes < standings_.ranked()[0].planes for one in standings_.ranked())
    said += f" {late} did not do all planes in their time." if late else ""
    said += f" Left out: {off} method{'s' if off > 1 else ''}." if off else ""
    level = standings_.level_methods()
    if not level:
        return f"No method has a result.{said}".strip()
    ranked = standings_.ranked()
    if not ranked:
        return f"Nothing was scored.{said}"
    where = "strokes held out" if held_out else "the reference"
    dice = shown(ranked[0].mean, "")
    winner = standings_.title(level[0])
    if len(ranked) == 1:
        return f"{winner}: Dice {dice} on {where}.{said}"
    if len(level) > 1:
        others = ", ".join(standings_.title(name) for name in level[1:4]) + (" and more" if len(level) > 4 else "")
        return f"{winner} has the best Dice ({dice} on {where}), but level with it: {others}.{said}"
    doubt = " One plane only: no telling how sure that is." if ranked[0].planes == 1 else ""
    return f"{winner} is best: Dice {dice} on {where}.{doubt}{said}"

"""How a comparison stands: what each method is doing or has scored, as lines of a table. Knows no widget."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from napari_unet.comparison.contender_run import ComparisonEvent
from napari_unet.core.rows import Row
from napari_unet.report.held_out_ranking import CANNOT_TELL, cannot_tell
from napari_unet.report.held_out_verdict import LIKELY, LIKELY_MEANS, held_out_verdict, sentence_case
from napari_unet.report.paired_differences import FEW, RankedMethod, by_plane, rank_methods
from napari_unet.report.summary import SEES, Summary, best_methods, format_value, summarise
from napari_unet.report.summary import SummaryColumn as Scored

from ..score_table import DASH, STAR, ScoreCell, ScoreColumn, ScoreLine
from .score_cells import MAIN, column_key, score_cell, score_column, scored_columns

TO_BEST, EXPECTED, SIGHT = "to_best", "expected", "sees"
_TO_BEST = ScoreColumn(TO_BEST, "to the best", (
    "How much Dice differs from the best method's, plane by plane, with the 95 % bootstrap interval of the mean.\n"
    "tie: the interval holds 0, so that these planes do not tell the two apart.\nClick to sort."
), True)
_TO_FIRST = ScoreColumn(TO_BEST, "to the first", (
    "By how much the likely Dice differs from that of the method that is ahead, with an interval.\n"
    "tie: the interval holds 0, so that these strokes do not tell the two apart; then none is called best.\n"
    "Click to sort."
), True)
_SIGHT = ScoreColumn(SIGHT, SEES, "Whether a method looked at planes, each alone, or at volumes.\nClick to sort.")
_WHY = ScoreColumn("why", "why not", "Why a method has no result.")
_EXPECTED = ScoreColumn(EXPECTED, LIKELY, f"{sentence_case(LIKELY_MEANS)}\nClick to sort.", True)


@dataclasses.dataclass
class _State:
    text: str = "waiting"
    fraction: float = 0.0
    note: str = ""
    stage: str = "waiting"

    @property
    def over(self) -> bool:
        return self.stage in ("done", "failed", "cancelled")


class LiveRanking:
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
        self._ranked: dict[int | None, tuple[RankedMethod, ...]] = {}
        self.rows: list[Row] = []

    def take(self, event: ComparisonEvent) -> None:
        """Take note of an event."""
        state = self._states[event.method]
        share = event.fraction or 0.0
        state.stage = event.stage
        if event.stage == "fit":
            state.fraction, state.text = 0.5 * share, event.text or "learning"
        elif event.stage == "segment":
            state.fraction, state.text = 0.5 + 0.5 * share, event.text
        else:
            state.fraction, state.text, state.note = 1.0, event.text, event.text
            self.rows += event.rows
            self._summary = None
            self._ranked.clear()

    @property
    def summary(self) -> Summary:
        """The rows so far, as means."""
        if self._summary is None:
            self._summary = summarise(self.rows)
        return self._summary

    def ranked(self, class_id: int | None = None) -> tuple[RankedMethod, ...]:
        """Return the methods by Dice, the best first."""
        if class_id not in self._ranked:
            self._ranked[class_id] = rank_methods(self.rows, MAIN, class_id)
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
        """Return the first method, then those that are not told apart from it; without scores, the first done."""
        ranked = self.ranked(class_id)
        if not ranked:
            return list(self.at("done")[:1])
        return [one.method for one in ranked if one.level]

    def columns(self, class_id: int | None) -> list[ScoreColumn]:
        """Return the columns for a class (None: the mean over classes)."""
        scored = scored_columns(self.summary, class_id)
        made = [score_column(one) for one in scored]
        counts = [one for one in scored[1:3] if one.about.family == "topology" and not one.volume]
        place = 1 + len(counts)  # Dice, parts and holes fit into a narrow dock
        extra = []
        if self._shows_likely(class_id):
            extra.append(_EXPECTED)
        if len(self.ranked(class_id)) > 1:
            extra.append(_TO_FIRST if self.summary.held_out else _TO_BEST)
        sight = [_SIGHT] if self.summary.tells_sight else []
        found = [*made[:1], *sight, *made[1:place], *extra, *made[place:]]
        return found or [_WHY] * bool(self.at("failed"))  # why a method could not is read in the first column

    def _shows_likely(self, class_id: int | None) -> bool:
        """Whether the interval of the true Dice, which is that of the mean over classes, is of what is shown."""
        return self.summary.held_out and (class_id is None or len(self.summary.classes) == 1)

    def lines(self, class_id: int | None) -> list[ScoreLine]:
        """Return one line for each method that is done or could not, for a class (None: the mean over classes)."""
        marked = best_methods(self.summary)
        ranked = {one.method: one for one in self.ranked(class_id)}
        most = max((one.planes for one in ranked.values()), default=0)
        columns = scored_columns(self.summary, class_id)
        spread = {one: by_plane(self.rows, one.metric, class_id, one.way) for one in columns if not one.volume}
        made = []
        for name, state in self._states.items():
            if state.stage == "failed":
                made.append(ScoreLine(name, self.title(name), state.note, instead=f"could not: {state.note}"))
            elif state.stage == "done":
                cells = {column_key(one): self._cell(name, one, marked, spread) for one in columns}
                cells[TO_BEST] = self._to_best(ranked.get(name), class_id)
                if self._shows_likely(class_id):
                    cells[EXPECTED] = _expected(self.summary, name)
                if self.summary.tells_sight:
                    deep = self.summary.sees.get(name) != "planes"
                    cells[SIGHT] = ScoreCell(self.summary.sight(name) or DASH, float(deep))
                planes = ranked[name].planes if name in ranked else most
                partial = (planes, most) if planes < most else None
                made.append(ScoreLine(name, self.title(name), state.note, cells, partial=partial))
        return made

    def _cell(
        self, method: str, column: Scored, marked: frozenset[tuple[str, Scored]],
        spread: Mapping[Scored, Mapping[str, Mapping[tuple[str, int | None], float]]],
    ) -> ScoreCell:
        values = list(spread.get(column, {}).get(method, {}).values())
        return score_cell(self.summary, method, column, marked, values)

    def _to_best(self, ranked: RankedMethod | None, class_id: int | None) -> ScoreCell:
        """Return the cell of the difference to the first."""
        if ranked is None:
            return ScoreCell(DASH, None, "Not scored.")
        first = next((self.title(one.method) for one in self.ranked(class_id) if one.first), "")
        if not self.summary.held_out:
            return _to_best(ranked, first)
        if ranked.best:
            return ScoreCell(f"best {STAR}", 0.0, "Told apart from all others by the strokes held out.")
        if ranked.first:
            why = cannot_tell(self.summary.evidence(class_id), ranked.method)
            return ScoreCell(CANNOT_TELL, 0.0, f"Ahead so far, but which is best one {why}.")
        return _to_first(ranked, first)


def _expected(summary: Summary, method: str) -> ScoreCell:
    """Return the cell of the true Dice."""
    likely = summary.likely(method)
    if likely is None:
        return ScoreCell(DASH, None, "Too few strokes to tell: it takes three separate strokes of each of two classes.")
    return ScoreCell(likely.text, likely.value, sentence_case(LIKELY_MEANS))


def _to_first(ranked: RankedMethod, first: str) -> ScoreCell:
    """Return the cell of a likely difference on held-out strokes."""
    apart = ranked.difference
    if apart is None or apart.low is None or apart.high is None:
        return ScoreCell(DASH, None, "Too few strokes to tell.")
    between = f"[{_signed(apart.low)}, {_signed(apart.high)}]"
    told = f"Likely {_signed(apart.mean, 3)} against {first}, from {_signed(apart.low, 3)} to {_signed(apart.high, 3)}."
    if apart.tie:
        return ScoreCell(f"tie {between}", apart.mean, f"{told} That holds 0: these strokes do not tell the two apart.")
    return ScoreCell(f"{_signed(apart.mean)} {between}", apart.mean, told)


def _to_best(ranked: RankedMethod, best_title: str) -> ScoreCell:
    """Return the cell of the paired difference on a reference."""
    if ranked.first:
        return ScoreCell(f"best {STAR}", 0.0, "The best mean of those that did most planes.")
    apart = ranked.difference
    if apart is None:
        return ScoreCell(DASH, None, f"No plane was done by both this method and {best_title}.")
    mean = _signed(apart.mean)
    if apart.low is None or apart.high is None:
        return ScoreCell(mean, apart.mean, f"One plane in common with {best_title}: no interval can be given.")
    told = (f"{_signed(apart.mean, 3)} against {best_title} on {apart.planes} planes; 95 % interval "
            f"{_signed(apart.low, 3)} to {_signed(apart.high, 3)}.")
    if apart.planes < FEW:
        told += f" Fewer than {FEW} planes: the interval says little."
    between = f"[{_signed(apart.low)}, {_signed(apart.high)}]"
    if apart.tie:
        return ScoreCell(f"tie {between}", apart.mean, f"{told} It holds 0: these planes do not tell the two apart.")
    return ScoreCell(f"{mean} {between}", apart.mean, told)


def _signed(value: float, digits: int = 2) -> str:
    text = f"{abs(value):.{digits}f}"
    return text if not float(text) else f"{'+' if value > 0 else chr(0x2212)}{text}"


def ending_sentence(ranking: LiveRanking, held_out: bool) -> str:
    """Say in a line how it ended."""
    failed = [ranking.title(name) for name in ranking.at("failed")]
    said = f" Could not: {', '.join(failed)} (see the table)." if failed else ""
    off = len(ranking.at("cancelled"))
    late = sum(one.planes < ranking.ranked()[0].planes for one in ranking.ranked())
    said += f" {late} did not do all planes in their time." if late else ""
    said += f" Left out: {off} method{'s' if off > 1 else ''}." if off else ""
    level = ranking.level_methods()
    if not level:
        return f"No method has a result.{said}".strip()
    ranked = ranking.ranked()
    if not ranked:
        return f"Nothing was scored.{said}"
    if held_out:
        return f"{held_out_verdict(ranking.rows, ranking.titles)}{said}"
    where = "the reference"
    dice = format_value(ranked[0].mean, "")
    winner = ranking.title(level[0])
    if len(ranked) == 1:
        return f"{winner}: Dice {dice} on {where}.{said}"
    if len(level) > 1:
        others = ", ".join(ranking.title(name) for name in level[1:4]) + (" and more" if len(level) > 4 else "")
        return f"{winner} has the best Dice ({dice} on {where}), but level with it: {others}.{said}"
    doubt = " One plane only: no telling how sure that is." if ranked[0].planes == 1 else ""
    return f"{winner} is best: Dice {dice} on {where}.{doubt}{said}"

"""The main table of the HTML report: methods by rank, with spread, difference to the best, topology and time."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from napari_unet.comparison.outcome import Comparison

from .charts import topology_errors
from .held_out_ranking import CANNOT_TELL
from .held_out_verdict import LIKELY, LIKELY_MEANS, likely_cell, sentence_case
from .methods_text import method_titles
from .paired_differences import Difference, RankedMethod
from .summary import SEES, format_value, summarise


def ranking_table(comparison: Comparison, ranked: Sequence[RankedMethod]) -> str:
    """Return the table as HTML: the ranked methods, then those without a score."""
    table = _RankingTable(comparison)
    scored = {one.method for one in ranked}
    lines = [table.ranked_line(rank, one) for rank, one in enumerate(ranked, 1)]
    lines += [table.unranked_line(method) for method in comparison.masks if method not in scored]
    head = "".join(f"<th>{escape(text)}</th>" for text in table.headings)
    return (
        f'<h2>Ranking</h2><div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody>'
        f'</table></div><p class="small">Spread: standard deviation over planes. {table.explanation} Click a heading '
        "to sort.</p>"
    )


def table_cell(text: str, value: float | None = None, kind: str = "") -> str:
    """Return a cell as HTML; ``value`` sorts it, ``kind`` is its class."""
    data = "" if value is None else f' data-value="{value:.6g}"'
    return f'<td{data}{f" class={kind}" if kind else ""}>{escape(text)}</td>'


def interval_text(found: Difference) -> str:
    """Write a paired difference with its interval."""
    if found.low is None or found.high is None:
        return f"{found.mean:+.3f} (one plane)"
    return f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


class _RankingTable:
    """Columns of the table, and its lines; Dice by class only where there are several, topology only where it is."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison
        self._names = method_titles(comparison)
        self._summary = summarise(comparison.rows)
        self._held_out = self._summary.held_out
        self._topology = topology_errors(comparison.rows)
        self._classes = self._summary.classes if len(self._summary.classes) > 1 else ()

    @property
    def explanation(self) -> str:
        """What the differences are."""
        if self._held_out:
            return (f"{sentence_case(LIKELY_MEANS)} Difference: that of the likely Dice, with an interval of as much "
                    "confidence; a tie is one whose interval holds 0, and with a tie no method is called best.")
        return ("Difference: mean over the planes that both have, plane by plane, with a 95 % bootstrap interval; a "
                "tie is one whose interval holds 0.")

    @property
    def headings(self) -> list[str]:
        dice = ["Dice on strokes", LIKELY] if self._held_out else ["Dice"]
        apart = "likely difference to the first" if self._held_out else "difference to the best [95 %]"
        return ["method", *dice, "spread", apart, "",
                *(f"Dice {name}" for _, name in self._classes),
                *(["parts and holes unmatched"] if self._topology else []),
                *([SEES] if self._summary.tells_sight else []), "planes", "seconds"]

    def ranked_line(self, rank: int, one: RankedMethod) -> str:
        """Return the line of a method with a score."""
        cells = [table_cell(f"{rank}  {self._names[one.method]}", rank), *_score_cells(one, self._held_out),
                 *self._more_cells(one.method)]
        return f'<tr class="{"best" if one.best else "level" if one.level else ""}">{"".join(cells)}</tr>'

    def unranked_line(self, method: str) -> str:
        """Return the line of a method without a score."""
        empty = ("-", *([""] if self._held_out else []), "", "", "no score")
        cells = [table_cell(self._names[method]), *map(table_cell, empty),
                 *self._more_cells(method)]
        return f'<tr class="">{"".join(cells)}</tr>'

    def _more_cells(self, method: str) -> list[str]:
        """Dice of each class, topology, what was looked at, planes and seconds."""
        cells = [_number_cell(self._summary.get(method, "dice", class_id), "{:.3f}") for class_id, _ in self._classes]
        if self._topology:
            cells.append(_number_cell(self._topology.get(method), "{:.1f}"))
        if self._summary.tells_sight:
            cells.append(table_cell(self._summary.sight(method) or "-"))
        partial = self._comparison.partial(method)
        done = sum(map(len, self._comparison.planes_of(method)))
        cells.append(table_cell(f"{partial[0]} of {partial[1]} in its time" if partial else str(done), done))
        seconds = self._summary.get(method, "seconds")
        cells.append(table_cell("-" if seconds is None else format_value(seconds, "s"), seconds))
        return cells


def _score_cells(one: RankedMethod, held_out: bool) -> list[str]:
    """Dice, its spread, the difference to the first, and whether it is best or level with the first."""
    apart = one.difference
    likely = [table_cell(likely_cell(one), one.likely.value if one.likely else None)] if held_out else []
    return [
        table_cell(f"{one.mean:.3f}", one.mean), *likely,
        table_cell("" if one.spread is None else f"± {one.spread:.3f}", one.spread),
        table_cell(interval_text(apart) if apart else "", apart.mean if apart else 0.0),
        table_cell("best" if one.best else CANNOT_TELL if one.first else "tie" if one.level else ""),
    ]


def _number_cell(value: float | None, digits: str) -> str:
    return table_cell("-" if value is None else digits.format(value), value)

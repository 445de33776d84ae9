"""Bars and a scatter of a comparison as PNG pictures. Changes no state of matplotlib, writes no file."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from napari_unet.core.rows import Row
from napari_unet.metrics import REGISTRY, UNMATCHED, about

from .lettering import lettering
from .paired_differences import RankedMethod, by_plane, rank_methods

_BEST, _LEVEL, _OTHER = "#0072b2", "#56b4e9", "#b0b0b0"
_DPI = 110
_NARROW, _SHORT = 5.5, 20  # inches, letters


def topology_errors(rows: Sequence[Row]) -> dict[str, float]:
    """Return by method how many parts and holes have no partner in place, on average over planes and classes.

    The sum of those metrics of topology that count what is unmatched (``components_unmatched``) among the rows; methods
    of which one has no value are absent.
    """
    names = [name for name in REGISTRY.names() if name.endswith(UNMATCHED) and about(name).family == "topology"]
    found = [by_plane(rows, name) for name in names]
    there = [one for one in found if any(one.values())]
    if not there:
        return {}
    return {
        method: float(sum(np.mean(list(one[method].values())) for one in there))
        for method in there[0] if all(one.get(method) for one in there)
    }


def bars(
    ranked: Sequence[RankedMethod], titles: Mapping[str, str], label: str = "Dice", width: float = 6.4
) -> bytes:
    """Draw a bar for each method, the first on top, with its spread over planes or likely Dice; ``width`` in inches.

    The best is dark, what the planes do not tell apart from it is lighter, the others are grey.
    """
    figure, axes = _axes(width, 0.9 + 0.3 * max(1, len(ranked)))
    places = np.arange(len(ranked))
    axes.barh(places, [one.mean for one in ranked], height=0.7,
              color=[_BEST if one.best else _LEVEL if one.level else _OTHER for one in ranked])
    for place, one in enumerate(ranked):
        ends = _ends(one)
        if ends:
            axes.plot(ends, [place, place], color="#333333", linewidth=1.2)
    names = [titles.get(one.method, one.method) for one in ranked]
    if width <= _NARROW:
        names = [name if len(name) <= _SHORT else f"{name[:_SHORT - 1]}…" for name in names]
    _name_ticks(axes, places, names)
    axes.set_ylim(len(ranked) - 0.4, -0.6)
    line = "likely elsewhere" if any(one.likely for one in ranked) else "standard deviation"
    told = f": mean over planes, line: {line}" if width > _NARROW else ""
    axes.set_xlabel(f"{label}{told}", fontsize=9)
    if label == "Dice":
        axes.set_xlim(0, 1.02)
    return _png(figure)


def _ends(one: RankedMethod) -> tuple[float, float] | None:
    """Return what the line of a bar shows: the likely Dice where there is no reference, else the spread over planes."""
    if one.likely is not None:
        return one.likely.low, one.likely.high
    return None if one.spread is None else (one.mean - one.spread, one.mean + one.spread)


def scatter(rows: Sequence[Row], titles: Mapping[str, str], width: float = 8.2) -> bytes | None:
    """Draw Dice against topology error; None where there is nothing to draw (strokes as reference, say).

    Methods of nearly equal Dice may have very different numbers of components and holes: that is what it shows. Points
    carry the rank of the method by Dice; names are beside the axes, or below them where ``width`` (inches) is small.
    """
    errors = topology_errors(rows)
    ranked = {place: one for place, one in enumerate(rank_methods(rows, "dice"), 1) if one.method in errors}
    if not ranked:
        return None
    narrow, lines_high = width <= _NARROW, 0.19 * len(ranked)
    figure, axes = _axes(width, 0.75 * width + 0.6 + lines_high if narrow else max(4.4, 0.7 + lines_high))
    # log(1 + error): one component too many matters as much as ten where there were hundreds
    for place, one in reversed(ranked.items()):
        spot = one.mean, 1 + errors[one.method]
        axes.plot(*spot, "o", markersize=13, color=_BEST if one.best else _LEVEL if one.level else _OTHER,
                  markeredgecolor="#333333", markeredgewidth=0.6)
        axes.annotate(str(place), spot, ha="center", va="center", fontsize=7.5, color="white" if one.best else "black")
    # names beside the points would lie over each other: methods are many and often near
    words, look = _list_of({place: titles.get(one.method, one.method) for place, one in ranked.items()})
    below: dict[str, Any] = {"xy": (0, 0), "xytext": (0, -38), "textcoords": "offset points"}
    axes.annotate(words, xycoords="axes fraction", va="top", fontsize=8.5, linespacing=1.35,
                  **look, **(below if narrow else {"xy": (1.02, 1)}))
    _scale_counts(axes, max(errors[one.method] for one in ranked.values()))
    axes.margins(x=0.08)
    axes.set_xlabel("Dice (right is better)", fontsize=9)
    axes.set_ylabel("parts and holes unmatched" + ("" if narrow else " per plane (low is better)"), fontsize=9)
    return _png(figure)


def _name_ticks(axes: Any, places: Any, names: Sequence[str]) -> None:
    """Write names beside the places on the left axis."""
    axes.set_yticks(places, [_plain(lettering(name)[0]) for name in names], fontsize=9)
    for tick, name in zip(axes.get_yticklabels(), names, strict=True):
        if families := lettering(name)[1]:
            tick.set_fontfamily(families)


def _list_of(names: Mapping[int, str]) -> tuple[str, dict[str, Any]]:
    """Return numbered names, one a line, and how matplotlib is to write them."""
    drawn = {number: lettering(name) for number, name in names.items()}
    families = tuple(dict.fromkeys(family for _, some in drawn.values() for family in some))
    lines = [f"{number}  {_plain(text)}" for number, (text, _) in drawn.items()]
    return "\n".join(lines), {"fontfamily": families} if families else {}


def _scale_counts(axes: Any, top: float) -> None:
    """Show counts from 0 to ``top``, drawn one too high, on a logarithmic axis."""
    ticks = [0, *(10**power * step for power in range(7) for step in (1, 3) if 10**power * step <= 1.5 * top + 1)]
    axes.set_yscale("log")
    axes.set_yticks([1 + tick for tick in ticks], [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_ylim(0.85, 1.6 * (1 + top))


def _plain(text: str) -> str:
    """Keep matplotlib from reading a name as a formula."""
    return text.replace("$", r"\$")


def _axes(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
    return figure, axes


def _png(figure: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()

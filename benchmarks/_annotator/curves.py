"""What the curves say: rows of a file, means, conclusions, a picture. Measures nothing."""

from __future__ import annotations

import csv
import dataclasses
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

HEADINGS = ("set", "method", "strokes", "seconds", "class", "dice", "seed", "wrong")
COLOURS = {"forest": "#7f7f7f", "instant": "#1f77b4", "deep": "#d62728", "scratch": "#2ca02c", "dense": "#000000"}
STEADY_FROM = 5
"""Strokes after which an answer should change little from one to the next."""
ALL_LABELS = 0
"""Number of strokes that stands for labels of every pixel."""


@dataclasses.dataclass(frozen=True)
class Row:
    """Mean Dice of a class over the test planes, after some strokes; ``seconds`` are the person's."""

    set: str
    method: str
    strokes: int
    seconds: float
    dice_class: str
    dice: float
    seed: int
    wrong: float


Curve = dict[int, tuple[float, float]]
"""By number of strokes: seconds and Dice."""


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """Write all rows, one measurement each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADINGS)
        writer.writerows((one.set, one.method, one.strokes, f"{one.seconds:.2f}", one.dice_class, f"{one.dice:.4f}",
                          one.seed, f"{one.wrong:g}") for one in rows)


def curve(rows: Sequence[Row], name: str, method: str) -> Curve:
    """Return the curve of a method on a set: mean over classes of the median over seeds."""
    found: dict[int, dict[str, list[Row]]] = {}
    for one in rows:
        if one.set == name and one.method == method:
            found.setdefault(one.strokes, {}).setdefault(one.dice_class, []).append(one)
    return {
        number: (
            statistics.median(one.seconds for each in classes.values() for one in each),
            statistics.fmean(statistics.median(one.dice for one in each) for each in classes.values()),
        )
        for number, classes in sorted(found.items())
    }


def mean_curve(rows: Sequence[Row], method: str) -> Curve:
    """Return the mean over sets, at the numbers of strokes that every set has."""
    curves = [curve(rows, name, method) for name in dict.fromkeys(one.set for one in rows)]
    shared = set.intersection(*map(set, curves)) if curves else set()
    return {
        number: (statistics.fmean(one[number][0] for one in curves), statistics.fmean(one[number][1] for one in curves))
        for number in sorted(shared)
    }


def table(rows: Sequence[Row], name: str | None, methods: Sequence[str]) -> Iterator[str]:
    """Yield Dice (and seconds) against strokes, a column a method; of the mean over sets without a name."""
    curves = {one: mean_curve(rows, one) if name is None else curve(rows, name, one) for one in methods}
    dense = curves.pop("dense", {})
    curves = {one: points for one, points in curves.items() if points}
    yield f"{name or 'mean over sets'}"
    yield "strokes " + "".join(f"{one:>18}" for one in curves)
    for number in sorted(set().union(*curves.values())):
        cells = [f"{points[number][1]:.3f} ({points[number][0]:5.1f} s)" if number in points else ""
                 for points in curves.values()]
        yield f"{number:>7} " + "".join(f"{cell:>18}" for cell in cells)
    if dense:
        seconds, dice = dense[ALL_LABELS]
        yield f"{'dense':>7} {dice:.3f} ({seconds:.0f} s of training on all labels)"


def unsteadiness(rows: Sequence[Row], method: str, first: int = STEADY_FROM) -> float | None:
    """Return by how much Dice changes from one stroke to the next, in the mean over sets, classes, seeds and strokes.

    Counted where both numbers of strokes were scored, from ``first`` on.
    """
    dices = {(one.set, one.dice_class, one.seed, one.strokes): one.dice for one in rows if one.method == method}
    by_set: dict[str, list[float]] = {}
    for (name, dice_class, seed, number), dice in dices.items():
        before = dices.get((name, dice_class, seed, number - 1))
        if before is not None and number > first:
            by_set.setdefault(name, []).append(abs(dice - before))
    return statistics.fmean(map(statistics.fmean, by_set.values())) if by_set else None


def conclusions(rows: Sequence[Row], methods: Sequence[str]) -> Iterator[str]:
    """Yield what the figures say: how steady, how near to all labels, and ahead of the forest or not."""
    ceiling, forest = (mean_curve(rows, one).get for one in ("dense", "forest"))
    for method in methods:
        points = mean_curve(rows, method)
        if method == "dense" or not points:
            continue
        last = max(points)
        change = unsteadiness(rows, method)
        if change is not None:
            yield f"{method}: Dice changes by {change:.4f} from one stroke to the next, from {STEADY_FROM} on"
        top = ceiling(ALL_LABELS)
        if top is not None:
            yield f"{method}: {points[last][1] / top[1]:.3f} of dense after {last} strokes"
        ahead = {number: dice - forest(number, (0.0, 0.0))[1] for number, (_, dice) in points.items()
                 if number >= 5 and forest(number) is not None}
        if method != "forest" and ahead:
            worst = min(ahead, key=lambda number: ahead[number])
            behind = [number for number, gain in ahead.items() if gain <= 0]
            yield (f"{method}: " + (f"not ahead of the forest at {', '.join(map(str, behind))} strokes" if behind else
                                    "ahead of the forest at every number of strokes from 5 on")
                   + f" (least gain {ahead[worst]:+.3f}, at {worst})")


def draw(rows: Sequence[Row], methods: Sequence[str], path: Path) -> None:
    """Save a picture: the mean over sets against strokes and against time, then each set against strokes."""
    names = list(dict.fromkeys(one.set for one in rows))
    columns = 2 if len(names) <= 2 else 4
    lines = 1 + -(-len(names) // columns)
    figure = Figure(figsize=(3.6 * columns, 2.8 * lines), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(lines, columns)
    half = columns // 2
    means = {one: mean_curve(rows, one) for one in methods}
    _panel(figure.add_subplot(grid[0, :half]), means, "mean over sets", "strokes")
    axes = figure.add_subplot(grid[0, half:])
    _panel(axes, means, "mean over sets", "seconds of the person")
    axes.legend(loc="lower right", fontsize="small")
    for place, name in enumerate(names):
        axes = figure.add_subplot(grid[1 + place // columns, place % columns])
        _panel(axes, {one: curve(rows, name, one) for one in methods}, name, "strokes")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _panel(axes: Axes, curves: dict[str, Curve], title: str, along: str) -> None:
    for method, points in curves.items():
        if not points:
            continue
        colour = COLOURS.get(method, "#9467bd")
        if method == "dense":
            axes.axhline(points[ALL_LABELS][1], color=colour, linestyle="--", label=method)
            continue
        places = list(points) if along == "strokes" else [seconds for seconds, _ in points.values()]
        axes.plot(places, [dice for _, dice in points.values()], color=colour, marker=".", label=method)
    axes.set_title(title, fontsize="medium")
    axes.set_xlabel(along)
    axes.set_ylabel("Dice")
    axes.grid(alpha=0.3)

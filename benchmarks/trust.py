"""How far one can trust what is said about methods without a reference.

    python benchmarks/trust.py --data FOLDER [--sets NAME ...] [--methods NAME ...] [--seeds 0 1 2] [--strokes 4 8 16]
        [--planes 3] [--side 224] [--scribbler make_scribbles.py] [--cache FOLDER] [--fit]

FOLDER holds one folder per set, laid out like those of ``napari_unet/sample_data``. In each case so many strokes of
each class are painted over two training planes, all methods are compared on them without a reference, by the code that
the program itself runs, and what is then said is held against the labels of test planes: the interval of the true Dice,
the order of the methods, and which is best, if one is named. The strokes come from ``make_scribbles.py``, looked for
beside FOLDER (``../tools``); without it they are drawn from the strokes in the folder, and cases for which these do not
suffice are left out. Planes are cut to the middle ``--side`` pixels, so that it takes minutes and not hours;
``--cache`` keeps what single cases brought.

``--fit`` prints the constants of ``napari_unet/learning/true_dice.py`` as fitted to these cases.
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from _shared import set_names
from _trust.cases import Judged, Plan, judged
from _trust.fitting import fit_difference, fit_interval, left_out_intervals
from scipy import stats

from napari_unet.learning.true_dice import ALIKE, CONFIDENCE, IntervalModel, expected_dice
from napari_unet.report.held_out_ranking import by_likelihood, cannot_tell, named_best

METHODS = ("instant", "forest", "threshold", "slic", "mean_shift", "region_growing")
APART = 0.05
"""A true Dice that differs by more is worth telling."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    given = _parser().parse_args(arguments)
    tool = given.scribbler or given.data.resolve().parent / "tools" / "make_scribbles.py"
    plan = Plan(given.data, tool if tool.is_file() else None, given.methods, given.side, given.planes, given.device,
                given.cache)
    if plan.tool is None:
        print(f"{tool} is not there: strokes are drawn from those of the sets.")
    cases: list[list[Judged]] = []
    for seed, strokes, name in itertools.product(given.seeds, given.strokes, set_names(given.data, given.sets)):
        began = time.perf_counter()
        found = judged(plan, name, seed, strokes)
        if found:
            cases.append(found)
            print(*lines(found), f"  {time.perf_counter() - began:.1f} s", sep="\n", flush=True)
        else:
            print(f"{name}, seed {seed}: there are no {strokes} strokes of each class. Left out.")
    for strokes in given.strokes:
        print(*conclusions([case for case in cases if case[0].evidence.strokes == strokes], strokes), sep="\n")
    flat = [one for case in cases for one in case]
    if len({one.set for one in flat}) > 2:
        print(*held_against_other_sets(flat), sep="\n")
    if given.fit:
        print(f"TWO_FITS = {fit_interval(flat)}", f"ONE_FIT = {fit_interval(flat, two_fits=False)}",
              f"DIFFERENCE = {fit_difference(flat)}", sep="\n")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; sets "
          f"{', '.join(dict.fromkeys(one.set for one in flat))}; seeds {', '.join(map(str, given.seeds))}; planes cut "
          f"to {given.side} px, {given.planes} test planes")


def lines(case: Sequence[Judged]) -> Iterator[str]:
    """Yield what is said of each method of a case, and the truth."""
    evidence = {one.method: one.evidence for one in case}
    order, best = by_likelihood(evidence), named_best(evidence)
    yield (f"{case[0].set}, seed {case[0].seed}, {case[0].evidence.strokes} strokes a class: "
           + (f"{best} is best" if best else cannot_tell(evidence, order[0])))
    ranks = stats.rankdata([-one.truth for one in case], "min")
    for one, rank in sorted(zip(case, ranks, strict=True), key=lambda pair: order.index(pair[0].method)):
        likely = expected_dice(one.evidence)
        held = "in" if likely.low <= one.truth <= likely.high else "OUT"
        agree = "" if one.evidence.agreement is None else f", two fits agree {one.evidence.agreement:.3f}"
        loss = "" if one.evidence.loss is None else f", log loss {one.evidence.loss:.2f}"
        yield (f"  {order.index(one.method) + 1} {one.method:<16} held out {one.evidence.dice:.3f}{agree}{loss}; "
               f"likely {likely.text}; truth {one.truth:.3f} {held}, {rank:.0f} by truth")


def conclusions(cases: Sequence[Sequence[Judged]], strokes: int) -> Iterator[str]:
    """Yield how far it was right with so many strokes of each class."""
    if not cases:
        return
    flat = [one for case in cases for one in case]
    yield f"\n{strokes} strokes a class, {len(cases)} cases, {len(flat)} intervals"
    yield f"  intervals as shipped: {_coverage([(one, None) for one in flat])}"
    orders = []
    named = right = told = worth = 0
    for case in cases:
        evidence = {one.method: one.evidence for one in case}
        truth = {one.method: one.truth for one in case}
        order, best = by_likelihood(evidence), named_best(evidence)
        if len(case) > 2 and len(set(truth.values())) > 1:
            orders.append(float(stats.spearmanr(range(len(order)), [-truth[one] for one in order]).statistic))
        first, second = sorted(truth.values(), reverse=True)[:2] if len(truth) > 1 else (0.0, 0.0)
        worth += first - second > APART
        told += best is not None and first - second > APART
        if best is not None:
            named += 1
            right += truth[best] >= first - ALIKE
    correlation = np.mean(orders) if orders else np.nan
    yield f"  order by strokes against order by truth: rank correlation {correlation:.2f} (mean)"
    yield (f"  a best is named in {named} of {len(cases)} cases, {right} times rightly (within {ALIKE}); in {told} of "
           f"the {worth} cases where the best is ahead by more than {APART}")


def held_against_other_sets(flat: Sequence[Judged]) -> Iterator[str]:
    """Yield coverage and width of intervals whose constants were fitted to the sets they are not held against."""
    found = left_out_intervals(flat)
    yield "\nconstants fitted anew without the set that they are held against"
    for strokes in dict.fromkeys(one.evidence.strokes for one in flat):
        mine = [(one, model) for one, model in found if one.evidence.strokes == strokes]
        yield f"  {strokes:>2} strokes a class: {_coverage(mine)}"
        worst = {name: np.mean([_holds(one, model) for one, model in mine if one.set == name])
                 for name in dict.fromkeys(one.set for one, _ in mine)}
        low = [f"{name} {share:.0%}" for name, share in worst.items() if share < CONFIDENCE]
        yield f"     sets below {CONFIDENCE:.0%}: {', '.join(low) or 'none'}"


def _coverage(pairs: Sequence[tuple[Judged, IntervalModel | None]]) -> str:
    likely = [expected_dice(one.evidence, model) for one, model in pairs]
    inside = np.mean([_holds(one, model) for one, model in pairs])
    return f"hold the truth in {inside:.0%}, median width {np.median([one.high - one.low for one in likely]):.2f}"


def _holds(one: Judged, model: IntervalModel | None) -> bool:
    likely = expected_dice(one.evidence, model)
    return likely.low <= one.truth <= likely.high


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of sets")
    parser.add_argument("--sets", nargs="+", help="default: all")
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--strokes", nargs="+", type=int, default=[4, 8, 16], help="of each class")
    parser.add_argument("--planes", type=int, default=3, help="test planes of a set at most, evenly spread (default 3)")
    parser.add_argument("--side", type=int, default=224, help="planes are cut to so many pixels a side (default 224)")
    parser.add_argument("--scribbler", type=Path, help="make_scribbles.py (default: FOLDER/../tools/make_scribbles.py)")
    parser.add_argument("--cache", type=Path, help="folder that keeps what single cases brought")
    parser.add_argument("--fit", action="store_true", help="print constants fitted to these cases")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps")
    return parser


if __name__ == "__main__":
    main()

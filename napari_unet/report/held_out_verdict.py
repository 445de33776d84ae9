"""What held-out strokes tell about methods, in a sentence or two for people. Ranks nothing itself, draws nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from napari_unet.core.rows import Row
from napari_unet.learning.true_dice import CONFIDENCE

from .held_out_ranking import Evidence, cannot_tell
from .paired_differences import RankedMethod, rank_methods
from .summary import format_value, summarise

NAMED = 3
"""So many of those that are level are named."""

LIKELY = "likely Dice"
LIKELY_MEANS = (f"{LIKELY}: what to expect where nothing is painted, with {CONFIDENCE:.0%} confidence. Held-out "
                "strokes are few, and lie where people are sure.")
"""What the column with the interval is called, and what it means."""


def likely_cell(one: RankedMethod) -> str:
    """Write the interval of a true Dice shortly, for a table."""
    return "" if one.likely is None else one.likely.text


def held_out_verdict(rows: Sequence[Row], names: Mapping[str, str], class_id: int | None = None) -> str:
    """Say which method is best on held-out strokes, or that it cannot be told, and what would tell.

    Parameters
    ----------
    rows : sequence of Row
    names : mapping of str to str
        What people call the methods.
    class_id : int, optional
        Painted id; without, the mean over classes.

    Returns
    -------
    str
        Empty where nothing was scored.
    """
    ranked = rank_methods(rows, class_id=class_id)
    if not ranked:
        return ""
    first = ranked[0]
    evidence = summarise(rows).evidence(class_id)
    name = names.get(first.method, first.method)
    if first.method not in evidence:
        return (f"{name}: Dice {format_value(first.mean, '')} on strokes held out. How far that holds cannot be told: "
                "it takes three separate strokes of each of two classes.")
    if first.best:
        return f"{name} is best: {_scores(first)}."
    if len(ranked) == 1:
        return f"{name}: {_scores(first)}."
    return f"{sentence_case(cannot_tell(evidence, first.method))}. Ahead so far: {_ahead(ranked, names, evidence)}."


def sentence_case(text: str) -> str:
    """Write a sentence with its first letter large."""
    return text[:1].upper() + text[1:]


def _ahead(ranked: Sequence[RankedMethod], names: Mapping[str, str], evidence: Evidence) -> str:
    first, *others = ranked
    level = [names.get(one.method, one.method) for one in others if one.level and one.method in evidence]
    more = f"; level with it: {', '.join(level[:NAMED])}{' and more' if len(level) > NAMED else ''}" if level else ""
    return f"{names.get(first.method, first.method)} ({_scores(first)}){more}"


def _scores(one: RankedMethod) -> str:
    likely = f", likely {one.likely.text} elsewhere" if one.likely else ""
    return f"Dice {format_value(one.mean, '')} on strokes held out{likely}"

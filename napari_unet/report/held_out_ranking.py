"""Which method is best by held-out strokes, whether that can be told, and what would tell. Reads no rows.

Nothing is called best inside its uncertainty.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping

from napari_unet.learning.true_dice import (
    ALIKE,
    MOST_STROKES,
    HeldOutEvidence,
    expected_difference,
    strokes_to_tell,
)

Evidence = Mapping[str, HeldOutEvidence]
"""What is known without a reference, by method."""

CANNOT_TELL = "cannot tell yet"


def by_likelihood(evidence: Evidence) -> list[str]:
    """Return the methods by what is known of them, the likeliest to be best first; of equals, the smaller log loss."""
    if any(known.agreement is None for known in evidence.values()):  # of one method alone it says nothing
        evidence = {method: dataclasses.replace(known, agreement=None) for method, known in evidence.items()}
    anchor = next(iter(evidence.values()), None)

    def place(method: str) -> tuple[float, float]:
        known = evidence[method]
        ahead = 0.0 if anchor is None else expected_difference(known, anchor).value
        return round(-ahead, 9), float("inf") if known.loss is None else known.loss

    return sorted(evidence, key=place)


def leader(evidence: Evidence, whole: Collection[str] | None = None) -> str | None:
    """Return the method that is likeliest to be best, of those that did all planes if these are named."""
    return next((one for one in by_likelihood(evidence) if whole is None or one in whole), None)


def level_with(evidence: Evidence, first: str) -> list[str]:
    """Return the methods that the strokes do not tell apart from this one, the likeliest first."""
    return [one for one in by_likelihood(evidence)
            if one != first and expected_difference(evidence[one], evidence[first]).high > ALIKE]


def named_best(evidence: Evidence, whole: Collection[str] | None = None) -> str | None:
    """Return the method that can be called best: told apart from all others. None where there is none."""
    first = leader(evidence, whole)
    return first if first is not None and len(evidence) > 1 and not level_with(evidence, first) else None


def strokes_wanted(evidence: Evidence, first: str) -> int | None:
    """Return how many more strokes of each class would tell the first from those level with it.

    Returns
    -------
    int or None
        None if no reasonable number would do.
    """
    wanted = [strokes_to_tell(evidence[first], evidence[one]) for one in level_with(evidence, first)]
    found = [one for one in wanted if one is not None]
    return max(found, default=0) if len(found) == len(wanted) else None


def cannot_tell(evidence: Evidence, first: str) -> str:
    """Say in a sentence that the best cannot be told, and what would tell it; without a full stop."""
    if not level_with(evidence, first):
        return f"{CANNOT_TELL}: too little is known of the other methods"
    more = strokes_wanted(evidence, first)
    if more is not None:
        return f"{CANNOT_TELL}: {more} more stroke{'' if more == 1 else 's'} of each class would"
    return (f"{CANNOT_TELL}: by these strokes the methods are too alike; even {MOST_STROKES} more of each class might "
            "not do, a labelled reference would")

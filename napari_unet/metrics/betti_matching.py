"""Topology errors in place: parts and holes of a plane without a partner, in one number. Counts no area.

Numbers of parts can agree by accident, a part lost here and one too many there. Here a part or hole is right only if it
has a partner: parts that meet in one part of the union of both masks, holes that share a pixel, each with one partner
at most. Connectivity is that of the topology metrics: the class touches by corners, holes by sides only.
"""

from __future__ import annotations

from . import ClassComparison, NoValue, register, where_known
from ._partners import unmatched_holes, unmatched_parts


@register("betti_matching_error", "parts and holes unmatched", unit="count", better="lower", dense=True,
          dimensions=(2,), family="topology", default=False)
@where_known
def betti_matching_error(compared: ClassComparison) -> float | NoValue:
    """Parts and holes of either that have no partner in the other at the same place (Stucki et al. 2023).

    Both empty: 0; one empty: all of the other. Stucki et al. match the bars of two grey images through their
    comparison image; for two masks that is the union. Which of several holes gets the partner hangs on their order of
    pixels; here as many as possible are matched, so that the error is never larger than theirs.
    """
    return float(compared.once(unmatched_parts) + compared.once(unmatched_holes))

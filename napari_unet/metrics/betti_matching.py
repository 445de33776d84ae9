"""Parts and holes of a plane, matched by where they are. Knows nothing of how much area they cover.

Numbers of parts can agree by accident, a part lost here and one too many there. Here a part or hole is right only if it
has a partner: parts that meet in one part of the union of both masks, holes that share a pixel, each with one partner
at most. Connectivity is that of the topology metrics: the class touches by corners, holes by sides only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.components import label_components

from . import ClassComparison, NoValue, register, where_known
from ._parts import Labels, joint, predicted_parts, reference_parts


@register("betti_matching_error", "parts and holes unmatched", unit="count", better="lower", dense=True,
          dimensions=(2,), family="topology", default=False)
@where_known
def betti_matching_error(compared: ClassComparison) -> float | NoValue:
    """Parts and holes of either that have no partner in the other at the same place (Stucki et al. 2023).

    Both empty: 0; one empty: all of the other. Stucki et al. match the bars of two grey images through their
    comparison image; for two masks that is the union. Which of several holes gets the partner hangs on their order of
    pixels; here as many as possible are matched, so that the error is never larger than theirs.
    """
    predicted, true = compared.once(predicted_parts), compared.once(reference_parts)
    parts = int(predicted.max()) + int(true.max()) - 2 * _shared_parts(predicted, true)
    holes, true_holes = _holes(compared.prediction), _holes(compared.reference)
    matched = _most_pairs(holes, true_holes)
    return float(parts + int(holes.max()) + int(true_holes.max()) - 2 * matched)


def _shared_parts(predicted: Labels, true: Labels) -> int:
    """Count the parts of the union that hold a part of both."""
    union = label_components((predicted > 0) | (true > 0))
    return int(np.intersect1d(np.unique(union[predicted > 0]), np.unique(union[true > 0])).size)


def _holes(mask: NDArray[np.bool_]) -> Labels:
    """Number the parts of the background that are closed in, from 1; 0 elsewhere."""
    # with a margin, the outer background is the part of the first pixel
    background = label_components(np.pad(~mask, 1, constant_values=True), corners=False)
    inside = background[1:-1, 1:-1]
    outer = background[0, 0]
    numbers = np.zeros(int(background.max()) + 1, np.int64)
    numbers[[number for number in range(1, numbers.size) if number != outer]] = np.arange(1, numbers.size - 1)
    holes: Labels = numbers[inside]
    return holes


def _most_pairs(holes: Labels, true_holes: Labels) -> int:
    """Return the largest number of pairs of holes that share a pixel, each hole in one pair at most."""
    from scipy import sparse

    shared = joint(true_holes, holes, (holes > 0) & (true_holes > 0))
    if not shared.count.size:
        return 0
    graph = sparse.csr_array((np.ones(shared.true.size, bool), (shared.true, shared.test)))
    return int(np.count_nonzero(sparse.csgraph.maximum_bipartite_matching(graph) >= 0))

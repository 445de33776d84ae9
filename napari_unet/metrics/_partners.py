"""Parts and holes that lie at the same place in a prediction and a reference. Registers no metric.

Parts are partners if they meet in one part of the union of both masks, holes (in a volume cavities) if they share a
pixel; each has one partner at most, and as many as possible have one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.components import label_components
from napari_unet.objects.matching import Labels, joint

from . import ClassComparison
from ._parts import predicted_parts, reference_parts


def unmatched_parts(compared: ClassComparison) -> int:
    """Count the parts of either that have no partner; ask for it through ``compared.once(unmatched_parts)``."""
    predicted, true = compared.once(predicted_parts), compared.once(reference_parts)
    return int(predicted.max()) + int(true.max()) - 2 * _shared_parts(predicted, true)


def unmatched_holes(compared: ClassComparison) -> int:
    """Count the holes (cavities) of either that have no partner (ask for it through ``once``)."""
    holes, true_holes = _holes(compared.prediction), _holes(compared.reference)
    return int(holes.max()) + int(true_holes.max()) - 2 * _most_pairs(holes, true_holes)


def _shared_parts(predicted: Labels, true: Labels) -> int:
    """Count the parts of the union that hold a part of both."""
    union = label_components((predicted > 0) | (true > 0))
    return int(np.intersect1d(np.unique(union[predicted > 0]), np.unique(union[true > 0])).size)


def _holes(mask: NDArray[np.bool_]) -> Labels:
    """Number the parts of the background that are closed in, from 1; 0 elsewhere."""
    # with a margin, the outer background is the part of the first pixel, and so number 1
    background = label_components(np.pad(~mask, 1, constant_values=True), corners=False)
    holes: Labels = np.maximum(background[(slice(1, -1),) * mask.ndim], 1) - 1
    return holes


def _most_pairs(holes: Labels, true_holes: Labels) -> int:
    """Return the largest number of pairs of holes that share a pixel, each hole in one pair at most."""
    from scipy import sparse

    shared = joint(true_holes, holes, (holes > 0) & (true_holes > 0))
    if not shared.count.size:
        return 0
    graph = sparse.csr_array((np.ones(shared.true.size, bool), (shared.true, shared.test)))
    return int(np.count_nonzero(sparse.csgraph.maximum_bipartite_matching(graph) >= 0))

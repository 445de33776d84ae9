"""How far beyond its plane a voxel may be looked at: by the axes of an image, its voxels and the memory. Looks at none.

What of that is used is decided by strokes, see :mod:`.leaving_out`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..core.depth import DEPTHS, LONGEST_BESIDE, Depth, elongation, has_depth, stack_planes
from ..core.image import Image
from ..core.saying import say_once
from ..core.scribbles import TrainingSet
from .features import FeatureStore
from .linear_heads import DeepHead

LONGEST_CUT = 4.0
"""Voxels that are so many times as long as wide, or as wide as long, show nothing in cuts."""

FEWEST_PLANES = 8
"""A cut through fewer planes is no picture."""


def possible_depth(image: Image, store: FeatureStore) -> tuple[Depth, str]:
    """Return how far one can look at an image, and why not further (``""`` where nothing is in the way)."""
    if not has_depth(image):
        return "plane", "it has no axis that is known to be z (say what its axes are, e.g. ZYX)"
    planes = len(stack_planes(image, 0))
    if planes < FEWEST_PLANES:
        return "neighbours", f"it has only {planes} planes along z"
    needed = store.cuts.bytes_of(image)
    if needed > store.cuts.cache.limit:
        return "neighbours", (f"its cuts take {needed / 2**30:.1f} GB of memory, and "
                              f"{store.cuts.cache.limit / 2**30:.1f} GB may be used")
    return "three cuts", ""


def sensible_depth(image: Image) -> Depth:
    """Return how far it is sensible to look, by the length of the voxels and the number of planes."""
    longer = elongation(image)
    longer = max(longer, 1 / longer)
    if longer <= LONGEST_CUT and len(stack_planes(image, 0)) >= FEWEST_PLANES:
        return "three cuts"
    return "neighbours" if longer <= LONGEST_BESIDE else "plane"


def settled_depth(images: Iterable[Image], store: FeatureStore, wanted: Depth | None) -> Depth:
    """Return how far to look at all of some images.

    Parameters
    ----------
    images : iterable of Image
        Each once for every volume of it that is to be looked at.
    store : FeatureStore
        Says how much memory there is.
    wanted : str, optional
        What the person asks for; by default as far as is sensible.

    Warns
    -----
    InputWarning
        Once per image, where that is not possible.
    """
    found, total = len(DEPTHS) - 1, 0
    for image in images:
        hoped = wanted or sensible_depth(image)
        depth, reason = possible_depth(image, store)
        total += store.cuts.bytes_of(image)
        if depth == "three cuts" and total > store.cuts.cache.limit:
            depth, reason = "neighbours", "with all that is painted cuts take more memory than may be used"
        if DEPTHS.index(depth) < DEPTHS.index(hoped) and (wanted is not None or has_depth(image)):
            say_once(image.data, f"{image.name!r} is answered with volume '{depth}', not '{hoped}': {reason}.")
        found = min(found, DEPTHS.index(depth), DEPTHS.index(hoped))
    return DEPTHS[found]


def painted_volumes(training: TrainingSet) -> list[Image]:
    """Return the painted images, each once for every volume of it that is painted."""
    return [pair.image for pair in training.pairs
            for _ in {stack_planes(pair.image, plane)[0] for plane in pair.scribbles.planes}]


def depth_of_answer(image: Image, store: FeatureStore, deep: DeepHead | None) -> Depth:
    """Return how far to look at an image, given a head that looks beyond planes, if there is one.

    Warns
    -----
    InputWarning
        Once per image, if that head cannot be used on it.
    """
    if deep is None:
        return "plane"
    depth, reason = possible_depth(image, store)
    if DEPTHS.index(depth) >= DEPTHS.index(deep.depth):
        return deep.depth
    say_once(image.data, f"{image.name!r} is answered plane by plane, though what was learnt looks at volumes "
                         f"({deep.depth}): {reason}.")
    return "plane"

"""Divide strokes into folds of whole strokes, so that every stroke is held out once. Trains and scores nothing."""

from __future__ import annotations

import numpy as np

from ..core.errors import UsageError
from ..core.scribbles import Pair, TrainingSet
from .strokes import Stroke, keep_strokes, strokes_by_class


def fold_strokes(training: TrainingSet, folds: int, seed: int = 0) -> list[tuple[TrainingSet, TrainingSet]]:
    """Divide the strokes into ``folds`` parts, each held out once while the others are learnt from.

    The strokes (connected components in one plane or in a volume, over all images) of every class are dealt out in
    turn, in an order drawn at random. A class with a single stroke always keeps it for learning and has no score; one
    with fewer strokes than folds is held out in some of them only.

    Parameters
    ----------
    training : TrainingSet
    folds : int
        At least 2.
    seed : int
        Of the order.

    Returns
    -------
    list of (TrainingSet, TrainingSet)
        What is learnt from and what is held out; same images, classes and versions. Folds in which nothing would be
        held out are left out.

    Raises
    ------
    UsageError
        For fewer than two folds.
    """
    if folds < 2:
        raise UsageError(f"folds cannot be {folds}. Allowed: a whole number of at least 2.")
    generator = np.random.default_rng(seed)
    dealt: list[list[Stroke]] = [[] for _ in range(folds)]
    for strokes in strokes_by_class(training).values():
        if len(strokes) > 1:
            for place, index in enumerate(generator.permutation(len(strokes))):
                dealt[place % folds].extend(strokes[index])
    return [
        (_part(training, held, inside=False), _part(training, held, inside=True)) for held in dealt if held
    ]


def _part(training: TrainingSet, held: list[Stroke], *, inside: bool) -> TrainingSet:
    return TrainingSet(
        tuple(Pair(pair.image, keep_strokes(pair.scribbles, index, held, inside=inside))
              for index, pair in enumerate(training.pairs)),
        training.classes,
    )

"""Fits what tells borders between objects from their insides, on the features of an answer. Finds no object."""

from __future__ import annotations

import copy
from collections.abc import Generator

from ..core.errors import UserError
from ..core.method import Progress
from ..core.work import relayed
from ..learning.border_lesson import BorderLesson
from .answer_on_features import BorderLook
from .features import FeatureStore
from .instant_model import fit_to_pixels
from .painted_features import gather_features
from .trust import Trust


def fit_border(
    store: FeatureStore, lesson: BorderLesson | None, seed: int = 0
) -> Generator[Progress, None, BorderLook | None]:
    """Fit a head to border strokes; None where there is nothing to fit it to.

    Parameters
    ----------
    store : FeatureStore
        Only the features of planes are used.
    lesson : BorderLesson, optional
    seed : int
        Of the draw among many pixels, and of the trees.

    Yields
    ------
    Progress
        While features are computed and the head is fitted; without models, which are no answer to strokes.
    """
    if lesson is None:
        return None
    own = copy.copy(store)  # the same features, but what borders choose to trust is not what strokes do
    own.trust = Trust()
    own.look_as_far("plane")
    try:
        painted = yield from gather_features(own, lesson.training)
        fit = fit_to_pixels(painted, own, seed, "trees")
        return BorderLook((yield from relayed(fit, lambda _number, event: Progress(event.text))), lesson)
    except UserError:  # nothing under the cuts is a number: they teach nothing
        return None

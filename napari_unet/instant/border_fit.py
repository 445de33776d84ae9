"""Fits what tells borders between objects from their insides, on the features of an answer. Finds no object."""

from __future__ import annotations

from collections.abc import Generator

from ..core.errors import UserError
from ..core.method import Progress
from ..core.work import relayed
from ..learning.border_lesson import BorderLesson
from .answer_on_features import BorderLook
from .features import FeatureStore
from .instant_model import fit_to_pixels
from .painted_features import gather_features


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
    trust = store.trust  # what strokes have chosen; borders choose for themselves
    try:
        painted = yield from gather_features(store, lesson.training, depth="plane")
        fit = fit_to_pixels(painted, store, seed, "trees")
        answer = yield from relayed(fit, lambda _number, event: Progress(event.text))
    except UserError:  # nothing under the cuts is a number: they teach nothing
        return None
    finally:
        store.trust = trust
    return BorderLook(answer, lesson)

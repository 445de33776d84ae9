"""Which network is shown: the pre-trained one, the best so far or the newest, judged by strokes none of them learnt.

A network counts for its features alone: for each, a head is fitted to the strokes that are learnt from and scored on
those that are held out. Trains nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ..learning.judge import SETTLE_STEPS, Score, Verdict, mean_score
from ..learning.strokes import Stroke, only
from ..method import Progress
from ..predicting.weights import Weights, snapshot
from ..scribbles import Pair, TrainingSet
from .features import FeatureStore
from .instant import fit_instantly, gather

if TYPE_CHECKING:
    from ..learning.learner import Learner
    from ..learning.material import Material

Result = TypeVar("Result")

MEMORY = 2**28
"""Bytes of features kept for each network."""

TRUST = 0.5
"""How far the trained network is followed from the one it began as: its weights are the mean of both (Wortsman et al.
2022, "Robust fine-tuning of zero-shot models"), which on eight real sets did better than either."""


@dataclasses.dataclass(frozen=True, eq=False)
class Candidate:
    """A network that may be shown.

    Parameters
    ----------
    store : FeatureStore
        Its features of what is painted.
    step : int
        Training steps behind it; 0 for the network as it came.
    """

    store: FeatureStore
    step: int

    @property
    def name(self) -> str:
        """What people call it."""
        return f"the network after {self.step} steps" if self.step else "the instant answer"


class Contest:
    """Judges a training that began with pre-trained features; see :func:`napari_unet.core.learning.trainer.train`.

    Parameters
    ----------
    store : FeatureStore
        Features to begin with.
    begun : Weights
        What the training began with.
    seed : int
        Of the draw among very many painted pixels.
    """

    def __init__(self, store: FeatureStore, begun: Weights, seed: int = 0) -> None:
        self._begun, self._seed = begun, seed
        self._first = self._best = Candidate(store, begun.step)

    def __call__(self, learner: Learner, material: Material, step: int) -> Generator[None, None, Verdict]:
        """Judge the network as it is now, and say which one to show and why.

        Yields
        ------
        None
            Between pieces of work.

        Returns
        -------
        Verdict
        """
        now = snapshot(learner.averaged, self._begun.network, self._begun.network_name, learner.channels,
                       material.classes, self._begun.normalisation, learner.step)
        device = learner.device
        newest = Candidate(FeatureStore(between(self._begun, now), device, MEMORY), learner.step)
        field = list(dict.fromkeys((self._first, self._best, newest)))
        scores: dict[Candidate, Score] = {}
        for one in field:
            scores[one] = yield from score(one.store, material.training, material.strokes, step, self._seed)
        means = {one: mean_score(found) for one, found in scores.items()}
        self._best = max(field, key=lambda one: (means[one] or 0.0, -one.step))
        answer = yield from _silent(fit_instantly(self._best.store, material.training, self._seed))
        model = dataclasses.replace(answer.as_network(device.name), refits=True)
        return Verdict(scores[self._best], model, reason(self._best, newest, means))


def reason(best: Candidate, newest: Candidate, means: dict[Candidate, float | None]) -> str:
    """Say in a few words which network is shown and why."""
    if means[best] is None:
        return f"showing {best.name}: too few strokes to compare it with the trained network"
    if best is newest:
        return f"showing the network as trained: held-out Dice {means[best]:.2f}"
    return f"showing {best.name}: held-out Dice {means[best]:.2f}, as trained now {means[newest] or 0.0:.2f}"


def between(begun: Weights, now: Weights) -> Weights:
    """Return a network on the way from one to another, without a last layer."""
    tensors = {
        name: tensor.lerp(now.tensors[name], TRUST) if tensor.is_floating_point() else now.tensors[name]
        for name, tensor in begun.tensors.items() if not name.startswith("head.")
    }
    return dataclasses.replace(now, tensors=tensors)


def score(
    store: FeatureStore, training: TrainingSet, strokes: tuple[Stroke, ...], step: int, seed: int = 0
) -> Generator[None, None, Score]:
    """Fit a head to the strokes that are learnt from and return its Dice by class on those held out.

    None for every class unless two classes have a stroke that may count (:meth:`Stroke.counts`).
    """
    nothing: Score = dict.fromkeys(training.painted_ids)
    honest = [one for one in strokes if one.counts(step, SETTLE_STEPS)]
    if len({one.class_id for one in honest}) < 2:
        return nothing
    kept = _with(training, [one for one in strokes if one.held], inside=False)
    if kept.missing() is not None:
        return nothing
    model = yield from _silent(fit_instantly(store, kept, seed))
    held = _with(training, honest, inside=True)
    features, truth = yield from _silent(gather(store, [pair for pair in held.pairs if pair.scribbles.planes]))
    found = np.array(model.classes.ids)[model.head(features).argmax(axis=1)]
    return nothing | {
        number: 2.0 * np.count_nonzero((found == number) & (truth == number))
        / (np.count_nonzero(found == number) + np.count_nonzero(truth == number))
        for number in np.unique(truth).tolist()
    }


def _with(training: TrainingSet, strokes: list[Stroke], *, inside: bool) -> TrainingSet:
    """Return a training set with the paint of these strokes only, or with all but theirs."""
    pairs = tuple(Pair(pair.image, only(pair.scribbles, index, strokes, inside=inside))
                  for index, pair in enumerate(training.pairs))
    return TrainingSet(pairs, training.classes)


def _silent(work: Generator[Progress, None, Result]) -> Generator[None, None, Result]:
    """Go through work without its reports."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result
        yield

"""Which network is shown: the pre-trained one, the best so far or the newest, judged by strokes none of them learnt.

For each, a head is fitted to the strokes that are learnt from and scored on those that are held out. Where no strokes
are to come, a network that has won may learn from those as well; from then on it is not judged. Trains nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ..core.errors import UserError
from ..core.scribbles import TrainingSet
from ..learning.strokes import HELD_OUT, Stroke
from ..learning.validation import SETTLE_STEPS, ModelChoice
from ..predicting.devices import Device
from ..predicting.network_model import NetworkModel
from ..predicting.oblivious_trees import feature_tensors, without_trees
from ..predicting.weights import Weights, snapshot
from .features import FeatureStore
from .held_out_evaluation import (
    DICE_TOLERANCE,
    MIN_HELD_OUT,
    HeldOutResult,
    can_evaluate,
    evaluate_held_out,
    few_planes,
    without_progress,
)
from .instant_model import Kind, fit_to_pixels, head_kind
from .painted_features import PaintedFeatures, gather_features

if TYPE_CHECKING:
    from ..learning.learner import Learner
    from ..learning.training_data import TrainingData

MEMORY = 2**28
"""Bytes of features kept for each network."""

TRUST = (0.5, 1.0)
"""How far the trained network is followed from the one it began as. Half way, the weights are the mean of both
(Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"), which is often better than either."""

HEADS: tuple[Kind, ...] = ("logistic", "trees")
"""What a trained network may be shown with: features that have learnt often need no trees to correct their head."""


@dataclasses.dataclass(frozen=True, eq=False)
class Candidate:
    """A network that may be shown, with a head of one kind.

    Parameters
    ----------
    store : FeatureStore
        Its features of what is painted.
    head : str
        How far its head is fitted.
    step : int
        Training steps behind it.
    done : int
        Those of them in this training.
    trust : float
        How far it went from the network as it came to the network as trained, see :data:`TRUST`; 0 for the former.
    """

    store: FeatureStore
    head: Kind
    step: int
    done: int = 0
    trust: float = 0.0

    @property
    def trained(self) -> bool:
        """Whether it learnt here."""
        return self.trust > 0

    @property
    def name(self) -> str:
        """What people call it."""
        if self.trained:
            return f"the network after {self.step} steps"
        return f"the network it began as (step {self.step})" if self.step else "the instant answer"


class CandidateSelection:
    """Judges a training that began with pre-trained features; see :func:`napari_unet.learning.trainer.train_network`.

    Parameters
    ----------
    store : FeatureStore
        Features to begin with.
    shown : NetworkModel
        What the training began with, and what is shown until there is better.
    seed : int
        Of heads and trees.
    release : bool
        Whether strokes that are held out may be learnt from once a trained network has won.
    """

    def __init__(self, store: FeatureStore, shown: NetworkModel, seed: int = 0, release: bool = False) -> None:
        self._begun, self._shown, self._seed, self._release = without_trees(shown.weights), shown, seed, release
        self._first = self._best = Candidate(store, head_kind(shown.weights), shown.weights.step)
        self._data: TrainingData | None = None
        self._few: tuple[TrainingSet, tuple[Stroke, ...]]
        self._seen: WeakKeyDictionary[FeatureStore, PaintedFeatures] = WeakKeyDictionary()
        self.answered: TrainingSet | None = None  # what the head that is shown was fitted to

    def __call__(self, learner: Learner, data: TrainingData, step: int) -> Generator[None, None, ModelChoice]:
        """Judge the network as it is now, and say which one to show and why.

        Yields
        ------
        None
            Between pieces of work.

        Returns
        -------
        ModelChoice
            What was shown before, without a score, where the strokes cannot be answered.
        """
        try:
            return (yield from self._judged(learner, data, step))
        except UserError as error:
            return ModelChoice({}, self._shown, str(error))

    def _judged(self, learner: Learner, data: TrainingData, step: int) -> Generator[None, None, ModelChoice]:
        if data is not self._data:
            self._data, self._few = data, few_planes(data.training, data.strokes)
            self._seen.clear()
        strokes, device = self._few[1], learner.device
        newest = self._newest(learner, data, step)
        if self._best.trained and not data.holds:  # it has won, and there is nothing left to judge by
            self._best = next(one for one in newest if (one.head, one.trust) == (self._best.head, self._best.trust))
            yield from self._show(device)
            return ModelChoice({}, self._shown, "showing the network as trained: it was clearly better, and now learns "
                               "from the held-out strokes too")
        if self._best.trained and not can_evaluate(strokes, self._best.done) and can_evaluate(strokes, step):
            self._best = self._first  # it has learnt the strokes that newer networks can be judged by
        since = self._best.done if self._best.trained else step
        unknown = HeldOutResult.unknown(data.training.painted_ids)
        found = dict.fromkeys((self._first, self._best, *newest), unknown)
        if can_evaluate(strokes, since):
            for one in found:
                painted = yield from self._painted(one)
                found[one] = yield from evaluate_held_out(painted, one.store, strokes, since, self._seed, one.head)
        self._best = select(self._first, self._best, newest, found)
        yield from self._show(device)
        return ModelChoice(found[self._best].dice, self._shown, selection_reason(self._best, newest, found),
                           self._release and self._best in newest)

    def _newest(self, learner: Learner, data: TrainingData, step: int) -> list[Candidate]:
        """Return what may be shown of a network as it is now."""
        now = snapshot(learner.averaged, self._begun.network, self._begun.network_name, learner.channels,
                       data.classes, self._begun.normalisation, learner.step)
        stores = {trust: FeatureStore(interpolated(self._begun, now, trust), learner.device, MEMORY) for trust in TRUST}
        return [Candidate(store, head, learner.step, step, trust) for trust, store in stores.items() for head in HEADS]

    def _show(self, device: Device) -> Generator[None, None, None]:
        painted = yield from self._painted(self._best)
        answer = yield from without_progress(fit_to_pixels(painted, self._best.store, self._seed, self._best.head))
        self._shown = dataclasses.replace(answer.as_network(device.name), refits=True)
        self.answered = self._few[0]

    def _painted(self, one: Candidate) -> Generator[None, None, PaintedFeatures]:
        if one.store not in self._seen:
            self._seen[one.store] = yield from without_progress(gather_features(one.store, self._few[0]))
        return self._seen[one.store]


def select(
    first: Candidate, best: Candidate, newest: Sequence[Candidate], found: Mapping[Candidate, HeldOutResult]
) -> Candidate:
    """Return the best so far, unless the first has caught up or one of the newest is clearly better.

    Only the step from the first may cost a little Dice: many small losses, one after the other, are a large one.
    """
    if found[first].beats(found[best], 0.0):
        best = first
    margin, alike = (0.0, 0.0) if best.trained else (found[best].margin, DICE_TOLERANCE)
    better = [one for one in newest if found[one].beats(found[best], margin, alike)]
    return min(better, key=lambda one: found[one].loss or 0.0, default=best)


def selection_reason(best: Candidate, newest: Sequence[Candidate], found: Mapping[Candidate, HeldOutResult]) -> str:
    """Say in a few words which network is shown and why."""
    mine = found[best].mean
    if mine is None:
        return (f"showing {best.name}: judging the trained network takes {MIN_HELD_OUT * HELD_OUT} separate strokes of "
                f"each of two classes, and {SETTLE_STEPS} steps after them")
    if best in newest:
        return f"showing the network as trained: held-out Dice {mine:.2f}"
    other = max(found[one].mean or 0.0 for one in newest)
    return f"showing {best.name}: held-out Dice {mine:.2f}, as trained now {other:.2f}, not clearly better"


def interpolated(begun: Weights, now: Weights, trust: float) -> Weights:
    """Return a network on the way from one to another, without a last layer."""
    tensors = {
        name: tensor.lerp(now.tensors[name], trust) if tensor.is_floating_point() else now.tensors[name]
        for name, tensor in feature_tensors(begun).items()
    }
    return dataclasses.replace(now, tensors=tensors)

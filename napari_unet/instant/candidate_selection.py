"""Which network is shown: the pre-trained one, the best so far or the newest, judged by strokes none of them learnt.

For each, a head is fitted to the strokes that are learnt from and scored on those that are held out. What a winner says
about unpainted ground must be steady far from paint as well. Where no strokes are to come, a network that has won may
learn from those as well; from then on only its steadiness is judged. Trains nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ..core.errors import UserError
from ..core.scribbles import TrainingSet
from ..learning.strokes import Stroke
from ..learning.validation import ModelChoice
from ..predicting.network_model import NetworkModel
from ..predicting.oblivious_trees import feature_tensors, without_trees
from ..predicting.weights import Weights, snapshot
from .decision import Candidate, Decision, decide
from .features import FeatureStore
from .held_out_evaluation import HeldOutResult, can_evaluate, evaluate_held_out, few_planes, without_progress
from .instant_model import fit_to_pixels, head_kind
from .painted_features import PaintedFeatures, gather_features
from .pixel_heads import Kind
from .unpainted_ground import UnpaintedGround, agreement_lost

if TYPE_CHECKING:
    from ..learning.learner import Learner
    from ..learning.training_data import TrainingData

MOST_LOST_BETWEEN, MOST_LOST_FROM_FIRST = 0.07, 0.06
"""By how much two networks may agree less far from paint than near it (Dice with each other, of the class that loses
most): the network as trained and the mean; the network as trained and the one it began as. On real sets up to 0.06 and
0.02 where a trained network was better in truth by 0.01 to 0.05; 0.06 to 0.4 and 0.18 to 0.7 where held-out strokes
chose one that was worse, at dark borders or far from the strokes. So it is the second that tells them apart."""

MEMORY = 2**28
"""Bytes of features kept for each network."""

TRUST = (0.5, 1.0)
"""How far the trained network is followed from the one it began as. Half way, the weights are the mean of both
(Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"), which is often better than either."""

HEADS: tuple[Kind, ...] = ("logistic", "trees")
"""What a trained network may be shown with: features that have learnt often need no trees to correct their head."""


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
    follows : bool
        Whether what the training began with is fitted to newer strokes by whoever shows it; then it is not done here.
    """

    def __init__(
        self, store: FeatureStore, shown: NetworkModel, seed: int = 0, release: bool = False, follows: bool = False
    ) -> None:
        self._begun, self._seed, self._release = without_trees(shown.weights), seed, release
        self._shown = shown if follows else None
        head: Kind = head_kind(shown.weights) if shown.weights.step else "trees"  # a first answer gets them in the end
        self._first = Candidate(store, head, shown.weights.step)
        self._decision = Decision(self._first, model=shown)
        self._data: TrainingData | None = None
        self._few: tuple[TrainingSet, tuple[Stroke, ...]]
        self._ground: UnpaintedGround | None = None
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
            decision = yield from self._judged(learner, data, step)
            self._decision = dataclasses.replace(decision, model=(yield from self._model(decision.candidate, learner)))
        except UserError as error:
            return self._decision.kept_because(error).as_choice()
        return self._decision.as_choice()

    def _judged(self, learner: Learner, data: TrainingData, step: int) -> Generator[None, None, Decision]:
        if data is not self._data:
            self._data, self._few, self._ground = data, few_planes(data.training, data.strokes), None
            self._seen.clear()
        best, newest, strokes = self._decision.candidate, self._newest(learner, data, step), self._few[1]
        if best.trained and not data.holds:  # it has won, and there is nothing left to judge by
            return (yield from self._followed(best, newest))
        if best.trained and not can_evaluate(strokes, best.done) and can_evaluate(strokes, step):
            best = self._first  # it has learnt the strokes that newer networks can be judged by
        since = best.done if best.trained else step
        unknown = HeldOutResult.unknown(data.training.painted_ids)
        found = dict.fromkeys((self._first, best, *newest), unknown)
        if can_evaluate(strokes, since):
            for one in found:
                painted = yield from self._painted(one)
                found[one] = yield from evaluate_held_out(painted, one.store, strokes, since, self._seed, one.head)
        decision = decide(self._first, best, newest, found, release=self._release)
        if decision.candidate.trained and (yield from self._wavers(newest)):
            return decide(self._first, best, newest, found, wavers=True)
        return decision

    def _followed(self, best: Candidate, newest: Sequence[Candidate]) -> Generator[None, None, Decision]:
        """Decide about a network that has won and is not judged by strokes any more."""
        if (yield from self._wavers(newest)):
            return Decision(best, f"showing {best.name}: it was clearly better; as trained now the network is unsteady "
                            "far from your strokes")
        ahead = next(one for one in newest if (one.head, one.trust) == (best.head, best.trust))
        return Decision(ahead, f"showing the network as trained{ahead.way}: it was clearly better, and now learns from "
                        "the held-out strokes too")

    def _wavers(self, newest: Sequence[Candidate]) -> Generator[None, None, bool]:
        """Say whether a network on its way agrees with itself, or with the first, less far from paint than near it."""
        ways = [self._first, *(next(one for one in newest if one.trust == trust) for trust in TRUST)]
        if self._ground is None:
            self._ground = UnpaintedGround.of(self._first.store, self._few[0], self._seed)
        said = []
        for one in ways:  # heads alike, and without trees: it is the features that are asked
            painted = yield from self._painted(one)
            answer = yield from without_progress(fit_to_pixels(painted, one.store, self._seed, "logistic"))
            said.append((yield from self._ground.labels(answer)))
        first, half, whole = said
        distance = self._ground.distance
        return (agreement_lost(half, whole, distance) > MOST_LOST_BETWEEN
                or agreement_lost(first, whole, distance) > MOST_LOST_FROM_FIRST)

    def _newest(self, learner: Learner, data: TrainingData, step: int) -> list[Candidate]:
        """Return what may be shown of a network as it is now."""
        now = snapshot(learner.averaged, self._begun.network, self._begun.network_name, learner.channels,
                       data.classes, self._begun.normalisation, learner.step)
        stores = {trust: FeatureStore(interpolated(self._begun, now, trust), learner.device, MEMORY,
                                      self._first.store.eye) for trust in TRUST}
        return [Candidate(store, head, learner.step, step, trust) for trust, store in stores.items() for head in HEADS]

    def _model(self, one: Candidate, learner: Learner) -> Generator[None, None, NetworkModel]:
        """Return a candidate with a head fitted to all strokes."""
        if one is self._first and self._shown is not None:
            return self._shown
        painted = yield from self._painted(one)
        answer = yield from without_progress(fit_to_pixels(painted, one.store, self._seed, one.head))
        self.answered = self._few[0]
        return dataclasses.replace(answer.as_network(learner.device.name), refits=True)

    def _painted(self, one: Candidate) -> Generator[None, None, PaintedFeatures]:
        if one.store not in self._seen:
            self._seen[one.store] = yield from without_progress(gather_features(one.store, self._few[0]))
        return self._seen[one.store]


def interpolated(begun: Weights, now: Weights, trust: float) -> Weights:
    """Return a network on the way from one to another, without a last layer."""
    tensors = {
        name: tensor.lerp(now.tensors[name], trust) if tensor.is_floating_point() else now.tensors[name]
        for name, tensor in feature_tensors(begun).items()
    }
    return dataclasses.replace(now, tensors=tensors)

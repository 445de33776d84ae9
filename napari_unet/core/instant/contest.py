"""Which network is shown: the pre-trained one, the best so far or the newest, judged by strokes none of them learnt.

A network counts for its features alone: for each, a head is fitted to the strokes that are learnt from and scored on
those that are held out. Trains nothing.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ..errors import UserError
from ..learning.judge import SETTLE_STEPS, Score, Verdict, mean_score
from ..learning.strokes import Stroke, only
from ..method import Progress
from ..predicting.predict import NetworkModel
from ..predicting.trees import feature_tensors, without_trees
from ..predicting.weights import Weights, snapshot
from ..scribbles import Pair, TrainingSet
from .features import FeatureStore
from .instant import fit_instantly, gather

if TYPE_CHECKING:
    from ..learning.learner import Learner
    from ..learning.material import Material

Result = TypeVar("Result")

EVIDENCE = 2
"""Held-out strokes that a class must have. One of each said the opposite of the truth on a real set."""

MOST_PLANES = 8
"""Of more painted planes, so many are looked at: those with the most strokes held out."""

MEMORY = 2**28
"""Bytes of features kept for each network."""

CLEARLY = 0.04
"""By how much (nat) the loss of a trained network must be below that of the network it began as, on one held-out
stroke; on n of them, by as much over the root of n, as the error of a mean falls. Held-out strokes are few and mostly
easy: on real sets, where both are sure of them, smaller differences pointed the wrong way."""

ALIKE = 0.01
"""So much less Dice is none: a few pixels of a few strokes, where the loss tells more."""

TRUST = (0.5, 1.0)
"""How far the trained network is followed from the one it began as. Half way, the weights are the mean of both
(Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"), which is often better than either."""


@dataclasses.dataclass(frozen=True, eq=False)
class Candidate:
    """A network that may be shown.

    Parameters
    ----------
    store : FeatureStore
        Its features of what is painted.
    step : int
        Training steps behind it.
    done : int
        Those of them in this training.
    trained : bool
        False for the network as it came.
    """

    store: FeatureStore
    step: int
    done: int = 0
    trained: bool = True

    @property
    def name(self) -> str:
        """What people call it."""
        if self.trained:
            return f"the network after {self.step} steps"
        return f"the network it began as (step {self.step})" if self.step else "the instant answer"


@dataclasses.dataclass(frozen=True)
class Standing:
    """How a candidate does on held-out strokes.

    Parameters
    ----------
    dice : dict of int to float or None
        Dice by class id.
    loss : float or None
        Mean over classes of the mean cross-entropy of their pixels (nat); tells apart what Dice near 1 cannot.
    strokes : int
        How many it was judged by.
    """

    dice: Score
    loss: float | None = None
    strokes: int = 1

    @property
    def margin(self) -> float:
        """By how much (nat) another loss must be lower to be clearly so."""
        return CLEARLY / math.sqrt(self.strokes)

    @property
    def mean(self) -> float | None:
        """Mean Dice without the background."""
        return mean_score(self.dice)

    def beats(self, other: Standing, margin: float, alike: float = ALIKE) -> bool:
        """Whether the loss is lower by more than a margin (nat), and Dice not lower by more than ``alike``."""
        if self.loss is None or other.loss is None:
            return False
        return self.loss < other.loss - margin and (self.mean or 0.0) >= (other.mean or 0.0) - alike


class Contest:
    """Judges a training that began with pre-trained features; see :func:`napari_unet.core.learning.trainer.train`.

    Parameters
    ----------
    store : FeatureStore
        Features to begin with.
    shown : NetworkModel
        What the training began with, and what is shown until there is better.
    seed : int
        Of the draw among very many painted pixels.
    """

    def __init__(self, store: FeatureStore, shown: NetworkModel, seed: int = 0) -> None:
        self._begun, self._shown, self._seed = without_trees(shown.weights), shown, seed
        self._first = self._best = Candidate(store, shown.weights.step, trained=False)

    def __call__(self, learner: Learner, material: Material, step: int) -> Generator[None, None, Verdict]:
        """Judge the network as it is now, and say which one to show and why.

        Yields
        ------
        None
            Between pieces of work.

        Returns
        -------
        Verdict
            The one before, with a remark, where the strokes cannot be answered.
        """
        try:
            return (yield from self._judged(learner, material, step))
        except UserError as error:
            return Verdict({}, self._shown, str(error))

    def _judged(self, learner: Learner, material: Material, step: int) -> Generator[None, None, Verdict]:
        now = snapshot(learner.averaged, self._begun.network, self._begun.network_name, learner.channels,
                       material.classes, self._begun.normalisation, learner.step)
        device = learner.device
        training, strokes = few(material.training, material.strokes)
        newest = [Candidate(FeatureStore(between(self._begun, now, trust), device, MEMORY), learner.step, step)
                  for trust in TRUST]
        if self._best.trained and not can_judge(strokes, self._best.done) and can_judge(strokes, step):
            self._best = self._first  # it has learnt the strokes that newer networks can be judged by
        since = self._best.done if self._best.trained else step
        found: dict[Candidate, Standing] = {}
        for one in dict.fromkeys((self._first, self._best, *newest)):
            found[one] = yield from standing(one.store, training, strokes, since, self._seed)
        self._best = winner(self._first, self._best, newest, found)
        answer = yield from _silent(fit_instantly(self._best.store, training, self._seed))
        self._shown = dataclasses.replace(answer.as_network(device.name), refits=True)
        return Verdict(found[self._best].dice, self._shown, reason(self._best, newest, found))


def winner(
    first: Candidate, best: Candidate, newest: Sequence[Candidate], found: Mapping[Candidate, Standing]
) -> Candidate:
    """Return the best so far, unless the first has caught up or a newer one is clearly better.

    Only the step from the first may cost a little Dice: many small losses, one after the other, are a large one.
    """
    if found[first].beats(found[best], 0.0):
        best = first
    for one in newest:
        margin, alike = (0.0, 0.0) if best.trained else (found[best].margin, ALIKE)
        if found[one].beats(found[best], margin, alike):
            best = one
    return best


def reason(best: Candidate, newest: Sequence[Candidate], found: Mapping[Candidate, Standing]) -> str:
    """Say in a few words which network is shown and why."""
    mine = found[best].mean
    if mine is None:
        return f"showing {best.name}: too few strokes to compare it with the trained network"
    if best in newest:
        return f"showing the network as trained: held-out Dice {mine:.2f}"
    other = max(found[one].mean or 0.0 for one in newest)
    return f"showing {best.name}: held-out Dice {mine:.2f}, as trained now {other:.2f}, not clearly better"


def between(begun: Weights, now: Weights, trust: float) -> Weights:
    """Return a network on the way from one to another, without a last layer."""
    tensors = {
        name: tensor.lerp(now.tensors[name], trust) if tensor.is_floating_point() else now.tensors[name]
        for name, tensor in feature_tensors(begun).items()
    }
    return dataclasses.replace(now, tensors=tensors)


def can_judge(strokes: tuple[Stroke, ...], step: int) -> bool:
    """Say whether two classes have enough strokes that a network of so many steps has not learnt, or could forget."""
    honest = Counter(one.class_id for one in strokes if one.counts(step, SETTLE_STEPS))
    return sum(count >= EVIDENCE for count in honest.values()) >= 2


def standing(
    store: FeatureStore, training: TrainingSet, strokes: tuple[Stroke, ...], step: int, seed: int = 0
) -> Generator[None, None, Standing]:
    """Fit a head to the strokes that are learnt from and judge it by those held out.

    There is no score unless two classes have :data:`EVIDENCE` strokes that may count (:meth:`Stroke.counts`) for a
    network of so many steps.
    """
    nothing = Standing(dict.fromkeys(training.painted_ids))
    learnt = {one.class_id for one in strokes if not one.held}  # of few planes, all of a class may be held out
    honest = tuple(one for one in strokes if one.counts(step, SETTLE_STEPS) and one.class_id in learnt)
    if not can_judge(honest, step):
        return nothing
    kept = _with(training, [one for one in strokes if one.held], inside=False)
    if kept.missing() is not None:
        return nothing
    model = yield from _silent(fit_instantly(store, kept, seed, "logistic"))
    held = _with(training, list(honest), inside=True)
    features, truth = yield from _silent(gather(store, [pair for pair in held.pairs if pair.scribbles.planes]))
    ids = np.array(model.classes.ids)
    logits = model.head(features)
    logits -= logits.max(axis=1, keepdims=True)
    found, right = ids[logits.argmax(axis=1)], np.searchsorted(ids, truth)
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(right)), right]
    present = np.unique(truth).tolist()
    dice: Score = {
        number: 2 * int(np.count_nonzero((found == number) & (truth == number)))
        / int(np.count_nonzero(found == number) + np.count_nonzero(truth == number))
        for number in present
    }
    loss = float(np.mean([losses[truth == number].mean() for number in present]))
    return Standing(nothing.dice | dice, loss, len(honest))


def few(training: TrainingSet, strokes: tuple[Stroke, ...]) -> tuple[TrainingSet, tuple[Stroke, ...]]:
    """Return a few planes of a training set, those that add a class first, and their strokes."""
    places = [(index, plane) for index, pair in enumerate(training.pairs) for plane in pair.scribbles.planes]
    if len(places) <= MOST_PLANES:
        return training, strokes
    held = Counter((one.pair, one.plane) for one in strokes if one.held)
    classes: dict[tuple[int, int], set[int]] = {}
    for one in strokes:
        classes.setdefault((one.pair, one.plane), set()).add(one.class_id)
    chosen: list[tuple[int, int]] = []
    missing = set(training.painted_ids)
    for _ in range(MOST_PLANES):
        place = max(set(places) - set(chosen), key=lambda one: (len(classes[one] & missing), held[one], one))
        chosen.append(place)
        missing -= classes[place]
    kept = [one for one in strokes if (one.pair, one.plane) in chosen]
    return _with(training, kept, inside=True), tuple(kept)


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

"""Learning from strokes while they are painted: one generator, read top to bottom. Knows no window and no registry.

Before every step the newest strokes are read; every few seconds the averaged weights come out as a frozen model.
To stop, stop asking (or close the generator). Time between two items is not counted, so a pause costs nothing.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Generator, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from ..core.errors import UsageError, UserError, WorkError
from ..core.latest import Latest
from ..core.method import Progress, newest_training_set
from ..core.normalisation import Normalisation
from ..core.scribbles import TrainingSet
from ..predicting.devices import choose_device
from ..predicting.network_model import NetworkModel
from ..predicting.oblivious_trees import architecture_without_trees, without_trees
from ..predicting.weights import Network, Weights, snapshot
from . import batchnorm
from .learner import Learner, Loss
from .training_data import TrainingData, TrainingDataCollector
from .training_plan import TrainingPlan
from .validation import ModelChoice, ModelSelector, Score, mean_score, newest_with_score

STATISTICS_PATCHES = 20
WAIT_SECONDS = 0.1
SETTLED = 0.25
"""Part of the budget after which held-out strokes are learnt from too, if the selector needs them no more and none are
to come. Not where steps are counted: when a selector is asked depends on the clock, and what is learnt must not."""
PUBLISH_STEPS = 200
"""Steps between two models of a training that only steps limit."""
MOST_OFTEN = 4
"""Learning takes at least so many times as long as making and scoring models."""


@dataclasses.dataclass(frozen=True, eq=False)
class Step(Progress):
    """One step of training.

    Parameters
    ----------
    step : int
        Steps behind the weights, those of the initial weights included.
    loss : float
        Of this step's batch.
    versions : tuple of int
        Versions of the strokes it learnt from, pair by pair.
    held_strokes : tuple of int
        How many strokes of each pair are held out.
    strokes_a_class : int
        Strokes of the class that has the fewest, those held out included.
    stroke_counts : mapping of int to int
        Strokes by class id, those held out included.
    painted : int
        Painted pixels there are to learn from, held-out ones not counted.
    seconds : float
        Time spent training.
    learning_rate : float
    held_out_dice : dict of int to float or None
        Dice on held-out strokes by class id, of the newest model; None for a class without a score.
    held_out_mean : float or None
        Mean over the classes that have a score, the background (id 1) apart.
    held_out_before : float or None
        The same of what the training began with, where it is compared with that.
    remark : str
        Which model is shown and why, where there was a choice.
    judges : bool
        Whether the network must be better than what the training began with to be shown.
    device : str
        Device and why this one.
    """

    step: int = 0
    loss: float = math.nan
    versions: tuple[int, ...] = ()
    held_strokes: tuple[int, ...] = ()
    strokes_a_class: int = 0
    stroke_counts: Mapping[int, int] = dataclasses.field(default_factory=dict)
    painted: int = 0
    seconds: float = 0.0
    learning_rate: float = 0.0
    held_out_dice: Score = dataclasses.field(default_factory=dict)
    held_out_mean: float | None = None
    held_out_before: float | None = None
    remark: str = ""
    judges: bool = False
    device: str = ""


def train_network(
    source: TrainingSet | Latest[TrainingSet],
    network: Network,
    loss: Loss,
    plan: TrainingPlan | None = None,
    *,
    network_name: str = "",
    initial: Weights | None = None,
    selector: ModelSelector = newest_with_score,
) -> Generator[Progress, None, NetworkModel]:
    """Train a network on painted pixels.

    Parameters
    ----------
    source : TrainingSet or Latest of TrainingSet
        A mailbox is read before every step, and waited for while fewer than two classes are painted.
    network : Network
        What to build; not used where ``initial`` says it already.
    loss : callable
        See :mod:`napari_unet.losses`.
    plan : TrainingPlan, optional
    network_name : str
        Name in the networks registry, kept with the weights.
    initial : Weights, optional
        Continue from these: output channels are matched by class id, BatchNorm statistics stay as they are.
    selector : callable
        Scores the network whenever a model is due, and may name a better one.

    Yields
    ------
    Progress
        What to paint while waiting (every 0.1 s); "Warming up" once; then a :class:`Step` after every step. ``model``
        is set in the step that brings a new one, the last step included.

    Returns
    -------
    NetworkModel

    Raises
    ------
    UserError
        If a plain training set has fewer than two painted classes, images differ in their channels, the device is not
        there or its memory too small, or training diverges.
    UsageError
        If a plain training set comes with a plan that has no end.
    WorkError
        For any other failure inside torch, which is its cause.
    """
    plan = plan or TrainingPlan()
    threads = torch.get_num_threads()
    try:
        if plan.threads is not None:
            torch.set_num_threads(plan.threads)
        begun = None if initial is None else without_trees(initial)
        return (yield from _Run(source, architecture_without_trees(network), loss, plan, network_name, begun,
                                selector).steps())
    except RuntimeError as error:  # Qt's workers swallow this type
        raise WorkError(f"Training failed: {error}") from error
    finally:
        if plan.threads is not None:
            torch.set_num_threads(threads)


class _Run:
    """One call of :func:`train_network`."""

    def __init__(
        self,
        source: TrainingSet | Latest[TrainingSet],
        network: Network,
        loss: Loss,
        plan: TrainingPlan,
        network_name: str,
        initial: Weights | None,
        selector: ModelSelector,
    ) -> None:
        self.selector = selector
        self.live = isinstance(source, Latest)
        if plan.endless and not self.live:
            raise UsageError("Training needs an end. Give a number of seconds or of steps.")
        self.source, self.loss, self.plan, self.initial = source, loss, plan, initial
        self.network = network if initial is None else initial.network
        self.network_name = network_name if initial is None else initial.network_name
        self.normalisation = Normalisation() if initial is None else initial.normalisation
        self.device = choose_device(plan.device)
        # Apple's GPU lacks some operations of the augmentation
        chance = self.device.name if self.device.kind == "cuda" else "cpu"
        self.generator = torch.Generator(chance).manual_seed(plan.seed)
        hold = self.live if plan.hold_out is None else plan.hold_out
        self.collector = TrainingDataCollector(plan, self.network, self.normalisation, hold, initial)
        self.learner: Learner | None = None
        self.choice = ModelChoice({})
        self.done = 0
        self.seconds = 0.0

    def steps(self) -> Generator[Progress, None, NetworkModel]:
        """Wait, warm up, learn, publish; until the budget is used up."""
        publish = self.plan.publish_seconds or (2.0 if self.live else 10.0)
        due = min(1.0, publish) if self.initial is None else publish  # a first model is wanted soon
        # where only steps limit it, no clock decides what is judged, so that it comes out the same
        counted = not self.live and self.plan.seconds is None and self.plan.publish_seconds is None
        while True:
            training = newest_training_set(self.source)
            missing = training.missing()
            if missing is not None:
                if not self.live:
                    raise UserError(missing)
                yield Progress(missing)
                time.sleep(WAIT_SECONDS)
                continue
            if self.learner is None:
                yield Progress("Warming up")
            data = self.collector.collect(training, self.done)
            learner = self._learner(data)

            began = time.perf_counter()
            rate = self.plan.rate(self.done, self.plan.fraction(self.done, self.seconds))
            loss = learner.learn(*data.augmented_batch(self.plan.augmentation, self.generator), rate)
            self.done += 1
            self.seconds += time.perf_counter() - began

            step = self._step(learner, data, loss, rate, self.plan.fraction(self.done, self.seconds))
            if step.fraction == 1 or (self.done % PUBLISH_STEPS == 0 if counted else self.seconds >= due):
                began = self.seconds
                model = yield from self._publish(learner, data, step)
                due = self.seconds + max(publish, MOST_OFTEN * (self.seconds - began))
                if self._is_settled():
                    self.collector.release()
                # made anew: the text and the score are those of the choice that made the model, not of the one before
                yield dataclasses.replace(self._step(learner, data, loss, rate, step.fraction), model=model)
                if step.fraction == 1:
                    return model
            else:
                yield step

    def _is_settled(self) -> bool:
        """Whether strokes that were held out may be learnt from for the rest of the training."""
        by_clock = not self.live and self.plan.steps is None
        return self.choice.settled and by_clock and (self.plan.fraction(self.done, self.seconds) or 0.0) >= SETTLED

    def _learner(self, data: TrainingData) -> Learner:
        """Return the learner with the classes painted now; a new one if images have other channels than before."""
        if self.learner is None or self.learner.channels != data.channels:
            self.learner = Learner(
                self.network, data.channels, data.ids, self.device, self.loss,
                learning_rate=self.plan.learning_rate, seed=self.plan.seed, initial=self.initial,
            )
        self.learner.set_classes(data.ids)
        return self.learner

    def _step(self, learner: Learner, data: TrainingData, loss: float, rate: float, fraction: float | None) -> Step:
        return Step(
            "; ".join(filter(None, (f"Learning: step {learner.step}", self.choice.remark or f"loss {loss:.3f}"))),
            fraction,
            step=learner.step,
            loss=loss,
            versions=data.training.versions,
            held_strokes=data.held,
            strokes_a_class=data.strokes_a_class,
            stroke_counts=data.stroke_counts,
            painted=data.painted,
            seconds=self.seconds,
            learning_rate=rate * self.plan.learning_rate,
            held_out_dice=dict(self.choice.score),
            held_out_mean=mean_score(self.choice.score),
            held_out_before=self.choice.before,
            remark=self.choice.remark,
            judges=self.selector is not newest_with_score,
            device=learner.where,
        )

    def _publish(self, learner: Learner, data: TrainingData, step: Step) -> Generator[Progress, None, NetworkModel]:
        """Make a model of the averaged weights and score it; yields between pieces of work."""
        work = self._measure(learner, data)
        while True:
            began = time.perf_counter()
            try:
                next(work)
            except StopIteration as stop:
                self.choice = stop.value
                break
            finally:
                self.seconds += time.perf_counter() - began
            yield Progress("Judging the network", step.fraction)
        if self.choice.model is not None:
            return self.choice.model
        weights = snapshot(
            learner.averaged, self.network, self.network_name, learner.channels, data.classes, self.normalisation,
            learner.step,
        )
        return NetworkModel(weights, learner.device.name, full_precision=learner.device != self.device)

    def _measure(self, learner: Learner, data: TrainingData) -> Generator[None, None, ModelChoice]:
        if learner.has_statistics:
            yield from batchnorm.reestimate_batchnorm(learner.averaged, self._plain_patches(data), learner.forward)
        return (yield from self.selector(learner, data, self.done))

    def _plain_patches(self, data: TrainingData) -> Iterator[Tensor]:
        # a generator of its own: how often models are published must not change what is learnt
        generator = np.random.default_rng((self.plan.seed, self.done))
        for _ in range(math.ceil(STATISTICS_PATCHES / data.batch)):
            yield torch.from_numpy(data.sampler.anywhere(data.batch, data.size, generator).images)

"""What there is to learn from at one moment, and batches of it. Trains nothing."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import torch
from torch import Tensor

from ..core.classes import ClassTable
from ..core.equal_channels import common_channels
from ..core.errors import UserError
from ..core.normalisation import Normalisation
from ..core.scribbles import TrainingSet
from ..predicting.axis_tiling import rounded_up
from ..predicting.slabs import depth_reach
from ..predicting.weights import Network, Weights
from .augmentation import Augmentation
from .patch_sampler import PatchSampler
from .plane_cache import PlaneCache
from .stroke_tracker import StrokeTracker
from .strokes import Stroke
from .training_plan import TrainingPlan
from .volume_sampler import VolumeSampler


@dataclasses.dataclass(frozen=True, eq=False)
class TrainingData:
    """Strokes and images of one snapshot, ready to be learnt from.

    Parameters
    ----------
    training : TrainingSet
    strokes : tuple of Stroke
        With their roles.
    ids : tuple of int
        Painted ids, one per output channel.
    channels : int
        Image channels.
    size, batch : int
        Side and number of patches of a step.
    sampler : PatchSampler
    holds : bool
        Whether strokes are held out where there are enough.
    """

    training: TrainingSet
    strokes: tuple[Stroke, ...]
    ids: tuple[int, ...]
    channels: int
    size: int
    batch: int
    sampler: PatchSampler
    holds: bool

    @property
    def painted(self) -> int:
        """Painted pixels to learn from."""
        return sum(stroke.pixels.size for stroke in self.strokes if not stroke.held)

    @property
    def stroke_counts(self) -> dict[int, int]:
        """Strokes by class id, those held out included.

        What was taken from a prediction does not count: it says nothing of how good that is.
        """
        counts = Counter({stroke.class_id: 0 for stroke in self.strokes})
        counts.update({stroke.stroke: stroke.class_id for stroke in self.strokes if not stroke.derived}.values())
        return dict(sorted(counts.items()))

    @property
    def strokes_a_class(self) -> int:
        """Strokes of the class that has the fewest, those held out included; 0 without any."""
        return min(self.stroke_counts.values(), default=0)

    @property
    def held(self) -> tuple[int, ...]:
        """How many strokes of each pair are held out."""
        where = list({stroke.stroke: stroke.pair for stroke in self.strokes if stroke.held}.values())
        return tuple(where.count(pair) for pair in range(len(self.training.pairs)))

    @property
    def classes(self) -> ClassTable:
        """The part of the class table that has an output channel."""
        return ClassTable(tuple(one for one in self.training.classes.classes if one.id in self.ids))

    def augmented_batch(self, augmentation: Augmentation, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return augmented patches (B, C, [Z,] S, S) and targets (B, [Z,] S, S) on the generator's device."""
        cut = self.sampler.draw(self.batch, self.size, augmentation.margin(self.size))
        images = torch.from_numpy(cut.images).to(generator.device)
        targets = torch.from_numpy(cut.targets).to(generator.device)
        return augmentation(images, targets, self.size, generator)


class TrainingDataCollector:
    """Makes :class:`TrainingData` of successive snapshots; strokes keep their age and role, planes stay in memory.

    Parameters
    ----------
    plan : TrainingPlan
    network : Network
        Says what patches it can do with.
    normalisation : Normalisation
    hold : bool
        Whether strokes are held out.
    initial : Weights, optional
        Weights that training continues from: their classes stay.
    """

    def __init__(
        self, plan: TrainingPlan, network: Network, normalisation: Normalisation, hold: bool,
        initial: Weights | None = None,
    ) -> None:
        self._plan, self._stride, self._initial = plan, network.stride, initial
        self._along = depth_reach(network)
        self._planes = PlaneCache(normalisation)
        self._tracker = StrokeTracker(plan.seed, hold, learnt=initial is not None and initial.step > 0)
        self._generator = np.random.default_rng(plan.seed)
        self._ever_painted: set[int] = set()
        self._data: TrainingData | None = None

    def collect(self, training: TrainingSet, step: int) -> TrainingData:
        """Take up a snapshot with at least two painted classes.

        Raises
        ------
        UserError
            If images differ in their channels, or from those of the initial weights.
        """
        if self._data is not None and self._data.training is training:
            return self._data
        channels = self._channels(training)
        painted = training.painted_ids
        self._ever_painted.update(painted)
        ids = {*painted}
        if self._initial is not None:
            # classes of the model that were never painted here are not forgotten, unless the table drops them
            ids |= (set(self._initial.classes.ids) & set(training.classes.ids)) - self._ever_painted
        strokes = self._tracker.update(training, step)
        largest = max(max(training.pairs[stroke.pair].image.plane_shape) for stroke in strokes)
        size, batch = self._plan.shape(largest, self._stride)
        order = tuple(sorted(ids))
        sampler = self._sampler(training, strokes, order)
        self._data = TrainingData(training, strokes, order, channels, size, batch, sampler, self._tracker.holds)
        return self._data

    def _sampler(self, training: TrainingSet, strokes: tuple[Stroke, ...], ids: tuple[int, ...]) -> PatchSampler:
        if self._along is None:
            return PatchSampler(training, strokes, ids, self._planes, self._generator)
        thickness = 1 if self._along.beyond else rounded_up(self._plan.patch_planes, self._along.stride)
        return VolumeSampler(training, strokes, ids, self._planes, self._generator, self._along, thickness)

    def release(self) -> None:
        """Hold no strokes out any more."""
        self._tracker.release()
        self._data = None

    def _channels(self, training: TrainingSet) -> int:
        channels = common_channels(pair.image for pair in training.pairs)
        if self._initial is not None and channels != self._initial.channels:
            raise UserError(
                f"The model to continue from was trained on images with {self._initial.channels} channels, but "
                f"{training.pairs[0].image.name!r} has {channels}. Start a new model for these images."
            )
        return channels

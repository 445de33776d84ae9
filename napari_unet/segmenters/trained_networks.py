"""Every network in its registry, as a method: training parameters and the network's own in one frozen dataclass.

A new file in ``networks/`` appears here by existing. A script that registers a network before methods are first looked
at needs nothing more; later, it calls :func:`register_network`. Trains nothing itself.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Generator
from typing import Annotated, Any, ClassVar, Literal, cast, get_type_hints

from napari_unet import losses, networks
from napari_unet.core import parameters
from napari_unet.core.depth import Depth
from napari_unet.core.errors import InputWarning, UsageError, UserError
from napari_unet.core.latest import Latest
from napari_unet.core.method import Progress
from napari_unet.core.parameters import Parameter
from napari_unet.core.registry import Entry
from napari_unet.core.scribbles import TrainingSet
from napari_unet.core.sight import sees_of
from napari_unet.core.threads import run_deterministically
from napari_unet.instant.answer_then_train import answer_then_train, is_answer, wait_for_strokes
from napari_unet.instant.instant_model import is_whole
from napari_unet.learning.augmentation import Augmentation
from napari_unet.learning.recorded_fit import DRAWN, recorded
from napari_unet.learning.trainer import train_network
from napari_unet.learning.training_plan import TrainingPlan
from napari_unet.networks.unet import UNet
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.weights import Network, Weights
from napari_unet.pretrained import load_features

from . import register
from ._network_planning import fitted_network

GENTLE_RATE = 5e-4
"""Learning rate from a model that was trained on strokes before: a higher one forgets them."""

PRETRAINED_PATCH = 128
"""Largest side (px) of patches from pre-trained features. Smaller steps are more steps, which counts for more than what
a patch sees."""


@dataclasses.dataclass(frozen=True)
class NetworkTraining:
    """How long and how a network learns; each network adds its own parameters.

    Raises
    ------
    UsageError
        If a parameter is out of its bounds.
    """

    network_type: ClassVar[type[Any]]
    network_name: ClassVar[str]

    start: Annotated[
        Literal["auto", "pretrained", "scratch"],
        Parameter("What the training begins with: features learnt beforehand on drawn images, which answer at once, "
                  "or nothing (scratch); auto: the features where the network is built like theirs", advanced=True),
    ] = "auto"
    volume: Annotated[Depth | None, Parameter(
        "How far beyond its plane an answer from pre-trained features looks at each pixel of a stack along z: not at "
        "all (plane), at the planes before and behind it (neighbours), or also along z (three cuts); auto: as far as "
        "the size of the voxels makes sense and strokes that are left out speak for it", advanced=True)] = None
    seconds: Annotated[float | None, Parameter("Training time; auto: no limit", min=0.1, unit="s")] = 60.0
    steps: Annotated[int | None, Parameter("Training steps, if they are over before the time; auto: no limit", min=1,
                                           advanced=True)] = None
    device: Annotated[str, Parameter("Where to compute: auto takes the graphics card if there is one, else "
                                     "the processor; or cpu, cuda, cuda:1, mps")] = "auto"
    seed: Annotated[int, Parameter("Start of all random numbers; another one gives a slightly different result", min=0,
                                   max=2**31 - 1, advanced=True)] = 0
    patch: Annotated[int | None, Parameter("Side of the pieces of the image that are learnt from; auto: 192, or 128 "
                                           "from pre-trained features, or as was planned; less for small images",
                                           min=16, max=2048, step=16, unit="px", advanced=True)] = None
    batch: Annotated[int | None, Parameter("Pieces learnt from at a time; more is steadier but slower; auto: 4, or as "
                                           "many as was planned", min=1, max=64, advanced=True)] = None
    learning_rate: Annotated[
        float | None, Parameter("How far the weights move at each step; lower it if the loss jumps; auto: 0.002, or "
                                "0.0005 when it goes on from a trained model", min=1e-6, max=0.1, step=1e-4,
                                advanced=True)
    ] = None
    loss: Annotated[Literal[losses.REGISTRY.names()], Parameter(  # type: ignore[valid-type]  # whatever is in the registry
        "What the network is told about its mistakes on painted pixels", advanced=True)] = "dice_cross_entropy"
    augmentation: Annotated[float, Parameter("How strongly pieces are turned, bent, shaded and blurred, so that "
                                             "little paint goes further; 0 switches it off", min=0, max=2, step=0.1,
                                             advanced=True)] = 1.0
    hold_out: Annotated[
        Literal["auto", "always", "never"],
        Parameter("Whether some strokes are kept aside to judge the network by; never suits images that are labelled "
                  "all over, as the newest network then counts; always keeps them aside to the end; auto: while you "
                  "paint, and from pre-trained features; within a time limit they are learnt too once a network has "
                  "clearly won", advanced=True),
    ] = "auto"
    threads: Annotated[int | None, Parameter("Processor cores to use; auto: as many as torch takes", min=1, max=1024,
                                             advanced=True)] = None
    deterministic: Annotated[bool, Parameter(
        "Learn so that the same strokes, seed and steps give exactly the same network again on the same processor: in "
        "one thread, judged only in the end; needs steps instead of a time", advanced=True)] = False

    def __post_init__(self) -> None:
        parameters.check(self)
        if self.deterministic and (self.steps is None or self.seconds is not None):
            raise UsageError("Deterministic training needs a number of steps and no time limit (steps=500 and "
                             "seconds=None; --steps 500 on the command line): how far it gets in a time differs.")
        _ = self.network  # checks its own parameters

    @property
    def network(self) -> Network:
        """The network with the parameters chosen here."""
        names = [field.name for field in parameters.adjustable(self.network_type)]
        return cast(Network, self.network_type(**{name: getattr(self, name) for name in names}))

    def plan(self, gentle: bool = False, network: Any = None) -> TrainingPlan:
        """Return the training parameters as the trainer takes them; gentle where there are strokes to forget.

        A network that was planned for the images says which pieces suit it.
        """
        piece = getattr(network, "piece", None)
        planes, side, _ = piece or (TrainingPlan.patch_planes, None, None)
        batch = network.pieces if piece is not None else TrainingPlan.batch
        return TrainingPlan(
            seconds=self.seconds, steps=self.steps, seed=self.seed, patch=self.patch or side, patch_planes=planes,
            batch=self.batch or batch,
            learning_rate=self.learning_rate or (GENTLE_RATE if gentle else TrainingPlan.learning_rate),
            augmentation=Augmentation().times(self.augmentation),
            device=self.device, threads=1 if self.deterministic else self.threads,
            # when a model is judged, and whether strokes are to come, must not depend on the clock or on who asks
            publish_seconds=math.inf if self.deterministic else None,
            hold_out={"auto": True if self.deterministic else None, "always": True, "never": False}[self.hold_out],
        )

    def fit(
        self, painted: TrainingSet | Latest[TrainingSet], initial: Weights | None = None
    ) -> Generator[Progress, None, NetworkModel]:
        """Train; see :func:`napari_unet.learning.trainer.train_network` for what is yielded, returned and raised.

        From pre-trained features it goes as :func:`napari_unet.instant.answer_then_train.answer_then_train` says.
        Every model carries where it comes from.
        """
        fit = self._fit(painted, initial)
        if self.deterministic:
            fit = run_deterministically(fit)
        before = None if initial is None else initial.provenance
        note = self._beginning(initial)
        return (yield from recorded(fit, self, self.network_name, painted, note=note, before=before))

    def _beginning(self, initial: Weights | None) -> str:
        """Say what the training begins with."""
        if initial is not None and initial.step:
            return f"Training went on from a model with {initial.step} steps behind it."
        if self.start != "scratch" and self._has_features:
            return f"Training began with features {DRAWN}."
        return "Training began with random weights."

    @property
    def _has_features(self) -> bool:
        """Whether there are pre-trained features for the network as it is."""
        return self.network_type is UNet and self.network == UNet()

    def _fit(
        self, painted: TrainingSet | Latest[TrainingSet], initial: Weights | None
    ) -> Generator[Progress, None, NetworkModel]:
        loss = losses.REGISTRY[self.loss]
        features, answered = None, None
        if initial is not None and self.begins_with(initial):
            training = yield from wait_for_strokes(painted)
            fits = (isinstance(painted, Latest) or is_whole(initial)) and all(
                pair.image.n_channels == initial.channels for pair in training.pairs)
            answered, initial = initial if fits and _answers(initial, training) else None, None
        if initial is not None:
            if _answers(initial, (yield from wait_for_strokes(painted))):
                features = initial
        elif self.start != "scratch":
            try:
                features = self._features()
            except UserError as error:
                if self.start == "pretrained":
                    raise
                warnings.warn(f"{error} Training from nothing goes on.", InputWarning, stacklevel=2)
        if features is not None:
            plan = dataclasses.replace(self.plan(gentle=features.step > 0), largest_patch=PRETRAINED_PATCH)
            return (yield from answer_then_train(painted, features, loss, plan, self.volume, answered))
        if initial is None:
            network = yield from fitted_network(self.network, self.network_name, self.device, painted)
        else:
            network = initial.network
        return (yield from train_network(
            painted, network, loss, self.plan(initial is not None, network),
            network_name=self.network_name, initial=initial,
        ))

    def begins_with(self, weights: Weights) -> bool:
        """Say whether weights are an answer to strokes such as this training finds for itself before it learns."""
        own = self.start != "scratch" and self._has_features and weights.network_name == self.network_name
        if not own:
            return False
        try:
            return is_answer(weights, self._features())
        except UserError:  # said where they are needed
            return is_answer(weights, None)

    def _features(self) -> Weights | None:
        """Return the pre-trained features if the network is as it comes; they have an architecture of their own."""
        if self._has_features:
            return load_features()
        if self.start == "pretrained":
            raise UsageError(
                f"There are no pre-trained features for {self.network!r}. They come with the network 'unet' as it is; "
                "leave its parameters alone, or choose start 'scratch'."
            )
        return None

    def continue_from(self, weights: Weights) -> ContinuedTraining:
        """Return the same method, starting from trained weights instead of from nothing.

        Raises
        ------
        UsageError
            If the weights are those of another network.
        """
        if weights.network_name != self.network_name:
            raise UsageError(
                f"These weights are those of {weights.network_name!r}, so {self.network_name!r} cannot continue from "
                f"them. Choose the method {weights.network_name!r}."
            )
        return ContinuedTraining(self, weights)


def _answers(weights: Weights, training: TrainingSet) -> bool:
    """Whether strokes may fit the last layer anew: it has features for that, and no class that is not painted."""
    network = weights.network
    made_for_it = hasattr(network, "prior") and hasattr(network, "trees") and getattr(network, "channelwise", False)
    return made_for_it and set(weights.classes.ids) <= set(training.painted_ids)


@dataclasses.dataclass(frozen=True)
class ContinuedTraining:
    """Training that goes on from weights; the architecture is theirs, the training parameters are the method's."""

    method: NetworkTraining
    weights: Weights

    @property
    def network(self) -> Network:
        """The network of the weights."""
        return self.weights.network

    def fit(self, painted: TrainingSet | Latest[TrainingSet]) -> Generator[Progress, None, NetworkModel]:
        """Train; see :meth:`NetworkTraining.fit`."""
        return self.method.fit(painted, initial=self.weights)


def register_network(entry: Entry[type[Network]]) -> type[NetworkTraining]:
    """Make a method of a network and put it in the registry of methods under the same name.

    Parameters
    ----------
    entry : Entry
        Of the networks registry.

    Returns
    -------
    type
        A frozen dataclass: the parameters of :class:`NetworkTraining`, then those of the network.

    Raises
    ------
    UsageError
        If the network has a parameter with the name of a training parameter.
    """
    own = parameters.adjustable(entry.item)
    taken = {field.name for field in dataclasses.fields(NetworkTraining)}.intersection(field.name for field in own)
    if taken:
        raise UsageError(
            f"The network {entry.name!r} has parameters that training has too: {', '.join(sorted(taken))}. Rename them."
        )
    hints = get_type_hints(entry.item, include_extras=True)
    method = dataclasses.make_dataclass(
        entry.item.__name__,
        [(field.name, hints[field.name], dataclasses.field(default=field.default)) for field in own],
        bases=(NetworkTraining,),
        namespace={"network_type": entry.item, "network_name": entry.name, "sees": sees_of(entry.item),
                   "__doc__": entry.item.__doc__},
        frozen=True,
    )
    method.__module__ = __name__
    return cast(type[NetworkTraining], register(entry.name, entry.title)(method))


for _entry in networks.REGISTRY:
    register_network(_entry)

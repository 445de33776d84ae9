"""Every network on its shelf, as a method: training knobs and the network's own in one frozen dataclass.

A new file in ``networks/`` appears here by existing. A script that registers a network before methods are first looked
at needs nothing more; later, it calls :func:`offer`. Trains nothing itself.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Generator
from typing import Annotated, Any, ClassVar, Literal, cast, get_type_hints

from napari_unet import losses, networks
from napari_unet.core import knobs
from napari_unet.core.errors import InputWarning, UsageError, UserError
from napari_unet.core.instant.improve import improve, wait_for_strokes
from napari_unet.core.knobs import Knob
from napari_unet.core.latest import Latest
from napari_unet.core.learning.augment import Augmentation
from napari_unet.core.learning.plan import Plan
from napari_unet.core.learning.trainer import train
from napari_unet.core.method import Progress
from napari_unet.core.predicting.predict import NetworkModel
from napari_unet.core.predicting.weights import Network, Weights
from napari_unet.core.registry import Entry
from napari_unet.core.scribbles import TrainingSet
from napari_unet.networks.unet import UNet
from napari_unet.pretrained import load_features

from . import register

GENTLE_RATE = 5e-4
"""Learning rate from a model that was trained on strokes before: a higher one forgets them."""

PRETRAINED_PATCH = 128
"""Largest side (px) of patches from pre-trained features. Smaller steps are more steps, which counts for more than what
a patch sees."""


@dataclasses.dataclass(frozen=True)
class Training:
    """How long and how a network learns; each network adds its own knobs.

    Raises
    ------
    UsageError
        If a knob is out of its bounds.
    """

    network_type: ClassVar[type[Any]]
    network_name: ClassVar[str]

    start: Annotated[Literal["auto", "pretrained", "scratch"], Knob(
        "What the training begins with: features learnt beforehand on drawn images, which answer at once, or nothing "
        "(scratch); auto: the features where the network is built like theirs", advanced=True)] = "auto"
    seconds: Annotated[float | None, Knob("Training time; auto: no limit", min=0.1, unit="s")] = 60.0
    steps: Annotated[int | None, Knob("Training steps, if they are over before the time; auto: no limit",
                                      min=1, advanced=True)] = None
    device: Annotated[str, Knob("Where to compute: auto takes the graphics card if there is one, else the processor; "
                                "or cpu, cuda, cuda:1, mps")] = "auto"
    seed: Annotated[int, Knob("Start of all random numbers; another one gives a slightly different result",
                              min=0, max=2**31 - 1, advanced=True)] = 0
    patch: Annotated[int | None, Knob("Side of the pieces of the image that are learnt from; auto: 192, or 128 from "
                                      "pre-trained features; less for small images", min=16, max=2048,
                                      step=16, unit="px", advanced=True)] = None
    batch: Annotated[int, Knob("Pieces learnt from at a time; more is steadier but slower",
                               min=1, max=64, advanced=True)] = 4
    learning_rate: Annotated[float | None, Knob("How far the weights move at each step; lower it if the loss jumps; "
                                                "auto: 0.002, or 0.0005 when it goes on from a trained model",
                                                min=1e-6, max=0.1, step=1e-4, advanced=True)] = None
    loss: Annotated[Literal[losses.SHELF.names()], Knob(  # type: ignore[valid-type]  # whatever is on the shelf
        "What the network is told about its mistakes on painted pixels", advanced=True)] = "dice_cross_entropy"
    augmentation: Annotated[float, Knob("How strongly pieces are turned, bent, shaded and blurred, so that little "
                                        "paint goes further; 0 switches it off", min=0, max=2, step=0.1,
                                        advanced=True)] = 1.0
    hold_out: Annotated[Literal["auto", "always", "never"], Knob(
        "Whether some strokes are kept aside to judge the network by; never suits images that are labelled all over, "
        "as the newest network then counts; always keeps them aside to the end; auto: while you paint, and from "
        "pre-trained features; within a time limit they are learnt too once a network has clearly won",
        advanced=True)] = "auto"
    threads: Annotated[int | None, Knob("Processor cores to use; auto: as many as torch takes",
                                        min=1, max=1024, advanced=True)] = None

    def __post_init__(self) -> None:
        knobs.check(self)
        _ = self.network  # checks its own knobs

    @property
    def network(self) -> Network:
        """The network with the knobs chosen here."""
        names = [field.name for field in knobs.chosen(self.network_type)]
        return cast(Network, self.network_type(**{name: getattr(self, name) for name in names}))

    def plan(self, gentle: bool = False) -> Plan:
        """Return the training knobs as the trainer takes them; gentle where there are strokes to forget."""
        return Plan(
            seconds=self.seconds, steps=self.steps, seed=self.seed, patch=self.patch, batch=self.batch,
            learning_rate=self.learning_rate or (GENTLE_RATE if gentle else Plan.learning_rate),
            augmentation=Augmentation().times(self.augmentation),
            device=self.device, threads=self.threads,
            hold_out={"auto": None, "always": True, "never": False}[self.hold_out],
        )

    def fit(
        self, painted: TrainingSet | Latest[TrainingSet], initial: Weights | None = None
    ) -> Generator[Progress, None, NetworkModel]:
        """Train; see :func:`napari_unet.core.learning.trainer.train` for what is yielded, returned and raised.

        From pre-trained features it goes as :func:`napari_unet.core.instant.improve.improve` says.
        """
        loss = losses.SHELF[self.loss]
        features = None
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
            return (yield from improve(painted, features, loss, plan))
        return (yield from train(
            painted, self.network, loss, self.plan(gentle=initial is not None),
            network_name=self.network_name, initial=initial,
        ))

    def _features(self) -> Weights | None:
        """Return the pre-trained features if the network is as it comes; they have an architecture of their own."""
        if self.network_type is UNet and self.network == UNet():
            return load_features()
        if self.start == "pretrained":
            raise UsageError(
                f"There are no pre-trained features for {self.network!r}. They come with the network 'unet' as it is; "
                "leave its knobs alone, or choose start 'scratch'."
            )
        return None

    def continue_from(self, weights: Weights) -> Continued:
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
        return Continued(self, weights)


def _answers(weights: Weights, training: TrainingSet) -> bool:
    """Whether strokes may fit the last layer anew: it has features for that, and no class that is not painted."""
    network = weights.network
    made_for_it = hasattr(network, "prior") and hasattr(network, "trees") and getattr(network, "channelwise", False)
    return made_for_it and set(weights.classes.ids) <= set(training.painted_ids)


@dataclasses.dataclass(frozen=True)
class Continued:
    """Training that goes on from weights; the architecture is theirs, the training knobs are the method's."""

    method: Training
    weights: Weights

    @property
    def network(self) -> Network:
        """The network of the weights."""
        return self.weights.network

    def fit(self, painted: TrainingSet | Latest[TrainingSet]) -> Generator[Progress, None, NetworkModel]:
        """Train; see :meth:`Training.fit`."""
        return self.method.fit(painted, initial=self.weights)


def offer(entry: Entry[type[Network]]) -> type[Training]:
    """Make a method of a network and put it on the shelf of methods under the same name.

    Parameters
    ----------
    entry : Entry
        Of the networks shelf.

    Returns
    -------
    type
        A frozen dataclass: the knobs of :class:`Training`, then those of the network.

    Raises
    ------
    UsageError
        If the network has a knob with the name of a training knob.
    """
    own = knobs.chosen(entry.item)
    taken = {field.name for field in dataclasses.fields(Training)}.intersection(field.name for field in own)
    if taken:
        raise UsageError(
            f"The network {entry.name!r} has knobs that training has too: {', '.join(sorted(taken))}. Rename them."
        )
    hints = get_type_hints(entry.item, include_extras=True)
    method = dataclasses.make_dataclass(
        entry.item.__name__,
        [(field.name, hints[field.name], dataclasses.field(default=field.default)) for field in own],
        bases=(Training,),
        namespace={"network_type": entry.item, "network_name": entry.name, "__doc__": entry.item.__doc__},
        frozen=True,
    )
    method.__module__ = __name__
    return cast(type[Training], register(entry.name, entry.title)(method))


for _entry in networks.SHELF:
    offer(_entry)

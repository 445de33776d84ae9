"""What a trained network is: architecture, tensors, classes and how its input is made; enough to predict."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from .classes import ClassTable
from .image import Normalisation

if TYPE_CHECKING:
    from torch import Tensor, nn


@runtime_checkable
class Network(Protocol):
    """A frozen dataclass whose fields are the knobs of an architecture.

    The module it builds maps (B, channels, Y, X) to logits (B, classes, Y, X) of the same Y and X, for any Y and X
    that are multiples of :attr:`stride`. Its last layer is a 1x1 convolution called ``head``, so that classes can come
    and go while the rest stays.
    """

    @property
    def stride(self) -> int:
        """Tiles start at, and have sizes of, multiples of this many pixels."""

    @property
    def halo(self) -> int | None:
        """Pixels around a tile on which its inner pixels depend (a multiple of the stride); None: the whole plane."""

    def build(self, channels: int, classes: int) -> nn.Module:
        """Return the module with freshly initialised weights (from torch's global generator)."""


@dataclasses.dataclass(frozen=True, eq=False)
class Weights:
    """A frozen state of a network.

    Parameters
    ----------
    network : Network
        The architecture with its knobs.
    network_name : str
        Its name on the networks shelf.
    tensors : mapping of str to Tensor
        The module's state dict, on the CPU, float32; never changed after this object is made.
    channels : int
        Number of image channels.
    classes : ClassTable
        One output channel per class, in this order.
    normalisation : Normalisation
        How a plane is prepared.
    step : int
        Training steps behind it.
    """

    network: Network
    network_name: str
    tensors: Mapping[str, Tensor]
    channels: int
    classes: ClassTable
    normalisation: Normalisation = dataclasses.field(default_factory=Normalisation)
    step: int = 0

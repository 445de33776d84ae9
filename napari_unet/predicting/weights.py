"""What a trained network is: architecture, tensors, classes and how its input is made; enough to predict."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ..core.classes import ClassTable
from ..core.errors import UserError
from ..core.normalisation import Normalisation
from ..core.provenance import Provenance

if TYPE_CHECKING:
    from torch import Tensor, nn


@runtime_checkable
class Network(Protocol):
    """A frozen dataclass whose fields are the parameters of an architecture.

    The module it builds maps (B, channels, Y, X) to logits (B, classes, Y, X) of the same Y and X, for any Y and X
    that are multiples of :attr:`stride`. Its last layer is a 1x1 convolution called ``head``, so that classes can come
    and go while the rest stays; where it has decision trees as well (see :mod:`.oblivious_trees`), they are left out
    before it learns.

    A network may also have a ``padding``: what its module sees beyond the border of what it is given. ``"zero"`` (the
    default) is for padded convolutions. ``"mirror"`` is for unpadded ones, which need real pixels there. The module
    mirrors them itself in ``forward``. It also has a method ``valid`` that maps (B, channels, Y + 2 halo, X + 2 halo)
    to logits (B, classes, Y, X). So only the border of the plane is mirrored, never that of a tile.

    The module's ``forward`` may have a parameter ``part``, ((first, last + 1) row, (first, last + 1) column), with
    which it returns only that part of the logits; prediction then spares the work for what would be thrown away.

    A network that looks along z has an ``along_z`` (:class:`.slabs.DepthReach`), and its module also maps volumes
    (B, channels, Z, Y, X) to logits (B, classes, Z, Y, X), for any Z that is a multiple of its stride along z; ``part``
    begins with planes then. Where it has to be given planes beyond those it answers, it maps Z + 2 halo planes to Z. A
    single plane counts as a volume that shows it again and again. It may be planned for the images that it is to learn
    from, see :mod:`napari_unet.segmenters.trained_networks`.

    A network may have a method ``begin`` that takes a module it has built, once, before a training that starts from
    nothing, for example to give it pre-trained weights; ``build`` itself must not need a network connection.
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
        The architecture with its parameters.
    network_name : str
        Its name in the networks registry.
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
    provenance : Provenance, optional
        Where it comes from; only for people, and for the file.
    """

    network: Network
    network_name: str
    tensors: Mapping[str, Tensor] = dataclasses.field(repr=False)  # millions of numbers
    channels: int
    classes: ClassTable
    normalisation: Normalisation = dataclasses.field(default_factory=Normalisation)
    step: int = 0
    provenance: Provenance | None = dataclasses.field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tensors", MappingProxyType(dict(self.tensors)))


def snapshot(
    module: nn.Module,
    network: Network,
    network_name: str,
    channels: int,
    classes: ClassTable,
    normalisation: Normalisation | None = None,
    step: int = 0,
) -> Weights:
    """Copy the state of a module, so that training it further leaves the copy alone.

    Returns
    -------
    Weights
        Tensors are copies on the CPU: float32, counters stay integers.
    """
    import torch

    tensors = {}
    for name, tensor in module.state_dict().items():
        kept = torch.float32 if tensor.is_floating_point() else tensor.dtype
        tensors[name] = tensor.detach().to("cpu", kept, copy=True).contiguous()
    return Weights(network, network_name, tensors, channels, classes, normalisation or Normalisation(), step)


def load_into(module: nn.Module, weights: Weights) -> None:
    """Copy weights into a module of the same architecture.

    Raises
    ------
    UserError
        If a tensor is missing, too many or of another shape; nothing is copied then.
    """
    check_tensors(module, weights)
    module.load_state_dict(dict(weights.tensors))


def check_tensors(module: nn.Module, weights: Weights) -> None:
    """Check that weights fit a module.

    Raises
    ------
    UserError
        Naming the first tensors that are missing, too many or of another shape.
    """
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    came = {name: tuple(tensor.shape) for name, tensor in weights.tensors.items()}
    wrong = [f"{name} is missing" for name in expected if name not in came]
    wrong += [f"{name} is unknown" for name in came if name not in expected]
    wrong += [f"{name} has shape {came[name]} instead of {shape}" for name, shape in expected.items()
              if name in came and came[name] != shape]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise UserError(
            f"The weights do not fit the network {weights.network!r} with {weights.channels} channels and "
            f"{len(weights.classes.ids)} classes: {'; '.join(wrong[:3])}{more}. Use weights of the same network."
        )

"""A network ready to predict: built once per thread, fed batches, falling back to float32. Knows no images."""

from __future__ import annotations

import inspect
import threading
from typing import Any

import torch
from torch import Tensor, nn

from ..core.errors import UserError, WorkError
from ..core.leaving import look_up
from ..core.random_numbers import own_random_numbers
from .devices import Device, is_out_of_memory, put_module
from .folded_norms import without_norms
from .tiling import Box
from .weights import Weights, load_into


class Forward:
    """A module on a device with the weights it was last given. Belongs to one thread.

    Parameters
    ----------
    weights : Weights
        The architecture; its tensors are loaded.
    device : Device
        Where to compute.
    """

    def __init__(self, weights: Weights, device: Device) -> None:
        # building draws random weights, which must not shift the random numbers of a training
        with own_random_numbers():
            module = weights.network.build(weights.channels, len(weights.classes.ids))
        self._loaded = module.eval().requires_grad_(False)
        leave_between_layers(self._loaded)
        self._gives_parts = "part" in inspect.signature(module.forward).parameters
        self._unpadded = is_unpadded(weights.network)
        self._device = device
        self._load(weights)

    def suits(self, weights: Weights, device: Device) -> bool:
        """Say whether these weights can be loaded into this module, on this device."""
        mine = self._weights
        return (
            device.name == self._device.name
            and weights.network == mine.network
            and weights.channels == mine.channels
            and len(weights.classes.ids) == len(mine.classes.ids)
        )

    def load(self, weights: Weights) -> None:
        """Take other weights of the same architecture (nothing happens if they are the ones at hand)."""
        if weights is not self._weights:
            self._load(weights)

    def _load(self, weights: Weights) -> None:
        load_into(self._loaded, weights)
        self._weights = weights
        self._module = put_module(without_norms(self._loaded), self._device)

    def __call__(
        self, batch: Tensor, device: Device, keep: Box | None = None, planes: tuple[int, int] | None = None
    ) -> Tensor:
        """Return logits.

        Parameters
        ----------
        batch : Tensor, shape (B, C, [Z,] Y, X)
            float32 on the CPU; Y and X are multiples of the stride.
        device : Device
            The device of this module, which says in which precision to compute.
        keep : Box, optional
            The only part that is wanted, in coordinates of the batch; must be given for an unpadded network, and lie
            a halo away from the border.
        planes : (int, int), optional
            Of a batch of slabs, the first plane of what the network gives that is wanted, and one after the last.

        Returns
        -------
        Tensor of float32, shape (B, classes, [Z,] Y, X) of ``keep``, on the device
        """
        module: Any = self._module
        keep = keep or Box(0, batch.shape[-2], 0, batch.shape[-1])
        with torch.inference_mode(), device.autocast():
            batch = batch.to(device.name, memory_format=device.layout(batch.ndim), non_blocking=True)
            if self._unpadded:
                logits: Tensor = module.valid(batch)
                inset = (batch.shape[-2] - logits.shape[-2]) // 2
                logits = logits[..., keep.y0 - inset:keep.y1 - inset, keep.x0 - inset:keep.x1 - inset]
            elif self._gives_parts:
                along_z = () if planes is None else (planes,)
                logits = module(batch, part=(*along_z, (keep.y0, keep.y1), (keep.x0, keep.x1)))
            else:
                logits = module(batch)[(..., *keep.slices)]
                logits = logits if planes is None else logits[:, :, planes[0] : planes[1]]
        return logits.float()


def leave_between_layers(module: nn.Module, learns: bool = False) -> None:
    """Let the work of a network be left between its layers when nobody wants it any more: large ones take seconds.

    Parameters
    ----------
    module : nn.Module
    learns : bool
        Whether gradients go back through it: that takes longer than the way forward, and is left likewise.
    """
    for layer in module.modules():
        if next(layer.children(), None) is None:
            layer.register_forward_pre_hook(_look_up)
            if learns:
                layer.register_forward_hook(_look_up_on_the_way_back)


def _look_up(_layer: nn.Module, _given: tuple[Any, ...]) -> None:
    look_up()


def _look_up_on_the_way_back(_layer: nn.Module, _given: tuple[Any, ...], found: Any) -> None:
    if isinstance(found, Tensor) and found.requires_grad:
        found.register_hook(_look_up_at)


def _look_up_at(_gradient: Tensor) -> None:
    look_up()


def ready_network(weights: Weights, device: Device) -> Forward:
    """Return this thread's module with these weights, built only if the architecture or the device changed."""
    found: Forward | None = getattr(_mine, "forward", None)
    if found is None or not found.suits(weights, device):
        _mine.forward = found = Forward(weights, device)
    found.load(weights)
    return found


def forward(
    weights: Weights, batch: Tensor, device: Device, keep: Box, planes: tuple[int, int] | None = None
) -> tuple[Tensor, Device]:
    """Compute logits as :class:`Forward` does, in float32 where 16 bits fail.

    Returns
    -------
    logits : Tensor of float32, shape (B, classes, [Z,] Y, X) of ``keep``
    device : Device
        The device to use from now on: in full precision if 16 bits gave NaN or are not supported by an operation.

    Raises
    ------
    UserError
        If the network gives NaN even in float32.
    WorkError
        If torch fails for another reason than full memory (that error is passed on as it is).
    """
    module = ready_network(weights, device)
    try:
        logits = module(batch, device, keep, planes)
        failure: RuntimeError | None = None
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        failure = error
    if failure is None and bool(torch.isfinite(logits.sum())):  # a tenth of the time of asking every number
        return logits, device
    if device.dtype is not None:
        return forward(weights, batch, device.full_precision(), keep, planes)
    if failure is not None:
        raise WorkError(f"The network failed on {device}: {failure}") from failure
    raise UserError(
        "The network gives no numbers (NaN), so its weights are broken. Train it again, with a smaller learning rate "
        "if that was changed."
    )


def is_unpadded(network: object) -> bool:
    """Say whether a network needs real pixels around a tile (see :class:`.weights.Network`)."""
    return getattr(network, "padding", "zero") == "mirror"


_mine = threading.local()

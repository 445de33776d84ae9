"""The whole answer of a network as one torch module: pixels of a plane in, probabilities of classes out.

What prediction does around a network is in it: normalisation, sizes that are no multiple of its stride, decision trees,
soft-max, pixels without a number. So nothing is left to be done again, differently, by the program it goes to.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from napari_unet.core.random_numbers import own_random_numbers
from napari_unet.networks._unet import UNetModule
from napari_unet.predicting.forward import is_unpadded
from napari_unet.predicting.weights import Weights, load_into

from .plane_normalisation import PlaneNormalisation
from .whole_unet import WholeUNet


class AnswerModule(nn.Module):
    """Maps planes (B, channels, Y, X) in their own numbers to probabilities and logits (B, classes, Y, X), float32.

    A plane may have any size. Each is normalised on its own, as an image of one plane. Where a channel is no number,
    the first class has probability 1.

    Parameters
    ----------
    weights : Weights
    """

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        with own_random_numbers():  # building must not shift the random numbers of a training
            network = weights.network.build(weights.channels, len(weights.classes.ids))
        load_into(network, weights)
        self.normalisation = PlaneNormalisation(weights.normalisation, weights.channels)
        self.network = WholeUNet(network) if isinstance(network, UNetModule) else network
        self.stride = weights.network.stride
        self.beyond = (weights.network.halo or 0) if is_unpadded(weights.network) else 0
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return probabilities and logits."""
        planes, valid = self.normalisation(image)
        height, width = image.shape[2], image.shape[3]  # one by one: a slice of sizes is a constant of a trace
        for axis, length in ((2, height), (3, width)):
            planes = planes.index_select(axis, _mirrored(length, self.stride, self.beyond, image.device))
        network: Any = self.network
        logits = (network.valid(planes) if self.beyond else network(planes)).float()
        for axis, length in ((2, height), (3, width)):  # no slices: their memory would be asked about at every size
            logits = logits.index_select(axis, torch.arange(length, device=image.device))
        first = torch.zeros(logits.shape[1], device=logits.device)
        first[0] = 1
        return torch.where(valid, torch.softmax(logits, 1), first[:, None, None]), logits


def _mirrored(length: int, stride: int, beyond: int, device: torch.device) -> Tensor:
    """Return the indices of a line that goes on as its mirror image up to a multiple of the stride, and beyond that."""
    whole = (length + stride - 1) // stride * stride
    places = torch.arange(-beyond, whole + beyond, device=device)
    period = torch.full((), 2 * (length - 1), device=device).clamp_min(1)
    places = places % period
    return torch.where(places < length, places, period - places)

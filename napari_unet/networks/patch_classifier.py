"""A classifier of windows that slides over the plane, as before fully convolutional networks. Knows no images.

D. Ciresan, A. Giusti, L. Gambardella, J. Schmidhuber: Deep Neural Networks Segment Neuronal Membranes in Electron
Microscopy Images. NIPS 2012. A network says of what class the middle of a window is, seeing nothing but the window; a
plane is segmented by sliding it along, and is mirrored at the border.

There the window stops at every pixel; here on a stride (:data:`STEP` px), and the logits in between are interpolated
bilinearly. Windows overlap, so what they share is computed once for all: without padding, the network on the plane
gives the very numbers that it gives on windows cut out one by one. It also learns so: what
is compared with a painted pixel is interpolated between the windows around it.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated

import torch
from torch import Tensor, nn

from napari_unet.core import parameters
from napari_unet.core.parameters import Parameter
from napari_unet.predicting.tiling import mirror_indices

from . import register
from ._layers import convolution, double_convolution, full_precision_head, he_initialise, upsampled
from ._receptive_field import FiniteReceptiveField, Span

STEP = 4
"""Pixels from one window to the next; two poolings make it."""


@register("patch_classifier", "Sliding-window classifier")
@dataclasses.dataclass(frozen=True)
class PatchClassifier(FiniteReceptiveField):
    """Classifier of small windows, the way of 2012: each is judged alone, every 4 px, the rest is interpolated.

    A baseline from before fully convolutional networks: it sees nothing beyond its window, and its borders are blunt.

    Raises
    ------
    UsageError
        If a parameter is out of its bounds.
    """

    width: Annotated[int, Parameter("Channels of the first layers, up to 8 times as many in the last; more learns "
                                    "finer differences but is slower", min=2, max=128, advanced=True)] = 16
    extent: Annotated[int, Parameter("Side of the window, in steps of 4 px; a larger one knows more of the "
                                     "surrounding, but is slower", min=8, max=24, advanced=True)] = 12

    def __post_init__(self) -> None:
        parameters.check(self)

    @property
    def stride(self) -> int:
        """Pixels from one window to the next."""
        return STEP

    @property
    def window(self) -> int:
        """Side of a window in pixels."""
        return STEP * self.extent

    @property
    def margin(self) -> int:
        """Pixels of a window on each side of the :data:`STEP` pixels in its middle."""
        return (self.window - STEP) // 2

    @property
    def padding(self) -> str:
        """``"mirror"``: beyond the border of the plane the window sees its mirror image."""
        return "mirror"

    def need(self, span: Span) -> Span:
        """Return the pixels of the input that the pixels ``span`` of the output depend on."""
        return span.smooth(STEP).pooled(STEP).around(self.margin)

    def build(self, channels: int, classes: int) -> nn.Module:
        """Return the module with He initialisation, from torch's global generator.

        Parameters
        ----------
        channels : int
            Image channels.
        classes : int
            Output channels.
        """
        return PatchClassifierModule(self, channels, classes)


class PatchClassifierModule(nn.Module):
    """The layers of :class:`PatchClassifier`."""

    def __init__(self, parameters: PatchClassifier, channels: int, classes: int) -> None:
        super().__init__()
        width = parameters.width
        self.halo, self.margin = parameters.halo, parameters.margin
        # each pair of convolutions takes four pixels off a side: 4 + 8 + 16 of the window are gone before the last
        self.layers = nn.Sequential(
            double_convolution(channels, width, padded=False), nn.MaxPool2d(2),
            double_convolution(width, 2 * width, padded=False), nn.MaxPool2d(2),
            double_convolution(2 * width, 4 * width, padded=False),
            convolution(4 * width, 8 * width, parameters.extent - 7, padded=False),
        )
        self.head = nn.Conv2d(8 * width, classes, 1)
        he_initialise(self)

    def windows(self, x: Tensor) -> Tensor:
        """Return logits (B, classes, Y / 4 - extent + 1, the same for X) of all windows in (B, channels, Y, X)."""
        return full_precision_head(self.head, self.layers(x))

    def valid(self, x: Tensor) -> Tensor:
        """Return logits (B, classes, Y, X) for (B, channels, Y + 2 halo, X + 2 halo); Y, X multiples of the stride."""
        spare = self.halo - self.margin - STEP  # a window beyond each end, to interpolate towards
        logits = upsampled(self.windows(x[..., spare:x.shape[-2] - spare, spare:x.shape[-1] - spare]), STEP)
        return logits[..., STEP:-STEP, STEP:-STEP]

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes, Y, X) for (B, channels, Y, X), mirrored at the border."""
        rows, columns = (torch.from_numpy(mirror_indices(-self.halo, length + self.halo, length)).to(x.device)
                         for length in x.shape[-2:])
        return self.valid(x[..., rows[:, None], columns])

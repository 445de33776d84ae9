"""Layers that several networks are made of. Knows no images, no training and no network by name."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class Norm(nn.BatchNorm2d):
    """Batch norm that takes a single value per channel too, as one tiny patch leaves at the coarsest level.

    There is no spread to divide by then, so that the running statistics are used and left as they are.
    """

    predicts_plainly = True  # see napari_unet.predicting.folded_norms

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised (B, C, Y, X)."""
        if self.training and x.numel() == x.shape[1]:
            return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)


class VolumeNorm(nn.BatchNorm3d):
    """Batch norm of volumes; as :class:`Norm` where there is a single value per channel."""

    predicts_plainly = True  # see napari_unet.predicting.folded_norms

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised (B, C, Z, Y, X)."""
        if self.training and x.numel() == x.shape[1]:
            return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)


def convolution(incoming: int, width: int, size: int = 3, dilation: int = 1, padded: bool = True) -> nn.Sequential:
    """Convolution, batch norm, ReLU; the norm brings the bias."""
    padding = dilation * (size // 2) if padded else 0
    return nn.Sequential(
        nn.Conv2d(incoming, width, size, padding=padding, dilation=dilation, bias=False),
        Norm(width),
        nn.ReLU(inplace=True),
    )


def double_convolution(incoming: int, width: int, dilation: int = 1, padded: bool = True) -> nn.Sequential:
    """Two 3x3 convolutions, each with norm and ReLU."""
    return nn.Sequential(
        *convolution(incoming, width, 3, dilation, padded), *convolution(width, width, 3, dilation, padded)
    )


def upsampled(x: Tensor, factor: int) -> Tensor:
    """Return (B, C, factor Y, factor X), bilinearly interpolated."""
    return functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


class Smoothing(nn.Module):
    """Binomial smoothing over 3x3 pixels: what alternates from pixel to pixel goes. Learns and saves nothing."""

    def __init__(self) -> None:
        super().__init__()
        line = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("kernel", torch.outer(line, line)[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the smoothed (B, C, Y, X); beyond the border it goes on as it ends."""
        kernel = self.get_buffer("kernel").to(x.dtype).expand(x.shape[1], 1, 3, 3)
        return functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, groups=x.shape[1])


def full_precision_head(head: nn.Conv2d, features: Tensor) -> Tensor:
    """Apply the last layer in its own precision even under autocast: 16 bits are coarse for probabilities."""
    with torch.autocast(features.device.type, enabled=False):
        logits: Tensor = head(features.to(head.weight.dtype))
        return logits


class ChannelNorm(nn.Module):
    """Norm over the channels of each pixel (Ba, Kiros and Hinton 2016), with gain and offset per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised (B, C, Y, X)."""
        last = functional.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias)
        return last.permute(0, 3, 1, 2)


def he_initialise(module: nn.Module) -> None:
    """Draw the weights of all convolutions: variance 2 / N for N inputs (He et al. 2015, eq. 10), biases 0."""
    for layer in module.modules():
        if isinstance(layer, nn.ConvTranspose2d):
            # its 2x2 windows do not overlap: an output pixel has one incoming node per channel
            nn.init.normal_(layer.weight, std=math.sqrt(2 / layer.in_channels))
        elif isinstance(layer, nn.ConvTranspose3d):
            nn.init.normal_(layer.weight, std=math.sqrt(2 / layer.in_channels))
        elif isinstance(layer, (nn.Conv2d, nn.Conv3d)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if (isinstance(layer, (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d))
                and layer.bias is not None):
            nn.init.zeros_(layer.bias)

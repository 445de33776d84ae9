"""Layers that several networks are made of. Knows no images, no training and no network by name."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from ._unet import he_init


class Norm(nn.BatchNorm2d):
    """Batch norm that takes a single value per channel too, as one tiny patch leaves at the coarsest level.

    There is no spread to divide by then, so that the running statistics are used and left as they are.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised (B, C, Y, X)."""
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


def double(incoming: int, width: int, dilation: int = 1, padded: bool = True) -> nn.Sequential:
    """Two 3x3 convolutions, each with norm and ReLU."""
    return nn.Sequential(
        *convolution(incoming, width, 3, dilation, padded), *convolution(width, width, 3, dilation, padded)
    )


def enlarged(x: Tensor, factor: int) -> Tensor:
    """Return (B, C, factor Y, factor X), bilinearly interpolated."""
    return functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


def initialise(module: nn.Module) -> None:
    """Draw the weights of all convolutions after He et al. 2015."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            he_init(layer)

"""Classical filters as a layer: smoothed brightness, edge strength and ridges at five scales. Learns nothing.

These are the features of interactive pixel classifiers (Arganda-Carreras et al. 2017, "Trainable Weka Segmentation";
Berg et al. 2019, "ilastik"). Coarse scales are computed on a plane that is averaged down by powers of two, which makes
sigma 16 as cheap as sigma 2 and keeps the reach short.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

Part = tuple[tuple[int, int], tuple[int, int]]
"""First row, and one after the last; the same for columns."""

LEVELS = ((1.0, 0), (2.0, 0), (2.0, 1), (2.0, 2), (2.0, 3))
"""Sigma of each scale (px) and how often the plane is halved before: sigma 1, 2, 4, 8 and 16 px in all."""

COUNT = 1 + 4 * len(LEVELS)
"""Filters of a channel: the brightness itself, then four at each scale."""

STRIDE = 8
"""Pixels of the plane per pixel of the coarsest scale."""

TRUNCATE = 3.0
"""Sigmas after which a Gaussian ends."""

REACH = max(2**level * (math.ceil(TRUNCATE * sigma) + 3) for sigma, level in LEVELS)
"""Largest distance, in pixels, on which a filter depends: the Gaussian, a difference, and two pixels to interpolate."""


class FilterBank(nn.Module):
    """Map (B, C, Y, X) to (B, C * COUNT, Y, X), float32."""

    def __init__(self) -> None:
        super().__init__()
        for sigma in {sigma for sigma, _ in LEVELS}:
            self.register_buffer(_name(sigma), gaussian(sigma), persistent=False)

    def forward(self, x: Tensor, part: Part) -> Tensor:
        """Return the filters on a part of a picture.

        Parameters
        ----------
        x : Tensor, shape (B, C, Y, X)
            Y and X are multiples of :data:`STRIDE`.
        part : pair of (int, int)
        """
        with torch.autocast(x.device.type, enabled=False):
            (top, bottom), (left, right) = (surrounded(*ends, REACH, STRIDE, length)
                                            for ends, length in zip(part, x.shape[-2:], strict=True))
            plane = x[..., top:bottom, left:right].float()
            batch, channels, *shape = plane.shape
            plane = plane.reshape(batch * channels, 1, *shape)
            found = [plane]
            for sigma, level in LEVELS:
                small = functional.avg_pool2d(plane, 2**level) if level else plane
                maps = derivatives(small, self.get_buffer(_name(sigma)), sigma)
                if level:
                    maps = functional.interpolate(maps, scale_factor=2**level, mode="bilinear", align_corners=False)
                found.append(maps)
            rows, columns = slice(part[0][0] - top, part[0][1] - top), slice(part[1][0] - left, part[1][1] - left)
            return torch.cat(found, 1)[..., rows, columns].reshape(
                batch, channels * COUNT, rows.stop - rows.start, columns.stop - columns.start)


def gaussian(sigma: float) -> Tensor:
    """Return a Gaussian that sums to 1, (2 R + 1,) with R = 3 sigma."""
    radius = math.ceil(TRUNCATE * sigma)
    weights = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    return weights / weights.sum()


def derivatives(plane: Tensor, kernel: Tensor, sigma: float) -> Tensor:
    """Return smoothed brightness, length of its gradient, and both eigenvalues of its Hessian, the larger first.

    Derivatives are central differences times sigma for each order, so that all scales have like ranges (Lindeberg
    1998, "Feature detection with automatic scale selection", gamma = 1).

    Parameters
    ----------
    plane : Tensor, shape (B, 1, Y, X)
    kernel : Tensor, shape (K,)
    sigma : float

    Returns
    -------
    Tensor, shape (B, 4, Y, X)
    """
    smooth = _padded(plane, len(kernel) // 2)
    smooth = functional.conv2d(functional.conv2d(smooth, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))
    wide = _padded(smooth, 1)
    up, down = wide[..., :-2, 1:-1], wide[..., 2:, 1:-1]
    left, right = wide[..., 1:-1, :-2], wide[..., 1:-1, 2:]
    edge = torch.sqrt((down - up) ** 2 + (right - left) ** 2) * (sigma / 2)
    yy, xx = up + down - 2 * smooth, left + right - 2 * smooth
    yx = (wide[..., 2:, 2:] + wide[..., :-2, :-2] - wide[..., 2:, :-2] - wide[..., :-2, 2:]) / 4
    middle, half = (yy + xx) / 2, torch.sqrt(((yy - xx) / 2) ** 2 + yx**2)
    return torch.cat([smooth, edge, sigma**2 * (middle + half), sigma**2 * (middle - half)], 1)


def surrounded(low: int, high: int, margin: int, grid: int, length: int) -> tuple[int, int]:
    """Return the ends of a line ``low`` to ``high`` with a margin, on a grid, within 0 to ``length``."""
    return max(0, (low - margin) // grid * grid), min(length, math.ceil((high + margin) / grid) * grid)


def _padded(plane: Tensor, pixels: int) -> Tensor:
    return functional.pad(plane, (pixels,) * 4, mode="replicate")


def _name(sigma: float) -> str:
    return f"gaussian_{sigma:g}"

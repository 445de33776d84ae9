"""Classical filters as a layer: smoothed brightness, edge strength and ridges at five scales. Learns nothing.

These are the features of interactive pixel classifiers (Arganda-Carreras et al. 2017, "Trainable Weka Segmentation";
Berg et al. 2019, "ilastik"). Coarse scales are computed on a plane that is averaged down by powers of two, which makes
sigma 16 as cheap as sigma 2 and keeps the reach short.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from ._fixed import TRUNCATE, FixedLayer, gaussian, gaussian_smoothed, padded

LEVELS = ((1.0, 0), (2.0, 0), (2.0, 1), (2.0, 2), (2.0, 3))
"""Sigma of each scale (px) and how often the plane is halved before: sigma 1, 2, 4, 8 and 16 px in all."""

COUNT = 1 + 4 * len(LEVELS)
"""Filters of a channel: the brightness itself, then four at each scale."""

STRIDE = 8
"""Pixels of the plane per pixel of the coarsest scale."""

REACH = max(2**level * (math.ceil(TRUNCATE * sigma) + 3) for sigma, level in LEVELS)
"""Largest distance, in pixels, on which a filter depends: the Gaussian, a difference, and two pixels to interpolate."""


class FilterBank(FixedLayer):
    """The filters as a layer."""

    levels = ((1, 1), *((2**level, 4) for _, level in LEVELS))
    stride, reach, trust = STRIDE, REACH, 0.3

    def __init__(self) -> None:
        super().__init__()
        for sigma in {sigma for sigma, _ in LEVELS}:
            self.register_buffer(_name(sigma), gaussian(sigma), persistent=False)

    def maps(self, plane: Tensor) -> list[Tensor]:
        """Return the filters, each scale as far averaged down as it is computed."""
        found = [plane]
        for sigma, level in LEVELS:
            small = functional.avg_pool2d(plane, 2**level) if level else plane
            found.append(derivatives(small, self.get_buffer(_name(sigma)), sigma))
        return found


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
    smooth = gaussian_smoothed(plane, kernel)
    wide = padded(smooth, 1)
    up, down = wide[..., :-2, 1:-1], wide[..., 2:, 1:-1]
    left, right = wide[..., 1:-1, :-2], wide[..., 1:-1, 2:]
    edge = torch.sqrt((down - up) ** 2 + (right - left) ** 2) * (sigma / 2)
    yy, xx = up + down - 2 * smooth, left + right - 2 * smooth
    yx = (wide[..., 2:, 2:] + wide[..., :-2, :-2] - wide[..., 2:, :-2] - wide[..., :-2, 2:]) / 4
    middle, half = (yy + xx) / 2, torch.sqrt(((yy - xx) / 2) ** 2 + yx**2)
    return torch.cat([smooth, edge, sigma**2 * (middle + half), sigma**2 * (middle - half)], 1)


def _name(sigma: float) -> str:
    return f"gaussian_{sigma:g}"

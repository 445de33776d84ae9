"""Cross-entropy that weighs the gaps between neighbouring objects. Knows nothing of strokes, images or training."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from napari_unet.core.errors import UserError

from . import register
from ._painted import PaintedPixels, full_precision

MIN_PAINTED = 0.05
MAX_GAPS = 0.5
MAX_GAPS_OF_ONE = 2.0
"""When planes count as labelled everywhere. Of each patch at least 0.05 is painted, and there are at most 2 unpainted
pixels between painted ones for each of these, in the whole batch at most 0.5. In dense planes such pixels come from
their bent outline alone (augmentation shows what is beyond it, unpainted): up to 0.1 for 300 x 300 pixels, 0.4 for
64 x 64, once in a while 1 for 24 x 24 (planes smaller than that may be refused for it). Sparse strokes have 1 to 8."""

REACH = 6.0
"""Distances beyond so many sigma count as infinite: a weight changes by less than w0 exp(-18)."""


@register("border_cross_entropy", "Border-weighted cross-entropy")
@full_precision
def border_cross_entropy(logits: Tensor, target: Tensor, *, w0: float = 10.0, sigma: float = 5.0) -> Tensor:
    """Cross-entropy with more weight on narrow gaps between objects; needs planes labelled everywhere.

    ``1/n sum_i w_i (-log p_i(t_i))`` over the n labelled pixels with ``w_i = w_c + w0 exp(-(d1 + d2)^2 / (2 sigma^2))``
    (Ronneberger et al. 2015, equations 1 and 2): w_c balances the classes, ``n / (K n_k)`` with K the classes that are
    labelled in this batch and n_k their pixels; d1 and d2 are the distances in pixels to the nearest and the second
    nearest object of the patch. Objects are the connected components (by sides) of all classes but the background
    (class index 0) together, and the second term is for background pixels: they are what has to separate objects. So
    label as background whatever separates, be it empty space or membranes.

    Parameters
    ----------
    logits : Tensor, shape (B, C, Y, X), float
        Computed in float32, or in float64 where the logits are.
    target : Tensor, shape (B, Y, X), int64
        Class index 0 to C - 1, or -1 where nothing is known: beyond the image, and few pixels elsewhere.
    w0 : float
        Weight of a gap of no width.
    sigma : float
        Width in pixels over which the weight falls off.

    Returns
    -------
    Tensor, scalar
        At least 0; 0 without any labelled pixel. The gradient at an unlabelled pixel is exactly 0.

    Raises
    ------
    UserError
        If a patch is labelled with strokes only: where the rest of an object is unknown, so is the width of a gap.
    """
    labels = target.cpu().numpy()
    _check_dense(labels)
    gaps = np.stack([gap_weights(patch, w0, sigma) for patch in labels])
    painted = PaintedPixels.of(logits, target)
    extra = torch.from_numpy(gaps).to(logits.dtype).to(logits.device)[target >= 0]
    each = F.cross_entropy(painted.logits, painted.labels, reduction="none")
    return painted.mean_over_pixels(each, balanced=True) + painted.mean_over_pixels(extra * each, balanced=False)


def gap_weights(labels: NDArray[np.int64], w0: float = 10.0, sigma: float = 5.0) -> NDArray[np.float64]:
    """Return ``w0 exp(-(d1 + d2)^2 / (2 sigma^2))`` on background pixels, 0 elsewhere.

    Parameters
    ----------
    labels : ndarray of int64, shape (Y, X)
        0 = background, 1, 2, ... = classes, -1 = not known.
    w0, sigma : float
        See :func:`border_cross_entropy`.

    Returns
    -------
    ndarray of float64, shape (Y, X)
        0 to w0; 0 everywhere if there are fewer than two objects.
    """
    objects, _ = ndimage.label(labels > 0)
    nearest, second = np.full(labels.shape, np.inf), np.full(labels.shape, np.inf)
    reach = math.ceil(REACH * sigma)
    for number, box in enumerate(ndimage.find_objects(objects), 1):
        around = tuple(slice(max(side.start - reach, 0), side.stop + reach) for side in box)
        distance = ndimage.distance_transform_edt(objects[around] != number)
        second[around] = np.minimum(second[around], np.maximum(nearest[around], distance))
        nearest[around] = np.minimum(nearest[around], distance)
    return np.where(labels == 0, w0 * np.exp(-((nearest + second) ** 2) / (2 * sigma**2)), 0.0)


def _check_dense(labels: NDArray[np.int64]) -> None:
    """Refuse patches (B, Y, X) that show strokes."""
    known = labels >= 0
    painted = known.mean((1, 2))
    gaps = ((_between(known, 1) | _between(known, 2)) & ~known).mean((1, 2))
    sparse = (painted > 0) & ((painted < MIN_PAINTED) | (gaps > MAX_GAPS_OF_ONE * painted))
    if sparse.any():
        painted, gaps = painted[sparse][:1], gaps[sparse][:1]
    elif gaps.sum() <= MAX_GAPS * painted.sum():
        return
    raise UserError(
        "The border-weighted loss measures the gaps between objects, so it needs planes that are labelled everywhere; "
        f"but {painted.mean():.1%} of a patch of {labels.shape[2]} x {labels.shape[1]} pixels are painted, and "
        f"{gaps.mean():.1%} lie unpainted between these. Label every pixel of the planes to learn from, or choose "
        "another loss, such as dice_cross_entropy."
    )


def _between(known: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
    """Return which pixels have a known one on both sides, or are known, along an axis."""
    before = np.logical_or.accumulate(known, axis)
    after = np.flip(np.logical_or.accumulate(np.flip(known, axis), axis), axis)
    return before & after

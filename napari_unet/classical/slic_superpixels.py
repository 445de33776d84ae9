"""Divide a plane into small even pieces. Knows no class and no method."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..core.leaving import look_up

_ROUNDS = 5
_FEWEST = 64


def slic_superpixels(
    stack: NDArray[np.float32], size: float, compactness: float, spacing: Sequence[float] = (1.0, 1.0)
) -> NDArray[np.integer]:
    """Divide a plane by SLIC (Achanta et al. 2012, doi:10.1109/TPAMI.2012.120; scikit-image's).

    Parameters
    ----------
    stack : ndarray of float32, shape (C, Y, X) or (C, Z, Y, X)
        Finite.
    size : float
        Width of a piece in pixels along rows (in a volume the mean over the axes); smaller where the plane would hold
        fewer than 64 pieces.
    compactness : float
        Weight of nearness against likeness.
    spacing : sequence of float
        Steps from pixel to pixel along each axis.

    Returns
    -------
    ndarray of int, shape (Y, X) or (Z, Y, X)
        Numbers from 0, perhaps with gaps. On a plane of one colour, squares.
    """
    shape = stack.shape[1:]
    area = math.prod(shape)
    wanted = min(area, max(area * math.prod(spacing) / size ** len(shape), min(area, _FEWEST)))
    if not np.ptp(stack.reshape(len(stack), -1), axis=1).any():
        side = max(1, round((area / wanted) ** (1 / len(shape))))
        numbers = np.zeros((), np.int64)
        for places in np.ogrid[tuple(slice(long) for long in shape)]:
            numbers = numbers * (places.size // side + 1) + places // side
        return numbers
    from skimage.segmentation import slic

    look_up()  # of a volume it takes its time
    return np.asarray(slic(
        np.moveaxis(stack, 0, -1), n_segments=round(wanted), compactness=compactness, max_num_iter=_ROUNDS,
        convert2lab=False, start_label=0, channel_axis=-1, spacing=tuple(spacing),
        enforce_connectivity=False,  # it gives small regions at an edge to either side
    ))

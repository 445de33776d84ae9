"""Divide a plane into small even pieces. Knows no class and no method."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROUNDS = 5
_FEWEST = 64


def slic_superpixels(stack: NDArray[np.float32], size: float, compactness: float) -> NDArray[np.integer]:
    """Divide a plane by SLIC (Achanta et al. 2012, doi:10.1109/TPAMI.2012.120; scikit-image's).

    Parameters
    ----------
    stack : ndarray of float32, shape (C, Y, X)
        Finite.
    size : float
        Width of a piece in pixels; smaller where the plane would hold fewer than 64 pieces.
    compactness : float
        Weight of nearness against likeness.

    Returns
    -------
    ndarray of int, shape (Y, X)
        Numbers from 0, perhaps with gaps. On a plane of one colour, squares.
    """
    rows, columns = stack.shape[1:]
    area = rows * columns
    wanted = max(area / size**2, min(area, _FEWEST))
    if not np.ptp(stack, axis=(1, 2)).any():
        side = max(1, round((area / wanted) ** 0.5))
        return np.arange(rows)[:, None] // side * (columns // side + 1) + np.arange(columns) // side
    from skimage.segmentation import slic

    return np.asarray(slic(
        np.moveaxis(stack, 0, -1), n_segments=round(wanted), compactness=compactness, max_num_iter=_ROUNDS,
        convert2lab=False, start_label=0, channel_axis=-1,
        enforce_connectivity=False,  # it gives small regions at an edge to either side
    ))

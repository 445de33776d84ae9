"""Connected components: the only place that calls cc3d. Knows nothing of classes, strokes or scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_CONNECTIVITY = {(2, True): 8, (2, False): 4, (3, True): 26, (3, False): 6}


def label_components(array: NDArray[Any], *, corners: bool = True) -> NDArray[np.integer[Any]]:
    """Number the connected components of equal values from 1; 0 where the array is 0.

    Parameters
    ----------
    array : ndarray of bool or int, shape (Y, X) or (Z, Y, X)
        Never changed. Neighbours of different values are never of one component.
    corners : bool
        Whether pixels that share only a corner (or an edge of a voxel) touch: 8 and 26 neighbours, else 4 and 6.

    Returns
    -------
    ndarray of uint16 or uint32, same shape
        Numbers grow in the order in which a scan by rows meets the components; the largest is how many there are.
    """
    import cc3d

    array = np.asarray(array)
    if not array.any():
        return np.zeros(array.shape, np.uint16)
    numbers: NDArray[np.integer[Any]] = cc3d.connected_components(
        _ready(array), connectivity=_CONNECTIVITY[array.ndim, corners])
    return numbers


def count_components(array: NDArray[Any], *, corners: bool = True) -> int:
    """Count the connected components of equal values other than 0; parameters as for :func:`label_components`."""
    return int(label_components(array, corners=corners).max(initial=0))


def _ready(array: NDArray[Any]) -> NDArray[Any]:
    """Return what cc3d labels rightly: whole numbers, writable, in rows without gaps.

    Of booleans cc3d 4.1.1 labels planes with 8 neighbours wrongly if their width is odd: a pixel of the background gets
    a number, pixels of the object lose theirs. Of views with gaps it leaves parts out. It refuses read-only arrays.
    """
    array = np.ascontiguousarray(array)
    array = array.view(np.uint8) if array.dtype == bool else array
    return array if array.flags.writeable else array.copy()

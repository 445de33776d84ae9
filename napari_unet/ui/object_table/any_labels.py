"""Labels of whatever program as objects that can be measured. Measures nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError
from napari_unet.objects.object_map import ObjectMap


def as_objects(
    labels: NDArray[Any], painted: NDArray[Any] | None, name: str
) -> tuple[ObjectMap, NDArray[np.int64]]:
    """Return any labels as objects numbered without gaps, and the number that each had.

    Parameters
    ----------
    labels : ndarray of int
    painted : ndarray of int, optional
        Painted ids at the same pixels: an object is of the class that most of it has.
    name : str
        For messages.

    Raises
    ------
    UserError
        If a number is negative.
    """
    if labels.size and int(labels.min()) < 0:
        raise UserError(f"{name!r} holds negative numbers. Objects have numbers from 1 upwards, 0 is none.")
    if int(labels.max(initial=0)) <= 2**24:
        there = np.flatnonzero(np.bincount(labels.ravel().astype(np.int64), minlength=1)[1:]) + 1
        new = np.zeros(int(there.max(initial=0)) + 1, np.uint32)
        new[there] = np.arange(1, len(there) + 1)
        small = new[labels]
    else:  # numbers of other programs may be anything
        there, inverse = np.unique(labels, return_inverse=True)
        inverse = inverse.reshape(labels.shape)
        begins = int(there[0] == 0)
        small, there = (inverse + (1 - begins)).astype(np.uint32), there[begins:].astype(np.int64)
    classes = np.full(len(there) + 1, 2, np.uint8)
    if painted is not None:
        inside = small > 0
        keys = small[inside].astype(np.int64) * 256 + painted[inside].astype(np.int64) % 256
        counts = np.bincount(keys, minlength=256 * (len(there) + 1)).reshape(-1, 256)
        # what was put right by hand may lie on background
        classes = np.where(counts[:, 2:].any(axis=1), counts[:, 2:].argmax(axis=1) + 2, 2).astype(np.uint8)
    classes[0] = 0
    return ObjectMap(small, classes), np.concatenate([[0], there]).astype(np.int64)

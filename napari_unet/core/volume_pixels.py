"""The pixels of a volume, read by the same rule in all its planes. Knows nothing of depth and of methods."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .image import Image
from .no_data import empty_pixels
from .pixel_values import as_float32


def read_volume(image: Image, planes: Sequence[int]) -> NDArray[np.float32]:
    """Read planes as one volume.

    What stands for no data, and how numbers become float32, is found out for all planes together: of each alone it
    might differ (see :meth:`Image.plane`).

    Parameters
    ----------
    image : Image
    planes : sequence of int
        Numbers of the planes, in the order of z.

    Returns
    -------
    ndarray of float32, shape (C, Z, Y, X)
    """
    stored = np.stack([image.window(number) for number in planes], axis=1)
    empty, values = empty_pixels(stored, image.no_data)
    image.note_fill(stored, empty, values)
    return as_float32(stored, empty)

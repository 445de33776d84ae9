"""Reads what is an array only when it is asked for. Knows no files and no axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import UserError


def in_memory(array: Any) -> NDArray[Any]:
    """Return an array, or a part of one that is read late, as one in memory; NumPy's own is returned as it is.

    Parameters
    ----------
    array : array-like
        NumPy, zarr or dask array, or a part of it.

    Raises
    ------
    UserError
        If it is mapped from a file that has become shorter: to read there would end the program.
    """
    mapped = getattr(array, "_mmap", None) if isinstance(array, np.memmap) else None
    if mapped is not None and mapped.size() < len(mapped):
        raise UserError(f"{array.filename} was cut short while it was open: {mapped.size()} bytes of {len(mapped)} are "
                        "left. Put it back as it was.")
    if hasattr(array, "__dask_graph__"):
        # napari has its cache of dask listen to every computation, and it counts on those of one thread: two that
        # overlap end with a KeyError in either
        array = array.compute(callbacks=())
    return np.asarray(array)

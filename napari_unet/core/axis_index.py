"""An index into an array, written out for each of its axes. Reads nothing."""

from __future__ import annotations

from typing import Any


def for_each_axis(index: Any, ndim: int) -> list[Any]:
    """Return an index with integers, slices and an ellipsis as one entry for each axis."""
    parts = list(index) if isinstance(index, tuple) else [index]
    if Ellipsis in parts:
        at = parts.index(Ellipsis)
        parts[at : at + 1] = [slice(None)] * (ndim - len(parts) + 1)
    return parts + [slice(None)] * (ndim - len(parts))

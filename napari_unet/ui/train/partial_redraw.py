"""Draw the part of a labels layer that has changed. Changes no data."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels


class StalePart:
    """The part of the shown plane whose data has changed since it was drawn; false while there is none."""

    def __init__(self) -> None:
        self._box: tuple[int, int, int, int] | None = None
        self._all = False

    def __bool__(self) -> bool:
        """Whether anything is to be drawn."""
        return self._all or self._box is not None

    def add_all(self) -> None:
        """Everything is to be drawn."""
        self._all = True

    def add(self, shape: tuple[int, int], rows: Any, columns: Any) -> None:
        """Add rows and columns, slices of a plane of this shape."""
        top, bottom, _ = rows.indices(shape[0])
        left, right, _ = columns.indices(shape[1])
        old = self._box or (top, bottom, left, right)
        self._box = min(old[0], top), max(old[1], bottom), min(old[2], left), max(old[3], right)

    def draw(self, layer: Labels) -> None:
        """Draw it, as napari does while somebody paints; the whole layer where that cannot be."""
        if self._box is not None and not self._all:
            top, bottom, left, right = self._box
            if _draw_part(layer, slice(top, bottom), slice(left, right)):
                return
        layer.refresh(extent=False, highlight=False, thumbnail=False)


def _draw_part(layer: Any, rows: slice, columns: slice) -> bool:
    """Hand the part to the texture; napari has no public name for it, so look before using its own."""
    shown = getattr(getattr(layer, "_slice", None), "image", None)
    drawn, cached = getattr(shown, "raw", None), getattr(shown, "view", None)
    if not (isinstance(drawn, np.ndarray) and isinstance(cached, np.ndarray) and isinstance(layer.data, np.ndarray)
            and hasattr(layer, "_updated_slice") and hasattr(layer, "_partial_labels_refresh")):
        return False
    if not layer.visible or not np.shares_memory(drawn, layer.data):
        return False
    if layer.contour:  # napari draws outlines from what is shown; they change a little beside what has changed, too
        rows, columns = (slice(max(0, part.start - layer.contour), min(size, part.stop + layer.contour))
                         for part, size in zip((rows, columns), drawn.shape, strict=True))
    else:
        cached[rows, columns] = layer.colormap._data_to_texture(drawn[rows, columns])
    layer._updated_slice = (*(slice(0, 1) for _ in range(layer.ndim - 2)), rows, columns)
    layer._partial_labels_refresh()
    return True

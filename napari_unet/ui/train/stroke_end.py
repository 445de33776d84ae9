"""Paints a stroke to where the mouse is released. Begins no stroke, and paints on no layer but our own.

napari takes up the moves of a mouse 5 ms apart, the last of them when there is time. If the window is busy, the release
is there before that: a fast stroke then ends where the mouse was some moves ago. The release itself says where it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from ..layer_metadata import role_of

LEFT = 1
"""The button that paints."""


def paint_to_the_release(viewer: Any, event: Any) -> Iterator[None]:
    """Follow a drag of the mouse, and paint what is missing of its stroke in the end.

    A callback for drags of a viewer: napari calls those before the layer's own, which make one step of undo of all that
    is painted until they have seen the release.
    """
    layer = viewer.layers.selection.active
    if not _can_be_painted(layer, viewer, event) or _in_a_stroke(layer):
        return
    mode = str(layer.mode)
    label = layer.colormap.background_value if mode == "erase" else layer.selected_label
    place, plane = layer.world_to_data(event.position), _plane(event)
    yield
    while event.type == "mouse_move":
        place, plane = layer.world_to_data(event.position), _plane(event)
        yield
    same = str(layer.mode) == mode and _plane(event) == plane
    if same and layer in viewer.layers and _in_a_stroke(layer):
        _paint_on(layer, label, place, layer.world_to_data(event.position))


def _plane(event: Any) -> list[float]:
    """Return which plane is shown: somebody may turn to another one, or to all, with the button held down."""
    return [float(point) for axis, point in enumerate(event.dims_point) if axis not in event.dims_displayed]


def _can_be_painted(layer: Any, viewer: Any, event: Any) -> bool:
    """Whether a press of the mouse begins a stroke on a layer of ours."""
    return (event.button == LEFT and viewer.dims.ndisplay == 2 and isinstance(layer, Labels) and bool(role_of(layer))
            and str(layer.mode) in ("paint", "erase"))


def _in_a_stroke(layer: Any) -> bool:
    """Whether napari gathers what is painted; it has no public name for that, and if it has not, nothing is painted."""
    return bool(getattr(layer, "_block_history", False))


def _paint_on(layer: Any, label: int, start: NDArray[np.floating], end: NDArray[np.floating]) -> None:
    """Paint from one place of the layer to another, as close as napari does: four steps a brush."""
    steps = round(float(np.abs(end - start).max()) / layer.brush_size * 4)
    for place in np.linspace(start, end, steps + 1)[1:]:
        layer.paint(place, label, refresh=False)
    if steps:
        getattr(layer, "_partial_labels_refresh", layer.refresh)()  # a public name there is only for drawing it all

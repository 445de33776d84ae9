"""Writes what an operation has done to strokes into their layer, so that napari's own undo stays true. Decides nothing.

napari keeps indices and old values of every edit of a layer. An array that changes behind its back would be filled with
values of before by the next Ctrl+Z. So a change goes through the layer as an edit of its own; one that is too large for
that (napari keeps a hundred edits, whatever their size) ends what Ctrl+Z can take back on that layer.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_unet.core.errors import UserError
from napari_unet.core.scribbles import Scribbles

from ..large_images import is_field
from ..layers import label_view
from .layer_binding import LayerBinding

SMALL = 250_000
"""So many pixels of one change are kept by napari (about 8 bytes each)."""

Indices = tuple[NDArray[np.integer], ...]


def write_strokes(binding: LayerBinding, scribbles: Scribbles, planes: Iterable[int]) -> bool:
    """Write planes of the session's strokes into their layer.

    Returns
    -------
    bool
        False if the change was too large for napari's own undo, which now begins anew on this layer.
    """
    layer, planes = binding.strokes, tuple(planes)
    binding.note_written(planes)
    if is_field(layer):  # it has been filled anew
        return True
    try:
        view = label_view(layer, binding.image)
    except UserError:  # the layer has been given another shape; what does not fit is said when it is published
        return True
    flat = view.reshape(-1, *view.shape[-2:])
    empty = np.zeros(flat.shape[-2:], np.uint8)
    places, values = [], []
    for number in planes:
        wanted = scribbles.planes.get(number, empty)
        changed = np.flatnonzero(flat[number] != wanted)
        places.append(changed + number * wanted.size)
        values.append(wanted.ravel()[changed])
    where, what = np.concatenate(places), np.concatenate(values)
    if not where.size:  # another dock has written it
        return True
    small = where.size <= SMALL
    layer.data_setitem(_indices(where, layer), what.astype(layer.data.dtype), refresh=False)
    if not small:
        forget_edits(layer)
    layer.refresh(extent=False)
    return small


def _indices(where: NDArray[np.int64], layer: Labels) -> Indices:
    """Return flat places as indices of a layer, in the smallest type that holds them: napari keeps them."""
    shape = layer.data.shape
    kinds = [np.min_scalar_type(-size) for size in shape]
    return tuple(axis.astype(kind) for axis, kind in zip(np.unravel_index(where, shape), kinds, strict=True))


def forget_edits(layer: Labels) -> None:
    """Let napari's undo of a layer begin anew: its old values belong to what was shown before.

    napari does so itself where a layer cannot be edited.
    """
    if not getattr(layer, "_undo_history", True):
        return
    mode, editable = layer.mode, layer.editable
    layer.editable = False
    layer.editable = editable
    layer.mode = mode

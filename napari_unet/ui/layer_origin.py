"""Where the labels of a layer come from, noted in its metadata as the text that goes beside their file. Makes no layer.

What was noted travels with the layer: into copies, and to whoever saves it through napari's own menu.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from napari.layers import Layer

from napari_unet.core.provenance import Provenance
from napari_unet.io.provenance_file import provenance_from, provenance_text

from .layer_metadata import forget, note, notes_of

_ORIGIN, _SUM = "provenance", "labels_sum"

BY_HAND = "The labels were changed by hand afterwards."


def sum_of(planes: Iterable[Any]) -> int:
    """Return what labels are known by, plane by plane (Y, X)."""
    found = 0
    for plane in planes:
        found = zlib.crc32(np.ascontiguousarray(plane).data, found)
    return found


def note_origin(layer: Layer, origin: Provenance | None, known_by: int | None = None) -> None:
    """Note where the labels of a layer come from; None: that is not known any more.

    Parameters
    ----------
    layer : napari layer
    origin : Provenance or None
    known_by : int, optional
        What :func:`sum_of` says of the labels as they came out, so that changes by hand are seen.
    """
    forget(layer, _ORIGIN, _SUM)
    if origin is not None:
        note(layer, **{_ORIGIN: provenance_text(origin), **({} if known_by is None else {_SUM: known_by})})


def has_origin(layer: Layer) -> bool:
    """Say whether anything is noted."""
    return _ORIGIN in notes_of(layer)


def origin_of(layer: Layer, planes: Iterable[Any]) -> Provenance | None:
    """Return where the labels of a layer come from, None if that is not known.

    Parameters
    ----------
    layer : napari layer
    planes : iterable of ndarray
        Its labels now; looked at only where it is known how they came out.
    """
    ours = notes_of(layer)
    origin, known_by = provenance_from(ours.get(_ORIGIN)), ours.get(_SUM)
    if origin is None or known_by is None or sum_of(planes) == known_by:
        return origin
    return dataclasses.replace(origin, note=" ".join(filter(None, (origin.note, BY_HAND))))

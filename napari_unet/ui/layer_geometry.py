"""Where a layer lies, as the files know it, and back. Reads and writes no files."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Layer

from napari_unet.core.geometry import Geometry
from napari_unet.io import time_unit_name, unit_name, unit_ratio

from .layers import layer_shape

_CHANNEL = ("c", "ch", "channel", "channels")
_SPARE = "NTZABDEFGH"


def exported_shape(layer: Layer) -> tuple[int, ...]:
    """Return the shape that a labels layer has in a file: without an axis of channels of size 1."""
    return tuple(size for axis, size in enumerate(layer_shape(layer)) if axis in _kept(layer))


def layer_geometry(layer: Layer) -> Geometry:
    """Return axes, steps, offset, units, rotation, shear and affine of a labels layer.

    An axis of size 1 that is labelled as channels is left out: it only holds the place of the image's channels. Lengths
    are given in the unit of X.
    """
    kept = _kept(layer)
    axes = _letters([layer.axis_labels[axis] for axis in kept])
    origin = np.asarray(layer.data_to_world((0.0,) * layer.ndim), dtype=float)
    columns = [np.asarray(layer.data_to_world(tuple(row)), dtype=float) - origin for row in np.eye(layer.ndim)]
    whole = np.array(columns).T[np.ix_(kept, kept)]
    units = [str(layer.units[axis]) for axis in kept]
    unit = unit_name(units[-1])
    ratios = np.array([
        unit_ratio(unit_name(one), unit) or 1.0 if letter in "ZYX" else 1.0
        for letter, one in zip(axes, units, strict=True)
    ])
    steps = np.abs(np.asarray(layer.scale, dtype=float))[kept]
    time_unit = time_unit_name(units[axes.index("T")]) if "T" in axes else "pixel"
    matrix = ratios[:, None] * whole / steps
    matrix[np.abs(matrix) < 1e-12] = 0.0  # what a rotation by nothing leaves of rounding
    return Geometry(
        axes, tuple(steps), unit, tuple(ratios * origin[kept]), time_unit, tuple(map(tuple, matrix)),
    )


def placement(geometry: Geometry) -> dict[str, Any]:
    """Return what a layer needs to lie there: scale, translate or affine, units, axis labels."""
    place: dict[str, Any] = {
        "scale": geometry.scale, "units": geometry.units, "axis_labels": tuple(geometry.axes.lower()),
    }
    if not geometry.linear:
        return {**place, "translate": geometry.translate}
    affine = np.eye(len(geometry.axes) + 1)
    affine[:-1, :-1], affine[:-1, -1] = geometry.matrix, geometry.translate
    return {**place, "affine": affine}


def _kept(layer: Layer) -> list[int]:
    """Return the axes of a layer that go into a file."""
    shape = layer_shape(layer)
    return [
        axis for axis in range(len(shape))
        if axis >= len(shape) - 2 or shape[axis] > 1 or layer.axis_labels[axis].lower() not in _CHANNEL
    ]


def _letters(labels: list[str]) -> str:
    """Return one letter per axis: the first of each label where those differ, else letters of our own."""
    letters = [label[:1].upper() for label in labels[:-2]]
    usable = all(one.isalpha() and one.isascii() and one not in "CYX" for one in letters)
    if not usable or len(set(letters)) < len(letters):
        letters = list(_SPARE[: len(letters)]) if len(letters) != 2 else ["T", "Z"]
    return "".join(letters) + "YX"

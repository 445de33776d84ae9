"""Pixels of a coarser level of an image as pixels of the image: what people type and read means the same at any level.

Measures nothing and finds nothing.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from napari_unet.core.level_field import LevelField

from .measure_table import MeasureTable

AREAS, LENGTHS = ("smallest",), ("smooth",)
"""Parameters of ways that count pixels, and those that are as long as so many."""

_NOT_SQUARE = ("perimeter", "major", "minor", "nearest")


def parameters_at(values: Mapping[str, Any], factor: tuple[int, int]) -> dict[str, Any]:
    """Return parameters of a way, in pixels of the image, in those of a level.

    Parameters
    ----------
    values : mapping
    factor : (int, int)
        Rows and columns of the image that one of the level stands for.
    """
    area = math.prod(factor)
    by = {**dict.fromkeys(AREAS, area), **dict.fromkeys(LENGTHS, math.sqrt(area))}
    return {name: value / by[name] if name in by and isinstance(value, (int, float)) else value
            for name, value in values.items()}


def in_image_pixels(table: MeasureTable, field: LevelField) -> MeasureTable:
    """Return a table of a field of an image with everything that is in pixels in those of the image."""
    factor, corner = field.factor, (field.rows.start, field.columns.start)
    area, columns = math.prod(factor), dict(table.columns)
    for name, values in table.columns.items():
        if table.units.get(name) != "pixel":
            continue
        if name == "area_px":
            columns[name] = values * area
        elif name in ("y_px", "x_px"):
            by, first = factor["yx".index(name[0])], corner["yx".index(name[0])]
            columns[name] = (values + first) * by + (by - 1) / 2
        elif factor[0] != factor[1] and name in _NOT_SQUARE:
            del columns[name]
        else:
            columns[name] = np.asarray(values * math.sqrt(area))
    return dataclasses.replace(table, columns=columns)


def in_field(field: LevelField, place: Sequence[float]) -> list[float]:
    """Return row and column in a field of a place in pixels of the image."""
    return [(at - (by - 1) / 2) / by - part.start
            for at, by, part in zip(place, field.factor, (field.rows, field.columns), strict=True)]

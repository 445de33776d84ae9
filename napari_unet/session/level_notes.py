"""Notes of objects between the levels of a large image: kept in pixels of the finest, seen and drawn at any.

A pin that was made far out covers whole pixels of that level; seen from farther out, the pixels of which it has half.
Knows no layers and no pixels of the image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.errors import UserError
from ..core.level_field import LevelField
from ..objects.corrections import Pin
from ..objects.hints import Line
from .object_notes import ObjectNotes, Place, PlaceNotes

LARGEST_PIN = 2**26
"""Pixels of the finest level that the box of a pin may have."""


class FieldNotes(NamedTuple):
    """What is noted of the objects in a field.

    Parameters
    ----------
    here : PlaceNotes
        In pixels of the field.
    lines : tuple of Line
        The lines of ``here`` as they are kept.
    pins : tuple of Pin
        The pins of ``here`` as they are kept.
    """

    here: PlaceNotes
    lines: tuple[Line, ...]
    pins: tuple[Pin, ...]


def notes_in_field(notes: ObjectNotes, field: LevelField) -> FieldNotes:
    """Return what is noted of the objects of an image, as far as it is seen in a field of it."""
    kept = notes.at(Place(field.plane))
    shape = notes.shape[-2], notes.shape[-1]
    lines = [(one, moved) for one in kept.lines if (moved := _line_in_field(one, field)).pixels(field.shape)[0].size]
    pins = [(one, seen) for one in kept.pins if (seen := _pin_in_field(one, field, shape)) is not None]
    return FieldNotes(PlaceNotes(tuple(moved for _, moved in lines), tuple(seen for _, seen in pins)),
                      tuple(one for one, _ in lines), tuple(one for one, _ in pins))


def line_of_field(line: Line, field: LevelField) -> Line:
    """Return a line that was drawn in a field in pixels of the finest level."""
    first, factor = np.array((field.rows.start, field.columns.start)), np.array(field.factor)
    return Line(line.kind, tuple(tuple((np.array(point) + first) * factor + (factor - 1) / 2)
                                 for point in line.points))


def pin_of_field(pin: Pin, field: LevelField, shape: tuple[int, int]) -> Pin:
    """Return a pin that was made in a field in pixels of the finest level.

    Parameters
    ----------
    pin : Pin
    field : LevelField
    shape : (int, int)
        Rows and columns of the finest level.

    Raises
    ------
    UserError
        If that is too much to be kept.
    """
    start = [(at + part.start) * by for at, part, by in zip(
        pin.start, (field.rows, field.columns), field.factor, strict=True)]
    sizes = [min(size * by, whole - at) for size, by, whole, at in zip(
        pin.mask.shape, field.factor, shape, start, strict=True)]
    if math.prod(sizes) > LARGEST_PIN:
        raise UserError(f"This object is too large to be put right by hand: {sizes[0]} x {sizes[1]} pixels of the "
                        f"image, and {LARGEST_PIN:,} are kept at most. Part it with cuts first.")
    mask = pin.mask.repeat(field.factor[0], 0)[: sizes[0]].repeat(field.factor[1], 1)[:, : sizes[1]]
    mask.flags.writeable = False
    return Pin((start[0], start[1]), mask, pin.class_id)


def with_pins_of_field(
    notes: PlaceNotes, pins: Sequence[Pin], field: LevelField, shape: tuple[int, int]
) -> PlaceNotes:
    """Return notes, in pixels of the finest level, with pins that were made in a field.

    Objects of older pins that are covered as they are seen in the field go whole: a rim of them that is finer than the
    field's pixels would be an object at finer levels.

    Parameters
    ----------
    notes : PlaceNotes
    pins : sequence of Pin
    field : LevelField
    shape : (int, int)
        Rows and columns of the finest level.

    Raises
    ------
    UserError
        If a pin ends where the field does and not the image, so that the rest would be another object; or if it is too
        much to be kept.
    """
    covered = np.zeros(field.shape, bool)
    for pin in pins:
        covered[pin.where] |= pin.mask
    if _goes_on(covered, field, shape):
        raise UserError("Not done: an object here goes on beyond the part that is looked at, and its rest would be "
                        "another object. Zoom out, or move, until all of it is seen.")

    def is_under(old: Pin) -> bool:
        seen = _pin_in_field(old, field, shape)
        return seen is not None and _is_whole_in(field, old, shape) and bool(covered[seen.where][seen.mask].all())

    kept = tuple(one for one in notes.pins if one.class_id == 1 or not is_under(one))
    return PlaceNotes(notes.lines, kept).with_pins(pin_of_field(one, field, shape) for one in pins)


def _goes_on(covered: NDArray[np.bool_], field: LevelField, shape: tuple[int, int]) -> bool:
    """Say whether pixels at an edge of a field, beyond which the level goes on, are among some."""
    for axis, (part, by, whole) in enumerate(zip((field.rows, field.columns), field.factor, shape, strict=True)):
        if part.start > 0 and covered.take(0, axis).any():
            return True
        if whole - part.stop * by >= by and covered.take(-1, axis).any():
            return True
    return False


def _is_whole_in(field: LevelField, pin: Pin, shape: tuple[int, int]) -> bool:
    """Say whether all of a pin lies in a field; rows and columns of the image that its level has not do not count."""
    return all(part.start * by <= own.start and (own.stop <= part.stop * by or whole - part.stop * by < by)
               for own, part, by, whole in zip(
                   pin.where, (field.rows, field.columns), field.factor, shape, strict=True))


def _line_in_field(line: Line, field: LevelField) -> Line:
    first, factor = np.array((field.rows.start, field.columns.start)), np.array(field.factor)
    return Line(line.kind, tuple(tuple((np.array(point) - (factor - 1) / 2) / factor - first)
                                 for point in line.points))


def _pin_in_field(pin: Pin, field: LevelField, shape: tuple[int, int]) -> Pin | None:
    """Return a pin as it is seen in a field, None where it is not."""
    box, places, full = [], [], []
    for own, part, by, whole in zip(pin.where, (field.rows, field.columns), field.factor, shape, strict=True):
        low, high = max(part.start, own.start // by), min(part.stop, -(-own.stop // by))
        if low >= high:
            return None
        start, stop = max(own.start, low * by), min(own.stop, high * by)
        cells = np.arange(low, high)
        box.append((slice(start - own.start, stop - own.start), low - part.start))
        places.append(np.maximum(cells * by, start) - start)
        full.append(np.minimum(cells * by + by, whole) - cells * by)
    (rows, top), (columns, left) = box
    mask: NDArray[np.bool_] = pin.mask[rows, columns]
    if field.factor != (1, 1):
        counts = np.add.reduceat(np.add.reduceat(mask, places[0], 0, np.int32), places[1], 1, np.int32)
        mask = 2 * counts >= full[0][:, None] * full[1]
        if not mask.any() and _is_whole_in(field, pin, shape):  # it is smaller than a pixel of this level
            mask = counts == max(1, counts.max())
    return Pin((top, left), mask, pin.class_id) if mask.any() else None

"""What is noted of the objects of each image, ``objects/IMAGE_ID.json``. Decides not which images there are.

A file is written whole or not at all. One that cannot be read (a newer version, damaged) is left as it is, and put
aside before another takes its place.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import math
import os
import zlib
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError
from napari_unet.objects.corrections import Pin
from napari_unet.objects.hints import Line
from napari_unet.session.object_notes import ObjectNotes, Place, PlaceNotes

from .disk import make_directory, remove_file, take_place, write_whole
from .record_checks import Checked, checked_id

FORMAT = "napari-unet objects"
VERSION = 1
_LARGEST = 2**28
"""Pixels of the box of one object."""


class NotedObjects:
    """The folder ``objects/`` of a project.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: set[str] = set()  # files that were read or written: these may be written over

    def path_of(self, image_id: str) -> Path:
        """Return the file of an image, there or not."""
        return self._path / f"{checked_id(image_id)}.json"

    def move_to(self, path: Path) -> None:
        """Go on in a copy of the folder."""
        self._path = path

    def forget(self) -> None:
        """Forget what the disk holds: another folder lies there now."""
        self._known.clear()

    def write(self, image_id: str, notes: ObjectNotes) -> None:
        """Write what is noted; where nothing is, there is no file.

        Raises
        ------
        OSError
            If it cannot be written; what was there before is untouched.
        """
        path = self.path_of(image_id)
        if image_id not in self._known and path.exists():
            take_place(path, self._aside(image_id))
        if notes.places:
            make_directory(self._path)
            write_whole(path, notes_to_bytes(notes))
        else:
            remove_file(path)
        self._known.add(image_id)

    def read(self, image_id: str) -> ObjectNotes | None:
        """Read what is noted of the objects of an image, None if nothing is.

        Raises
        ------
        UserError
            If it cannot be read, or is of a newer version. It stays as it is.
        """
        path = self.path_of(image_id)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UserError(f"{path} could not be read ({error.strerror or error}).") from error
        found = notes_from_bytes(data, str(path))
        self._known.add(image_id)
        return found

    def _aside(self, image_id: str) -> Path:
        """Return a name under which an old file is kept."""
        names = (self._path / f"{image_id}.kept-{number}.json" for number in count(1))
        return next(one for one in names if not os.path.lexists(one))


def notes_to_bytes(notes: ObjectNotes) -> bytes:
    """Return what is noted of the objects of an image as a file."""
    return json.dumps({
        "format": FORMAT, "version": VERSION, "shape": list(notes.shape),
        "places": [{
            "plane": place.plane, "volume": place.volume,
            "lines": [{"kind": one.kind, "points": [list(point) for point in one.points]} for one in kept.lines],
            "pins": [{"class": one.class_id, "start": list(one.start), "size": list(one.mask.shape),
                      "mask": _packed(one.mask)} for one in kept.pins],
        } for place, kept in sorted(notes.places.items())],
    }, indent=1).encode()


def notes_from_bytes(data: bytes, what: str) -> ObjectNotes:
    """Return what :func:`notes_to_bytes` gave.

    Raises
    ------
    UserError
        For anything else; says what to do.
    """
    try:
        read = Checked(json.loads(data), what)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{what} cannot be read ({error}). It is left as it is; cuts and corrections of its objects "
                        "are not shown.") from error
    if read.text("format") != FORMAT:
        raise UserError(f"{what} is no file of objects. It is left as it is.")
    if read.whole("version") > VERSION:
        raise UserError(f"{what} was written by a newer napari-unet (version {read.whole('version')}, known is "
                        f"{VERSION}). It is left as it is; cuts and corrections of its objects are not shown.")
    shape = tuple(read.sizes("shape"))
    if len(shape) < 2:
        raise UserError(f"'shape' of {what} is no shape of an image.")
    planes, places = math.prod(shape[:-2]), {}
    for given in read.items("places"):
        one = Checked(given, f"a place of {what}")
        place = Place(one.whole("plane", largest=planes - 1), one.flag("volume", False))
        lines = tuple(_line(line, what) for line in one.items("lines"))
        pins = tuple(_pin(pin, shape, place.volume, what) for pin in one.items("pins"))
        places[place] = PlaceNotes(lines, pins)
    return ObjectNotes(shape, places)


def _line(given: Any, what: str) -> Line:
    read = Checked(given, f"a line of {what}")
    kind, points = read.text("kind"), read.items("points")
    good = all(isinstance(point, list) and all(_is_place(number) for number in point) for point in points)
    if kind not in ("cut", "join") or not good:
        raise UserError(f"A line of {what} makes no sense. Allowed: a cut or a join with points of numbers.")
    return Line(kind, tuple(map(tuple, points)))  # type: ignore[arg-type]


def _is_place(number: object) -> bool:
    return type(number) in (int, float) and math.isfinite(number) and abs(number) < 2**40  # type: ignore[arg-type]


def _pin(given: Any, shape: tuple[int, ...], volume: bool, what: str) -> Pin:
    read = Checked(given, f"an object of {what}")
    start, size = read.items("start"), tuple(read.sizes("size"))
    axes = shape[-3:] if volume and len(shape) > 2 else shape[-2:]
    fits = len(start) == len(size) == len(axes) and all(type(one) is int and one >= 0 for one in start)
    if not fits or any(at + wide > whole for at, wide, whole in zip(start, size, axes, strict=True)):
        raise UserError(f"An object of {what} lies outside of the image {shape}.")
    mask = _unpacked(read.child("mask"), size)
    if mask is None:
        raise UserError(f"The pixels of an object of {what} are damaged.")
    return Pin(tuple(start), mask, read.whole("class", largest=255))


def _packed(mask: NDArray[np.bool_]) -> str:
    """Return a mask as text: its bits in rows, eight to a byte, compressed with zlib, in base 64."""
    return base64.b64encode(zlib.compress(np.packbits(mask).tobytes())).decode()


def _unpacked(text: object, size: tuple[int, ...]) -> NDArray[np.bool_] | None:
    pixels = math.prod(size)
    if not isinstance(text, str) or not 0 < pixels <= _LARGEST:
        return None
    unpacker, wanted = zlib.decompressobj(), -(-pixels // 8)
    bits = b""
    with contextlib.suppress(zlib.error, binascii.Error, ValueError):
        bits = unpacker.decompress(base64.b64decode(text, validate=True), wanted + 1)
    if len(bits) != wanted or not unpacker.eof:
        return None
    mask = np.unpackbits(np.frombuffer(bits, np.uint8), count=pixels).astype(bool).reshape(size)
    mask.flags.writeable = False
    return mask

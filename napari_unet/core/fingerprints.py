"""Short names of what strokes and images hold, so that one can tell later whether they are still the same.

Reads pixels, writes nothing. A fingerprint is no proof against ill will: of large images only parts are read.
"""

from __future__ import annotations

import hashlib
import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .image import Image
from .in_memory import in_memory
from .scribbles import Scribbles

WHOLE = 2**22
"""Images of so many numbers at most are read whole; of larger ones, five windows on three planes."""

WINDOW = 256
"""Side of a window, in pixels."""

# of blocks of strokes, which are frozen, and of images that cost reading: kept as long as they are
_known: dict[int, tuple[weakref.ref[Any], str]] = {}


def stroke_hash(scribbles: Scribbles) -> str:
    """Return what strokes are known by: equal paint has equal names, whatever its version.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    whole = _hasher(repr(tuple(map(int, scribbles.shape))))
    for number in scribbles.planes:
        for place, block in sorted(scribbles.blocks(number).items()):  # a new stroke is a few new blocks
            whole.update(f"{number}:{place}:{_once(block, _block_hash)}".encode())
    return whole.hexdigest()


def image_hash(image: Image) -> str:
    """Return what an image is known by: axes, type and pixels; of a large one, the pixels of some windows.

    Those are the corners and the middle of the first, the middle and the last plane, of all channels.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    return _once(image, _pixels_hash)


def hash_if_whole(image: Image) -> str:
    """Return the same; empty of an image that is damaged there: whoever needs that part tells of it."""
    try:
        return image_hash(image)
    except UserError:
        return ""


def _block_hash(block: NDArray[np.uint8]) -> str:
    return hashlib.blake2b(np.ascontiguousarray(block).data, digest_size=16).hexdigest()


def _pixels_hash(image: Image) -> str:
    shape = tuple(map(int, image.data.shape))
    found = _hasher(repr((image.axes, shape, np.dtype(image.data.dtype).str)))
    if int(np.prod(shape, dtype=np.int64)) <= WHOLE:
        found.update(_bytes(image.data[...]))
        return found.hexdigest()
    for plane in sorted({0, image.n_planes // 2, image.n_planes - 1}):
        for rows, columns in _windows(image.plane_shape):
            leading = iter(image.where(plane)[:-2])
            by_letter = {"C": slice(None), "Y": rows, "X": columns}
            index = tuple(by_letter[letter] if letter in by_letter else next(leading) for letter in image.axes)
            found.update(_bytes(image.data[index]))
    return found.hexdigest()


def _windows(shape: tuple[int, int]) -> list[tuple[slice, slice]]:
    """Return the corners and the middle of a plane, each :data:`WINDOW` wide where there is room."""
    starts = [sorted({0, (size - WINDOW) // 2, size - WINDOW} if size > WINDOW else {0}) for size in shape]
    boxes = [(rows, columns) for rows in starts[0] for columns in starts[1]
             if len(starts[0]) < 3 or len(starts[1]) < 3 or (rows == starts[0][1]) == (columns == starts[1][1])]
    return [(slice(rows, rows + WINDOW), slice(columns, columns + WINDOW)) for rows, columns in boxes]


def _bytes(pixels: Any) -> bytes:
    return np.ascontiguousarray(in_memory(pixels)).tobytes()


def _hasher(beginning: str) -> hashlib.blake2b:
    return hashlib.blake2b(beginning.encode(), digest_size=16)


def _once(thing: Any, name: Any) -> str:
    """Return the name of a thing that does not change, found out once in its life."""
    known = _known.get(id(thing))
    if known is not None and known[0]() is thing:
        return known[1]
    number, made = id(thing), str(name(thing))

    def forget(_: Any) -> None:
        _known.pop(number, None)

    _known[number] = weakref.ref(thing, forget), made
    return made

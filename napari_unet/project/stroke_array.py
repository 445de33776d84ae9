"""Strokes as a zarr array of format 2: its description, and its blocks as files. Touches no block on disk.

Written and read without zarr, as its writer replaces no file in one step.
"""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError
from napari_unet.core.painted_plane import BLOCK, Block

from .record_checks import Checked

_LARGEST_PLANE = 2**34
_LEVEL = 1


def array_description(shape: tuple[int, ...]) -> bytes:
    """Return the file ``.zarray`` of strokes of a shape."""
    return json.dumps({
        "zarr_format": 2, "shape": list(shape), "chunks": _chunks(shape), "dtype": "|u1",
        "compressor": {"id": "zlib", "level": _LEVEL}, "fill_value": 0, "order": "C", "filters": None,
        "dimension_separator": ".",
    }, indent=1).encode()


def array_shape(path: Path) -> tuple[int, ...]:
    """Return the shape of the array in a folder.

    Raises
    ------
    UserError
        If it is none as we write them.
    OSError
        If it cannot be read.
    """
    try:
        read = Checked(json.loads((path / ".zarray").read_bytes()), f"the array {path}")
    except (ValueError, RecursionError) as error:
        raise UserError(f"The strokes {path} have no description that can be read ({error}).") from error
    shape = read.sizes("shape")
    kind = read.whole("zarr_format"), *(read.text(key) for key in ("dtype", "order", "dimension_separator"))
    compressor = read.json("compressor").get("id")
    if kind != (2, "|u1", "C", ".") or read.items("chunks", None) != _chunks(shape) or compressor != "zlib":
        raise UserError(f"The strokes {path} were written in another way (zarr 2, uint8, zlib is read).")
    if math.prod(shape[-2:]) > _LARGEST_PLANE:
        raise UserError(f"The strokes {path} have planes of {shape[-2]}x{shape[-1]} pixels: too many.")
    return shape


def block_file(shape: tuple[int, ...], number: int, block: Block) -> str:
    """Return the name of the file that holds a block of a plane."""
    leading = map(int, np.unravel_index(number, shape[:-2])) if shape[:-2] else ()
    return ".".join(map(str, (*leading, *block)))


def block_at(shape: tuple[int, ...], name: str) -> tuple[int, Block] | None:
    """Return the plane and the block that a file holds; None if the array has no such block."""
    *leading, row, column = parts = [int(part) for part in name.split(".")] if "." in name else [0, -1, -1]
    inside = len(parts) == len(shape) and all(at < size for at, size in zip(leading, shape[:-2], strict=True))
    if not inside or not (0 <= row < -(-shape[-2] // BLOCK) and 0 <= column < -(-shape[-1] // BLOCK)):
        return None
    return int(np.ravel_multi_index(leading, shape[:-2])) if leading else 0, (row, column)


def packed(block: NDArray[np.uint8], shape: tuple[int, ...]) -> bytes:
    """Return the file of a block; at the border, zarr stores whole blocks too."""
    whole = block
    if block.shape != _size(shape):
        whole = np.zeros(_size(shape), np.uint8)
        whole[: block.shape[0], : block.shape[1]] = block
    return zlib.compress(np.ascontiguousarray(whole).tobytes(), _LEVEL)


def unpacked(data: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """Return the pixels in the file of a block, None if it is damaged."""
    wanted = math.prod(_size(shape))
    unpacker = zlib.decompressobj()
    try:
        pixels = unpacker.decompress(data, wanted + 1)  # and no more, whatever the file claims to hold
    except zlib.error:
        return None
    return np.frombuffer(pixels, np.uint8).reshape(_size(shape)) if len(pixels) == wanted and unpacker.eof else None


def _size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns of a block in its file."""
    return min(shape[-2], BLOCK), min(shape[-1], BLOCK)


def _chunks(shape: tuple[int, ...]) -> list[int]:
    return [*(1,) * (len(shape) - 2), *_size(shape)]

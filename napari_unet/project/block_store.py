"""Strokes of one image as a zarr array (format 2) of which only painted blocks exist. Knows no project.

Each block is a file of its own, compressed with zlib, so that any reader of zarr opens it, and a stroke changes a few
small files. Written and read without zarr, as its writer replaces no file in one step.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError
from napari_unet.core.scribbles import Scribbles

from .disk import PARTIAL, make_directory, remove_file, settle_folder, take_place, write_whole
from .record_checks import Checked

BLOCK = 512
"""Rows and columns of a block."""

_NAME = re.compile(r"\d{1,15}(?:\.\d{1,15})*")
_LARGEST_PLANE = 2**34
_LEVEL = 1


@dataclasses.dataclass(frozen=True, eq=False)
class StoredStrokes:
    """What was read of the strokes of an image.

    Parameters
    ----------
    scribbles : Scribbles
    axes : str
        Letters, empty where the file does not say.
    damaged : tuple of str
        Names of blocks that could not be read; their paint is missing.
    """

    scribbles: Scribbles
    axes: str
    damaged: tuple[str, ...] = ()


class BlockStore:
    """The strokes of one image on disk: ``strokes/IMAGE_ID.zarr``.

    Parameters
    ----------
    path : Path
        The folder of the array; the folder that it lies in must be there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: Scribbles | None = None  # what the disk holds for certain
        self._described: tuple[tuple[int, ...], str] | None = None

    def write(self, scribbles: Scribbles, axes: str, notes: Mapping[str, Any] | None = None) -> int:
        """Write the blocks that differ from what was last written or read.

        Planes that are the same objects as before cost nothing, others a comparison block by block.

        Parameters
        ----------
        scribbles : Scribbles
        axes : str
            Letters of its shape.
        notes : mapping, optional
            Further attributes of the array, plain JSON; written when the array is made, or its axes change.

        Returns
        -------
        int
            Number of blocks written or removed.

        Raises
        ------
        OSError
            If a block cannot be written. Blocks before it are; the next call writes whatever is needed.
        """
        before, self._written = self._written, None  # unknown, should something go wrong on the way
        if self._described is None or self._described != (scribbles.shape, axes) or not self._path.is_dir():
            self._describe(scribbles.shape, axes, notes or {})
            before = before if before is not None and before.shape == scribbles.shape else None
            self._described = scribbles.shape, axes
        done = self._all_blocks(scribbles) if before is None else self._changed_blocks(before, scribbles)
        if done:
            settle_folder(self._path)
        self._written = scribbles
        return done

    def _changed_blocks(self, before: Scribbles, scribbles: Scribbles) -> int:
        done = 0
        for number in sorted({*before.planes, *scribbles.planes}):
            old, new = before.planes.get(number), scribbles.planes.get(number)
            if old is new:
                continue
            for where, box in _blocks(scribbles.shape):
                block = None if new is None else new[box]
                if _same(None if old is None else old[box], block):
                    continue
                self._put(_name(scribbles.shape, number, where), block, scribbles.shape)
                done += 1
        return done

    def _all_blocks(self, scribbles: Scribbles) -> int:
        """Write every painted block, and remove the others; for when it is not known what the disk holds."""
        painted = set()
        for number, plane in scribbles.planes.items():
            for where, box in _blocks(scribbles.shape):
                block = plane[box]
                if block.any():
                    painted.add(name := _name(scribbles.shape, number, where))
                    self._put(name, block, scribbles.shape)
        gone = [name for name in self._names() if name not in painted]
        for name in gone:
            remove_file(self._path / name)
        return len(painted) + len(gone)

    def _put(self, name: str, block: NDArray[np.uint8] | None, shape: tuple[int, ...]) -> None:
        if block is None or not block.any():
            remove_file(self._path / name)
            return
        rows, columns = _block_size(shape)
        if block.shape != (rows, columns):  # at the border: zarr stores whole blocks
            whole = np.zeros((rows, columns), np.uint8)
            whole[: block.shape[0], : block.shape[1]] = block
            block = whole
        write_whole(self._path / name, zlib.compress(np.ascontiguousarray(block).tobytes(), _LEVEL))

    # -- the description of the array ------------------------------------------------------------------------------

    def _describe(self, shape: tuple[int, ...], axes: str, notes: Mapping[str, Any]) -> None:
        """Make the array, or change its axes. Paint of another shape that lies there is put aside, never removed."""
        attributes = _json({"axes": list(axes.lower()), "_ARRAY_DIMENSIONS": list(axes.lower()), **notes})
        if self._path.is_dir():
            try:
                fits = self._shape() == shape
            except (UserError, OSError):
                fits = False
            if fits:
                write_whole(self._path / ".zattrs", attributes)
                return
            self.set_aside()
        partial = self._path.with_name(self._path.name + PARTIAL)
        make_directory(partial)
        write_whole(partial / ".zarray", _json({
            "zarr_format": 2, "shape": list(shape), "chunks": [*(1,) * (len(shape) - 2), *_block_size(shape)],
            "dtype": "|u1", "compressor": {"id": "zlib", "level": _LEVEL}, "fill_value": 0, "order": "C",
            "filters": None, "dimension_separator": ".",
        }))
        write_whole(partial / ".zattrs", attributes)
        take_place(partial, self._path)

    def set_aside(self) -> Path | None:
        """Give what lies here another name, ``IMAGE_ID.kept-1.zarr``; return it, None if nothing lies here."""
        self._written = self._described = None
        if not self._path.is_dir():
            return None
        for number in range(1, 10_000):
            place = self._path.with_name(f"{self._path.stem}.kept-{number}.zarr")
            if not place.exists():
                take_place(self._path, place)
                return place
        raise UserError(f"There is too much beside {self._path} that was set aside. Move it elsewhere.")

    def notes(self) -> dict[str, Any]:
        """Return the attributes of the array, empty where there are none that make sense."""
        try:
            found = json.loads((self._path / ".zattrs").read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def _shape(self) -> tuple[int, ...]:
        """Return the shape of the array that lies here, if it is one as we write them."""
        try:
            read = Checked(json.loads((self._path / ".zarray").read_bytes()), f"the array {self._path}")
        except (ValueError, RecursionError) as error:
            raise UserError(f"The strokes {self._path} have no description that can be read ({error}).") from error
        shape = read.sizes("shape")
        wanted = [*(1,) * (len(shape) - 2), *_block_size(shape)]
        kind = read.whole("zarr_format"), *(read.text(key) for key in ("dtype", "order", "dimension_separator"))
        compressor = read.json("compressor").get("id")
        if kind != (2, "|u1", "C", ".") or read.items("chunks", None) != wanted or compressor != "zlib":
            raise UserError(f"The strokes {self._path} were written in another way (zarr 2, uint8, zlib is read).")
        if math.prod(shape[-2:]) > _LARGEST_PLANE:
            raise UserError(f"The strokes {self._path} have planes of {shape[-2]}x{shape[-1]} pixels: too many.")
        return shape

    # -- reading ---------------------------------------------------------------------------------------------------

    def read(self) -> StoredStrokes | None:
        """Read all painted planes; None if nothing lies here.

        Raises
        ------
        UserError
            If what lies here is not as we write it.
        OSError
            If it cannot be read.
        """
        if not (self._path / ".zarray").is_file():
            return None
        shape = self._shape()
        planes: dict[int, NDArray[np.uint8]] = {}
        damaged = []
        for name in self._names():
            at = _place(shape, name)
            block = None if at is None else _decoded((self._path / name).read_bytes(), _block_size(shape))
            if at is None or block is None:
                damaged.append(name)
                continue
            number, box = at
            plane = planes.setdefault(number, np.zeros(shape[-2:], np.uint8))
            part = plane[box]
            part[...] = block[: part.shape[0], : part.shape[1]]
        for plane in planes.values():
            plane.flags.writeable = False
        scribbles = Scribbles(shape, planes)
        letters = self.notes().get("axes")
        axes = "".join(letters).upper() if isinstance(letters, list) and all(map(_is_letter, letters)) else ""
        axes = axes if len(axes) == len(shape) else ""
        self._written = None if damaged else scribbles
        self._described = (shape, axes) if axes else None
        return StoredStrokes(scribbles, axes, tuple(damaged))

    def set_aside_damaged(self, names: Iterable[str]) -> None:
        """Give blocks that cannot be read another ending, so that new paint does not take their place."""
        for name in names:
            take_place(self._path / name, self._path / f"{name}.damaged")

    def _names(self) -> Iterator[str]:
        """Names of the blocks there are, in order."""
        return iter(sorted(name for name in os.listdir(self._path) if _NAME.fullmatch(name)))


def _is_letter(value: object) -> bool:
    return isinstance(value, str) and len(value) == 1


def _block_size(shape: tuple[int, ...]) -> tuple[int, int]:
    return min(shape[-2], BLOCK), min(shape[-1], BLOCK)


def _blocks(shape: tuple[int, ...]) -> Iterator[tuple[tuple[int, int], tuple[slice, slice]]]:
    """Yield (row, column) of every block of a plane, and where it lies."""
    rows, columns = _block_size(shape)
    for row in range(-(-shape[-2] // rows)):
        for column in range(-(-shape[-1] // columns)):
            yield (row, column), (slice(row * rows, (row + 1) * rows), slice(column * columns, (column + 1) * columns))


def _name(shape: tuple[int, ...], number: int, where: tuple[int, int]) -> str:
    leading = map(int, np.unravel_index(number, shape[:-2])) if shape[:-2] else ()
    return ".".join(map(str, (*leading, *where)))


def _place(shape: tuple[int, ...], name: str) -> tuple[int, tuple[slice, slice]] | None:
    """Return the plane of a block and where in it the block lies; None if the array has no such block."""
    *leading, row, column = parts = [int(part) for part in name.split(".")] if "." in name else [0, -1, -1]
    rows, columns = _block_size(shape)
    inside = len(parts) == len(shape) and all(at < size for at, size in zip(leading, shape[:-2], strict=True))
    if not inside or not (0 <= row < -(-shape[-2] // rows) and 0 <= column < -(-shape[-1] // columns)):
        return None
    number = int(np.ravel_multi_index(leading, shape[:-2])) if leading else 0
    return number, (slice(row * rows, (row + 1) * rows), slice(column * columns, (column + 1) * columns))


def _decoded(data: bytes, size: tuple[int, int]) -> NDArray[np.uint8] | None:
    """Return the pixels of a block, None if it is damaged."""
    wanted = math.prod(size)
    unpacker = zlib.decompressobj()
    try:
        pixels = unpacker.decompress(data, wanted + 1)
    except zlib.error:
        return None
    return np.frombuffer(pixels, np.uint8).reshape(size) if len(pixels) == wanted and unpacker.eof else None


def _same(old: NDArray[np.uint8] | None, new: NDArray[np.uint8] | None) -> bool:
    if old is None or new is None:
        painted = new if old is None else old
        return painted is None or not painted.any()
    return np.array_equal(old, new)


def _json(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, indent=1).encode()

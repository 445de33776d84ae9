"""Strokes of one image as a zarr array (format 2) of which only painted blocks exist. Knows no project.

Each block is a file of its own, so that a stroke changes a few small files.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError
from napari_unet.core.painted_plane import Block, box_of
from napari_unet.core.scribbles import Scribbles

from .disk import PARTIAL, make_directory, remove_file, settle_folder, take_place, write_whole
from .stroke_array import array_description, array_shape, block_at, block_file, packed, unpacked

_Blocks = dict[str, NDArray[np.uint8] | None]
"""Blocks by name of their file; None for one without paint."""

_FEW, _AT_ONCE = 8, 8
_NAME = re.compile(r"\d{1,15}(?:\.\d{1,15})*")


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
        self._mine = False  # what lies here was written by this process, or goes on what was read: it may be replaced
        self._found: Scribbles | None = None  # what was read last
        self._written: Scribbles | None = None  # what the disk holds for certain
        self._described: tuple[tuple[int, ...], str] | None = None

    def write(self, scribbles: Scribbles, axes: str, notes: Mapping[str, Any] | None = None) -> int:
        """Write the blocks that differ from what was last written or read.

        Blocks that are the same objects as before cost nothing, others a comparison. Paint of another shape is put
        aside, and so is, at the first writing, paint that these strokes know nothing of: that was not read, or none of
        which is left in them.

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
        if not self._mine and not _goes_on(self._found, scribbles) and self._path.is_dir() and any(self._names()):
            self.set_aside()
            before = None
        self._mine, self._found = True, None
        if self._described is None or self._described != (scribbles.shape, axes) or not self._path.is_dir():
            self._describe(scribbles.shape, axes, notes or {})
            before = before if before is not None and before.shape == scribbles.shape else None
            self._described = scribbles.shape, axes
        done = self._all_blocks(scribbles) if before is None else self._changed_blocks(before, scribbles)
        if done:
            settle_folder(self._path)
        self._written = scribbles
        return done

    def forget(self) -> None:
        """Forget what the disk holds: the next writing makes sure of all of it."""
        self._written = self._described = None

    def move_to(self, path: Path) -> None:
        """Go on in a copy of the array."""
        self._path = path

    def _changed_blocks(self, before: Scribbles, scribbles: Scribbles) -> int:
        """Write the blocks that are others than before."""
        new: _Blocks = {}
        for number in {*before.planes, *scribbles.planes}:
            old, now = before.blocks(number), scribbles.blocks(number)
            for block in {*old, *now}:
                was, is_now = old.get(block), now.get(block)
                if was is not is_now and (was is None or is_now is None or not _same(was, is_now)):
                    new[block_file(scribbles.shape, number, block)] = is_now
        return self._put(new, scribbles.shape)

    def _all_blocks(self, scribbles: Scribbles) -> int:
        """Write every painted block, and remove the others; for when it is not known what the disk holds."""
        new: _Blocks = dict.fromkeys(self._names())
        for number in scribbles.planes:
            for block, pixels in scribbles.blocks(number).items():
                new[block_file(scribbles.shape, number, block)] = pixels
        return self._put(new, scribbles.shape)

    def _put(self, blocks: _Blocks, shape: tuple[int, ...]) -> int:
        """Write or remove blocks by name; many at a time, as the disk makes one of several flushes."""

        def put(name: str) -> None:
            pixels = blocks[name]
            if pixels is None:
                remove_file(self._path / name)
            else:
                write_whole(self._path / name, packed(pixels, shape))

        if len(blocks) <= _FEW:
            for name in sorted(blocks):
                put(name)
        else:
            with ThreadPoolExecutor(_AT_ONCE, "napari-unet-blocks") as writers:
                for _ in writers.map(put, sorted(blocks)):
                    pass
        return len(blocks)

    # -- the description of the array ------------------------------------------------------------------------------

    def _describe(self, shape: tuple[int, ...], axes: str, notes: Mapping[str, Any]) -> None:
        """Make the array, or change its axes. Paint of another shape that lies there is put aside, never removed."""
        attributes = _json({"axes": list(axes.lower()), "_ARRAY_DIMENSIONS": list(axes.lower()), **notes})
        if self._path.is_dir():
            try:
                fits = array_shape(self._path) == shape
            except (UserError, OSError):
                fits = False
            if fits:
                write_whole(self._path / ".zattrs", attributes)
                return
            self.set_aside()
        partial = self._path.with_name(self._path.name + PARTIAL)
        make_directory(partial)
        write_whole(partial / ".zarray", array_description(shape))
        write_whole(partial / ".zattrs", attributes)
        take_place(partial, self._path)

    def set_aside(self) -> Path | None:
        """Give what lies here another name, ``IMAGE_ID.kept-1.zarr``; return it, None if nothing lies here."""
        self.forget()
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
        shape = array_shape(self._path)
        blocks: dict[int, dict[Block, NDArray[np.uint8]]] = {}
        damaged = []
        for name in self._names():
            at = block_at(shape, name)
            pixels = None if at is None else unpacked((self._path / name).read_bytes(), shape)
            if at is None or pixels is None:
                damaged.append(name)
                continue
            number, block = at
            rows, columns = box_of(block, (shape[-2], shape[-1]))
            blocks.setdefault(number, {})[block] = pixels[: rows.stop - rows.start, : columns.stop - columns.start]
        scribbles = Scribbles.empty(shape).repainting(blocks, 0)
        letters = self.notes().get("axes")
        axes = "".join(letters).upper() if isinstance(letters, list) and all(map(_is_letter, letters)) else ""
        axes = axes if len(axes) == len(shape) else ""
        self._written, self._found = None if damaged else scribbles, scribbles
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


def _goes_on(found: Scribbles | None, scribbles: Scribbles) -> bool:
    """Say whether strokes go on what was found: a pixel painted there is painted still."""
    if found is None or found.shape != scribbles.shape:
        return False
    for number in found.planes:
        for block, pixels in found.blocks(number).items():
            now = scribbles.blocks(number).get(block)
            if now is not None and (now is pixels or bool((pixels.astype(bool) & now.astype(bool)).any())):
                return True
    return not found.planes


def _same(old: NDArray[np.uint8], new: NDArray[np.uint8]) -> bool:
    return np.array_equal(old, new)


def _json(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, indent=1).encode()

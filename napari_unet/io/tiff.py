"""TIFF: OME-TIFF, ImageJ, plain stacks and more are read (through tifffile); masks are saved as Fiji opens them.

Knows nothing of strokes or methods. Nothing read from a file is ever executed or unpickled.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_unet.core import parameters
from napari_unet.core.errors import UserError
from napari_unet.core.parameters import Parameter

from ._contents import Contents
from ._imagej import hyperstack_options, imagej_slots, plain_options, suits_imagej
from ._mask_info import MaskInfo
from ._output import replace_file
from ._registry import register
from ._tiff_by_tile import tiff_by_tile
from ._tiff_checks import check_complete, checked
from ._tiff_colours import as_mask, as_picture, no_data_as_shown
from ._tiff_metadata import declared_no_data, tiff_contents
from ._tiff_planes import check_named_planes, choose_series, existing_planes, opened_tiff

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPageSeries

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@register("tiff", "TIFF", suffixes=(".tif", ".tiff"))
@dataclasses.dataclass(frozen=True)
class Tiff:
    """TIFF: one file that Fiji opens with voxel size, unit and class names (Image > Show Info).

    Masks are ImageJ hyperstacks of uint8. Planes along an axis that ImageJ has no name for (N) become slices; what they
    are is noted in the file, so that reading it here gives the same axes again. What does not fit an ImageJ file (more
    than 4 GB, more than three axes of planes) is saved as a plain BigTIFF with the same notes.
    """

    compression: Annotated[
        Literal["zlib", "zstd", "lzw", "none"],
        Parameter("How the file is made smaller without loss; Fiji reads zlib, lzw."),
    ] = "zlib"

    def __post_init__(self) -> None:
        parameters.check(self)

    def recognises(self, path: Path) -> bool:
        """Say whether a file begins like a TIFF or is named like one."""
        if not path.is_file():
            return False
        if path.suffix.lower() in (".tif", ".tiff"):
            return True
        with path.open("rb") as file:
            return file.read(4) in _MAGIC

    def read(self, path: Path, labels: bool = False) -> Contents:
        """Read a picture at full resolution, the first unless that is a preview; uncompressed pixels are mapped.

        Of images, palettes and inverted grey values are applied; class numbers stay.

        Raises
        ------
        UserError
            If the file is empty, truncated, damaged, larger than it can be or not a TIFF.
        """
        return self._read(path, labels)

    def read_series(self, path: Path, number: int) -> Contents:
        """Read one of several pictures in a file, counted from 0; errors as :meth:`read`, and if there is none."""
        return self._read(path, False, number)

    def _read(self, path: Path, labels: bool, wanted: int | None = None) -> Contents:
        with checked(path) as refuse_damaged, opened_tiff(path) as tiff:
            if tiff.is_ome:
                check_named_planes(path, tiff.ome_metadata or "")
            if not tiff.series:
                raise ValueError("it holds no picture")  # checked() says the rest
            number, choice = choose_series(tiff) if wanted is None else _wanted_series(path, tiff, wanted)
            series, lost = existing_planes(path, tiff, tiff.series[number])
            check_complete(path, series)
            refuse_damaged()
            stored, axes, said = _pixels(path, series, None if lost else number, labels), series.axes, ""
            if labels:
                data, no_data = as_mask(series.keyframe, stored), declared_no_data(series)
            else:
                data, axes, said = as_picture(series, stored, axes, tiff.is_imagej)
                data, no_data = no_data_as_shown(series, stored, data, declared_no_data(series))
            contents = tiff_contents(tiff, series, number, data, axes)
            return dataclasses.replace(
                contents, no_data=no_data, notes=tuple(filter(None, (choice, *contents.notes))),
                warnings=tuple(filter(None, (lost, said and f"{path}: {said}."))),
            )

    def create(self, path: Path, shape: tuple[int, ...], info: MaskInfo) -> TiffSink:
        """Begin to write a mask; it is kept in memory (one byte per pixel) until it is closed."""
        return TiffSink(path, np.zeros(shape, info.dtype), info, self.compression)

    def may_replace(self, path: Path) -> str:
        """Any file may be replaced when asked to, a folder never."""
        return replace_file(path)


def _wanted_series(path: Path, tiff: TiffFile, number: int) -> tuple[int, str]:
    """Return a number and what to say of it, if there is such a picture."""
    count = len(tiff.series)
    if number >= count:
        raise UserError(f"{path} holds {count} picture{'' if count == 1 else 's'} now, and the one asked for is number "
                        f"{number + 1}. Put the old file back.")
    return number, f"series {number + 1} of {count}"


def _pixels(path: Path, series: TiffPageSeries, number: int | None, labels: bool) -> Any:
    """Map or decode a series; ``number`` is that of a whole one in the file."""
    import tifffile

    if number is not None and series.dataoffset is not None and series.size:
        return tifffile.memmap(path, series=number, mode="r")
    lazy = tiff_by_tile(path, series, number) if number is not None and not labels else None
    return series.asarray() if lazy is None else lazy


@dataclasses.dataclass(eq=False)
class TiffSink:
    """A mask in memory that becomes a TIFF when it is closed."""

    path: Path
    array: NDArray[Any]
    info: MaskInfo
    compression: str

    def __setitem__(self, where: Any, values: Any) -> None:
        self.array[where] = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.array, dtype=dtype, copy=copy)

    def close(self) -> None:
        """Write the file."""
        import tifffile

        info = self.info
        packed: dict[str, Any] = {"compression": None if self.compression == "none" else self.compression}
        # ImageJ knows no whole numbers of more than two bytes
        if self.array.dtype.itemsize > 2 or not suits_imagej(info, self.array.nbytes):
            tifffile.imwrite(self.path, self.array, photometric="minisblack", **plain_options(info), **packed)
            return
        order = [info.geometry.axes.index(ours) for _, ours in imagej_slots(info.geometry.axes)]
        tifffile.imwrite(
            self.path, self.array.transpose(order), photometric="minisblack",
            **hyperstack_options(info, self.array.shape, _top(self.array, info)), **packed,
        )


def write_tiled(path: Path, tiles: Iterator[NDArray[Any]], shape: tuple[int, ...], info: MaskInfo, side: int) -> None:
    """Write a mask as a BigTIFF in compressed tiles, one after the other: plane by plane, row by row."""
    import tifffile

    side = min(side, -(-max(shape[-2:]) // 16) * 16)
    tifffile.imwrite(path, tiles, shape=shape, dtype=info.dtype, tile=(side, side), compression="zlib",
                     photometric="minisblack", **plain_options(info))


def write_preview(path: Path, values: NDArray[Any], info: MaskInfo, compression: str = "zlib") -> None:
    """Write the classes spread over 0 to 255, so that they can be told apart by eye in any viewer."""
    top = _top(values, info)
    bare = dataclasses.replace(info, classes=type(info.classes)(()), dtype="uint8")
    TiffSink(path, np.round(values * np.float32(255 / top)).clip(0, 255).astype(np.uint8), bare, compression).close()


def _top(values: NDArray[Any], info: MaskInfo) -> int:
    """Return the largest value there is or might be, at least 1."""
    return max([int(values.max(initial=0)), *(value for value, _, _ in info.values), 1])

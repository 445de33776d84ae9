"""Class probabilities saved as TIFF or OME-Zarr, part by part. Nothing half-done gets a name."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.provenance import Provenance

from ._contents import Sink
from ._imagej import hyperstack_options, imagej_slots, plain_options, suits_imagej
from ._mask_info import MaskInfo
from ._output import Output, check_place, replace_file
from ._reading import file_stem
from ._registry import REGISTRY
from ._saving import checked_origin
from ._space import reserve


def create_probabilities(
    path: str | Path,
    shape: tuple[int, int, int, int],
    *,
    classes: ClassTable | None = None,
    geometry: Geometry | None = None,
    planes: tuple[int, ...] = (),
    scale: Sequence[float] = (),
    unit: str = "pixel",
    overwrite: bool = False,
    provenance: Provenance | None = None,
) -> Output:
    """Begin to save class probabilities of float32, the background's included.

    Parameters
    ----------
    path : path
        Ends in ``.tif`` or ``.tiff``, or in ``.zarr``.
    shape : tuple of int
        (planes, classes, rows, columns): how they are put.
    classes : ClassTable, optional
        In the order of the channels.
    geometry : Geometry, optional
        Axes of the labels and where they lie (:attr:`Image.geometry`); the file has these axes, and C before Y.
        Default: N, Y, X with ``scale`` and ``unit``.
    planes : tuple of int, optional
        Sizes of the axes of ``geometry`` before Y and X; their product is the number of planes.
    scale : sequence of float, optional
        Step sizes; the last two are those of rows and columns.
    unit : str
    overwrite : bool
    provenance : Provenance, optional
        Where they come from, as for :func:`napari_unet.io.create_mask`.

    Returns
    -------
    Output
        ``out[plane, :, y, x] = probabilities``; on disk at once, so that memory stays constant.

    Raises
    ------
    UserError
        If the ending is another, the place cannot be written or is taken, or shape and geometry do not fit.
    """
    path = Path(path)
    as_zarr = path.suffix.lower() == ".zarr"
    if not as_zarr and path.suffix.lower() not in (".tif", ".tiff"):
        raise UserError(
            f"Probabilities are saved as TIFF or OME-Zarr, not as {path.name!r}. Allowed: .tif, .tiff, .zarr."
        )
    if len(shape) != 4 or 0 in shape:
        raise UserError(f"Probabilities have the axes N C Y X and are not empty; these have the shape {tuple(shape)}.")
    if geometry is None:
        geometry, planes = Geometry("NYX", (1.0, *tuple(scale)[-2:]) if len(scale) >= 2 else (), unit), shape[:1]
    if len(planes) != len(geometry.axes) - 2 or math.prod(planes) != shape[0]:
        raise UserError(
            f"{shape[0]} planes of probabilities do not fit axes {geometry.axes!r} with {planes} planes along them."
        )
    info = MaskInfo(
        classes or ClassTable(()), geometry_of_classes(geometry), "probabilities", file_stem(path), dtype="float32")
    whole = (*planes, *shape[1:])
    store = REGISTRY["ome_zarr"]()
    place = check_place(path, overwrite, store.may_replace if as_zarr else replace_file)

    def start(partial: Path) -> Sink:
        inner = store.create(partial, whole, info) if as_zarr else MappedTiff(partial, whole, info)
        return PlaneSink(inner, planes)

    origin = checked_origin(place, overwrite, provenance)
    return Output(place, shape, start, lambda values: np.asarray(values, np.float32), overwrite, origin=origin,
                  provenance=provenance)


def save_probabilities(path: str | Path, probabilities: NDArray[np.floating], **options: Any) -> Path:
    """Save class probabilities (N, C, Y, X); parameters and errors as :func:`create_probabilities`."""
    probabilities = np.asarray(probabilities)
    output = create_probabilities(path, probabilities.shape, **options)
    with output:
        output[...] = probabilities
    return output.path


def geometry_of_classes(geometry: Geometry) -> Geometry:
    """Put the axis of the classes before rows and columns; a rotation, which has no room for it, is left out."""
    return Geometry(
        geometry.axes[:-2] + "CYX", (*geometry.scale[:-2], 1.0, *geometry.scale[-2:]), geometry.unit,
        (*geometry.translate[:-2], 0.0, *geometry.translate[-2:]), geometry.time_unit,
    )


@dataclasses.dataclass(eq=False)
class PlaneSink:
    """Takes values at (plane, ...) and puts them where that plane lies along several axes."""

    inner: Any
    planes: tuple[int, ...]

    def __setitem__(self, where: Any, values: Any) -> None:
        first, *rest = where if isinstance(where, tuple) else (where,)
        if first is Ellipsis:
            first = slice(None)
        if not isinstance(first, slice):
            self.inner[(*self._at(int(first)), *rest)] = values
            return
        values = np.asarray(values)
        for at, number in enumerate(range(math.prod(self.planes))[first]):
            self.inner[(*self._at(number), *rest)] = values[at] if values.ndim == 4 else values

    def _at(self, number: int) -> tuple[int, ...]:
        return tuple(map(int, np.unravel_index(number, self.planes)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        whole = np.asarray(self.inner)
        return np.array(whole.reshape(-1, *whole.shape[-3:]), dtype=dtype, copy=copy)

    def close(self) -> None:
        """Finish the file."""
        self.inner.close()


class MappedTiff:
    """A TIFF of float32 on disk that takes values at any place; parts may come in any order.

    An ImageJ hyperstack where that can hold it, else a plain BigTIFF with the same notes.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], info: MaskInfo) -> None:
        import tifffile

        if suits_imagej(info, math.prod(shape) * 4):
            order = [info.geometry.axes.index(ours) for _, ours in imagej_slots(info.geometry.axes)]
            options = hyperstack_options(info, shape, top=1.0)
        else:
            order, options = list(range(len(shape))), plain_options(info)
        array = tifffile.memmap(
            path, shape=tuple(shape[axis] for axis in order), dtype=np.float32, photometric="minisblack", **options
        )
        self._path, self._array, self._view = path, array, array.transpose(np.argsort(order))
        reserve(path, path.stat().st_size)  # a full disk is told here, not by the death of the process later

    def __setitem__(self, where: Any, values: Any) -> None:
        self._view[where] = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self._view, dtype=dtype, copy=copy)

    def close(self) -> None:
        """Flush the file to disk."""
        self._array.flush()
        del self._array, self._view

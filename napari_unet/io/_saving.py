"""The verbs that save: masks and probabilities, whole or part by part. Nothing half-done gets a name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core import parameters
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.registry import Entry

from ._contents import Code, MaskInfo
from ._output import Output, check_place, replace_file
from ._reading import file_stem
from ._registry import REGISTRY


def output_suffixes() -> dict[str, Entry[Any]]:
    """Return the format by every ending that masks are saved under."""
    return {suffix: entry for entry in REGISTRY for suffix in entry.extras.get("suffixes", ())}


def _format_for(path: Path) -> Entry[Any]:
    known = output_suffixes()
    name = path.name.lower()
    fitting = [suffix for suffix in known if name.endswith(suffix) and len(name) > len(suffix)]
    if not fitting or name.endswith((".ome.tif", ".ome.tiff")):
        raise UserError(f"{path} has an ending that is not saved. Allowed: {', '.join(sorted(known))}.")
    return known[max(fitting, key=len)]


def preview_path(path: str | Path) -> Path:
    """Return where the 0/255 preview of a mask goes: ``cells_preview.tif`` beside ``cells.zarr``."""
    return Path(path).with_name(f"{file_stem(path)}_preview.tif")


def check_output(path: str | Path, *, overwrite: bool = False, preview: bool = False) -> None:
    """Check early, before long work, that a mask can be saved at a path.

    Raises
    ------
    UserError
        If the ending is unknown, the folder is missing or cannot be written, something is there already and
        ``overwrite`` is off, or what is there is no mask (a folder of other things is never replaced).
    """
    entry = _format_for(Path(path))
    check_place(Path(path), overwrite, entry.item().may_replace)
    if preview:
        check_place(preview_path(path), overwrite, replace_file)


def create_mask(
    path: str | Path,
    shape: tuple[int, ...],
    *,
    classes: ClassTable,
    axes: str = "",
    scale: Sequence[float] = (),
    unit: str = "pixel",
    code: Code = "mask",
    preview: bool = False,
    overwrite: bool = False,
    version: str = "0.4",
    **options: Any,
) -> Output:
    """Begin to save a mask that comes in parts: ``with create_mask(...) as out: out[patch.where] = patch.labels``.

    Parameters
    ----------
    path : path
        Its ending chooses the format.
    shape : tuple of int
        Shape of the labels, rows and columns last.
    classes : ClassTable
        Names and colours, by painted id.
    axes : str, optional
        One letter per axis, ``YX`` last (:attr:`Image.label_axes`).
    scale : sequence of float, optional
        Size of a step along each axis, in ``unit``.
    unit : str
    code : {"mask", "painted"}
        ``mask`` saves 0 = background, 1, 2, ... = classes; ``painted`` the ids as painted. What is put into the
        output is always painted ids.
    preview : bool
        Also save ``NAME_preview.tif`` with the classes spread over 0 to 255.
    overwrite : bool
        Replace a file, or an OME-Zarr folder that is a mask.
    version : {"0.4", "0.5"}
        Of OME-Zarr.
    **options
        Other parameters of the format.

    Returns
    -------
    Output
        Takes painted ids at integers and slices. Nothing appears under ``path`` before the block is left.

    Raises
    ------
    UserError
        As :func:`check_output`, or if axes, scale and shape do not fit together.
    """
    from .tiff import write_preview

    path = Path(path)
    entry = _format_for(path)
    shape = tuple(map(int, shape))
    info = MaskInfo(classes, *_axes_and_scale(shape, axes, scale), unit, code, file_stem(path))
    if code not in ("mask", "painted"):
        raise UsageError(f"A mask cannot be saved as {code!r}. Allowed: mask (background 0), painted (ids as painted).")
    known = {field.name for field in parameters.fields(entry.item)}
    if "version" in known:
        options = {**options, "version": version}
    wrong = [name for name in options if name not in known]
    if wrong:
        raise UsageError(f"{entry.title} has no option {wrong[0]!r}. Allowed: {', '.join(sorted(known)) or 'none'}.")
    chosen = entry.item(**options)
    place = check_place(path, overwrite, chosen.may_replace)
    second = check_place(preview_path(path), overwrite, replace_file) if preview else None
    return Output(
        place, shape, lambda partial: chosen.create(partial, shape, info), info.encode, overwrite,
        (lambda partial, values: write_preview(partial, values, info)) if preview else None, second,
    )


def save_mask(
    path: str | Path,
    painted: NDArray[np.integer],
    *,
    classes: ClassTable,
    axes: str = "",
    scale: Sequence[float] = (),
    unit: str = "pixel",
    code: Code = "mask",
    preview: bool = False,
    overwrite: bool = False,
    version: str = "0.4",
    **options: Any,
) -> Path:
    """Save painted ids (..., Y, X) as a class image; parameters and errors as :func:`create_mask`.

    Returns
    -------
    Path
        Where it is now.
    """
    painted = np.asarray(painted)
    output = create_mask(
        path, painted.shape, classes=classes, axes=axes, scale=scale, unit=unit, code=code, preview=preview,
        overwrite=overwrite, version=version, **options,
    )
    with output:
        output[...] = painted
    return output.path


def create_probabilities(
    path: str | Path,
    shape: tuple[int, int, int, int],
    *,
    classes: ClassTable | None = None,
    scale: Sequence[float] = (),
    unit: str = "pixel",
    overwrite: bool = False,
) -> Output:
    """Begin to save class probabilities as a TIFF of float32, axes N C Y X, background included.

    Parameters
    ----------
    path : path
        Ends in ``.tif`` or ``.tiff``.
    shape : tuple of int
        (planes, classes, rows, columns).
    classes : ClassTable, optional
        In the order of the channels.
    scale : sequence of float, optional
        Step sizes; the last two are those of rows and columns.
    unit : str
    overwrite : bool

    Returns
    -------
    Output
        ``out[plane, :, y, x] = probabilities``; on disk at once, so that memory stays constant.
    """
    from .tiff import ProbabilitiesSink

    path = Path(path)
    if path.suffix.lower() not in (".tif", ".tiff"):
        raise UserError(f"Probabilities are saved as TIFF, not as {path.name!r}. Allowed: .tif, .tiff.")
    steps = tuple(scale)[-2:] if len(scale) >= 2 else (1.0, 1.0)
    if len(shape) != 4 or 0 in shape:
        raise UserError(f"Probabilities have the axes N C Y X and are not empty; these have the shape {tuple(shape)}.")
    info = MaskInfo(classes or ClassTable(()), *_axes_and_scale(shape[-2:], "YX", steps), unit, "painted")
    place = check_place(path, overwrite, replace_file)
    return Output(
        place, shape, lambda partial: ProbabilitiesSink(partial, shape, info),
        lambda values: np.asarray(values, np.float32), overwrite,
    )


def save_probabilities(
    path: str | Path,
    probabilities: NDArray[np.floating],
    *,
    classes: ClassTable | None = None,
    scale: Sequence[float] = (),
    unit: str = "pixel",
    overwrite: bool = False,
) -> Path:
    """Save class probabilities (N, C, Y, X); parameters and errors as :func:`create_probabilities`."""
    probabilities = np.asarray(probabilities)
    output = create_probabilities(
        path, probabilities.shape, classes=classes, scale=scale, unit=unit, overwrite=overwrite
    )
    with output:
        output[...] = probabilities
    return output.path


def _axes_and_scale(shape: tuple[int, ...], axes: str, scale: Sequence[float]) -> tuple[str, tuple[float, ...]]:
    axes = axes.upper() or ("NTZPQRUVW"[: len(shape) - 2] if len(shape) > 3 else "N"[: len(shape) - 2]) + "YX"
    steps = tuple(float(step) for step in scale) or (1.0,) * len(shape)
    if not (len(axes) == len(set(axes)) == len(shape) == len(steps) >= 2 and axes.endswith("YX") and axes.isalpha()):
        raise UserError(
            f"Labels of shape {shape} do not fit axes {axes!r} and {len(steps)} step sizes. Give one letter and one "
            "size for each axis, Y and X last."
        )
    if math.prod(shape) == 0:
        raise UserError(f"The labels are empty (shape {shape}); there is nothing to save.")
    return axes, tuple(abs(step) if math.isfinite(step) and step else 1.0 for step in steps)

"""The verbs that save masks, whole or part by part. Nothing half-done gets a name."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core import parameters
from napari_unet.core.addresses import is_url
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import InputWarning, UsageError, UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.provenance import Provenance
from napari_unet.core.registry import Entry

from ._contents import Sink
from ._label_place import LabelPlace, label_place
from ._mask_info import MaskInfo, Runs, SavedCode
from ._output import Output, check_place, replace_file
from ._reading import file_stem
from ._registry import REGISTRY
from .provenance_file import is_provenance, provenance_name


def output_suffixes() -> dict[str, Entry[Any]]:
    """Return the format by every ending that masks are saved under."""
    return {suffix: entry for entry in REGISTRY for suffix in entry.extras.get("suffixes", ())}


def _format_for(path: Path) -> Entry[Any]:
    known = output_suffixes()
    name = path.name.lower()
    fitting = [suffix for suffix in known if name.endswith(suffix) and len(name) > len(suffix)]
    if not fitting:
        raise UserError(f"{path} has an ending that is not saved. Allowed: {', '.join(sorted(known))}.")
    return known[max(fitting, key=len)]


def preview_path(path: str | Path) -> Path:
    """Return where the 0/255 preview of a mask goes: ``cells_preview.tif`` beside ``cells.zarr``.

    That of labels inside an image (``IMAGE.zarr/labels/NAME``) goes beside the image.
    """
    place = label_place(Path(path))
    folder = Path(path).parent if place is None else place.image.parent
    return folder / f"{file_stem(path)}_preview.tif"


def provenance_path(path: str | Path) -> Path:
    """Return where a mask's provenance goes: ``cells.tif.provenance.json`` beside ``cells.tif``.

    That of labels inside an image (``IMAGE.zarr/labels/NAME``) goes beside the image, as
    ``IMAGE.zarr.NAME.provenance.json``.
    """
    path = Path(path)
    place = label_place(path)
    if place is None:
        return path.with_name(provenance_name(path.name))
    return place.image.with_name(provenance_name(f"{place.image.name}.{place.name}"))


def is_output(path: str | Path) -> bool:
    """Say whether a path names one mask: by its ending, or as labels inside an OME-Zarr image."""
    return Path(path).name.lower().endswith(tuple(output_suffixes())) or label_place(Path(path)) is not None


def folder_written(path: str | Path) -> Path:
    """Return the folder that has to be there, and be open for writing, to save under a path."""
    place = label_place(Path(path))
    return Path(path).resolve().parent if place is None else place.image


def clear_of_inputs(place: Path, inputs: Iterable[str | Path]) -> None:
    """Make sure that what is written at a place harms no input.

    Raises
    ------
    UserError
        If the place is an input, holds one, or lies inside an OME-Zarr store that is read, other than as its labels.
    """
    target, within = place.resolve(), label_place(place) is not None
    for one in inputs:
        source = Path(one).resolve()
        if source.is_relative_to(target):
            raise UserError(f"{one} is an input of this command and is never overwritten. Choose another output.")
        stores = {store for store in (source, *source.parents) if store.suffix.lower() == ".zarr"}
        if stores.intersection(target.parents) and not within:
            raise UserError(f"{place} lies inside an input of this command, {one}. Choose a place outside of it.")


def check_output(path: str | Path, *, overwrite: bool = False, preview: bool = False) -> None:
    """Check early, before long work, that a mask can be saved at a path.

    Raises
    ------
    UserError
        If the ending is unknown, the folder is missing or cannot be written, something is there already and
        ``overwrite`` is off, or what is there is no mask (a folder of other things is never replaced).
    """
    checked_place(Path(path), overwrite)
    if preview:
        check_place(preview_path(path), overwrite, replace_file)


def checked_place(path: Path, overwrite: bool) -> tuple[Path, LabelPlace | None, Entry[Any]]:
    """Return the real path, the labels inside an image that it means if it does, and the format."""
    place = label_place(path)
    entry = _format_for(path) if place is None else REGISTRY.entry("ome_zarr")
    if place is not None:
        place.check()
    may_replace = entry.item().may_replace
    return check_place(path, overwrite, may_replace, None if place is None else place.image), place, entry


def create_mask(
    path: str | Path,
    shape: tuple[int, ...],
    *,
    classes: ClassTable,
    geometry: Geometry | None = None,
    axes: str = "",
    scale: Sequence[float] = (),
    unit: str = "pixel",
    code: SavedCode = "mask",
    role: str = "",
    dtype: str = "uint8",
    objects: Runs = (),
    preview: bool = False,
    overwrite: bool = False,
    version: str = "0.4",
    provenance: Provenance | None = None,
    **options: Any,
) -> Output:
    """Begin to save a mask that comes in parts: ``with create_mask(...) as out: out[patch.where] = patch.labels``.

    Parameters
    ----------
    path : path
        Its ending chooses the format; ``IMAGE.ome.zarr/labels/NAME`` saves beside the pixels of an OME-Zarr image.
    shape : tuple of int
        Shape of the labels, rows and columns last.
    classes : ClassTable
        Names and colours, by painted id.
    geometry : Geometry, optional
        Axes of the labels and where they lie (:attr:`Image.geometry`); in place of the next three.
    axes : str, optional
        One letter per axis, ``YX`` last (:attr:`Image.label_axes`).
    scale : sequence of float, optional
        Size of a step along each axis, in ``unit``.
    unit : str
    code : {"mask", "painted", "objects"}
        ``mask`` saves 0 = background, 1, 2, ... = classes; ``painted`` the ids as painted. What is put into the
        output is painted ids in both cases. ``objects`` saves any whole numbers as they are.
    role : str
        What the labels are (``"strokes"``), so that they are that again when they are opened.
    dtype : str
        Type of the values; other than ``uint8`` for ``objects`` only.
    objects : tuple of (int, int, int)
        For ``objects``, the class of each: first number, last number, painted id.
    preview : bool
        Also save ``NAME_preview.tif`` with the classes spread over 0 to 255.
    overwrite : bool
        Replace a file, or an OME-Zarr folder that is a mask.
    version : {"0.4", "0.5"}
        Of OME-Zarr; labels inside an image have the image's.
    provenance : Provenance, optional
        Where the labels come from: written beside them (:func:`provenance_path`) and replaced together with them; its
        time of ending is that of the file if it has none. Without, what is beside a mask that is replaced goes.
    **options
        Other parameters of the format.

    Returns
    -------
    Output
        Takes painted ids at integers and slices. Nothing appears under ``path`` before the block is left. Its ``note``
        says what people should know, such as a rotation that the format has no words for.

    Raises
    ------
    UserError
        As :func:`check_output`, or if axes, scale and shape do not fit together.
    """
    from .tiff import write_preview

    path, shape = _local(path), tuple(map(int, shape))
    real, place, entry = checked_place(path, overwrite)
    if code not in ("mask", "painted", "objects"):
        raise UsageError(f"A mask cannot be saved as {code!r}. Allowed: mask (background 0), painted (ids as painted).")
    geometry = geometry or geometry_for(shape, axes, scale, unit)
    check_fits(shape, geometry)
    note = _note(geometry, place)
    if place is not None:  # labels inside an image lie where it lies
        geometry = dataclasses.replace(geometry, linear=())
    info = MaskInfo(classes, geometry, code, file_stem(path), "objects" if code == "objects" else role, dtype,
                    objects if code == "objects" else ())
    known = {field.name for field in parameters.fields(entry.item)}
    if "version" in known:
        options = {**options, "version": version}
    wrong = [name for name in options if name not in known]
    if wrong:
        raise UsageError(f"{entry.title} has no option {wrong[0]!r}. Allowed: {', '.join(sorted(known)) or 'none'}.")
    chosen = entry.item(**options)

    def start(partial: Path) -> Sink:
        made: Sink = (chosen.create(partial, shape, info) if place is None
                      else place.create(partial, shape, info, chosen.chunk))
        return made

    second = check_place(preview_path(path), overwrite, replace_file) if preview else None
    origin = checked_origin(real if place is None else path, overwrite, provenance)
    return Output(
        real, shape, start, info.encode, overwrite,
        (lambda partial, values: write_preview(partial, values, info)) if preview else None, second,
        place, note, origin, provenance,
    )


def _local(path: str | Path) -> Path:
    if is_url(path):
        raise UserError(f"{path}: at an address only whole images are segmented, block by block: `napari-unet predict "
                        "-o`, or `predict_store`. Save to this computer.")
    return Path(path)


def checked_origin(path: Path, overwrite: bool, provenance: Provenance | None) -> Path:
    """Return where a provenance goes; one that a mask which is gone has left behind is in nobody's way."""
    origin = provenance_path(path)
    if provenance is not None:
        check_place(origin, overwrite or is_provenance(origin), replace_file)
    return origin


def _note(geometry: Geometry, place: LabelPlace | None) -> str:
    """Say what a file cannot hold of where the labels lie."""
    notes = [] if place is None else [place.note]
    if geometry.untold and place is None:
        notes.append(
            f"The {geometry.untold} of the layer cannot be written in this format: napari-unet finds it in a note when "
            "it opens the file, other programs show the mask without it."
        )
    return " ".join(note for note in notes if note)


def save_mask(path: str | Path, painted: NDArray[np.integer], *, classes: ClassTable, **options: Any) -> Path:
    """Save painted ids (..., Y, X) as a class image; parameters and errors as :func:`create_mask`.

    Returns
    -------
    Path
        Where it is now.

    Warns
    -----
    InputWarning
        If there is something to know about what was saved.
    """
    painted = np.asarray(painted)
    output = create_mask(path, painted.shape, classes=classes, **options)
    with output:
        output[...] = painted
    if output.note:
        warnings.warn(output.note, InputWarning, stacklevel=2)
    return output.path


def geometry_for(shape: tuple[int, ...], axes: str, scale: Sequence[float], unit: str) -> Geometry:
    """Return the geometry of labels out of what is told: letters (else some of our own), step sizes, a unit.

    Raises
    ------
    UserError
        If they do not fit together.
    """
    letters = axes or ("NTZPQRUVW"[: len(shape) - 2] if len(shape) > 3 else "N"[: len(shape) - 2]) + "YX"
    return Geometry(letters, tuple(abs(step) for step in scale) or (1.0,) * len(letters), unit)


def check_fits(shape: tuple[int, ...], geometry: Geometry) -> None:
    """Check that labels have pixels, and as many axes as their geometry.

    Raises
    ------
    UserError
        If not.
    """
    if len(shape) != len(geometry.axes):
        raise UserError(
            f"Labels of shape {shape} do not fit axes {geometry.axes!r} and {len(geometry.scale)} step sizes. Give one "
            "letter and one size for each axis, Y and X last."
        )
    if math.prod(shape) == 0:
        raise UserError(f"The labels are empty (shape {shape}); there is nothing to save.")

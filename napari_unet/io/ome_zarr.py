"""OME-Zarr 0.4 and 0.5, and bare zarr arrays: read lazily; masks are saved as multiscale labels.

Knows nothing of strokes or methods. Pickled arrays are refused.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from napari_unet.core import parameters
from napari_unet.core.errors import UserError, reason_of, shortened
from napari_unet.core.geometry import Geometry
from napari_unet.core.parameters import Parameter

from . import _ngff
from ._contents import RECORD, UNKNOWN, Contents, classes_of_values, read_record, recorded_role
from ._lazy import LazyArray
from ._mask_info import MaskInfo, recorded_runs
from ._ngff_writing import check_axes, described_axes, group_attributes, named_axes, stored_axes
from ._pyramid import Level, PyramidSink, halved_until, picked_until
from ._registry import register
from ._zarr_sizes import check_array_size

_MARKS = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
_HELP = "Give the folder of an OME-Zarr image, of one of its labels (IMAGE.zarr/labels/NAME) or of a zarr array."


@register("ome_zarr", "OME-Zarr", suffixes=(".zarr", ".ome.zarr"))
@dataclasses.dataclass(frozen=True)
class OmeZarr:
    """OME-Zarr: a folder of compressed blocks, for images larger than memory.

    A mask ``NAME.ome.zarr`` stands alone: the folder itself is the multiscale label group, with ``image-label``
    metadata (names and colours of the classes). Saved as ``IMAGE.ome.zarr/labels/NAME`` it lies beside the image. At
    most five axes; they are stored in the order the format wants (time, one other, space).
    """

    version: Annotated[
        Literal["0.4", "0.5"], Parameter("Version of the format: 0.4 (zarr 2) opens everywhere, 0.5 (zarr 3) is newer.")
    ] = "0.4"
    chunk: Annotated[int, Parameter("Rows and columns of a block.", min=16, max=8192, unit="px", advanced=True)] = 512
    shard: Annotated[int, Parameter("Rows and columns of a file that holds many blocks, in version 0.5: fewer files. 0 "
                                    "= a file for each block.", min=0, max=65536, unit="px", advanced=True)] = 0

    def __post_init__(self) -> None:
        parameters.check(self)

    def recognises(self, path: Path) -> bool:
        """Say whether a folder has the metadata of zarr, or at least its ending."""
        return path.is_dir() and (
            path.suffix.lower() == ".zarr" or any((path / mark).is_file() for mark in _MARKS)
        )

    def read(self, path: Path, labels: bool = False) -> Contents:
        """Read the first image of a folder at full resolution (or a single array), lazily.

        For labels, those inside an image (``labels/NAME``) are taken if there is just one of them.

        Raises
        ------
        UserError
            If the folder is no zarr, is damaged, or leaves open which array is meant.
        """
        try:
            node = open_folder(path)
            return _group(path, node, labels) if hasattr(node, "keys") else _array(path, node)
        except UserError:
            raise
        except Exception as error:  # metadata may say anything: what was not expected is no reason to end
            raise UserError(f"The metadata of {path} make no sense ({reason_of(error)}). {_HELP}") from error

    def create(self, path: Path | str, shape: tuple[int, ...], info: MaskInfo, begun: bool = False) -> PyramidSink:
        """Begin to write a mask; parts go to disk as they come. Or go on with one that was ``begun``.

        Raises
        ------
        UserError
            If there are more axes than the format knows.
        """
        geometry = info.geometry
        check_axes(geometry.axes)
        stored = stored_axes(geometry.axes)
        order = [geometry.axes.index(letter) for letter in stored]
        by_mode = info.code in ("mask", "painted")  # numbers of objects are many, and probabilities no classes
        depth = stored.index("Z") if "Z" in stored and geometry.unit != "pixel" else None
        whole = Level.along(order, shape, geometry.scale, geometry.translate)
        levels = halved_until(whole, self.chunk, depth) if by_mode else picked_until(whole, self.chunk)
        axes = described_axes(stored, info)
        return PyramidSink(
            path, geometry.axes, shape, stored, [axis["name"] for axis in axes], levels,
            lambda: group_attributes(info, axes, levels, self.version, kind="mode" if by_mode else "nearest"),
            self.version, self.chunk, info.dtype, shard=self.shard, by_mode=by_mode, begun=begun,
        )

    def may_replace(self, path: Path) -> str:
        """Only a folder that holds nothing but labels as we write them may be replaced; images never are."""
        if not path.is_dir():
            return "it is not a folder"
        try:
            attributes = open_folder(path).attrs.asdict()
            image = _ngff.multiscale(attributes)
            record = attributes.get(RECORD)
            is_ours = isinstance(record, Mapping) and record.get("code") == "probabilities"
            may = image is not None and (is_ours or _ngff.class_values(attributes) is not None)
        except (UserError, AttributeError):
            return "it is not an OME-Zarr folder"
        if image is None or not may:
            return "it is not a mask but another zarr folder"
        ours = {*_MARKS, ".zmetadata", *_ngff.level_paths(image)}
        foreign = sorted(entry.name for entry in path.iterdir() if entry.name not in ours)
        return f"it also holds other things ({', '.join(foreign[:3])})" if foreign else ""


def open_folder(path: Path) -> Any:
    """Open a folder as a zarr array or group, for reading only."""
    import zarr

    if not any((path / mark).is_file() for mark in _MARKS):
        raise UserError(f"{path} is a folder without zarr metadata. {_HELP}")
    try:
        node = zarr.open(str(path), mode="r")
    except Exception as error:  # JSON, zarr and codecs raise types of their own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path} could not be read as zarr: {shortened(reason)}. {_HELP}") from error
    if not hasattr(node, "keys") and "pickle" in json.dumps(node.metadata.to_dict(), default=repr).lower():
        raise UserError(f"{path} holds pickled objects, which could run a program when read; it is not opened. {_HELP}")
    if not hasattr(node, "keys"):
        check_array_size(path, node)
    return node


def _group(path: Path, group: Any, labels: bool) -> Contents:
    """Read what a group describes: labels of its image, its image, or the one image that lies in it."""
    attributes = group.attrs.asdict()
    image = _ngff.multiscale(attributes)
    if image is None:
        return _collection(path, _ngff.ome_attributes(attributes), labels)
    inside = labels_inside(path)
    if not labels or not inside or _ngff.class_values(attributes) is not None:
        return _image(path, attributes, image)
    if len(inside) > 1:
        raise UserError(f"{path} holds several labels. Say which: {_listed(path / 'labels', inside)}.")
    return _noted(OmeZarr().read(path / "labels" / inside[0], labels), f"labels {inside[0]!r} of the image")


def _image(path: Path, attributes: Mapping[str, Any], image: Mapping[str, Any]) -> Contents:
    """Read the full resolution of the first multiscale image of a group."""
    levels = _ngff.level_paths(image)
    data = open_folder(path / levels[0]) if levels else None
    if data is None or hasattr(data, "keys"):
        raise UserError(f"{path} names no array as its full resolution. {_HELP}")
    contents = described_level(path, data, image, 0, attributes)
    several = len(_ngff.ome_attributes(attributes)["multiscales"])
    if several > 1:
        contents = _noted(contents, f"first of {several} images")
    return _noted(contents, f"full resolution of {len(levels)} levels") if len(levels) > 1 else contents


def _collection(path: Path, ome: Mapping[str, Any], labels: bool) -> Contents:
    """Read the only image in a group that describes none, or the first series of a converted file."""
    if "plate" in ome or "well" in ome:
        raise UserError(f"{path} is a plate or a well with many images. Give the folder of one of them.")
    listed = ome.get("labels")
    members = [one for one in listed if _ngff.lies_inside(one)] if isinstance(listed, list) else []
    members = members or _members(path)
    if len(members) > 1 and "bioformats2raw.layout" in ome:
        series = [member for member in members if member != "OME"]
        return _noted(OmeZarr().read(path / series[0], labels), f"first of {len(series)} series of the file")
    if len(members) == 1:
        return OmeZarr().read(path / members[0], labels)
    if not members:
        raise UserError(f"{path} is a zarr group without an image. {_HELP}")
    raise UserError(f"{path} holds several arrays or images. Say which: {_listed(path, members)}.")


def _noted(contents: Contents, note: str) -> Contents:
    return dataclasses.replace(contents, notes=(note, *contents.notes))


def _array(path: Path, array: Any) -> Contents:
    attributes = _attributes_above(path)
    image = _ngff.multiscale(attributes)
    if image is not None and path.name in _ngff.level_paths(image):
        level = _ngff.level_paths(image).index(path.name)
        contents = described_level(path, array, image, level, attributes)
        return dataclasses.replace(contents, notes=(f"level {level} of its image",))
    names = getattr(array.metadata, "dimension_names", None) or array.attrs.asdict().get("_ARRAY_DIMENSIONS")
    letters = UNKNOWN * array.ndim
    if isinstance(names, Sequence) and len(names) == array.ndim and all(isinstance(name, str) for name in names):
        letters = _ngff.axis_letters(names)
    return Contents(LazyArray(array, str(path)), letters, (1.0,) * array.ndim)


def described_level(
    path: Path | str, array: Any, image: Mapping[str, Any], level: int, attributes: Mapping[str, Any],
    is_far: bool = False,
) -> Contents:
    """Read a level of a multiscale image as the attributes of its group describe it.

    Parameters
    ----------
    path : Path or str
        For messages; of what ``is_far``, the address.
    array : zarr.Array
    image : mapping
        The multiscale image in the attributes.
    level : int
    attributes : mapping
        Of the group.
    is_far : bool
        It is read over a network.

    Raises
    ------
    UserError
        If they make no sense.
    """
    try:
        told = _ngff.describe_level(image, level, array.ndim)
        values = _ngff.class_values(attributes)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"The OME-Zarr metadata of {path} make no sense ({error}). {_HELP}") from error
    record, letters = attributes.get(RECORD), told.letters
    classes, code, order = read_record(record)
    if values and classes is None:
        classes = classes_of_values(values, code or "mask")
    if order and len(order) == array.ndim and sorted(named_axes(order)) == sorted(letters):
        letters = stored_axes(order)
    noted = Geometry.of_record(record, order)
    return Contents(
        LazyArray(array, str(path), is_far=is_far), letters, told.scale, told.unit, classes, code, order,
        translate=told.translate, time_unit=told.time_unit, linear=noted.linear if noted is not None else (),
        role=recorded_role(record), objects=recorded_runs(record), named=values or {},
    )


def _attributes_above(path: Path) -> Mapping[str, Any]:
    """Attributes of the group an array lies in, or nothing."""
    try:
        node = open_folder(path.parent)
    except UserError:
        return {}
    return node.attrs.asdict() if hasattr(node, "keys") else {}


def _members(path: Path) -> list[str]:
    """Names of the arrays and groups in a folder, in order."""
    found = [
        entry.name for entry in path.iterdir()
        if entry.is_dir() and not entry.name.startswith(".") and any((entry / mark).is_file() for mark in _MARKS)
    ]
    return sorted(found, key=lambda name: (len(name), name) if name.isdigit() else (10**6, name))


def labels_inside(path: Path) -> list[str]:
    """Return the names of the labels that lie in an image."""
    folder = path / "labels"
    return _members(folder) if folder.is_dir() else []


def _listed(path: Path, names: list[str]) -> str:
    shown = ", ".join(str(path / name) for name in names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")

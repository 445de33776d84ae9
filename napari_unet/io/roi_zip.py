"""ImageJ ROIs, one or a zip of many: objects as polygons whose pixels are exactly the object. Knows no method.

Every object has a ROI on each of its planes: a traced outline, or a composite one where it has holes or several parts.
Class and number stand in its properties, the class in its group and colour as well. Written and read by ``roifile``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError, reason_of
from napari_unet.core.readable import readable
from napari_unet.objects.outlines import Outline, Ring

from ._drawn_objects import DrawnShape, PutObject, told_number
from ._registry import register

if TYPE_CHECKING:
    from roifile import ImagejRoi

_LARGEST_ROI = 2**26
"""Bytes of one ROI, at most: an outline of some millions of corners."""
_MOST_ROIS = 2_000_000
_FARTHEST = 32767
"""A ROI of whole numbers counts no further; beyond, it is written with decimal numbers."""
_NO_AREA = ("LINE", "FREELINE", "POLYLINE", "NOROI", "ANGLE", "POINT")
_DAMAGED = "Save it again in ImageJ (ROI Manager, More > Save), or choose another file."


@register("roi_zip", "ImageJ ROIs", object_suffixes=(".zip",))
@dataclasses.dataclass(frozen=True)
class RoiZip:
    """ImageJ ROIs: a zip of outlines, one for each object and plane, which the ROI Manager opens."""

    @contextlib.contextmanager
    def writer(self, path: Path, classes: ClassTable) -> Iterator[PutObject]:
        """Return what writes one object on one plane after the other."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:

            def put(parts: list[Outline], class_id: int, place: Mapping[str, int]) -> None:
                roi = _roi(parts, class_id, classes, place)
                archive.writestr(f"{roi.name}.roi", roi.tobytes())

            yield put

    def shapes(self, path: Path) -> tuple[list[DrawnShape], list[str]]:
        """Read the shapes of a zip or of one ``.roi``, and what is to be said about them.

        Raises
        ------
        UserError
            If it is damaged, or no ROIs.
        """
        found, passed = [], 0
        for name, data in _entries(path):
            try:
                one = _shape(name, data)
            except Exception as error:  # bytes may say anything; roifile raises what comes up
                raise UserError(f"{readable(name)!r} in {path} is no ROI of ImageJ, or damaged ({reason_of(error)}). "
                                f"{_DAMAGED}") from error
            passed += one is None
            found += [one] if one is not None else []
        if not found:
            raise UserError(f"{path} holds no ROI with an area{': lines and points are no objects' if passed else ''}. "
                            "Choose another file.")
        said = f"{passed} of {passed + len(found)} ROIs in {path} are lines or points and are left out."
        return found, [said] if passed else []


def _roi(parts: list[Outline], class_id: int, classes: ClassTable, place: Mapping[str, int]) -> ImagejRoi:
    """Return one object on one plane."""
    from roifile import ROI_TYPE, ImagejRoi

    number = parts[0].number
    rings = [ring for one in parts for ring in (one.shell, *one.holes)]
    points = np.concatenate(rings)
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    roi = ImagejRoi(left=left, top=top, right=right, bottom=bottom, group=class_id - 1)
    if len(rings) == 1 and max(right, bottom) <= _FARTHEST:
        roi.roitype = ROI_TYPE.TRACED
        roi.integer_coordinates = (rings[0] - (left, top)).astype(np.int32)
        roi.n_coordinates = len(rings[0])
    else:
        roi.roitype = ROI_TYPE.RECT
        roi.multi_coordinates = np.concatenate([_path(ring) for ring in rings])
        roi.shape_roi_size = len(roi.multi_coordinates)
    name = _plain_text(classes.name(class_id))
    roi.stroke_color = b"\xff" + bytes.fromhex(classes.color(class_id).lstrip("#")[:6])
    roi.props = f"object: {number}\nclass_id: {class_id}\nclass: {name}\n"
    roi.name = "-".join([_file_word(name), f"{number:05d}",
                         *(f"{letter.lower()}{at + 1:04d}" for letter, at in place.items())])
    if len(place) == 1:
        roi.position = next(iter(place.values())) + 1
    elif place:
        roi.c_position, roi.z_position, roi.t_position = (place.get(letter, 0) + 1 for letter in "CZT")
    return roi


def _path(ring: Ring) -> NDArray[np.float32]:
    """Return a ring as ImageJ keeps a path: move to the first corner (0), lines to the others (1), close (4)."""
    steps = np.ones((len(ring), 3), np.float32)
    steps[0, 0] = 0
    steps[:, 1:] = ring
    return np.append(steps.ravel(), np.float32(4))


def _plain_text(name: str) -> str:
    """Return a name as ImageJ's properties take it: one line, letters of two bytes."""
    return "".join(letter for letter in readable(name) if ord(letter) < 0x10000 and letter not in "\\\n\r").strip()


def _file_word(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in " _" else "_" for letter in name)[:60] or "object"


def _entries(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield names and bytes of all ROIs.

    Raises
    ------
    UserError
        If the file is damaged, or says it is far too large.
    """
    try:
        if path.suffix.lower() == ".roi":
            if path.stat().st_size > _LARGEST_ROI:
                raise UserError(f"{path} is too large for a ROI. {_DAMAGED}")
            yield path.stem, path.read_bytes()
            return
        with zipfile.ZipFile(path) as archive:
            listed = [one for one in archive.infolist() if one.filename.lower().endswith(".roi")]
            if len(listed) > _MOST_ROIS:
                raise UserError(f"{path} says it holds {len(listed)} ROIs; at most {_MOST_ROIS} are read. {_DAMAGED}")
            for one in listed:
                if one.file_size > _LARGEST_ROI:
                    raise UserError(f"{readable(one.filename)!r} in {path} is too large for a ROI. {_DAMAGED}")
                yield one.filename[:-4], archive.read(one)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise UserError(f"{path} is no zip, or damaged or locked ({reason_of(error)}). {_DAMAGED}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}). Choose a file that is there.") from error


def _shape(name: str, data: bytes) -> DrawnShape | None:
    """Return the shape of a ROI; None for one without an area."""
    from roifile import ImagejRoi

    log = logging.getLogger("roifile")
    before, log.disabled = log.disabled, True  # it warns of what is damaged and goes on; such a ROI has no corners
    try:
        roi = ImagejRoi.frombytes(data)
    finally:
        log.disabled = before
    if roi.roitype.name in _NO_AREA and not roi.composite:
        return None
    coordinates: Any = roi.coordinates(multi=True)
    rings = tuple(np.asarray(ring, float) for ring in coordinates if len(ring) > 2)
    if not rings:
        raise ValueError("it has no outline")
    told = dict(line.split(": ", 1) for line in roi.props.splitlines() if ": " in line)
    of_group = roi.group + 1 if roi.group else 0
    return DrawnShape(roi.name or name, rings, _place(roi), told_number(told.get("object")),
                      told_number(told.get("class_id")) or of_group, told.get("class", ""))


def _place(roi: ImagejRoi) -> dict[str, int]:
    """Return the plane of a ROI along the axes that it tells."""
    told = {"C": roi.c_position, "Z": roi.z_position, "T": roi.t_position}
    place = {letter: at - 1 for letter, at in told.items() if at > 0}
    return place or ({"Z": roi.position - 1} if roi.position > 0 else {})

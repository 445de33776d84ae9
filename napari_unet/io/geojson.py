"""GeoJSON as QuPath writes and reads it: objects as polygons in pixels, with class, colour and plane. Knows no method.

Source: QuPath's documentation, "Exporting annotations": features of ``objectType`` "annotation" or "detection", the
``classification`` with name and colour, and ``plane`` (z, t) beside the coordinates. The origin is the upper left
corner of the first pixel.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from napari_unet.core import parameters
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.parameters import Parameter
from napari_unet.core.readable import readable
from napari_unet.objects.outlines import Outline, Ring

from ._drawn_objects import DrawnShape, PutObject, told_number
from ._registry import register

_LARGEST = 2**30
"""Bytes of a file, at most; a million cells have less."""
_DAMAGED = "Export it again (in QuPath: File > Export objects as GeoJSON), or choose another file."


@register("geojson", "GeoJSON", object_suffixes=(".geojson",))
@dataclasses.dataclass(frozen=True)
class GeoJson:
    """GeoJSON: polygons in pixels, which QuPath opens with classes and colours (drag the file onto the image)."""

    kind: Annotated[Literal["detection", "annotation"], Parameter(
        "What objects are in QuPath: detections, of which there may be very many, or annotations, which can be edited."
    )] = "detection"

    def __post_init__(self) -> None:
        parameters.check(self)

    @contextlib.contextmanager
    def writer(self, path: Path, classes: ClassTable) -> Iterator[PutObject]:
        """Return what writes one object on one plane after the other, each as a feature."""
        with path.open("w", encoding="utf-8") as file:
            file.write('{"type": "FeatureCollection", "features": [')
            marks = itertools.chain(["\n"], itertools.repeat(",\n"))

            def put(parts: list[Outline], class_id: int, place: Mapping[str, int]) -> None:
                feature = self._feature(parts, class_id, classes, place)
                file.write(next(marks) + json.dumps(feature, separators=(",", ":"), ensure_ascii=False))

            yield put
            file.write("\n]}\n")

    def _feature(
        self, parts: list[Outline], class_id: int, classes: ClassTable, place: Mapping[str, int]
    ) -> dict[str, Any]:
        polygons = [[_closed(ring) for ring in (one.shell, *one.holes)] for one in parts]
        name = readable(classes.name(class_id))
        return {
            "type": "Feature",
            "geometry": {
                "type": "Polygon" if len(polygons) == 1 else "MultiPolygon",
                "coordinates": polygons[0] if len(polygons) == 1 else polygons,
                "plane": {"c": place.get("C", -1), "z": place.get("Z", 0), "t": place.get("T", 0)},
            },
            "properties": {
                "objectType": self.kind,
                "name": f"{name} {parts[0].number}",
                "classification": {"name": name, "color": list(bytes.fromhex(classes.color(class_id).lstrip("#")[:6]))},
                "metadata": {"object": str(parts[0].number), "class_id": str(class_id)},
            },
        }

    def shapes(self, path: Path) -> tuple[list[DrawnShape], list[str]]:
        """Read the polygons of a file, and what is to be said about them.

        Raises
        ------
        UserError
            If it is damaged, or no GeoJSON.
        """
        found, passed = [], 0
        for order, feature in enumerate(_features(path), 1):
            try:
                one = _shape(feature, order)
            except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
                raise UserError(f"Feature {order} of {path} is no polygon as GeoJSON has them. {_DAMAGED}") from error
            passed += one is None
            found += [one] if one is not None else []
        if not found:
            raise UserError(f"{path} holds no polygon{': lines and points are no objects' if passed else ''}. Choose "
                            "another file.")
        said = f"{passed} of {passed + len(found)} features in {path} are lines or points and are left out."
        return found, [said] if passed else []


def _closed(ring: Ring) -> list[list[int]]:
    """Return a ring as GeoJSON wants it: the first corner again at its end."""
    corners: list[list[int]] = ring.tolist()
    return [*corners, corners[0]]


def _features(path: Path) -> Iterable[Any]:
    """Read the features of a collection, a list of them, or a single one.

    Raises
    ------
    UserError
        If it is none of these.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise UserError(f"{path} is larger than {_LARGEST >> 30} GB. Export fewer objects, or labels as TIFF.")
        whole = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}). Choose a file that is there.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON, or damaged. {_DAMAGED}") from error
    listed = whole.get("features", [whole]) if isinstance(whole, dict) else whole
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise UserError(f"{path} holds no features as GeoJSON has them. {_DAMAGED}")
    return listed


def _shape(feature: dict[str, Any], order: int) -> DrawnShape | None:
    """Return the shape of a feature; None for one without an area."""
    geometry = feature.get("geometry", feature)
    kind, coordinates = geometry["type"], geometry.get("coordinates")
    if kind in ("Point", "MultiPoint", "LineString", "MultiLineString"):
        return None
    if kind not in ("Polygon", "MultiPolygon") or not isinstance(coordinates, list):
        raise ValueError(kind)
    polygons = [coordinates] if kind == "Polygon" else coordinates
    rings = tuple(_ring(ring) for polygon in polygons for ring in polygon)
    if not rings:
        raise ValueError("it has no corners")
    about = _mapping(feature.get("properties"))
    classification, metadata = _mapping(about.get("classification")), _mapping(about.get("metadata"))
    plane = _mapping(geometry.get("plane"))
    place = {letter.upper(): int(plane[letter]) for letter in "czt"
             if isinstance(plane.get(letter), (int, float)) and plane[letter] >= 0}
    number, class_id = (told_number(metadata.get(key)) for key in ("object", "class_id"))
    return DrawnShape(_word(about.get("name")) or f"feature {order}", rings, place, number, class_id,
                      _word(classification.get("name")), _colour(classification.get("color")))


def _ring(ring: Any) -> Ring:
    corners = np.array([[float(point[0]), float(point[1])] for point in ring])
    if len(corners) > 1 and (corners[0] == corners[-1]).all():
        corners = corners[:-1]
    if len(corners) < 3:
        raise ValueError("fewer than three corners")
    return corners


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _colour(value: Any) -> str:
    good = isinstance(value, list) and len(value) == 3 and all(type(one) is int and 0 <= one <= 255 for one in value)
    return "#" + bytes(value).hex() if good else ""

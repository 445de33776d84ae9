"""The JSON of OME-Zarr, version 0.4 and 0.5 (and what is left of earlier ones), as we read it. Reads no arrays.

Source: Next-generation file format specification, https://ngff.openmicroscopy.org/0.4/ and /0.5/.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ._contents import UNKNOWN
from ._units import in_unit, offset_in_unit, time_unit_name, unit_name

_KNOWN_AXES = {"time": "T", "channel": "C", "channels": "C", "sample": "N", "index": "N", "image": "N"}


def ome_attributes(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the part of a group's attributes that speaks OME-Zarr: inside ``ome`` since 0.5, at the top before."""
    ome = attributes.get("ome")
    return ome if isinstance(ome, Mapping) else attributes


def multiscale(attributes: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the first multiscale image described, or None."""
    listed = ome_attributes(attributes).get("multiscales")
    first = listed[0] if isinstance(listed, Sequence) and listed else None
    datasets = first.get("datasets") if isinstance(first, Mapping) else None
    return first if isinstance(first, Mapping) and isinstance(datasets, list) and datasets else None


def level_paths(image: Mapping[str, Any]) -> list[str]:
    """Return the paths of the levels, the full resolution first."""
    return [one["path"] for one in image["datasets"] if isinstance(one, Mapping) and lies_inside(one.get("path"))]


def lies_inside(path: object) -> bool:
    """Say whether metadata name something inside their own folder: neither the folder itself nor a place elsewhere."""
    if not isinstance(path, str) or not path or "\0" in path or "\\" in path or ":" in path:
        return False
    return all(part not in ("", ".", "..") for part in path.split("/"))


@dataclasses.dataclass(frozen=True)
class Described:
    """What the metadata say about one level of a multiscale image, axis by axis of its arrays.

    Parameters
    ----------
    letters : str
        ``?`` where the metadata are silent.
    scale, translate : tuple of float
        All lengths in ``unit``, times in ``time_unit``; channels have step 1.
    unit, time_unit : str
        Those of X and of T, ``"pixel"`` where not known.
    """

    letters: str
    scale: tuple[float, ...]
    translate: tuple[float, ...]
    unit: str = "pixel"
    time_unit: str = "pixel"


def describe_level(image: Mapping[str, Any], level: int, ndim: int) -> Described:
    """Read axes and coordinate transformations of a level of a multiscale image."""
    axes = image.get("axes")
    if not isinstance(axes, Sequence) or len(axes) != ndim:
        # before version 0.3 there were always these five
        letters = "TCZYX" if axes is None and ndim == 5 else UNKNOWN * ndim
        return Described(letters, (1.0,) * ndim, (0.0,) * ndim)
    described = [_Axis.of(axis) for axis in axes]
    letters = axis_letters([axis.name for axis in described], [axis.kind for axis in described])
    unit = described[letters.index("X")].unit if "X" in letters else "pixel"
    time_unit = described[letters.index("T")].unit if "T" in letters else "pixel"
    scale, translate = [], []
    for letter, axis, step, offset in zip(letters, described, *level_transforms(image, level, ndim), strict=True):
        wanted = unit if axis.kind == "space" else axis.unit
        scale.append(1.0 if letter == "C" else in_unit(step, axis.unit, wanted))
        translate.append(0.0 if letter == "C" else offset_in_unit(offset, axis.unit, wanted))
    return Described(letters, tuple(scale), tuple(translate), unit, time_unit)


@dataclasses.dataclass(frozen=True)
class _Axis:
    """One axis as the file describes it; ``kind`` is ``"space"``, ``"time"``, ``"channel"`` or whatever it says."""

    name: str
    kind: str
    unit: str

    @classmethod
    def of(cls, axis: Any) -> _Axis:
        """Read an axis; version 0.3 has plain names."""
        told = axis if isinstance(axis, Mapping) else {"name": axis}
        kind = str(told.get("type", ""))
        named = time_unit_name if kind == "time" else unit_name
        return cls(str(told.get("name", "")), kind, named(told.get("unit", "pixel")))


def level_transforms(image: Mapping[str, Any], level: int, ndim: int) -> tuple[list[float], list[float]]:
    """Return the steps and offsets of a level: its own transformations first, then those of the whole image."""
    steps, offsets = [1.0] * ndim, [0.0] * ndim
    for owner in (image["datasets"][level], image):
        for transform in owner.get("coordinateTransformations") or ():
            kind = transform.get("type")
            values = transform.get(kind) if isinstance(kind, str) else None
            if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != ndim:
                continue
            if kind == "scale":
                factors = [in_unit(value, "", "") for value in values]
                steps = [step * factor for step, factor in zip(steps, factors, strict=True)]
                offsets = [offset * factor for offset, factor in zip(offsets, factors, strict=True)]
            elif kind == "translation":
                offsets = [
                    offset + offset_in_unit(value, "", "") for offset, value in zip(offsets, values, strict=True)
                ]
    return steps, offsets


def axis_letters(names: Sequence[str], types: Sequence[str] = ()) -> str:
    """Return one letter per axis out of names such as ``t``, ``channel`` or ``dim_y``; ``?`` where that is unclear."""
    letters: list[str] = []
    for name, kind in zip(names, types or [""] * len(names), strict=True):
        letter = _letter(name.strip().lower(), kind)
        letters.append(letter if letter and letter not in letters else UNKNOWN)
    if "Y" not in letters or "X" not in letters:
        return UNKNOWN * len(letters)
    spare = iter(letter for letter in "NPQRSUVW" if letter not in letters)
    return "".join(next(spare) if letter == UNKNOWN else letter for letter in letters)


def _letter(word: str, kind: str) -> str:
    """Return the letter that one axis stands for; nothing where that is unclear."""
    known = _KNOWN_AXES.get(kind) or _KNOWN_AXES.get(word)
    if known:
        return known
    ending = word.rpartition("_")[2]
    return ending.upper() if len(ending) == 1 and (ending.isalpha() or ending != word) else ""


def class_values(attributes: Mapping[str, Any]) -> dict[int, tuple[str, str]] | None:
    """Return (name, ``#rrggbb`` or ``""``) by value out of ``image-label``, or None if this is no label image."""
    label = ome_attributes(attributes).get("image-label")
    if not isinstance(label, Mapping):
        return None
    names = {number: _first_text(one, ("class", "name", "class_name", "label", "class-name"))
             for number, one in _by_value(label.get("properties"))}
    colors: dict[int, str] = {}
    for number, one in _by_value(label.get("colors")):
        rgba = one.get("rgba")
        if isinstance(rgba, list) and len(rgba) >= 3 and all(isinstance(part, (int, float)) for part in rgba[:3]):
            # compared before it is rounded: what is no number, or has hundreds of digits, is no colour
            colors[number] = "#" + "".join(f"{int(part) if 0 <= part <= 255 else 255 * (part > 0):02x}"
                                           for part in rgba[:3])
    return {number: (names.get(number, ""), colors.get(number, "")) for number in {*names, *colors}}


def _by_value(entries: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the entries that are about a value of the image, with that value."""
    for one in entries if isinstance(entries, list) else ():
        number = one.get("label-value") if isinstance(one, Mapping) else None
        if isinstance(number, int):
            yield number, one


def _first_text(entry: Mapping[str, Any], keys: Sequence[str]) -> str:
    return next((word for key in keys if isinstance(word := entry.get(key), str)), "")

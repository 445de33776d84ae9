"""The JSON of OME-Zarr, version 0.4 and 0.5 (and what is left of earlier ones). Reads and writes no arrays.

Source: Next-generation file format specification, https://ngff.openmicroscopy.org/0.4/ and /0.5/.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ._contents import RECORD, UNKNOWN, MaskInfo
from ._units import in_unit, unit_name

_TYPES = {"T": "time", "C": "channel", "Z": "space", "Y": "space", "X": "space"}
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


def letters_and_scale(image: Mapping[str, Any], level: int, ndim: int) -> tuple[str, tuple[float, ...], str]:
    """Return (letters, step sizes, unit) of a level of a multiscale image.

    All lengths are in the unit of X. Times, channels and numbers have step 1.
    """
    axes = image.get("axes")
    if not isinstance(axes, Sequence) or len(axes) != ndim:
        # before version 0.3 there were always these five
        letters = "TCZYX" if axes is None and ndim == 5 else UNKNOWN * ndim
        return letters, (1.0,) * ndim, "pixel"
    described = [_Axis.of(axis) for axis in axes]
    letters = axis_letters([axis.name for axis in described], [axis.kind for axis in described])
    unit = described[letters.index("X")].unit if "X" in letters else "pixel"
    scale = tuple(
        1.0 if letter in "TC" else in_unit(step, axis.unit if axis.kind == "space" else unit, unit)
        for letter, step, axis in zip(letters, _step_sizes(image, level, ndim), described, strict=True)
    )
    return letters, scale, unit


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
        return cls(str(told.get("name", "")), str(told.get("type", "")), unit_name(told.get("unit", "pixel")))


def _step_sizes(image: Mapping[str, Any], level: int, ndim: int) -> list[float]:
    """Multiply the scales of an image and of one of its levels."""
    steps = [1.0] * ndim
    for owner in (image, image["datasets"][level]):
        for transform in owner.get("coordinateTransformations") or ():
            factors = transform.get("scale")
            if transform.get("type") == "scale" and isinstance(factors, Sequence) and len(factors) == ndim:
                steps = [step * in_unit(factor, "", "") for step, factor in zip(steps, factors, strict=True)]
    return steps


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


def label_attributes(info: MaskInfo, axes: str, levels: int, version: str) -> dict[str, Any]:
    """Return the attributes of a group that is a multiscale label image.

    Parameters
    ----------
    info : MaskInfo
    axes : str
        Letters of the arrays.
    levels : int
        Each has half the rows and columns of the one before.
    version : {"0.4", "0.5"}
    """
    steps = dict(zip(info.axes, info.scale, strict=True))
    described_axes = []
    for letter in axes:
        axis = {"name": letter.lower()}
        if letter in _TYPES:
            axis["type"] = _TYPES[letter]
        if axis.get("type") == "space" and unit_name(info.unit) != "pixel":
            axis["unit"] = unit_name(info.unit)
        described_axes.append(axis)
    datasets = [
        {
            "path": str(level),
            "coordinateTransformations": [
                {"type": "scale", "scale": [steps[one] * (2**level if one in "YX" else 1) for one in axes]}
            ],
        }
        for level in range(levels)
    ]
    image = {"name": info.name, "axes": described_axes, "datasets": datasets, "type": "nearest"}
    label: dict[str, Any] = {
        "colors": [{"label-value": value, "rgba": _rgba(color)} for value, _, color in info.values],
        "properties": [{"label-value": value, "class": name} for value, name, _ in info.values],
    }
    if version == "0.4":
        return {
            "multiscales": [{"version": version, **image}],
            "image-label": {"version": version, **label},
            RECORD: info.record(),
        }
    return {"ome": {"version": version, "multiscales": [image], "image-label": label}, RECORD: info.record()}


def _rgba(color: str) -> list[int]:
    return [*bytes.fromhex(color.lstrip("#")[:6].ljust(6, "0")), 255]

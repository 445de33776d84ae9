"""The JSON of OME-Zarr as we write it, version 0.4 and 0.5. Writes no arrays.

Source: Next-generation file format specification, https://ngff.openmicroscopy.org/0.4/ and /0.5/.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari_unet.core.errors import UserError

from ._contents import RECORD
from ._mask_info import MaskInfo
from ._pyramid import Level
from ._units import time_unit_name, unit_name

_TYPES = {"T": "time", "C": "channel", "Z": "space", "Y": "space", "X": "space"}


def stored_axes(axes: str) -> str:
    """Return the order OME-Zarr wants: time, then channels and other countings, then space."""
    slices = _slices(axes)
    space = [letter for letter in axes if letter in "ZYX"]
    others = [letter for letter in axes if letter not in "TZYX" + slices]
    return "".join([
        *(letter for letter in axes if letter == "T"), *others, *slices, *sorted(space, key="ZYX".index)
    ])


def _slices(axes: str) -> str:
    """Return the axis that stands where Z would: one that counts planes beside channels, as both have no word."""
    others = [letter for letter in axes if letter not in "CTZYX"]
    return others[0] if "C" in axes and "Z" not in axes and len(others) == 1 else ""


def named_axes(axes: str) -> str:
    """Return the letters of :func:`stored_axes` as the file names them."""
    slices = _slices(axes)
    return stored_axes(axes).replace(slices, "Z") if slices else stored_axes(axes)


def check_axes(axes: str) -> None:
    """Check that OME-Zarr can hold an array with these axes.

    Raises
    ------
    UserError
        If there are more than five axes, or more than one that is neither time nor space.
    """
    if len(axes) > 5:
        raise UserError(f"OME-Zarr holds at most five axes, not {len(axes)} ({axes}). Save as TIFF.")
    others = [letter for letter in axes if letter not in "TZYX" + _slices(axes)]
    if len(others) > 1:
        raise UserError(
            f"OME-Zarr holds time (T), space (Z, Y, X) and one axis more; the axes {axes} have {len(others)} others "
            f"({', '.join(others)}). Call one of them T or Z with --axes, or save as TIFF."
        )


def described_axes(axes: str, info: MaskInfo) -> list[dict[str, str]]:
    """Return what each axis of the arrays is; of a kind that OME-Zarr has no word for: ``custom``."""
    units = {letter: (time_unit_name if letter == "T" else unit_name)(unit)
             for letter, unit in zip(info.geometry.axes, info.geometry.units, strict=True)}
    slices = _slices(axes)
    return [
        {"name": letter.lower(), "type": _TYPES.get(letter, "custom"),
         **({"unit": units[letter]} if units.get(letter, "pixel") != "pixel" else {})}
        if letter != slices else {"name": "z", "type": "space"}
        for letter in axes
    ]


def group_attributes(
    info: MaskInfo, axes: list[dict[str, str]], levels: Sequence[Level], version: str, source: str = "",
    kind: str = "nearest",
) -> dict[str, Any]:
    """Return the attributes of a group that is a multiscale label image, or one of probabilities.

    Parameters
    ----------
    info : MaskInfo
    axes : list of dict
        From :func:`described_axes`, or those of the image that the labels lie in.
    levels : sequence of Level
        The full resolution first.
    version : {"0.4", "0.5"}
    source : str
        Path from the labels to their image, if they lie in it.
    kind : str
        How smaller levels come from larger ones.
    """
    image = {
        "name": info.name,
        "axes": axes,
        "datasets": [{"path": str(number), "coordinateTransformations": one.transformations}
                     for number, one in enumerate(levels)],
        "type": kind,
    }
    if info.code == "probabilities":
        parts: dict[str, Any] = {"omero": {"channels": [
            {"label": one.name, "color": one.color.lstrip("#")[:6].upper(), "active": True, "coefficient": 1,
             "family": "linear", "inverted": False, "window": {"min": 0, "max": 1, "start": 0, "end": 1}}
            for one in info.classes.classes
        ]}} if info.classes.classes else {}
    else:
        parts = {"image-label": {
            **({"version": version} if version == "0.4" else {}),
            **_listed(info),
            **({"source": {"image": source}} if source else {}),
        }}
    if version == "0.4":
        return {"multiscales": [{"version": version, **image}], **parts, RECORD: info.record()}
    return {"ome": {"version": version, "multiscales": [image], **parts}, RECORD: info.record()}


def _listed(info: MaskInfo) -> dict[str, Any]:
    """Return colours and names of the values; nothing where there are none, as empty lists are not allowed."""
    values = info.values
    if not values:
        return {}
    return {
        "colors": [{"label-value": value, "rgba": _rgba(color)} for value, _, color in values],
        "properties": [{"label-value": value, "class": name} for value, name, _ in values],
    }


def _rgba(color: str) -> list[int]:
    return [*bytes.fromhex(color.lstrip("#")[:6].ljust(6, "0")), 255]

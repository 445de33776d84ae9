"""The parts of a model file, checked before anything is made of them: a file may come from anybody. Opens no file.

Every function takes what the file holds and returns it as it is used, or says which part is wrong.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from napari_unet.core import parameters
from napari_unet.core.classes import ClassTable, PaintedClass
from napari_unet.core.errors import UserError
from napari_unet.core.normalisation import Normalisation
from napari_unet.core.parameters import brief

if TYPE_CHECKING:
    from torch import Tensor

MOST_CHANNELS = 4096
"""No camera has as many; a layer for more would not fit into memory."""


class WrongPart(ValueError):
    """A part of a model file that is missing or no such part; says which."""


def text(contents: Mapping[str, Any], key: str) -> str:
    """Return a part that is text.

    Raises
    ------
    WrongPart
        If it is missing or no text that can be written.
    """
    value = _part(contents, key)
    if not isinstance(value, str):
        raise _wrong(key, value, "text")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise _wrong(key, value, "text without broken characters (lone surrogates)") from None
    return value


def whole_number(contents: Mapping[str, Any], key: str, least: int, most: int) -> int:
    """Return a part that is a whole number in a range.

    Raises
    ------
    WrongPart
        If it is missing or anything else.
    """
    return _whole(key, _part(contents, key), least, most)


def ids(contents: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the ids that a method tells apart."""
    value = _part(contents, "ids")
    if not isinstance(value, (list, tuple)) or len(value) > 255:
        raise _wrong("ids", value, "a list of class ids")
    return tuple(_whole("ids", one, 1, 255) for one in value)


def file_classes(contents: Mapping[str, Any]) -> ClassTable:
    """Return the classes.

    Raises
    ------
    WrongPart, UserError
        If one lacks an id, a name or a colour, or they do not make a table.
    """
    value = _part(contents, "classes")
    if not isinstance(value, (list, tuple)) or not 1 <= len(value) <= 255:
        raise _wrong("classes", value, "a list of 1 to 255 classes")
    made = []
    for one in value:
        if not isinstance(one, Mapping) or set(one) != {"id", "name", "color"}:
            raise _wrong("classes", one, "an id, a name and a color for each class")
        made.append(PaintedClass(whole_number(one, "id", 1, 255), text(one, "name"), text(one, "color")))
    return ClassTable(tuple(made))


def normalisation(contents: Mapping[str, Any]) -> Normalisation:
    """Return how planes are brought to a common range.

    Raises
    ------
    WrongPart
        If a field is unknown or holds anything but numbers, or the percentiles are none.
    """
    value = _part(contents, "normalisation")
    known = {field.name: field.default for field in dataclasses.fields(Normalisation)}
    if not isinstance(value, Mapping) or not set(known).issuperset(value):
        raise _wrong("normalisation", value, f"the fields {', '.join(sorted(known))}")
    values = {name: _frozen(one) for name, one in value.items()}
    if not all(_are_numbers(one) and isinstance(one, tuple) is isinstance(known[name], tuple)
               for name, one in values.items()):
        raise _wrong("normalisation", value, "finite numbers, and lists of such where there are several")
    made = Normalisation(**values)
    if not all(isinstance(one, (int, float)) for one in (made.low, made.high)) or not 0 <= made.low < made.high <= 100:
        raise _wrong("normalisation", value, "two percentiles from 0 to 100")
    if not all(map(_is_range, made.usual)):
        raise _wrong("normalisation", value, "a low and a high number for each channel")
    return made


def made_with(name: str, cls: type[Any], contents: Mapping[str, Any]) -> Any:
    """Make a network or a method with the parameters of a file.

    Raises
    ------
    UserError
        If it has no such parameter, or a value is not allowed.
    """
    values = _part(contents, "knobs")
    if not isinstance(values, Mapping) or not all(isinstance(one, str) for one in values):
        raise _wrong("knobs", values, "parameters by name")
    known = {field.name: field for field in parameters.fields(cls)}
    if stray := set(values).difference(known):
        raise UserError(parameters.no_parameter(name, sorted(stray)[0], known))
    for key, value in values.items():
        try:
            known[key].check(value)
        except UserError as error:
            raise UserError(f"{cls.__name__}: {error}") from None
    return cls(**values)


def tensors(contents: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return what was learnt: plain tensors of numbers on the CPU, each as large in the file as it says.

    Raises
    ------
    WrongPart
        If one is sparse, quantised, complex or only claims to have its size, or holds what is no number.
    """
    import torch

    found = _part(contents, "tensors")
    if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
        raise _wrong("tensors", found, "tensors by name")
    for name, one in found.items():
        shown = f"tensors: {brief(name)[1:-1]}"
        if not isinstance(one, torch.Tensor):
            raise _wrong(shown, one, "a tensor")
        if one.layout != torch.strided or one.is_quantized or one.is_nested or one.device.type != "cpu":
            raise _wrong(shown, one, "a plain tensor (neither sparse nor quantised nor nested)")
        if one.is_complex() or one.numel() * one.element_size() > one.untyped_storage().nbytes():
            raise _wrong(shown, one, "real numbers, as many as its shape says")
        if one.is_floating_point() and bool(torch.isnan(one.float()).any()):
            raise _wrong(shown, one, "numbers; some are not a number (NaN)")
    return dict(found)


def _part(contents: Mapping[str, Any], key: str) -> Any:
    if key not in contents:
        raise WrongPart(f"{key!r} is missing")
    return contents[key]


def _wrong(key: str, value: object, allowed: str) -> WrongPart:
    return WrongPart(f"{key!r} holds {brief(value)}, where there should be {allowed}")


def _whole(key: str, value: object, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _wrong(key, value, f"a whole number from {least} to {most}")
    return value


def _are_numbers(value: object, depth: int = 0) -> bool:
    """Say whether something is a number that is finite, nothing, or a short list of such."""
    if isinstance(value, tuple):
        return depth < 4 and len(value) <= MOST_CHANNELS and all(_are_numbers(one, depth + 1) for one in value)
    if isinstance(value, (int, float)):
        return -parameters.LARGEST <= value <= parameters.LARGEST and math.isfinite(value)
    return value is None


def _is_range(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(one, (int, float)) for one in value)


def _frozen(value: Any) -> Any:
    """Return lists as tuples, inside out."""
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value

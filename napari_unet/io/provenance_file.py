"""Files that say where a result comes from, as JSON: in model files and beside masks and reports. Gathers nothing.

Written for programs as well as for people. Read with patience: a part that is missing, unknown or of another kind is
taken as not known, because a provenance is read to be shown, and an older or newer one still tells most of it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_unet.core.classes import ClassTable, PaintedClass
from napari_unet.core.errors import UserError
from napari_unet.core.provenance import ImageFacts, Provenance
from napari_unet.core.readable import readable

FORMAT = "napari-unet provenance"
VERSION = 1
SUFFIX = ".provenance.json"
LARGEST = 2**22
"""Bytes of a file of this kind, at most; that of a thousand images has a tenth of it."""
_LONGEST = 255  # bytes of a name that file systems take


def provenance_name(name: str) -> str:
    """Return the name of the file about a result of this name; a very long one is cut, its end replaced by a hash."""
    whole, room = os.fsencode(name), _LONGEST - len(SUFFIX)
    if len(whole) > room:
        mark = hashlib.sha256(whole).hexdigest()[:8]
        name = f"{whole[:room - len(mark) - 1].decode('utf-8', 'ignore')}.{mark}"
    return f"{name}{SUFFIX}"


def provenance_text(provenance: Provenance) -> str:
    """Return a provenance as the text of a file; parts that are empty are left out."""
    whole = {"format": FORMAT, "version": VERSION, **_plain(provenance)}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def provenance_from(text: object) -> Provenance | None:
    """Read what :func:`provenance_text` wrote, as far as it can be understood; None if it is nothing of the kind."""
    if not isinstance(text, str) or len(text) > LARGEST:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        return None
    found: Provenance = _read(Provenance, value, 0)
    return found


def is_provenance(path: Path) -> bool:
    """Say whether a file holds a provenance, so that it may go together with what it tells about."""
    try:
        return path.is_file() and read_provenance(path) is not None
    except UserError:
        return False


def read_provenance(path: str | Path) -> Provenance:
    """Read a file.

    Raises
    ------
    UserError
        If it is not there, cannot be read, or is no provenance.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError
        found = provenance_from(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}). Choose a file that is there.") from error
    except ValueError:  # not UTF-8, too
        found = None
    if found is None:
        raise UserError(f"{path} does not say where a result comes from. Choose a NAME{SUFFIX} that napari-unet wrote.")
    return found


def _plain(value: Any) -> Any:
    """Turn a part into what JSON can hold."""
    if isinstance(value, ClassTable):
        return [[one.id, _plain(one.name), one.color] for one in value.classes]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {name: _plain(part) for name, part in parts.items() if not _is_empty(part)}
    if isinstance(value, Mapping):
        return {_simple(str(key)): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return _simple(value)


def _simple(value: Any) -> Any:
    """Return a number as it is, anything else as text."""
    if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return readable(value, lines=True)  # names of others: what UTF-8 lacks, and what steers a terminal, is spelled


def _is_empty(part: Any) -> bool:
    return part is None or part is False or (isinstance(part, (str, tuple, Mapping)) and not part)


_DEPTH = 3
"""A mask has a model, a model may have been trained on from another."""


def _read(cls: Any, value: Mapping[str, Any], depth: int) -> Any:
    """Make one of the two classes of a mapping, leaving out parts that are of another kind."""
    readers = _readers(depth)
    kept = {}
    for field in dataclasses.fields(cls):
        if field.name in value:
            try:
                kept[field.name] = readers[str(field.type)](value[field.name])
            except (TypeError, ValueError, KeyError, IndexError, OverflowError):
                continue
    return cls(**kept)


def _readers(depth: int) -> dict[str, Any]:
    """Return how a part is read, by its type as it is written in the class."""
    return {
        "str": _text,
        "bool": lambda one: one is True,
        "int": _whole,
        "int | None": _whole,
        "float | None": _number,
        "tuple[int, ...]": lambda one: tuple(map(_whole, _list(one))),
        "tuple[float, ...]": lambda one: tuple(map(_number, _list(one))),
        "Mapping[str, str]": lambda one: {_text(key): _text(word) for key, word in one.items()},
        "Mapping[str, Any]": lambda one: {_text(key): word for key, word in one.items()},
        "Mapping[int, int]": lambda one: {int(key): _whole(count) for key, count in one.items()},
        "ClassTable | None": _classes,
        "tuple[ImageFacts, ...]": lambda one: tuple(_read(ImageFacts, image, depth) for image in _list(one)),
        "Provenance | None": lambda one: _read(Provenance, one, depth + 1) if depth < _DEPTH else None,
    }


def _classes(value: Any) -> ClassTable:
    return ClassTable(tuple(PaintedClass(_whole(one[0]), one[1], one[2]) for one in _list(value)))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _number(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError
    return float(value)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value

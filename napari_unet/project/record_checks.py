"""Values out of JSON that anybody may have written, checked one by one. Knows no record."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, NoReturn

from napari_unet.core.errors import UserError
from napari_unet.core.readable import readable

LONGEST = 4096
"""Characters of a text in a record: names and paths."""

MOST = 100_000
"""Entries of a list."""

MAX_SIZE = 2**40
"""Largest length of an axis."""

LATEST = 32_503_680_000
"""Seconds since 1970 at the beginning of the year 3000; some systems know no date after it."""

_ID = re.compile(r"[0-9a-z][0-9a-z_-]{0,63}")
_FILE = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z._-]{0,99}")
_RESERVED = {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(1, 10))}
_DEEPEST = 30


def is_id(text: object) -> bool:
    """Say whether a text can be the id of an image: small letters, digits, - and _; a name of a file everywhere."""
    return isinstance(text, str) and bool(_ID.fullmatch(text)) and text not in _RESERVED


def checked_id(text: str) -> str:
    """Return the id of an image; UserError if it is none."""
    if not is_id(text):
        raise UserError(f"{text!r} cannot be the id of an image. Allowed: small letters, digits, - and _.")
    return text


class Checked:
    """A JSON object whose values are taken out by what they have to be.

    Parameters
    ----------
    given : object
        What is said to be one.
    what : str
        For messages: ``"image 3"``.

    Raises
    ------
    UserError
        If it is no object; by the methods, if a value is missing or of the wrong kind.
    """

    def __init__(self, given: Any, what: str) -> None:
        self._what = what
        if not isinstance(given, Mapping):
            raise UserError(f"{what} is no JSON object but {_brief(given)}.")
        self._given = given

    def _wrong(self, key: str, allowed: str) -> NoReturn:
        value = _brief(self._given[key]) if key in self._given else "missing"
        raise UserError(f"{key!r} of {self._what} is {value}. Allowed: {allowed}.")

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text of harmless letters."""
        value = self._given.get(key, default)
        if not isinstance(value, str) or len(value) > LONGEST:
            self._wrong(key, f"a text of at most {LONGEST} letters")
        return readable(value)

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false."""
        value = self._given.get(key, default)
        if not isinstance(value, bool):
            self._wrong(key, "true or false")
        return value

    def whole(self, key: str, default: int | None = None, largest: int = 2**62) -> int:
        """Return a whole number from 0 on."""
        value = self._given.get(key, default)
        if type(value) is not int or not 0 <= value <= largest:
            self._wrong(key, f"a whole number from 0 to {largest}")
        return value

    def number(self, key: str, default: float = 0.0) -> float:
        """Return a finite number."""
        value = self._given.get(key, default)
        if not _finite(value):
            self._wrong(key, "a number")
        return float(value)

    def moment(self, key: str) -> float:
        """Return seconds since 1970 that every system can show as a date; 0 by default."""
        value = self._given.get(key, 0.0)
        if not _finite(value) or not 0 <= value <= LATEST:
            self._wrong(key, "seconds since 1970, until the year 3000")
        return float(value)

    def maybe_number(self, key: str) -> float | None:
        """Return a finite number, or None."""
        return None if self._given.get(key) is None else self.number(key)

    def maybe_text(self, key: str) -> str | None:
        """Return a text, or None."""
        return None if self._given.get(key) is None else self.text(key)

    def identifier(self, key: str, default: str | None = None) -> str:
        """Return an id; see :func:`is_id`. Where the default is empty, nothing may stand there."""
        value = self._given.get(key, default)
        if not (is_id(value) or (default == "" and value == "")):
            self._wrong(key, "small letters, digits, - and _, at most 64")
        return str(value)

    def items(self, key: str, default: tuple[Any, ...] | None = ()) -> list[Any]:
        """Return a list."""
        value = self._given.get(key, None if default is None else list(default))
        if not isinstance(value, list) or len(value) > MOST:
            self._wrong(key, f"a list of at most {MOST}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts."""
        found = self.items(key)
        if not all(isinstance(one, str) and len(one) <= LONGEST for one in found):
            self._wrong(key, "a list of texts")
        return tuple(map(readable, found))

    def paths(self, key: str) -> tuple[str, ...]:
        """Return a list of paths as they are; their letters are those of files."""
        found = self.items(key, None)
        if not all(isinstance(one, str) and 0 < len(one) <= LONGEST and "\0" not in one for one in found):
            self._wrong(key, "a list of paths")
        return tuple(found)

    def sizes(self, key: str) -> tuple[int, ...]:
        """Return the shape of an array."""
        found = self.items(key, None)
        good = 2 <= len(found) <= 16 and all(type(one) is int and 1 <= one <= MAX_SIZE for one in found)
        if not good or math.prod(found) > 2**62:
            self._wrong(key, f"from 2 to 16 whole numbers from 1 to {MAX_SIZE}")
        return tuple(found)

    def numbers(self, key: str, positive: bool = False) -> tuple[float, ...]:
        """Return a list of finite numbers."""
        found = self.items(key)
        if not all(_finite(one) and (one > 0 or not positive) for one in found):
            self._wrong(key, "a list of numbers larger than 0" if positive else "a list of numbers")
        return tuple(map(float, found))

    def inside(self, key: str, folder: str) -> str:
        """Return the path of a file right in a folder of the project."""
        value = self._given.get(key)
        parts = PurePosixPath(value).parts if isinstance(value, str) else ()
        if len(parts) != 2 or parts[0] != folder or value != f"{folder}/{parts[1]}" or not _plain_name(parts[1]):
            self._wrong(key, f"{folder}/NAME")
        return str(value)

    def child(self, key: str) -> Any:
        """Return whatever stands there, to be checked by others."""
        if key not in self._given:
            self._wrong(key, "something")
        return self._given[key]

    def json(self, key: str) -> dict[str, Any]:
        """Return an object that holds anything JSON can hold, not too deep."""
        value = self._given.get(key, {})
        if not isinstance(value, Mapping) or not plain_json(value):
            self._wrong(key, "an object of plain JSON")
        return dict(value)


def plain_json(value: Any, depth: int = _DEEPEST) -> bool:
    """Say whether a value can be written as JSON and read again as the same."""
    if depth == 0:
        return False
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and plain_json(one, depth - 1) for key, one in value.items()) and all(
            map(_encodes, value))
    if isinstance(value, (list, tuple)):
        return all(plain_json(one, depth - 1) for one in value)
    if isinstance(value, str):
        return _encodes(value)
    return value is None or isinstance(value, bool) or (type(value) in (int, float) and _finite(value))


def _encodes(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _plain_name(name: str) -> bool:
    return bool(_FILE.fullmatch(name)) and name.split(".")[0].lower() not in _RESERVED


def _finite(value: Any) -> bool:
    if type(value) is int:
        return abs(value) < 2**63
    return type(value) is float and math.isfinite(value)


def _brief(value: Any) -> str:
    try:
        shown = json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        shown = type(value).__name__
    return readable(shown if len(shown) <= 60 else shown[:60] + "...")

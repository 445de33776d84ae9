"""Readers of single values of flags: numbers with limits, planes, sizes, assignments. Imports no heavy package."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from napari_unet.core.addresses import is_url

MOST_PLANES = 1_000_000
"""Planes that can be named; no image has as many."""
MOST = 1e15
"""Seconds, steps and sizes beyond are no wish but a mistake: 30 million years, say."""


def plane_index(text: str) -> list[int]:
    """Read ``0,3,11:21``: numbers and half-open ranges, in the order given.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is anything else, or names more planes than any image has.
    """
    numbers: list[int] = []
    try:
        parts = [_plane_range(part) for part in text.split(",")]
    except ValueError:
        parts = []
    if sum(last - first for first, last in parts) > MOST_PLANES or any(last > 2**62 for _, last in parts):
        raise argparse.ArgumentTypeError(
            f"{_shown(text)} names more planes than any image has. Give at most {MOST_PLANES} of them."
        )
    for first, last in parts:
        numbers += range(first, last)
    if not numbers or min(numbers) < 0 or len(set(numbers)) < len(numbers):
        raise argparse.ArgumentTypeError(
            f"{_shown(text)} names no planes. Give different numbers from 0 and half-open ranges, such as 0,3,11:21."
        )
    return numbers


def _plane_range(text: str) -> tuple[int, int]:
    """Read ``3`` or ``11:21`` as (first, last + 1); an empty range is (first, first)."""
    first, colon, last = text.partition(":")
    start = int(first)
    return start, max(start, int(last)) if colon else start + 1


def _shown(text: str) -> str:
    """Return what was given as messages show it: a long text cut short."""
    return repr(text if len(text) <= 80 else f"{text[:77]}...")


def place_or_url(text: str) -> Path | str:
    """Read where a result goes: a path, or an address as text (as a path it would lose a stroke)."""
    return text if is_url(text) else Path(text)


def positive_number(kind: type) -> Callable[[str], float]:
    """Return a reader of numbers above 0."""

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not 0 < value <= MOST:
            raise argparse.ArgumentTypeError(f"{_shown(text)} is not a number above 0 (and at most {MOST:g}).")
        return float(value) if kind is float else value

    return read


def seed_number(text: str) -> int:
    """Read the start of random draws, a whole number from 0 to 2**31 - 1.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is anything else.
    """
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value < 2**31:
        raise argparse.ArgumentTypeError(f"{_shown(text)} is not a whole number from 0 to {2**31 - 1}.")
    return value


def pixel_size(text: str) -> tuple[float, ...]:
    """Read the size of a pixel or voxel, ``0.5`` or ``2,0.5,0.5``.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is not one to three numbers above 0.
    """
    try:
        sizes = tuple(positive_number(float)(part) for part in text.split(","))
    except argparse.ArgumentTypeError:
        sizes = ()
    if not 1 <= len(sizes) <= 3:
        raise argparse.ArgumentTypeError(f"{_shown(text)} is not the size of a pixel: give Y,X or Z,Y,X, all above 0.")
    return sizes * 2 if len(sizes) == 1 else sizes


def unit_of_length(text: str) -> str:
    """Read a unit of length, ``um`` or ``micrometer``, as files spell it.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is none that is known.
    """
    from napari_unet.io import unit_name

    unit = unit_name(text)
    if unit == "pixel":
        raise argparse.ArgumentTypeError(f"{_shown(text)} is no unit of length that is known. Give micrometer, nm, mm, "
                                         "... .")
    return unit


def table_path(text: str) -> Path:
    """Read where a table goes, which is written as CSV whatever it is called.

    Raises
    ------
    argparse.ArgumentTypeError
        If the name is that of a file of another kind.
    """
    path = Path(text)
    if path.suffix.lower() not in ("", ".csv", ".txt"):
        raise argparse.ArgumentTypeError(f"{_shown(text)} ends in {_shown(path.suffix)}, but tables are written as "
                                         "CSV, which Excel opens. Give a name that ends in .csv.")
    return path


def name_list(text: str) -> list[str]:
    """Read names separated by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def countable_words(words: Sequence[str] | None) -> list[int | str]:
    """Return classes as people name them, by name or by number in a mask, as names and painted ids."""
    return [int(word) + 1 if word.isdecimal() and len(word) < 4 else word for word in words or ()]


def assignment(text: str) -> tuple[str, str]:
    """Read ``NAME=VALUE``.

    Raises
    ------
    argparse.ArgumentTypeError
        Without an equals sign.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{_shown(text)} is not NAME=VALUE (see `napari-unet methods` for the names).")
    return name.strip(), value

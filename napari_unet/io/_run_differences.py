"""In what an unfinished run differs from the one that would go on with it, in words. Opens no file."""

from __future__ import annotations

import json
from typing import Any

_WORDS = {
    "image": "the image (its pixels)", "axes": "--axes",
    "changed": "the image (its file was written since, and not with the same pixels)",
    "model": "the model (or the device it runs on)",
    "plan": "the size of tiles and blocks", "skip": "--skip-background", "painted": "--painted-ids", "index": "--index",
    "shape": "the size of the image", "info": "classes, their names or the pixel size",
    "format": "the version, chunks or shards of the store", "version": "the version of napari-unet",
}
_SHOWN = ("axes", "skip", "painted", "shape", "index")
"""Whose values people understand."""


def is_written_since(then: str, now: str) -> bool:
    """Say whether two runs differ in nothing but when their input was written, or whether it could be read as a whole.

    Parameters are those of :func:`differences`.
    """
    before, after = _read(then), _read(now)
    if before is None or after is None or before == after:
        return False
    images = {before.get("image"), after.get("image")}
    unseen = {"changed": None, "image": None}
    return {**before, **unseen} == {**after, **unseen} and (len(images) == 1 or "" in images)


def differences(then: str, now: str) -> str:
    """Say what differs between what two runs were asked for.

    Parameters
    ----------
    then, now : str
        First lines of their journals.
    """
    before, after = _read(then), _read(now)
    if before is None or after is None:
        return "what it was cannot be read"
    found = [_difference(key, before.get(key), after.get(key)) for key in sorted({*before, *after})
             if before.get(key) != after.get(key)]
    return f"it differs in {'; '.join(found)}" if found else "it was written by another version"


def _difference(key: str, before: Any, after: Any) -> str:
    words = _WORDS.get(key, key)
    return f"{words} ({_shown(before)} then, {_shown(after)} now)" if key in _SHOWN else words


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " x ".join(str(one)[:20] for one in value[:6])
    return "none" if value is None else str(value)[:40]


def _read(line: str) -> dict[str, Any] | None:
    try:
        told = json.loads(line)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None

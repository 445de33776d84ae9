"""What a file beside a result says of where it comes from, here or at an address. Writes nothing."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime
from pathlib import Path

from napari_unet.core.addresses import is_url
from napari_unet.core.errors import UserError
from napari_unet.core.provenance import Provenance

from ._far_store import open_files
from ._last_change import last_change
from ._saving import provenance_path
from .provenance_file import provenance_from, provenance_name, provenance_text, read_provenance

_COARSE = 2.0
"""Seconds from one time to the next on some file systems."""


def told_beside(result: str | Path) -> Provenance | None:
    """Return what is told of a result; None if nothing is, it cannot be read, or something else lies there by now.

    Whether it was changed is seen by when it was written, of what lies on this computer.
    """
    with contextlib.suppress(UserError, OSError, UnicodeDecodeError):
        if not is_url(result):
            place = provenance_path(result)
            told = read_provenance(place)
            return told if _written_then(result, told, place) else None
        files, root = open_files(str(result).rstrip("/"))
        folder, _, name = root.rpartition("/")
        return provenance_from(files.cat_file(f"{folder}/{provenance_name(name)}").decode())
    return None


def _written_then(result: str | Path, told: Provenance, place: Path) -> bool:
    """Say whether a result was written by the run that a file tells of: after its beginning, and before the file."""
    with contextlib.suppress(ValueError, OverflowError):
        begun, changed = datetime.fromisoformat(told.begun).timestamp(), last_change(result) / 1e9
        return begun - _COARSE <= changed <= os.stat(place).st_mtime + _COARSE
    return False


def made_alike(result: str | Path, wanted: Provenance) -> bool:
    """Say whether a result is there that was made of the same image, with the same model and settings."""
    told, whole = told_beside(result), provenance_from(provenance_text(wanted))
    if told is None or whole is None or not wanted.settings or not any(one.hash for one in wanted.images):
        return False
    return (told.what, told.settings, [one.hash for one in told.images]) == (
        whole.what, whole.settings, [one.hash for one in whole.images])

"""What a file beside a result says of where it comes from, here or at an address. Writes nothing."""

from __future__ import annotations

import contextlib
from pathlib import Path

from napari_unet.core.addresses import is_url
from napari_unet.core.errors import UserError
from napari_unet.core.provenance import Provenance

from ._far_store import open_files
from ._saving import provenance_path
from .provenance_file import provenance_from, provenance_name, provenance_text, read_provenance


def told_beside(result: str | Path) -> Provenance | None:
    """Return what is told of a result, None if nothing is, or it cannot be read."""
    with contextlib.suppress(UserError, OSError, UnicodeDecodeError):
        if not is_url(result):
            return read_provenance(provenance_path(result))
        files, root = open_files(str(result).rstrip("/"))
        folder, _, name = root.rpartition("/")
        return provenance_from(files.cat_file(f"{folder}/{provenance_name(name)}").decode())
    return None


def made_alike(result: str | Path, wanted: Provenance) -> bool:
    """Say whether a result is there that was made of the same image, with the same model and settings."""
    told, whole = told_beside(result), provenance_from(provenance_text(wanted))
    if told is None or whole is None or not wanted.settings or not any(one.hash for one in wanted.images):
        return False
    return (told.what, told.settings, [one.hash for one in told.images]) == (
        whole.what, whole.settings, [one.hash for one in whole.images])

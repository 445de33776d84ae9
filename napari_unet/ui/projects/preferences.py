"""What a person has chosen about projects, in a small file that outlives the sitting. Makes no project, shows nothing.

The file is never needed: what is missing, damaged or of another version counts as not chosen.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from qtpy.QtCore import QStandardPaths

FOLDER_VARIABLE = "NAPARI_UNET_CONFIG"
"""Environment variable that names another folder for the file."""

RECENT = 8
"""So many projects are remembered."""

_FILE = "preferences.json"
_MOST_BYTES = 100_000


@dataclasses.dataclass(frozen=True)
class Preferences:
    """What is kept from sitting to sitting.

    Parameters
    ----------
    keep : bool
        Whether a project is made at the first stroke.
    place : str
        Folder for new projects; ``""``: beside the image, or in the documents where that cannot be.
    recent : tuple of str
        Projects used last, the newest first.
    """

    keep: bool = True
    place: str = ""
    recent: tuple[str, ...] = ()


def config_folder() -> Path:
    """Return the folder of the file; it need not exist."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)) / "napari-unet"


def documents_folder() -> Path:
    """Return where projects go that cannot lie beside their image; it need not exist."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)) / "napari-unet"


def read_preferences() -> Preferences:
    """Return what was chosen; never raises."""
    try:
        path = config_folder() / _FILE
        if path.stat().st_size > _MOST_BYTES:
            return Preferences()
        found: Any = json.loads(path.read_text(encoding="utf-8"))
        keep, place, recent = found.get("keep", True), found.get("place", ""), found.get("recent", [])
        return Preferences(
            keep if isinstance(keep, bool) else True, place if isinstance(place, str) else "",
            tuple(one for one in recent if isinstance(one, str))[:RECENT] if isinstance(recent, list) else (),
        )
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return Preferences()


def change_preferences(**changes: Any) -> Preferences:
    """Write what was chosen anew and return all of it; where it cannot be written, it holds for this time only."""
    chosen = dataclasses.replace(read_preferences(), **changes)
    path = config_folder() / _FILE
    beside = path.with_name(f"{_FILE}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(dataclasses.asdict(chosen), indent=1), encoding="utf-8")
        os.replace(beside, path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
    return chosen


def remember_project(path: Path) -> None:
    """Put a project in front of those used last."""
    mine = str(path.absolute())
    recent = (mine, *(one for one in read_preferences().recent if one != mine))
    change_preferences(recent=recent[:RECENT])


def forget_project(path: Path) -> None:
    """Offer a project no longer."""
    mine = str(path.absolute())
    change_preferences(recent=tuple(one for one in read_preferences().recent if one != mine))

"""Where a new project may lie, and which projects lie beside an image. Makes and changes nothing."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from napari_unet.project.project_home import SUFFIX

from .preferences import Preferences, documents_folder

_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_LONGEST_NAME = 80
_MOST_BYTES = 50_000_000
_MOST_BESIDE = 20


def project_name(image: str) -> str:
    """Return the name of an image as a name for a folder, on every system."""
    name = re.sub(r"[^\w .()+-]+", "_", image).strip(" ._")[:_LONGEST_NAME].strip(" ._")
    return f"_{name}" if _RESERVED.fullmatch(name) else name or "project"


def new_places(image: str, file: Path | None, chosen: Preferences) -> Iterator[Path]:
    """Yield where the project of an image may be made, the best place first; none of them exists.

    Parameters
    ----------
    image : str
        Name of the image.
    file : Path, optional
        Where it was read from.
    chosen : Preferences
    """
    folders = [Path(chosen.place)] if chosen.place else []
    if file is not None and not chosen.place and may_write(file.parent):
        folders.append(file.parent)
    for folder in (*folders, documents_folder()):
        yield free_path(folder, project_name(image))


def free_path(folder: Path, name: str) -> Path:
    """Return a project path in a folder that nothing has yet: ``cells.unet``, ``cells 2.unet``, ..."""
    number = 1
    while True:
        path = folder / f"{name}{'' if number == 1 else f' {number}'}{SUFFIX}"
        if not os.path.lexists(path):
            return path
        number += 1


def may_write(folder: Path) -> bool:
    """Whether something can be made in a folder, as far as can be told without trying."""
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def is_project(path: Path) -> bool:
    """Whether a folder looks like a project."""
    return path.suffix.lower() == SUFFIX and (path / "project.json").is_file()


def last_used(path: Path) -> float:
    """Return when a project was written last, in seconds since 1970; 0 where it is gone."""
    times = [0.0]
    for one in (path / "project.json", path / "events.jsonl", path / "strokes"):
        with contextlib.suppress(OSError):
            times.append(one.stat().st_mtime)
    return max(times)


def projects_beside(file: Path) -> list[Path]:
    """Return the projects in the folder of a file that hold it, the one used last first."""
    found = []
    try:
        with os.scandir(file.parent) as entries:
            names = [one.name for one in entries if one.name.lower().endswith(SUFFIX)]
    except OSError:
        return []
    for name in sorted(names)[:_MOST_BESIDE]:
        path = file.parent / name
        if file.resolve() in set(_images(path)):
            found.append(path)
    return sorted(found, key=last_used, reverse=True)


def _images(project: Path) -> Iterable[Path]:
    """Yield the files that a project refers to; none where it cannot be read."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        file = project / "project.json"
        if file.stat().st_size > _MOST_BYTES:
            return
        for image in json.loads(file.read_text(encoding="utf-8"))["images"]:
            for path in image["source"]["paths"]:
                yield (project / str(path)).resolve()


def ago(moment: float, now: float | None = None) -> str:
    """Return how long ago a moment was, in words: ``5 min ago``."""
    seconds = max(0.0, (time.time() if now is None else now) - moment)
    for limit, unit, text in (
        (90, 1, "just now"), (90 * 60, 60, "{} min ago"), (36 * 3600, 3600, "{} h ago"),
    ):
        if seconds < limit:
            return text.format(round(seconds / unit))
    return f"{round(seconds / 86400)} days ago"

"""``project.json``: read with care, written whole, the last good copy beside it. Knows no strokes and no lock."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from napari_unet.core.errors import UserError

from .disk import settle_folder, write_whole
from .record_checks import Checked
from .records import ProjectState

FORMAT = "napari-unet project"
VERSION = 1
NAME = "project.json"
BEFORE = "project.json.before"
LARGEST = 2**26
"""Bytes of a project.json that is read."""

_ID = re.compile(r"[0-9a-f]{32}")


@dataclasses.dataclass(frozen=True)
class ProjectFile:
    """What a project.json holds.

    Parameters
    ----------
    id : str
        The project's, the same for ever; a copy has another one.
    made : str
        When, ISO 8601.
    program : str
        What has written it.
    place : str
        The folder it was in when it was written.
    state : ProjectState
    told : tuple of str
        What had to be mended, for people.
    """

    id: str
    made: str
    program: str
    place: str
    state: ProjectState
    told: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """Return the file.

        Raises
        ------
        UserError
            If it could not be read again: a name of a million letters, say, or a number that is none.
        """
        contents = {
            "format": FORMAT, "version": VERSION, "program": self.program, "id": self.id, "made": self.made,
            "place": self.place, **self.state.to_json(),
        }
        try:
            data = json.dumps(contents, indent=1, allow_nan=False, default=_plain_number).encode()
        except (TypeError, ValueError) as error:
            raise UserError(f"The project holds something that cannot be written ({error}).") from error
        _parsed(json.loads(data), Path(self.place))
        return data


class _Damaged(Exception):
    """The bytes are no JSON that a program of ours has written to the end."""


class _Senseless(UserError):
    """JSON that is whole, but not of a project as we write it."""


def read_project(folder: Path) -> ProjectFile:
    """Read what a folder holds; if project.json is damaged, the copy from before the last change is used.

    Raises
    ------
    UserError
        If it is no project, of a newer version, or holds what no project holds.
    OSError
        If it cannot be read.
    """
    if not (folder / NAME).is_file() and not (folder / BEFORE).is_file():
        raise UserError(f"{folder} is no project of napari-unet: there is no {NAME} in it. Choose a folder NAME.unet.")
    try:
        return _parsed(_contents(folder / NAME), folder)
    except (_Damaged, _Senseless) as error:
        try:
            old = _parsed(_contents(folder / BEFORE), folder)
        except _Damaged:
            raise UserError(
                f"{folder / NAME} is damaged ({error}), and there is no good copy of it. The strokes are in "
                f"{folder / 'strokes'}, one zarr array for each image; any reader of zarr opens them."
            ) from error
        text = (f"{NAME} was damaged ({error}); the copy from before the last change is used. Strokes are not "
                "concerned: they are kept on their own.")
        return dataclasses.replace(old, told=(text,))


def write_project(folder: Path, data: bytes, before: bytes | None) -> None:
    """Write project.json, and what it was until now beside it.

    Raises
    ------
    OSError
        If it cannot be written; then what was there is there still.
    """
    if before is not None:
        write_whole(folder / BEFORE, before)
    write_whole(folder / NAME, data)
    settle_folder(folder)


def _contents(path: Path) -> dict[str, Any]:
    """Return the JSON object of a file."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise _Damaged("it is missing") from error
    if len(data) > LARGEST:
        raise _Damaged(f"it is larger than {LARGEST // 2**20} MB")
    try:
        found = json.loads(data, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise _Damaged("it is no whole JSON") from error
    if not isinstance(found, dict):
        raise _Damaged("it is no JSON object")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _plain_number(value: Any) -> Any:
    """Return a number of numpy as one of Python."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not plain JSON")


def _parsed(contents: dict[str, Any], folder: Path) -> ProjectFile:
    """Check the format and the version first, whatever else there is."""
    if contents.get("format") != FORMAT:
        raise UserError(f"{folder / NAME} was not written by napari-unet. Choose a folder NAME.unet that was.")
    version = contents.get("version")
    if type(version) is int and version > VERSION:
        raise UserError(
            f"{folder} was written by a newer napari-unet (version {version} of the format, this one reads {VERSION}). "
            "It is left as it is. Update napari-unet-live to open it."
        )
    try:
        read = Checked(contents, "the project")
        if read.whole("version") != VERSION:
            raise UserError(f"'version' of the project is {version!r}. Allowed: {VERSION}.")
        name = read.text("id")
        if not _ID.fullmatch(name):
            raise UserError("'id' of the project is none. Allowed: 32 digits and letters from a to f.")
        return ProjectFile(name, read.text("made", ""), read.text("program", ""), read.text("place", ""),
                           ProjectState.from_json(contents))
    except UserError as error:
        raise _Senseless(f"{folder / NAME} cannot be used: {error}") from error

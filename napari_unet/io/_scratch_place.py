"""Where what is unfinished of a search for objects lies: a folder beside the result, here or at an address.

Each file in it appears whole. Knows not what the files hold.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from ._far_lock import FarLock
from ._far_store import open_files, store_at
from ._output import writing
from ._remote_errors import far_read, far_written
from ._store_lock import StoreLock
from ._unfinished import remove

_FOLDER = ".{}.objects"


class LocalScratch:
    """Beside ``cells.zarr``: the folder ``.cells.zarr.objects``.

    Parameters
    ----------
    place : Path
        Of the result.
    """

    def __init__(self, place: Path) -> None:
        self._place, self._folder = place, place.with_name(_FOLDER.format(place.name))

    def lock(self) -> StoreLock:
        """Take the lock."""
        return StoreLock(self._folder.with_name(f"{self._folder.name}.lock"), str(self._place))

    def begin(self) -> None:
        """Begin anew, with an empty folder."""
        self.remove()
        self._folder.mkdir()

    def names(self) -> list[str]:
        """Return the names of the files."""
        return [one.name for one in self._folder.glob("*")]

    def path(self, name: str) -> str:
        """Return what messages call a file."""
        return str(self._folder / name)

    def read(self, name: str) -> bytes:
        """Return what a file holds; FileNotFoundError if it is not there."""
        return (self._folder / name).read_bytes()

    def drop(self, name: str) -> None:
        """Remove a file."""
        (self._folder / name).unlink(missing_ok=True)

    def write(self, name: str, content: bytes) -> None:
        """Write a file."""
        unfinished = self._folder / f"{name}.partial"
        unfinished.write_bytes(content)
        os.replace(unfinished, self._folder / name)

    def store(self, name: str) -> Any:
        """Return what zarr takes for an array that is written there."""
        return str(self._folder / name)

    def remove(self) -> None:
        """Remove the folder."""
        remove(self._folder)

    def guard(self) -> AbstractContextManager[None]:
        """Turn what goes wrong into a message."""
        return writing(self._place)


class FarScratch:
    """The same at an address, where objects are written whole or not at all.

    Parameters
    ----------
    url : str
        Of the result.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._files, root = open_files(url)
        folder, _, name = root.rpartition("/")
        self._folder = f"{folder}/{_FOLDER.format(name)}"
        self._address = f"{url.rpartition('/')[0]}/{_FOLDER.format(name)}"

    def lock(self) -> FarLock:
        """Take the lock."""
        return FarLock(self._files, f"{self._folder}.lock", self._url)

    def begin(self) -> None:
        """Begin anew."""
        self.remove()

    def names(self) -> list[str]:
        """Return the names of the files."""
        self._files.invalidate_cache()
        try:
            return [str(one).rstrip("/").rpartition("/")[2] for one in self._files.ls(self._folder, detail=False)]
        except FileNotFoundError:
            return []

    def path(self, name: str) -> str:
        """Return what messages call a file."""
        return f"{self._address}/{name}"

    def read(self, name: str) -> bytes:
        """Return what a file holds; FileNotFoundError if it is not there."""
        def content() -> bytes | None:
            try:
                return bytes(self._files.cat_file(f"{self._folder}/{name}"))
            except FileNotFoundError:
                return None

        found = far_read(content, self.path(name))
        if found is None:
            raise FileNotFoundError(self.path(name))
        return found

    def drop(self, name: str) -> None:
        """Remove a file."""
        self._files.rm_file(f"{self._folder}/{name}")

    def write(self, name: str, content: bytes) -> None:
        """Write a file."""
        self._files.pipe_file(f"{self._folder}/{name}", content)

    def store(self, name: str) -> Any:
        """Return what zarr takes for an array that is written there."""
        return store_at(f"{self._address}/{name}", read_only=False)

    def remove(self) -> None:
        """Remove all of it."""
        self._files.invalidate_cache()
        if self._files.exists(self._folder):
            self._files.rm(self._folder, recursive=True)

    def guard(self) -> AbstractContextManager[None]:
        """Turn what goes wrong over a network into a message."""
        return far_written(self._url)

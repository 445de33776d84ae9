"""What lies on a disk while a mask is written block by block: the unfinished store, its journal, a lock."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ._output import writing
from ._store_lock import StoreLock
from ._unfinished import remove, unfinished_beside

ARRAY_MARKS = ("0/.zarray", "0/zarr.json")
"""What says that a store holds the array that is filled: in zarr 2, in zarr 3."""

_CANNOT_BE_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
"""Why there is no journal: the last of a result whose own name is just short enough."""

_NAMED = "named "
"""How the line of the journal begins that says what is about to take the name of the result."""


class LocalRun:
    """Beside ``cells.zarr``: ``.cells.zarr.unfinished``, and names that begin like this.

    Parameters
    ----------
    path : Path
        Of the result, checked.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.store: Path = path.with_name(f".{path.name}.unfinished")
        self.lock_path = str(self.store.with_name(f"{self.store.name}.lock"))
        self._journal = self.store.with_name(f"{self.store.name}.blocks")
        self._notes: TextIO | None = None

    def lock(self, what: str) -> StoreLock:
        """Take the lock."""
        return StoreLock(Path(self.lock_path), what)

    def is_begun(self) -> bool:
        """Say whether the store is there, and its array."""
        return any((self.store / name).exists() for name in ARRAY_MARKS)

    def journal(self) -> str | None:
        """Return the journal."""
        try:
            return self._journal.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return None
        except OSError as error:
            if error.errno in _CANNOT_BE_THERE:
                return None
            raise

    def begin(self, header: str) -> None:
        """Begin anew."""
        remove(self.store)
        self._journal.write_text(f"{header}\n", encoding="utf-8")

    def cut(self, torn: str) -> None:
        """Remove what was being written when the run was killed."""
        with self._journal.open("r+b") as file:
            file.truncate(file.seek(0, os.SEEK_END) - len(torn.encode()))

    def renew(self, header: str) -> None:
        """Put another first line in place of the one that is there."""
        _, _, notes = self._journal.read_text(encoding="utf-8").partition("\n")
        fresh = self._journal.with_name(f"{self._journal.name}.partial")
        fresh.write_text(f"{header}\n{notes}", encoding="utf-8")
        os.replace(fresh, self._journal)

    def note(self, line: str) -> None:
        """Add a line."""
        self._notes = self._notes or self._journal.open("a", encoding="utf-8")
        self._notes.write(f"{line}\n")
        self._notes.flush()

    def note_named(self, whole: Path) -> None:
        """Note that what is whole takes the name of the result now."""
        self.note(f"{_NAMED}{_mark(whole)}")

    def is_named(self) -> bool:
        """Say whether the run had ended but for its last notes: what it noted so lies at its place."""
        return (mark := self._named()) is not None and self._path.exists() and _mark(self._path) == mark

    def recover(self) -> None:
        """Put the store back if a run was killed in the moment before it took the name of the result."""
        if self.is_begun() or (mark := self._named()) is None:
            return
        for one in unfinished_beside(self._path):
            if _mark(one) == mark:
                os.replace(one, self.store)
                return

    def _named(self) -> str | None:
        lines = (self.journal() or "").split("\n")[:-1]
        return next((line.removeprefix(_NAMED) for line in reversed(lines) if line.startswith(_NAMED)), None)

    def close(self, lost: bool = False) -> None:  # noqa: ARG002  # what was added is on the disk, whoever has it now
        """Close the journal."""
        if self._notes is not None:
            self._notes.close()
            self._notes = None

    def remove(self) -> None:
        """Remove the journal, and the store if it has not become the result."""
        self.close()
        remove(self._journal)
        remove(self.store)

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """Turn an error of the disk into a message."""
        with writing(self._path):
            yield


def _mark(path: Path) -> str:
    """Return what a file or folder is known by under any name, while nobody changes it."""
    found = path.stat()
    return f"{found.st_dev}:{found.st_ino}:{found.st_mtime_ns}"

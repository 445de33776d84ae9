"""What lies on a disk while a mask is written block by block: the unfinished store, its journal, a lock."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ._output import writing
from ._store_lock import StoreLock
from ._unfinished import remove

ARRAY_MARKS = ("0/.zarray", "0/zarr.json")
"""What says that a store holds the array that is filled: in zarr 2, in zarr 3."""


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
        except (FileNotFoundError, UnicodeDecodeError):
            return None

    def begin(self, header: str) -> None:
        """Begin anew."""
        remove(self.store)
        self._journal.write_text(f"{header}\n", encoding="utf-8")

    def cut(self, torn: str) -> None:
        """Remove what was being written when the run was killed."""
        with self._journal.open("r+b") as file:
            file.truncate(file.seek(0, os.SEEK_END) - len(torn.encode()))

    def note(self, number: int) -> None:
        """Add a block."""
        self._notes = self._notes or self._journal.open("a", encoding="ascii")
        self._notes.write(f"{number}\n")
        self._notes.flush()

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

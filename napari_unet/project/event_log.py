"""What happened in a project, as lines of JSON: for people who ask later. An error here is never one of the project."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .disk import append_line, take_place

LARGEST_LOG = 2**20
"""Bytes after which a new file is begun; the one before is kept as ``events.1.jsonl``, older ones go."""


class EventLog:
    """The file ``events.jsonl`` of a project.

    Parameters
    ----------
    path : Path
    clock : callable
        Seconds since 1970.
    largest : int
        Bytes after which a new file is begun.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time, largest: int = LARGEST_LOG) -> None:
        self._path, self._clock, self._largest = path, clock, largest
        self._begun = False

    def add(self, what: str, **values: Any) -> None:
        """Add an event: its time, what it was, and what else there is to know (anything JSON holds, or its text)."""
        with contextlib.suppress(OSError, ValueError, TypeError, RecursionError):
            when = datetime.datetime.fromtimestamp(self._clock(), datetime.UTC).isoformat(timespec="milliseconds")
            line = json.dumps({"time": when, "what": what, **values}, default=str) + "\n"
            if self._path.exists() and self._path.stat().st_size + len(line) > self._largest:
                take_place(self._path, self._path.with_suffix(".1.jsonl"))
            append_line(self._path, self._line_end() + line.encode())

    def _line_end(self) -> bytes:
        """Return what ends a line that a killed run has torn."""
        begun, self._begun = self._begun, True
        if begun or not self._path.exists() or not self._path.stat().st_size:
            return b""
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return b"" if file.read(1) == b"\n" else b"\n"

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield all events that are kept, the oldest first; lines that are not whole are left out."""
        for path in (self._path.with_suffix(".1.jsonl"), self._path):
            with contextlib.suppress(OSError):
                for line in path.read_bytes().splitlines():
                    with contextlib.suppress(ValueError, RecursionError):
                        event = json.loads(line)
                        if isinstance(event, dict):
                            yield event

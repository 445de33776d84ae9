"""Frames of bytes through the pipes between a process and the one it has started. Knows no message."""

from __future__ import annotations

import struct
import threading
from collections.abc import Sequence
from typing import Any, BinaryIO

MESSAGE, LEAVE, REST, GO_ON = b"m", b"l", b"r", b"g"
"""What a frame is: a message, or the wish that the present work be left, that it rest, or that it go on."""

_HEAD = struct.Struct("<cI")
_SIZE = struct.Struct("<Q")


class MessagePipe:
    """Sends and receives messages of several parts; several threads may send, one receives.

    Parameters
    ----------
    reading, writing : binary file
        Not buffered.
    """

    def __init__(self, reading: BinaryIO, writing: BinaryIO) -> None:
        self._reading, self._writing = reading, writing
        self._alone = threading.Lock()

    def send(self, parts: Sequence[Any] = (), kind: bytes = MESSAGE) -> None:
        """Send a message.

        Raises
        ------
        OSError, ValueError
            If the other side is gone.
        """
        views = [memoryview(part).cast("B") for part in parts]
        head = _HEAD.pack(kind, len(views)) + b"".join(_SIZE.pack(len(view)) for view in views)
        with self._alone:
            for view in (memoryview(head), *views):
                while len(view):
                    view = view[self._writing.write(view):]

    def receive(self) -> tuple[bytes, list[bytearray]] | None:
        """Wait for the next message; None when the other side is gone."""
        try:
            kind, count = _HEAD.unpack(self._read(_HEAD.size))
            sizes = [_SIZE.unpack(self._read(_SIZE.size))[0] for _ in range(count)]
            return kind, [self._read(size) for size in sizes]
        except (EOFError, OSError, ValueError):
            return None

    def _read(self, size: int) -> bytearray:
        made = bytearray(size)
        view = memoryview(made)
        while len(view):
            count = self._reading.readinto(view)  # type: ignore[attr-defined]  # files that are not buffered have it
            if not count:
                raise EOFError
            view = view[count:]
        return made

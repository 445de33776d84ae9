"""Who has the right to write a store, and that he lives: what a lock says, on a disk or far away. Opens no file."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import threading
import uuid
from collections.abc import Callable

from napari_unet.core.errors import UserError
from napari_unet.core.provenance import now
from napari_unet.core.readable import readable

BEAT = 20.0
"""Seconds between two signs of life."""

SILENCE = 120.0
"""Seconds without a sign, after which a run on another computer counts as dead."""


@dataclasses.dataclass(frozen=True)
class LockOwner:
    """A run that has a lock.

    Parameters
    ----------
    run : str
        Its own name, which no other run has.
    host : str
        The computer.
    process : int
    begun : str
        When, UTC.
    """

    run: str
    host: str
    process: int
    begun: str

    @classmethod
    def here(cls) -> LockOwner:
        """Return one for a run of this process."""
        return cls(uuid.uuid4().hex, socket.gethostname(), os.getpid(), now())

    @classmethod
    def read(cls, text: str | bytes) -> LockOwner | None:
        """Read what :attr:`text` wrote; None if it is nothing of the kind."""
        try:
            told = json.loads(text)
            return cls(str(told["run"]), str(told["host"]), int(told["process"]), str(told["begun"]))
        except (ValueError, TypeError, KeyError):
            return None

    @property
    def text(self) -> str:
        """The same as text of a file."""
        return json.dumps(dataclasses.asdict(self)) + "\n"

    @property
    def words(self) -> str:
        """Who it is, for people."""
        return f"process {self.process} on {readable(self.host)}, begun {readable(self.begun)}"

    @property
    def is_near(self) -> bool:
        """Whether it is on this computer."""
        return self.host == socket.gethostname()

    @property
    def is_gone(self) -> bool:
        """Whether it was a process of this computer that is no more."""
        if not self.is_near or os.name == "nt":  # there, asking would end it
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False


class SignsOfLife:
    """Does something again and again in a thread of its own, until :meth:`stop`."""

    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat, self._end = beat, threading.Event()
        self._thread = threading.Thread(target=self._run, name="signs of life", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(BEAT):
            self._beat()


def refused(what: str, owner: LockOwner | None, more: str = "") -> UserError:
    """Return the error that somebody else has a lock."""
    who = f" ({owner.words})" if owner is not None else ""
    return UserError(f"Another run is writing {what} at this moment{who}.{more} Wait for it, or choose another name.")


def has_lock(text: bytes, run: str) -> bool:
    """Say whether a lock with this content is that of a run (:attr:`LockOwner.run`), or is being written just now."""
    owner = LockOwner.read(text)
    return owner is None or owner.run == run

"""The right to write a store at an address, as far as objects there can be one. Knows not what is written."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from typing import Any

from ._lock_owner import SILENCE, LockOwner, SignsOfLife, refused

PAUSE = 1.0
"""Seconds after which a run looks whether another has taken the same lock in the same moment."""


class FarLock:
    """An object that names the run that has it, written again and again as a sign of life.

    Stores that can make an object only where there is none (S3, Google) let just one run have it; on others two that
    begin in the same second look a second later whose it is.

    Parameters
    ----------
    files : fsspec.AbstractFileSystem
    path : str
        Of the object.
    what : str
        What it is the right to write, for messages.

    Raises
    ------
    UserError
        If another run has it.
    """

    def __init__(self, files: Any, path: str, what: str) -> None:
        self._files, self._path = files, path
        self.owner, self.note = LockOwner.here(), ""
        self.is_lost = False
        self._held = True
        self._take(what)
        self._heart = SignsOfLife(self._beat)

    def _take(self, what: str) -> None:
        owner, silence = self._who()
        if owner is None:
            self._make(what)
        elif owner.is_gone or (silence > SILENCE and not owner.is_near):
            self.note = f"an earlier run ended without letting go ({owner.words}); this one goes on"
            self._write()
        else:
            raise refused(what, owner, f" Its last sign of life is {max(0, silence):.0f} s old; if it is dead, remove "
                                       f"{self._path}.")
        time.sleep(PAUSE)
        owner, _ = self._who()
        if owner != self.owner:
            raise refused(what, owner)

    def _make(self, what: str) -> None:
        try:
            self._files.pipe_file(self._path, self._text, mode="create")
        except Exception as error:  # of stores that do not know this, everything is thinkable
            owner, _ = self._who()
            if owner is not None:
                raise refused(what, owner) from error
            self._write()

    def _write(self) -> None:
        self._files.pipe_file(self._path, self._text)

    @property
    def _text(self) -> bytes:
        return json.dumps({**dataclasses.asdict(self.owner), "alive": time.time()}).encode()

    def _who(self) -> tuple[LockOwner | None, float]:
        """Return whose it is, and how long ago he lived."""
        try:
            text = self._files.cat_file(self._path)
        except FileNotFoundError:
            return None, 0.0
        silence = SILENCE + 1
        with contextlib.suppress(ValueError, TypeError, KeyError):
            silence = time.time() - float(json.loads(text)["alive"])
        return LockOwner.read(text), silence

    def _beat(self) -> None:
        with contextlib.suppress(Exception):  # a network that is away for a moment is no reason to end
            owner, _ = self._who()
            self.is_lost = owner is not None and owner != self.owner
            if not self.is_lost:
                self._write()

    def release(self) -> None:
        """Let go and remove the object."""
        if not self._held:
            return
        self._held = False
        self._heart.stop()
        with contextlib.suppress(Exception):  # what is left counts as dead soon
            owner, _ = self._who()
            if owner == self.owner:
                self._files.rm_file(self._path)

"""The right to write a store, which one run has at a time, on whatever computer. Knows not what is written.

A small file names the run that has it. On one computer the system tells whether that run lives. Of a run on another
computer, which shares the folder, only signs of life are seen: it touches the file again and again.
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from pathlib import Path

from ._lock_owner import SILENCE, LockOwner, SignsOfLife, refused
from ._run_lock import BUSY, is_there, lock_file, open_or_make

_MAKING = 2.0
"""Seconds that a file may be there before it says whose it is."""
_BYTE = 2**30  # the byte that is locked: where locks keep others from reading, they are to read what lies before


class StoreLock:
    """A lock on a disk.

    Parameters
    ----------
    path : Path
        Of the small file.
    what : str
        What it is the right to write, for messages.

    Raises
    ------
    UserError
        If another run has it.
    OSError
        If the file cannot be made.
    """

    def __init__(self, path: Path, what: str) -> None:
        self.owner, self.note, self._path = LockOwner.here(), "", path
        self._lost = False
        self._file: int | None = self._taken(what)
        self._heart = SignsOfLife(self._beat)

    def _taken(self, what: str) -> int:
        """Return the open file once it is ours."""
        end = time.monotonic() + _MAKING
        while True:
            try:
                file, made = open_or_make(self._path, 0o644)
            except PermissionError:
                if (owner := self._who()) is None:
                    raise
                raise refused(what, owner) from None  # somebody else's, who lets others only read
            if file is None:
                continue
            try:
                locks, busy = _locked(file)
                while made and busy and time.monotonic() < end:  # others look whose it is, a moment each
                    time.sleep(0.01)
                    locks, busy = _locked(file)
                owner = LockOwner.read(_text(file))
                waited = time.monotonic() > end
                if busy and (owner is not None or time.monotonic() > end + _MAKING):
                    raise refused(what, owner)
                if not busy and self._is_ours(file, made, owner, locks, waited, what):
                    os.ftruncate(file, 0)
                    os.lseek(file, 0, os.SEEK_SET)
                    os.write(file, self.owner.text.encode())
                    with contextlib.suppress(OSError):
                        os.fsync(file)
                    return file
            except BaseException:
                os.close(file)
                raise
            os.close(file)
            time.sleep(0.05)

    def _is_ours(
        self, file: int, made: bool, owner: LockOwner | None, locks: bool, waited: bool, what: str
    ) -> bool:
        """Say whether a file that nobody else holds may be taken; looks again later if not."""
        if not is_there(file, self._path):  # it was removed between opening and locking
            return False
        if made:
            return True
        if owner == self.owner:
            return True
        if owner is None:  # somebody is about to write the name, or died before
            return waited
        if owner.is_near:
            if not locks and not owner.is_gone:
                raise refused(what, owner)
        elif (silence := _silence(file, self._path)) < SILENCE:
            raise refused(what, owner, f" Its last sign of life is {max(0, silence):.0f} s old; if it is dead, it "
                                       f"counts as such after {SILENCE:.0f} s, or remove {self._path}.")
        self.note = f"an earlier run ended without letting go ({owner.words}); this one goes on"
        return locks or self._replaced(owner)

    def _replaced(self, owner: LockOwner) -> bool:
        """Put our name in the place of a dead one where there are no locks of files: whoever makes a claim first may.

        Returns False, as one looks again: then it is our name that is found, or that of another.
        """
        claim = self._path.with_name(f"{self._path.name}.claim")
        try:
            os.close(os.open(claim, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            with contextlib.suppress(OSError):
                if time.time() - claim.stat().st_mtime > SILENCE:  # who made it died in the very moment
                    claim.unlink()
            return False
        try:
            if self._who() == owner:
                mine = self._path.with_name(f"{self._path.name}.{self.owner.run[:8]}")
                mine.write_text(self.owner.text)
                os.replace(mine, self._path)
        finally:
            claim.unlink(missing_ok=True)
        return False

    @property
    def is_lost(self) -> bool:
        """Whether another run has taken it: after this computer had slept, say."""
        return self._lost

    def _beat(self) -> None:
        with contextlib.suppress(OSError):
            os.utime(self._path)
        found = self._who()
        self._lost = found is not None and found != self.owner

    def _who(self) -> LockOwner | None:
        """Return whose the file is now."""
        try:
            return LockOwner.read(self._path.read_bytes())
        except OSError:
            return None

    def release(self) -> None:
        """Let go and remove the file."""
        if self._file is None:
            return
        self._heart.stop()
        self._beat()
        file, self._file = self._file, None
        if os.name == "nt":
            os.close(file)
        if not self._lost:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
        if os.name != "nt":
            os.close(file)  # only now: whoever has opened it meanwhile sees that it is gone


def _locked(file: int) -> tuple[bool, bool]:
    """Lock a file; says whether that is done, and whether somebody else has done so before."""
    os.lseek(file, _BYTE, os.SEEK_SET)
    try:
        lock_file(file)
    except OSError as error:
        return False, error.errno in BUSY
    finally:
        os.lseek(file, 0, os.SEEK_SET)
    return True, False


def _text(file: int) -> bytes:
    return os.read(file, 4096)


def _silence(file: int, path: Path) -> float:
    """Return the seconds since a file was touched, by the clock of the drive that it lies on."""
    trial = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}")
    trial.touch()
    try:
        return trial.stat().st_mtime - os.fstat(file).st_mtime
    finally:
        trial.unlink(missing_ok=True)

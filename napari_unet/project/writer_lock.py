"""Who may write into a project: one at a time, told by a lock of the system and by who has it. Knows no project."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import errno
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.io import lock_file, taking_turns
from napari_unet.io._run_lock import BUSY

from .record_checks import Checked

_ASLEEP = 120.0
"""Seconds after which a writer on another computer that has not said that it lives counts as gone."""

_LOOKS, _MOMENT = 40, 0.05
"""Looks at a lock that somebody has and no living one has signed, and the seconds between two; then that counts."""


@dataclasses.dataclass(frozen=True)
class Writer:
    """Who writes into a project.

    Parameters
    ----------
    pid : int
    host : str
    when : str
        Since when.
    """

    pid: int
    host: str
    when: str

    @property
    def text(self) -> str:
        """The same for people."""
        return f"process {self.pid}, since {self.begun}"

    @property
    def begun(self) -> str:
        """Since when, in the time of this computer, to the minute (as it is if it is no time); where, if elsewhere."""
        try:
            when = datetime.datetime.fromisoformat(self.when).astimezone().strftime("%Y-%m-%d %H:%M")
        except (ValueError, OverflowError, OSError):
            when = self.when
        return f"{when}{self._place}"

    @property
    def _place(self) -> str:
        return "" if self.host == socket.gethostname() else f" on {self.host}"


class WriterLock:
    """The file ``writer.lock`` of a project, held as long as this process writes.

    Parameters
    ----------
    path : Path
    clock : callable
        Seconds since 1970.
    wait : callable
        Waits for so many seconds.

    Attributes
    ----------
    other : Writer or None
        Who writes at the moment, if somebody else does.
    stale : Writer or None
        Who was to write, but lives no more.

    Raises
    ------
    OSError
        If the file cannot be made.
    """

    def __init__(
        self, path: Path, clock: Callable[[], float] = time.time, wait: Callable[[float], object] = time.sleep
    ) -> None:
        self._path, self._clock = path, clock
        self._file: int | None = None
        self._pid, self._signed = os.getpid(), False
        self._seen: Writer | None = None
        self._looks = 0  # how often in a row that one was seen in a lock that somebody has
        self.other: Writer | None = None
        self.stale: Writer | None = None
        self._try()
        while self._file is None and self.other is None:
            wait(_MOMENT)
            self._try()

    @property
    def held(self) -> bool:
        """Whether this process may write."""
        return self._file is not None

    def __del__(self) -> None:
        """Let go of a project that nobody has closed, and nobody knows any more."""
        if getattr(self, "_file", None) is not None:
            self.release()

    def _try(self) -> None:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            locks, busy = _locked(file)
            known = _read(file)  # not before: who has the lock may have signed it a moment ago
            if busy:
                self._look(file, known)
            elif known is not None and self._lives(file, known, locks):
                self.other = known
            else:
                self._sign(file)
                if self._is_there(file):  # else it was removed meanwhile
                    self.stale = self.stale or known
                    self._file = file
        finally:
            if self._file != file:
                os.close(file)

    def _look(self, file: int, known: Writer | None) -> None:
        """Say who has the lock, once that is certain: one who has just taken it signs in a moment."""
        if known is not None and not _is_dead(known):
            self.other = known
            return
        self._looks = self._looks + 1 if known == self._seen else 1
        self._seen = known
        if self._looks < _LOOKS:
            return
        if known is None:
            self.other = Writer(0, "?", "?")
            return
        self.stale = known  # a child of it, say, has the lock still
        with taking_turns(self._path.with_suffix(".turn.lock")):  # else one removes what another has made
            if self._is_there(file) and _read(file) == known:
                self._path.unlink(missing_ok=True)

    def _lives(self, file: int, known: Writer, locks: bool) -> bool:
        """Say whether a writer whose lock the system would give to us writes all the same."""
        if known.host != socket.gethostname():
            return self._clock() - os.fstat(file).st_mtime < _ASLEEP
        return not locks and known.pid != os.getpid() and not _is_dead(known)

    def _is_there(self, file: int) -> bool:
        with contextlib.suppress(OSError):
            return os.path.samestat(os.fstat(file), os.stat(self._path))
        return False

    def _sign(self, file: int) -> None:
        """Write who has the lock; on a full disk later, as there may be room again soon."""
        self._signed = False
        try:
            self._say_who(file)
            self._signed = True
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise

    def _say_who(self, file: int) -> None:
        when = datetime.datetime.fromtimestamp(self._clock(), datetime.UTC).isoformat(timespec="seconds")
        text = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "when": when}).encode()
        os.ftruncate(file, 0)
        os.lseek(file, 0, os.SEEK_SET)
        os.write(file, text)

    def say_alive(self) -> None:
        """Say to other computers that this writer lives; never an error."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                if not self._signed:
                    self._sign(self._file)
                now = self._clock()
                os.utime(self._path, (now, now))

    def release(self) -> None:
        """Let go; no error if it was let go already. A forked child lets go of nothing."""
        if self._file is None or os.getpid() != self._pid:
            return
        file, self._file = self._file, None
        mine = self._is_there(file)
        if sys.platform == "win32":
            os.close(file)
        if mine:
            with contextlib.suppress(OSError):
                os.unlink(self._path)
        if sys.platform != "win32":
            os.close(file)  # only now: whoever has opened it meanwhile sees that it is not there any more


def _locked(file: int) -> tuple[bool, bool]:
    """Lock a file; say whether that is done, and whether somebody else has done so before (else it has no locks)."""
    if sys.platform == "win32":
        os.lseek(file, 1 << 20, os.SEEK_SET)  # what is locked there cannot be read by others: not the text itself
    try:
        lock_file(file)
    except OSError as error:
        return False, error.errno in BUSY
    return True, False


def _read(file: int) -> Writer | None:
    """Return who has written into a lock; None if nobody, or nothing that makes sense."""
    try:
        os.lseek(file, 0, os.SEEK_SET)
        read = Checked(json.loads(os.read(file, 4096)), "the lock")
        return Writer(read.whole("pid"), read.text("host"), read.text("when"))
    except (OSError, ValueError, RecursionError, UserError):
        return None


def _is_dead(writer: Writer) -> bool:
    """Say whether a writer is known to live no more; of another computer, and on Windows, that cannot be told."""
    if writer.host != socket.gethostname() or sys.platform == "win32" or writer.pid <= 0:
        return False
    try:
        os.kill(writer.pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False

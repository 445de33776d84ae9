"""The process that a training has been given, and the messages to and from it. Fits nothing and decides nothing."""

from __future__ import annotations

import contextlib
import functools
import queue
import subprocess
import sys
import threading
import time
import warnings
import weakref
from typing import TYPE_CHECKING, Any, cast

from ..core.errors import InputWarning, UserError, WorkError, reason_of
from ..core.floor import BRUSH
from ..core.in_memory import in_memory
from .message_pipe import GO_ON, LEAVE, REST, MessagePipe

if TYPE_CHECKING:
    from .parcels import Parcels  # imports torch

TO_LEAVE = 0.5
"""Seconds that the process has to leave its work; then it is ended, and another is started when one is needed."""

_LOOK_UP = object()
"""Instead of a message: there may be something else to do."""


class TrainingChild:
    """A process that serves, see :mod:`.training_server`.

    Parameters
    ----------
    command : list of str
        Starts it.
    """

    def __init__(self, command: list[str]) -> None:
        flags = 0x08000000 if sys.platform == "win32" else 0  # no window of a console
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                                         creationflags=flags)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._pipe = MessagePipe(cast(Any, self._process.stdout), cast(Any, self._process.stdin))
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.ready = self._rests = False
        self.end = weakref.finalize(self, _end, self._process)
        threading.Thread(target=_listen, args=(self._pipe, self._process.stdout, self._inbox), daemon=True,
                         name="napari-unet pipe").start()

    @functools.cached_property
    def _parcels(self) -> Parcels:
        from .parcels import Parcels, features_on_both_sides  # imports torch

        made = Parcels()
        made.share(features_on_both_sides())
        return made

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def say(self, *message: Any) -> None:
        """Send a message.

        Raises
        ------
        WorkError
            If the process has ended.
        """
        try:
            self._pipe.send(self._parcels.pack(message))
        except (OSError, ValueError) as error:
            raise self._ended() from error

    def hear(self, seconds: float) -> tuple[Any, ...] | None:
        """Return the next message, or None if there is none for so long.

        Raises
        ------
        WorkError
            If the process has ended.
        """
        try:
            parts = self._inbox.get(timeout=seconds)
        except queue.Empty:
            return None
        if parts is None:
            self._inbox.put(None)
            raise self._ended()
        if parts is _LOOK_UP:
            return None
        message: tuple[Any, ...] = self._parcels.unpack(parts)
        self.ready = self.ready or message[0] == "ready"
        return message

    def _ended(self) -> WorkError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        status = self._process.returncode
        how = "" if status is None else f" by signal {-status}" if status < 0 else f" with status {status}"
        return WorkError(f"The process in which the network learns has ended{how}. Memory may be short, or somebody "
                         "ended it.")

    def look_up(self) -> None:
        """Let whoever waits for a message look up; may be called by any thread."""
        self._inbox.put(_LOOK_UP)

    def make_way(self) -> None:
        """Let it rest while somebody draws, also in the middle of a step."""
        if BRUSH.taken != self._rests:
            self._rests = not self._rests
            try:
                self._pipe.send(kind=REST if self._rests else GO_ON)
            except (OSError, ValueError) as error:
                raise self._ended() from error

    def leave(self) -> bool:
        """Ask it to leave its work, and say whether it has done so in time."""
        end = time.monotonic() + TO_LEAVE
        try:
            self._pipe.send(kind=LEAVE)
            while (left := end - time.monotonic()) > 0:
                message = self.hear(left)
                if message is not None and message[0] == "left":
                    return True
        except (OSError, ValueError, WorkError):
            pass
        return False

    def answer(self, kind: str, *what: Any) -> None:
        """Do what the process asks for while it works: pixels, and a warning to be told."""
        if kind == "warning":
            warnings.warn(what[0], InputWarning, stacklevel=2)
            return
        image = self._parcels.image(what[0])
        try:
            if image is None:
                raise UserError("The image is not open any more.")
            self.say("pixels", in_memory(image.data[what[1]]))
        except Exception as error:  # a layer of another plugin may raise what it likes
            self.say("trouble", reason_of(error))


def _listen(pipe: MessagePipe, file: Any, inbox: queue.SimpleQueue[Any]) -> None:
    """Take what comes until the process is gone; a file is closed by the thread that reads it."""
    while (received := pipe.receive()) is not None:
        inbox.put(received[1])
    inbox.put(None)
    file.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1.0)
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()

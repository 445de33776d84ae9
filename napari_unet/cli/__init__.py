"""The command line: the same verbs as the window, headless. Never imports a GUI package.

stdout carries results only; progress, choices and warnings go to stderr. Exit status: 0 success, 1 something was wrong
with the input, 2 wrong use, 130 interrupted (by Ctrl-C, or by SIGTERM as queues and ``kill`` send it).

A command that was started with SIGINT ignored, as a shell starts the background jobs of a script, goes on ignoring it,
as POSIX has it: Ctrl-C is meant for what runs in front. So nothing here sets a handler for it; Python's own does it
right.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import traceback
from collections.abc import Sequence

from napari_unet.core.errors import UsageError, UserError, WorkError, reason_of
from napari_unet.core.parameters import brief
from napari_unet.core.provenance import made_by
from napari_unet.core.readable import can_be_named

from .command_parser import DEBUG
from .interruption import obeying_requests
from .parser import make_parser
from .terminal import quiet_warnings, say

UNEXPECTED = "This should not happen: please report it with what you see when you add --debug."
"""Ends the sentence about an error that no part of the program has put into words."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status. No exception leaves this function.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        0 success, 1 failure, 2 wrong use, 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        with obeying_requests():
            return _run(words)
    except KeyboardInterrupt:
        _tell("napari-unet: interrupted")
        return 130
    except BrokenPipeError:  # `napari-unet methods | head`
        _drop_stdout()
        return 1
    except Exception as error:
        _drop_stdout_if_full()
        if DEBUG in words:
            _tell("".join(traceback.format_exception(error)).rstrip())
        known = isinstance(error, UserError | WorkError | MemoryError | OSError)
        _tell(f"napari-unet: {reason_of(error)}{'' if known else f'. {UNEXPECTED}'}")
        return 2 if isinstance(error, UsageError) else 1


def _run(words: list[str]) -> int:
    """Parse and run; whatever goes wrong is raised."""
    for word in words:
        if not can_be_named(word):
            raise UsageError(f"{brief(word)} holds a character that no name of a file can hold. Leave it out.")
    try:
        arguments = make_parser().parse_args(words)
    except SystemExit as stop:  # argparse has said what is wrong, or shown the help
        return stop.code if isinstance(stop.code, int) else 0
    with quiet_warnings(), made_by(shlex.join(["napari-unet", *words])):
        arguments.command(arguments)
        sys.stdout.flush()
    return 0


def _tell(text: str) -> None:
    """Say something for the last time; a stderr that is gone takes nothing with it."""
    with contextlib.suppress(Exception):
        say(text)


def _drop_stdout() -> None:
    """Send what is left in stdout nowhere, so that Python does not complain about it again when it ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # no file at all, in a window or a test
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _drop_stdout_if_full() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        _drop_stdout()
    except (ValueError, AttributeError):
        pass

"""The command line: the same verbs as the window, headless. Never imports a GUI package.

stdout carries results only; progress, choices and warnings go to stderr. Exit status: 0 success, 1 something was wrong
with the input, 2 wrong use, 130 interrupted.

A command that was started with SIGINT ignored, as a shell starts the background jobs of a script, goes on ignoring it,
as POSIX has it: Ctrl-C is meant for what runs in front. So nothing here sets a handler; Python's own does it right.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from napari_unet.core.errors import UsageError, UserError, WorkError

from .parser import make_parser
from .terminal import quiet_warnings, say


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process by default.

    Returns
    -------
    int
        0 success, 1 failure, 2 wrong use, 130 interrupted.
    """
    parser = make_parser()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as stop:  # argparse has said what is wrong, or shown the help
        return int(stop.code or 0)
    try:
        with quiet_warnings():
            arguments.command(arguments)
            sys.stdout.flush()
    except UsageError as error:
        say(f"napari-unet: {error}")
        return 2
    except UserError as error:
        say(f"napari-unet: {error}")
        return 1
    except KeyboardInterrupt:
        say("napari-unet: interrupted")
        return 130
    except BrokenPipeError:  # `napari-unet methods | head`
        sys.stderr.close()
        return 1
    except (WorkError, MemoryError, OSError) as error:
        say(f"napari-unet: {type(error).__name__}: {error}")
        return 1
    return 0

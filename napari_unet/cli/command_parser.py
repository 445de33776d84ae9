"""What parses the words of every command, and the one flag that all of them have. Knows no command."""

from __future__ import annotations

import argparse
from typing import NoReturn

from napari_unet.core.readable import readable

DEBUG = "--debug"


class CommandParser(argparse.ArgumentParser):
    """A parser that says what is wrong without repeating what steers a terminal."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, how the command is used, and end with status 2."""
        super().error(readable(message))


def add_debug(parser: argparse.ArgumentParser, default: object) -> None:
    """Add the flag that shows where an error came up."""
    parser.add_argument(DEBUG, action="store_true", default=default,
                        help="show where in the program an error came up, for a report")

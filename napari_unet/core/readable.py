"""Words of others as harmless text: names out of files and folders may hold what steers a terminal. Prints nothing."""

from __future__ import annotations

import os
import unicodedata

_STEERING = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""Unicode's controls, format characters (they turn the direction of writing), lone surrogates, other line ends."""


def readable(text: object, lines: bool = False) -> str:
    """Return a text in which every character that steers a terminal is spelled, ``\\x1b`` for an escape.

    What comes back can be written in UTF-8. Joiners between letters (zero width, as Persian and Hindi need them) stay.

    Parameters
    ----------
    text : object
    lines : bool
        Keep line ends (``\\n``), for texts of our own that have several lines.

    Returns
    -------
    str
    """
    given = str(text)
    if given.isprintable():
        return given
    return "".join(_spelled(letter, lines) for letter in given)


def _spelled(letter: str, lines: bool) -> str:
    if letter.isprintable() or letter in "\u200c\u200d" or (lines and letter == "\n"):
        return letter
    if unicodedata.category(letter) not in _STEERING:
        return letter  # wide and other spaces, letters newer than this Python
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")


def can_be_named(text: str) -> bool:
    """Say whether a file of this system could have a text as its name: neither NUL nor what its encoding lacks."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return "\0" not in text

"""Errors that are written for the person at the microscope. Imports nothing of the project."""

from __future__ import annotations

import errno
import traceback


class UserError(ValueError):
    """A problem the user can mend.

    The message says what came, what is allowed and what to do; windows and the command line show it as it is,
    without a traceback.
    """


class UsageError(UserError):
    """A wrong way to call something (a flag, a name, a combination); the command line exits with status 2."""


class WorkError(Exception):
    """A failure inside background work that is not the user's fault.

    Torch raises ``RuntimeError`` for everything and Qt's generator workers swallow that type, so background
    generators re-raise it as this one (the cause stays attached).
    """


def as_work_error(error: Exception) -> Exception:
    """Return the error, a ``RuntimeError`` as :class:`WorkError`."""
    if not isinstance(error, RuntimeError):
        return error
    told = WorkError(str(error) or type(error).__name__)
    told.__cause__ = error
    return told


class InputWarning(UserWarning):
    """Something in the input was left out (say, pixels that are not a number); results are still valid."""


_WORDS = 300
"""Characters of an error that was not written for people."""


def reason_of(error: BaseException) -> str:
    """Return an error as a line for people: a :class:`UserError` as it is, any other with its type, in one line."""
    text = str(error).strip()
    if isinstance(error, UserError | WorkError) and text:
        return text
    if isinstance(error, MemoryError):
        return f"the memory of this computer is not enough{f' ({text})' if text else ''}"
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        name = shortened(repr(error.filename), 80)
        return f"this name is too long for the disk (most take 255 bytes), choose a shorter one: {name}"
    text = shortened(text, _WORDS)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def sentence_of(error: BaseException) -> str:
    """Return the same with a full stop, so that something can be said after it."""
    reason = reason_of(error)
    return reason if reason.endswith((".", "?", "!")) else f"{reason}."


def shortened(text: str, most: int = 200) -> str:
    """Return a text in one line, of so many characters at most about: the rest is left out after a whole word."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    words, _, _ = text[: most + 1].rpartition(" ")
    return f"{words if len(words) > most // 2 else text[:most]}..."


def details_of(error: BaseException) -> str:
    """Return all there is to know of an error, its causes and where they came up, as text to be copied."""
    return "".join(traceback.format_exception(error)).strip()

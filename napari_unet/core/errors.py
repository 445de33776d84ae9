"""Errors that are written for the person at the microscope. Imports nothing of the project."""

from __future__ import annotations


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


class InputWarning(UserWarning):
    """Something in the input was left out (say, pixels that are not a number); results are still valid."""

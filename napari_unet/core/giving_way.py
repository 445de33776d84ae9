"""Let work in threads give way to the window: cores and Python's lock go to whoever draws. Starts no thread."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import threading

GIVING_WAY = 10
"""Added to the nice value. Not the most there is: a thread that holds Python's lock must not be starved by others."""

LAST = 19
"""The nice value of who never runs before others."""

SHORT_SWITCH = 0.0005
"""Seconds after which a thread that works hands Python's lock to the window. Python's own 5 ms add up: each of the
hundreds of calls that draw one picture gives the lock away and has to get it back."""

_held: list[float] = []
"""What Python had before, once for each that holds."""


def hold_short_switches() -> None:
    """Let Python switch threads sooner, until :func:`release_short_switches` was called as often as this."""
    _held.append(sys.getswitchinterval())
    sys.setswitchinterval(min(SHORT_SWITCH, _held[0]))


def release_short_switches() -> None:
    """Let Python switch threads as it used to once nobody needs otherwise."""
    if _held:
        usual = _held.pop()
        if not _held:
            sys.setswitchinterval(usual)


def give_way() -> None:
    """Let the calling thread run behind the window's; those that it starts inherit this on Linux.

    Where threads have no priority of their own (macOS), or the system says no, nothing changes.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            me = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, me, min(19, os.getpriority(os.PRIO_PROCESS, me) + GIVING_WAY))
    elif sys.platform == "win32":
        kernel = ctypes.WinDLL("kernel32")
        kernel.SetThreadPriority(ctypes.c_void_p(kernel.GetCurrentThread()), -1)  # below normal


def work_behind(last: bool = False) -> None:
    """Let the calling process run behind the window of another: it holds no lock that a window waits for.

    Parameters
    ----------
    last : bool
        Behind the threads of that window, too: those hold its lock of Python for moments, also when they give way.
    """
    if sys.platform == "win32":
        kernel = ctypes.WinDLL("kernel32")
        kernel.SetPriorityClass(ctypes.c_void_p(kernel.GetCurrentProcess()), 0x40 if last else 0x4000)  # idle, below
        return
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, LAST if last else min(LAST, os.getpriority(os.PRIO_PROCESS, 0) + GIVING_WAY))

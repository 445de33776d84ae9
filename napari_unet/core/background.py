"""Let work in a thread give way to the window: the cores go to whoever draws first. Starts no thread."""

from __future__ import annotations

import os
import sys
import threading

GIVING_WAY = 10
"""Added to the nice value. Not the most there is: a thread that holds Python's lock must not be starved by others."""


def give_way() -> None:
    """Let the calling thread run behind the window's; those that it starts inherit this on Linux.

    Where threads have no priority of their own (macOS), or the system says no, nothing changes.
    """
    if sys.platform == "linux":
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), GIVING_WAY)
        except OSError:
            pass

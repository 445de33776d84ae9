"""Waits for what zarr still writes behind our back. Knows no format.

Zarr writes in a thread of its own. An interruption (Ctrl-C) ends our waiting for it, but not the writing: a folder that
is removed at once would come back.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import weakref

_waiting: weakref.WeakSet[asyncio.Task[object]] = weakref.WeakSet()


def settle_zarr() -> None:
    """Return when nothing is being written by zarr in this process."""
    if "zarr" not in sys.modules:
        return
    with contextlib.suppress(Exception):  # not public, and no reason to fail: what is left goes with the next run
        from zarr.core.sync import sync

        sync(_all_others())


async def _all_others() -> None:
    """Wait for all tasks but those that wait themselves: two that wait for each other would do so for ever."""
    mine = asyncio.current_task()
    if mine is not None:
        _waiting.add(mine)
    await asyncio.gather(*(asyncio.all_tasks() - set(_waiting)), return_exceptions=True)

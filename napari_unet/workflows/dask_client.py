"""A client of Dask in an event loop of its own: whatever was begun in it ends with it. Knows not what is computed.

A client that does not get to its scheduler would leave a loop behind, close itself whenever Python finds it, and leave
tasks in the loop that Python calls pending when it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Iterator
from typing import Any

PATIENCE = 10.0
"""Seconds in which what was begun has to take that it is over."""


@contextlib.contextmanager
def own_loop() -> Iterator[Any]:
    """Run a loop, as tornado has it, as long as the block lasts; what is pending then is cancelled, and waited for."""
    from tornado.ioloop import IOLoop

    ready: queue.SimpleQueue[tuple[Any, asyncio.AbstractEventLoop, asyncio.Event]] = queue.SimpleQueue()

    async def serve() -> None:
        here, end = asyncio.get_running_loop(), asyncio.Event()
        here.set_exception_handler(lambda *_: None)  # who waits for a task gets its error
        ready.put((IOLoop.current(), here, end))
        await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="event loop", daemon=True)
    thread.start()
    loop, here, end = ready.get()
    try:
        yield loop
    finally:
        here.call_soon_threadsafe(end.set)
        thread.join(PATIENCE)


def connected(address: Any, timeout: float, loop: Any) -> Any:
    """Return a client of a scheduler, or of a cluster; one that gets nowhere is closed before its error is raised.

    Parameters
    ----------
    address : str or distributed.LocalCluster
    timeout : float
        Seconds.
    loop : tornado.ioloop.IOLoop
        See :func:`own_loop`.
    """
    import distributed

    class OrderlyClient(distributed.Client):
        def __init__(self) -> None:
            try:
                super().__init__(address, timeout=timeout, loop=loop)
            except BaseException:
                with contextlib.suppress(Exception):
                    self.close()
                raise

    return OrderlyClient()

"""Images that were read before they are wanted, as long as they are still as they were read. Reads nothing itself."""

from __future__ import annotations

from collections import OrderedDict

from .prepared_image import PreparedImage

AHEAD = 4
"""So many images are kept ready to be shown."""


class ReadAhead:
    """The images that are ready, and which one is being read.

    Attributes
    ----------
    stale : bool
        Whether the one that is being read has changed since: what comes is of before.
    """

    def __init__(self) -> None:
        self.stale = False
        self._reading = ""
        self._ready: OrderedDict[str, PreparedImage] = OrderedDict()

    def __contains__(self, key: object) -> bool:
        return key in self._ready

    def begin(self, key: str) -> None:
        """Note that an image is read from now on."""
        self._reading, self.stale = key, False

    def put(self, made: PreparedImage) -> None:
        """Keep an image ready; the oldest makes way."""
        self._ready[made.record.id] = made
        while len(self._ready) > AHEAD:
            self._ready.popitem(last=False)

    def take(self, key: str) -> PreparedImage | None:
        """Return an image that is ready, and keep it no longer; None if it is not."""
        return self._ready.pop(key, None)

    def forget(self, key: str) -> None:
        """Note that an image is not any more as it was, or is being, read."""
        self._ready.pop(key, None)
        self.stale = self.stale or key == self._reading

    def clear(self) -> None:
        """Forget all, also what is being read."""
        self._ready.clear()
        self.stale = True

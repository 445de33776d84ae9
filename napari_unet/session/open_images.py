"""Which images are open, in order, and which of them is the current one. Knows neither pixels nor layers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from psygnal import Signal


class OpenImages:
    """The images of a sitting by key, one of which is looked at, painted and predicted.

    A key is known by itself; names are for people and play no part here. Belongs to one thread.
    """

    changed = Signal()
    """Images came, went or changed places."""

    current_changed = Signal()
    """Another image is the current one, or none is."""

    def __init__(self) -> None:
        self._keys: tuple[Hashable, ...] = ()
        self._current: Hashable | None = None

    @property
    def keys(self) -> tuple[Hashable, ...]:
        """Keys of all images in order."""
        return self._keys

    @property
    def current(self) -> Hashable | None:
        """Key of the current image, None if there is none."""
        return self._current

    def put(self, keys: Sequence[Hashable]) -> None:
        """Say which images there are. If the current one is gone, the next one that is left takes its place."""
        before, self._keys = self._keys, tuple(dict.fromkeys(keys))
        if self._keys != before:
            self.changed.emit()
        if self._current is not None and self._current not in self._keys:
            at = before.index(self._current)
            left = [key for key in (*before[at + 1:], *reversed(before[:at])) if key in self._keys]
            self.choose(left[0] if left else None)

    def choose(self, key: Hashable | None) -> None:
        """Make an image the current one; no error if it is not there any more: nothing changes then."""
        if key == self._current or (key is not None and key not in self._keys):
            return
        self._current = key
        self.current_changed.emit()

    def step(self, by: int) -> None:
        """Go to the next (1) or previous (-1) image; after the last one comes the first."""
        if not self._keys:
            return
        at = self._keys.index(self._current) if self._current in self._keys else -1 if by > 0 else 0
        self.choose(self._keys[(at + by) % len(self._keys)])

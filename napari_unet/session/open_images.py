"""What is known of each image of a sitting, in order, and which is the current one. Knows neither pixels nor layers.

An image is *open* while it can be seen (it has layers in a window). Images of a project are *listed*: they stay when
they are not open. Whoever can open images listens to :attr:`OpenImages.wanted`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from psygnal import Signal


@dataclasses.dataclass(frozen=True)
class KnownImage:
    """What is known of an image.

    Parameters
    ----------
    key : hashable
        What it is known by; names are for people.
    name : str
    strokes_key : hashable, optional
        Key of the pair of this image and its strokes, None where it has none.
    source : tuple of str
        Files it comes from; several are its channels.
    axes : str
        One letter per axis, ``""`` as its file says.
    channels : tuple of str
        Names of its channels, where they are layers of their own.
    predicted, looked_at : bool
        What a project has of it.
    exported : str
        Where its mask was last exported to.
    """

    key: Hashable
    name: str = ""
    strokes_key: Hashable | None = None
    source: tuple[str, ...] = ()
    axes: str = ""
    channels: tuple[str, ...] = ()
    predicted: bool = False
    looked_at: bool = False
    exported: str = ""


class OpenImages:
    """The images of a sitting by key, one of which is looked at, painted and predicted. Belongs to one thread."""

    changed = Signal()
    """Images came, went or changed places, or what is known of one is something else."""

    current_changed = Signal()
    """Another image is the current one, or none is."""

    wanted = Signal(object)
    """A listed image was chosen that is not open: it becomes the current one when it is."""

    def __init__(self) -> None:
        self._open: tuple[Hashable, ...] = ()
        self._listed: dict[Hashable, KnownImage] = {}
        self._known: dict[Hashable, KnownImage] = {}
        self._current: Hashable | None = None
        self._awaited: Hashable | None = None

    # -- asking ----------------------------------------------------------------------------------------------------

    @property
    def keys(self) -> tuple[Hashable, ...]:
        """Keys of all images in order, those of the project first."""
        return (*self._listed, *(key for key in self._open if key not in self._listed))

    @property
    def current(self) -> Hashable | None:
        """Key of the current image, None if there is none."""
        return self._current

    @property
    def awaited(self) -> Hashable | None:
        """Key of the image that was chosen and is being opened, None if none is."""
        return self._awaited

    def is_open(self, key: Hashable) -> bool:
        """Whether an image can be seen."""
        return key in self._open

    def is_listed(self, key: Hashable) -> bool:
        """Whether an image belongs to the project."""
        return key in self._listed

    def known(self, key: Hashable) -> KnownImage:
        """Return what is known of an image; of one that is not there, its key only."""
        return self._listed.get(key) or self._known.get(key) or KnownImage(key)

    def is_away(self, strokes_key: Hashable) -> bool:
        """Whether a pair belongs to an image of the project that is not open: it waits for its layers."""
        key = self.image_of_pair(strokes_key)
        return key is not None and key not in self._open

    def image_of_pair(self, strokes_key: Hashable) -> Hashable | None:
        """Return the key of the image of the project that a pair belongs to, None if it is of none."""
        return next((one.key for one in self._listed.values() if one.strokes_key == strokes_key), None)

    def neighbour(self, by: int) -> Hashable | None:
        """Return the image so many places after the one chosen last; after the last one comes the first."""
        keys, start = self.keys, self._current if self._awaited is None else self._awaited
        if not keys:
            return None
        at = keys.index(start) if start in keys else -1 if by > 0 else 0
        return keys[(at + by) % len(keys)]

    # -- saying ----------------------------------------------------------------------------------------------------

    def put(self, keys: Sequence[Hashable]) -> None:
        """Say which images are open. If the current one is gone, the next one that is left takes its place."""
        before, self._open = self.keys, tuple(dict.fromkeys(keys))
        self._settle(before)

    def list_images(self, known: Iterable[KnownImage]) -> None:
        """Say which images the project has, in order, and what is known of them; none: there is no project."""
        before, rows = self.keys, {one.key: one for one in known}
        same, self._listed = list(rows.values()) == list(self._listed.values()), rows
        if not self._settle(before) and not same:
            self.changed.emit()

    def note(self, key: Hashable, **facts: Any) -> None:
        """Note what is known of an image, by the fields of :class:`KnownImage`."""
        rows = self._listed if key in self._listed else self._known
        before = self.known(key)
        rows[key] = dataclasses.replace(before, **facts)
        if rows[key] != before:
            self.changed.emit()

    def choose(self, key: Hashable | None) -> None:
        """Make an image the current one; no error if it is not there any more: nothing changes then."""
        if key is not None and key not in self.keys:
            return
        if key is not None and key not in self._open and len(self.wanted):
            if key not in (self._current, self._awaited):
                self._awaited = key
                self.wanted.emit(key)
            return
        self._awaited = None
        if key != self._current:
            self._current = key
            self.current_changed.emit()

    def opened(self, key: Hashable) -> None:
        """Say that an image that was wanted is open now; it becomes the current one."""
        new = key not in self._open
        if new:
            self.put((*self._open, key))
        if new and key == self._current:  # it was chosen before anybody could open it
            self._awaited = None
            self.current_changed.emit()
        else:
            self.choose(key)

    def closed(self, key: Hashable) -> None:
        """Say that an image is open no longer; one of the project stays in the list."""
        self.put([one for one in self._open if one != key])

    def give_up(self, key: Hashable) -> None:
        """Say that an image that was wanted cannot be opened; the current one stays."""
        if self._awaited == key:
            self._awaited = None

    def step(self, by: int) -> None:
        """Go to the next (1) or previous (-1) image; after the last one comes the first."""
        key = self.neighbour(by)
        if key is not None:
            self.choose(key)

    def _settle(self, before: Sequence[Hashable]) -> bool:
        """Tell of images that came or went, and see to it that the current one is there; say whether any did."""
        now = self.keys
        for key in [one for one in self._known if one not in now]:
            del self._known[key]
        if self._awaited not in now:
            self._awaited = None
        if now != before:
            self.changed.emit()
        if self._current is not None and self._current not in now:
            at = before.index(self._current)
            left = [key for key in (*before[at + 1:], *reversed(before[:at])) if key in now]
            successor = next((key for key in left if key in self._open), None)
            if self._awaited is None:
                self.choose(successor)
            else:  # what was chosen meanwhile still comes
                self._current = successor
                self.current_changed.emit()
        return now != before

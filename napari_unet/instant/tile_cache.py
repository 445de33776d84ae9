"""What is kept of images, the least recently used dropped when memory is short. Computes nothing."""

from __future__ import annotations

import dataclasses
import itertools
import weakref
from collections.abc import Hashable
from typing import Any

from ..core.image import Image


@dataclasses.dataclass(eq=False)
class _Kept:
    """Something in memory and when it was last used."""

    thing: Any
    bytes: int
    used: int


class TileCache:
    """Things that belong to images, each with a key; those of an image that nobody holds any more go with it.

    Parameters
    ----------
    limit : int
        Bytes that may be kept. What was kept last stays in any case.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._images: weakref.WeakKeyDictionary[Image, dict[Hashable, _Kept]] = weakref.WeakKeyDictionary()
        self._clock = itertools.count()
        self._most = 0  # bytes that are in memory at most: who counts them each time counts for long

    @property
    def bytes(self) -> int:
        """Memory in use."""
        return sum(one.bytes for kept in list(self._images.values()) for one in list(kept.values()))

    def __contains__(self, image: Image) -> bool:
        return image in self._images

    def holds(self, image: Image, key: Hashable) -> bool:
        """Say whether something is in memory."""
        return key in self._images.get(image, {})

    def find(self, image: Image, key: Hashable) -> Any:
        """Return something that is kept, which counts as use; None where it is not."""
        found = self._images.get(image, {}).get(key)
        if found is None:
            return None
        found.used = next(self._clock)
        return found.thing

    def keep(self, image: Image, key: Hashable, thing: object, size: int) -> None:
        """Keep something of so many bytes, and drop what was not used for longest if they are too many."""
        self._images.setdefault(image, {})[key] = _Kept(thing, size, next(self._clock))
        self._most += size
        if self._most <= self.limit:
            return
        held = [(one.used, kept, other, one.bytes) for kept in list(self._images.values())
                for other, one in kept.items()]
        held.sort(key=lambda one: one[0])
        total = sum(size for *_, size in held)
        for _, kept, other, size in held[:-1]:
            if total <= self.limit:
                break
            kept.pop(other, None)
            total -= size
        self._most = total

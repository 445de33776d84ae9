"""Answers to planes of a volume that came with those asked for, kept until they are asked for too. Computes none.

Whoever looks at a volume plane by plane (the window, a run by blocks) would otherwise have every slab computed once
for each of its planes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from typing import Any

from ..core.image import Image
from ..core.method import Patch

MOST_BYTES = 2**28
"""Memory of all that is kept by a thread."""


class KeptPlanes:
    """Patches of planes, of one model on one image. Belongs to one thread.

    Parameters
    ----------
    owners : tuple
        What they belong to, told apart by themselves: a model's weights, the array of an image.
    settings : hashable
        How they were computed.
    """

    def __init__(self, owners: tuple[Any, ...], settings: Hashable) -> None:
        self._owners, self._settings = owners, settings
        self._patches: OrderedDict[tuple[Hashable, int], list[Patch]] = OrderedDict()

    def belongs_to(self, owners: tuple[Any, ...], settings: Hashable) -> bool:
        """Say whether these are the answers of this model to this image."""
        return (self._settings == settings and len(owners) == len(self._owners)
                and all(one is other for one, other in zip(owners, self._owners, strict=True)))

    def take(self, part: Hashable, plane: int, probabilities: bool) -> list[Patch] | None:
        """Return the patches of a part of a plane, once; None if there are none, or none with probabilities."""
        found = self._patches.get((part, plane))
        if found is None or (probabilities and any(one.probabilities is None for one in found)):
            return None
        return self._patches.pop((part, plane))

    def keep(self, part: Hashable, planes: Iterable[tuple[int, list[Patch]]]) -> None:
        """Keep whole planes of a part; those kept longest go where they are too many."""
        for plane, patches in planes:
            self._patches[part, plane] = patches
        total = sum(map(_size, self._patches.values()))
        while total > MOST_BYTES and self._patches:
            total -= _size(self._patches.popitem(last=False)[1])


def kept_planes(owners: tuple[Any, ...], settings: Hashable) -> KeptPlanes:
    """Return what this thread keeps of a model and an image; what it kept of others is dropped."""
    found: KeptPlanes | None = getattr(_mine, "kept", None)
    if found is None or not found.belongs_to(owners, settings):
        _mine.kept = found = KeptPlanes(owners, settings)
    return found


def extra_planes(image: Image, patches: Iterable[Patch]) -> list[tuple[int, list[Patch]]]:
    """Return patches by plane."""
    found: dict[int, list[Patch]] = {}
    for patch in patches:
        found.setdefault(image.plane_of(patch.where), []).append(patch)
    return list(found.items())


def _size(patches: list[Patch]) -> int:
    return sum(one.labels.nbytes + (0 if one.probabilities is None else one.probabilities.nbytes) for one in patches)


_mine = threading.local()

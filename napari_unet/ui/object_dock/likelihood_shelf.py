"""Probabilities that came with a live prediction, plane by plane, as many as memory is given. Computes none."""

from __future__ import annotations

from collections import OrderedDict

from napari_unet.session.likelihoods import Likelihoods

MEMORY = 2**28
"""Bytes that all of them together may take; the planes that waited longest go first."""


class LikelihoodShelf:
    """The newest probabilities of each plane of one image."""

    def __init__(self) -> None:
        self._planes: OrderedDict[int, dict[tuple[int, int, int, int], Likelihoods]] = OrderedDict()

    def put(self, plane: int, part: Likelihoods) -> None:
        """Take up the probabilities of a part of a plane."""
        parts = self._planes.setdefault(plane, {})
        self._planes.move_to_end(plane)
        rows, columns = part.box
        key = rows.start, rows.stop, columns.start, columns.stop
        parts.pop(key, None)  # the newest lies over the others
        parts[key] = part
        while len(self._planes) > 1 and self._size() > MEMORY:
            self._planes.popitem(last=False)

    def of(self, plane: int) -> tuple[Likelihoods, ...]:
        """Return what is known of a plane, the newest last."""
        return tuple(self._planes.get(plane, {}).values())

    def clear(self) -> None:
        """Forget everything."""
        self._planes.clear()

    def _size(self) -> int:
        return sum(one.nbytes for parts in self._planes.values() for one in parts.values())

"""Pairs of images and strokes with their class table, as a running training reads them. Knows no method and no window.

Belongs to one thread, in which all signals are emitted; other threads read the mailbox.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Hashable, Mapping
from itertools import count

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from ..core.classes import ClassTable, PaintedClass
from ..core.errors import UserError
from ..core.image import Image
from ..core.latest import Latest
from ..core.painted_plane import Block
from ..core.scribbles import Pair, Scribbles, TrainingSet
from .open_images import OpenImages

FIRST_CLASSES = ClassTable.default((1, 2))
"""Background and one class to start with."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Item:
    pair: Pair
    enabled: bool = True


class Annotations:
    """What is painted on which images, and in which classes.

    Attributes
    ----------
    snapshots : Latest[TrainingSet]
        What a training in another thread reads before every step.
    images : OpenImages
        The images that are open, painted or not, and which of them is looked at.
    """

    pairs_changed = Signal()
    classes_changed = Signal(ClassTable)
    published = Signal()
    """Strokes, pairs or classes have changed, and the mailbox holds them."""

    def __init__(self) -> None:
        self._items: dict[Hashable, _Item] = {}
        self._versions = count(1)
        self._classes = FIRST_CLASSES
        self._removed: dict[int, tuple[PaintedClass, dict[Hashable, int]]] = {}
        self.images = OpenImages()
        self.snapshots: Latest[TrainingSet] = Latest(TrainingSet((), self._classes))

    # -- pairs and strokes -----------------------------------------------------------------------------------------

    @property
    def keys(self) -> tuple[Hashable, ...]:
        """Keys of all pairs in the order they were added."""
        return tuple(self._items)

    def pair(self, key: Hashable) -> Pair:
        """Return the pair with this key, as of now."""
        return self._items[key].pair

    def enabled(self, key: Hashable) -> bool:
        """Whether a pair is learnt from; one that is not there is not."""
        return key in self._items and self._items[key].enabled

    def put_pair(self, key: Hashable, image: Image, scribbles: Scribbles | None = None) -> None:
        """Add a pair, or replace its image and strokes.

        Raises
        ------
        UserError
            If image and strokes do not match.
        """
        scribbles = scribbles or Scribbles.empty(image.shape)
        pair = Pair(image, dataclasses.replace(scribbles, version=next(self._versions)))
        old = self._items.get(key)
        self._items[key] = _Item(pair, old.enabled if old else True)
        self._changed()

    def remove_pair(self, key: Hashable) -> None:
        """Forget a pair; its strokes are no longer learnt from. No error if there is none."""
        if self._items.pop(key, None) is not None:
            self._changed()

    def enable(self, key: Hashable, enabled: bool) -> None:
        """Say whether a pair is learnt from."""
        if self._items[key].enabled != enabled:
            self._items[key] = dataclasses.replace(self._items[key], enabled=enabled)
            self._changed()

    def paint(self, key: Hashable, planes: Mapping[int, NDArray[np.uint8]]) -> bool:
        """Take over painted planes; planes that are as they were cost a comparison only.

        Parameters
        ----------
        key : hashable
            Of the pair.
        planes : mapping of int to ndarray of uint8, shape (Y, X)
            May be views of an array that changes later; what has changed is copied.

        Returns
        -------
        bool
            Whether anything has changed and was published to a running training.
        """
        item = self._items[key]
        old = item.pair.scribbles
        changed = {
            number: plane for number, plane in planes.items()
            if (not np.array_equal(old.planes[number], plane) if number in old.planes else plane.any())
        }
        if not changed:
            return False
        pair = Pair(item.pair.image, old.replacing(changed, next(self._versions)))
        self._items[key] = dataclasses.replace(item, pair=pair)
        self._publish()
        return True

    def paint_blocks(self, key: Hashable, number: int, plane: NDArray[np.uint8], blocks: set[Block]) -> bool:
        """Take over some blocks of a plane (Y, X), as :meth:`paint` does; nothing else of the plane is looked at."""
        item = self._items[key]
        changed = item.pair.scribbles.differing(number, plane, blocks)
        if not changed:
            return False
        strokes = item.pair.scribbles.repainting({number: changed}, next(self._versions))
        self._items[key] = dataclasses.replace(item, pair=Pair(item.pair.image, strokes))
        self._publish()
        return True

    def version(self, key: Hashable) -> int:
        """Version of a pair's strokes."""
        return self._items[key].pair.scribbles.version

    def training_set(self) -> TrainingSet:
        """Return all enabled pairs as of now."""
        return TrainingSet(tuple(item.pair for item in self._items.values() if item.enabled), self._classes)

    def _changed(self) -> None:
        self._publish()
        self.pairs_changed.emit()

    def _publish(self) -> None:
        before = self._classes
        self._bring_back()
        training = self.training_set()
        self.snapshots.put(training)
        self._classes = training.classes  # an id may have been painted that the table did not have
        if self._classes != before:
            self.classes_changed.emit(self._classes)
        self.published.emit()

    # -- classes ---------------------------------------------------------------------------------------------------

    @property
    def classes(self) -> ClassTable:
        """The class table."""
        return self._classes

    def set_classes(self, classes: ClassTable) -> None:
        """Replace the class table; painted ids that it lacks are kept in it."""
        classes = classes.including(self.snapshots.get().counts())
        if classes != self._classes:
            self._classes = classes
            self.snapshots.put(self.training_set())
            self.classes_changed.emit(classes)
            self.published.emit()

    def note_removal(self, number: int) -> None:
        """Remember a class that is about to go with its paint: when that comes back (undo), so do name and colour."""
        paint = {key: item.pair.scribbles.counts().get(number, 0) for key, item in self._items.items()}
        row = next((one for one in self._classes.classes if one.id == number), None)
        if row is not None and any(paint.values()):
            self._removed[number] = row, paint

    def _bring_back(self) -> None:
        """Put removed classes into the table whose paint is there again, as it was on an image."""
        for number, (row, paint) in tuple(self._removed.items()):
            if any(count and count == self._count(key, number) for key, count in paint.items()):
                del self._removed[number]
                rows = {one.id: one for one in self._classes.classes} | {number: row}
                with contextlib.suppress(UserError):  # another class has taken the name
                    self._classes = ClassTable(tuple(rows[one] for one in sorted(rows)))

    def _count(self, key: Hashable, number: int) -> int:
        return self._items[key].pair.scribbles.counts().get(number, 0) if key in self._items else 0

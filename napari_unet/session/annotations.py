"""Pairs of images and strokes with their class table, as a running training reads them. Knows no method and no window.

Belongs to one thread, in which all signals are emitted; other threads read the mailbox.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from itertools import count

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from ..core.classes import ClassTable
from ..core.image import Image
from ..core.latest import Latest
from ..core.painted_plane import Block
from ..core.scribbles import Pair, Scribbles, TrainingSet
from .annotated_pair import AnnotatedPair
from .block_edits import ByBlocks, blocks_put_back, edited_blocks
from .edit_history import EditHistory, EditOutcome, StrokeEdit, marked_plane, painted_over, put_back
from .level_lens import LevelLens, lens_of
from .open_images import OpenImages
from .removed_classes import RemovedClasses

FIRST_CLASSES = ClassTable.default((1, 2))
"""Background and one class to start with."""


class Annotations:
    """What is painted on which images, and in which classes.

    Attributes
    ----------
    snapshots : Latest[TrainingSet]
        What a training in another thread reads before every step.
    images : OpenImages
        The images that are open, painted or not, and which of them is looked at.
    edits : EditHistory
        What can be undone and redone beside brush strokes, which their layer undoes.
    """

    pairs_changed = Signal()
    classes_changed = Signal(ClassTable)
    published = Signal()
    """Strokes, pairs or classes have changed, and the mailbox holds them."""

    strokes_edited = Signal(object)
    """An operation, an undo or a redo has changed strokes: numbers of the planes by key. Layers have to follow."""

    def __init__(self) -> None:
        self._items: dict[Hashable, AnnotatedPair] = {}
        self._versions = count(1)
        self._classes = FIRST_CLASSES
        self.edits = EditHistory()
        self._removed = RemovedClasses()
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

    def put_pair(
        self, key: Hashable, image: Image, scribbles: Scribbles | None = None, lens: LevelLens | None = None
    ) -> None:
        """Add a pair, or replace its image and strokes; of a large image, what is learnt from is seen through a lens.

        Raises
        ------
        UserError
            If image and strokes do not match.
        """
        scribbles = scribbles or Scribbles.empty(image.shape)
        old = self._items.get(key)
        if old is not None:
            scribbles = scribbles.marked_as(old.pair.scribbles)
        pair = Pair(image, dataclasses.replace(scribbles, version=next(self._versions)))
        self._items[key] = AnnotatedPair(pair, old.enabled if old else True, lens or lens_of(image))
        self._changed()

    def see_through(self, key: Hashable, lens: LevelLens) -> None:
        """Let a pair be learnt from at another level."""
        self._items[key] = dataclasses.replace(self._items[key], lens=lens)
        self._publish()

    def lens(self, key: Hashable) -> LevelLens | None:
        """Return what a pair is seen through, None where it is seen as it is, or is not there."""
        return self._items[key].lens if key in self._items else None

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
        changed = self._items[key].pair.scribbles.differing(number, plane, blocks)
        return self.repaint(key, number, changed)

    def repaint(self, key: Hashable, number: int, blocks: Mapping[Block, NDArray[np.uint8]]) -> bool:
        """Put blocks of a plane in place of those that were there; say whether there were any to put."""
        if not blocks:
            return False
        item = self._items[key]
        strokes = item.pair.scribbles.repainting({number: blocks}, next(self._versions))
        self._items[key] = dataclasses.replace(item, pair=Pair(item.pair.image, strokes))
        self._publish()
        return True

    def version(self, key: Hashable) -> int:
        """Version of a pair's strokes."""
        return self._items[key].pair.scribbles.version

    def training_set(self) -> TrainingSet:
        """Return all enabled pairs as of now."""
        return TrainingSet(tuple(item.learnt for item in self._items.values() if item.enabled), self._classes)

    def _changed(self) -> None:
        self._publish()
        self.pairs_changed.emit()

    def _publish(self, before: ClassTable | None = None) -> None:
        before = self._classes if before is None else before
        self._classes = self._removed.brought_back(self._classes, self._count)
        training = self.training_set()
        self.snapshots.put(training)
        self._classes = training.classes  # an id may have been painted that the table did not have
        if self._classes != before:
            self.classes_changed.emit(self._classes)
        self.published.emit()

    # -- operations that can be undone -----------------------------------------------------------------------------

    def edit(
        self, text: str, planes: Mapping[Hashable, Mapping[int, NDArray[np.uint8]]] | None = None, *,
        derived: Mapping[Hashable, Mapping[int, NDArray[np.uint8]]] | None = None, classes: ClassTable | None = None,
        blocks: ByBlocks | None = None,
    ) -> EditOutcome:
        """Do an operation: change planes of strokes, the class table or both, as one step of undo.

        Parameters
        ----------
        text : str
            What is done, as people read it behind *Undo*: "remove class nucleus".
        planes : mapping, optional
            Paint (Y, X) uint8 by key and plane number.
        derived : mapping, optional
            1 where pixels of these planes were taken from a prediction, (Y, X) uint8; default: those that were so
            before and have not changed.
        classes : ClassTable, optional
            The new table; painted ids that it lacks are kept in it.
        blocks : mapping, optional
            Paint by key, plane number and block, of planes that are too large to be put together.
        """
        parts = blocks or {}
        before, old = self._classes, {key: self._items[key].pair for key in (*(planes or {}), *parts)}
        for gone in set(before.ids) - set(before.ids if classes is None else classes.ids):
            self.note_removal(gone)
        changed = self._replace(planes or {}, derived or {}, classes, parts)
        edited = edited_blocks(changed, parts, {key: pair.scribbles for key, pair in old.items()}, self._scribbles)
        if not edited and self._classes == before:
            return EditOutcome(False)
        told = self.edits.add(StrokeEdit(
            text, edited, {key: pair.image.shape for key, pair in old.items()},
            {key: pair.image.name for key, pair in old.items()}, before, self._classes))
        self.strokes_edited.emit(changed)
        return EditOutcome(True, f"Done: {text}. {told}".strip())

    def undo(self) -> EditOutcome:
        """Undo the last operation, as far as nobody has changed its work since; says what could not be undone."""
        return self._go(True)

    def redo(self) -> EditOutcome:
        """Do again the operation that was undone last."""
        return self._go(False)

    def _go(self, undoing: bool) -> EditOutcome:
        word = "Undone" if undoing else "Done again"
        edit = self.edits.next_edit(undoing)
        if edit is None:
            return EditOutcome(False, f"There is nothing to {'undo' if undoing else 'redo'}.")
        parts, over = blocks_put_back(edit, undoing, self._scribbles)
        back = put_back(edit, undoing, self._scribbles, self._classes, parts)
        before, left = self._classes, (*back.left, *([painted_over(over)] if over else []))
        changed = self._replace(back.planes, back.derived, back.classes, parts)
        done = bool(changed) or self._classes != before
        self.edits.moved(undoing, keep=done or not left)
        if done:
            self.strokes_edited.emit(changed)
        return EditOutcome(done, " ".join((f"{word if done else f'Not {word.lower()}'}: {edit.text}.", *left)))

    def _scribbles(self, key: Hashable) -> Scribbles | None:
        return self._items[key].pair.scribbles if key in self._items else None

    def _replace(
        self, planes: Mapping[Hashable, Mapping[int, NDArray[np.uint8]]],
        derived: Mapping[Hashable, Mapping[int, NDArray[np.uint8]]], classes: ClassTable | None, parts: ByBlocks,
    ) -> dict[Hashable, tuple[int, ...]]:
        """Take over planes and classes and publish them once; return the numbers of the planes that differ, by key."""
        changed = {}
        for key, given in planes.items():
            item, marks = self._items[key], derived.get(key, {})
            old = item.pair.scribbles
            new = old.replacing(given, next(self._versions), marks)
            differ = tuple(number for number in given if not np.array_equal(
                marked_plane(old, number), marked_plane(new, number)))
            if differ:
                changed[key] = differ
                self._items[key] = dataclasses.replace(item, pair=Pair(item.pair.image, new))
        for key, numbers in parts.items():
            item = self._items[key]
            new = item.pair.scribbles.repainting(numbers, next(self._versions))
            changed[key] = tuple(numbers)
            self._items[key] = dataclasses.replace(item, pair=Pair(item.pair.image, new))
        before = self._classes
        if classes is not None:
            self._classes = classes.including(self._painted_ids())
        if changed or self._classes != before:
            self._publish(before)
        return changed

    def _painted_ids(self) -> set[int]:
        return {number for item in self._items.values() for number in item.pair.scribbles.counts()}

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
        self._removed.note(next((one for one in self._classes.classes if one.id == number), None), paint)

    def _count(self, key: Hashable, number: int) -> int:
        return self._items[key].pair.scribbles.counts().get(number, 0) if key in self._items else 0

"""Keeps strokes apart while they are being painted, and decides which are held out. Reads no image, trains nothing."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..core.depth import plane_behind
from ..core.image import Image
from ..core.scribbles import TrainingSet
from .joined_pieces import JoinedPieces
from .stroke_roles import ClassRoles, StrokeRecord, WholeStroke
from .strokes import Stroke, held_share, pixels_by_number, stroke_components

_Place = tuple[tuple[int, str, int], int]
"""Key of an image (:func:`image_keys`) and number of a plane."""


def image_keys(training: TrainingSet) -> list[tuple[int, str, int]]:
    """Return one key per pair that stays the same as long as it shows the same array with the same axes.

    Two pairs that share an array are told apart by their order.
    """
    keys: list[tuple[int, str, int]] = []
    for pair in training.pairs:
        base = (id(pair.image.data), pair.image.axes)
        keys.append((*base, sum(key[:2] == base for key in keys)))
    return keys


@dataclasses.dataclass
class _Plane:
    """A painted plane as last seen: ids (Y, X) uint8, stroke numbers (Y, X) int32, pixels and neighbours by stroke."""

    painted: NDArray[np.uint8]
    numbers: NDArray[np.int32]
    pixels: dict[int, NDArray[np.int64]] = dataclasses.field(default_factory=dict)
    alone: set[int] = dataclasses.field(default_factory=set)


class StrokeTracker:
    """Follows strokes across successive snapshots and holds some out.

    *What is a stroke.* Between two snapshots, each connected component (8 neighbours) of newly painted pixels of a
    class is a new stroke. If it touches the stroke of its class that was painted in the snapshot just before, it is
    the same brush still moving and that stroke grows. Pixels erased or painted over leave their stroke. In a volume,
    strokes of a class that touch in planes directly behind one another are pieces of one stroke: they count as one, and
    have one role.

    *Which are held out.* Of a class with n >= 3 strokes, max(1, n // 4); never its newest, and only strokes that touch
    no other stroke of their class, so that a held-out stroke is a whole connected component. What was taken from a
    prediction is no stroke of a person: it is neither counted nor held out. The stroke that trained
    for the shortest time is taken first; strokes that came in one snapshot are chosen at random.

    *Roles do not flip.* A stroke starts in training and may be held out once. It goes back to training, for good, when
    all are released, or when it must: too few strokes of its class are left, it has become the newest (it grew, or
    newer ones were erased), or another stroke has joined it.

    *Honesty.* Strokes of the first snapshot that are held out were never trained on. In live use a stroke trains
    while it is the newest, so when it is held out later the network knows it; :meth:`Stroke.counts` lets the score use
    it only after some steps in which it could be forgotten. What is left of that memory makes the live score a little
    too good; the score of a comparison (:func:`napari_unet.learning.strokes.hold_out`) has no such flaw.

    Parameters
    ----------
    seed : int
        For the choice among strokes of one snapshot.
    hold : bool
        Whether anything is held out at all.
    learnt : bool
        Whether the strokes of the first snapshot were learnt before, by the network that training goes on from.
    """

    def __init__(self, seed: int = 0, hold: bool = True, learnt: bool = False) -> None:
        self._learnt = learnt
        self._generator = np.random.default_rng(seed)
        self.holds = hold
        self._generation = 0
        self._records: dict[int, StrokeRecord] = {}
        self._planes: dict[_Place, _Plane] = {}
        self._joined: JoinedPieces[_Place] = JoinedPieces()
        self._images: list[Image] = []  # alive, so that no new array takes over an id
        self._next = 0

    def release(self) -> None:
        """Hold nothing out any more, from the next :meth:`update` on."""
        self.holds = False

    def update(self, training: TrainingSet, step: int = 0) -> tuple[Stroke, ...]:
        """Compare a snapshot with the one before.

        Parameters
        ----------
        training : TrainingSet
        step : int
            Training steps so far.

        Returns
        -------
        tuple of Stroke
            All strokes, oldest first, with their present roles.
        """
        known = set(self._records)
        keys = image_keys(training)
        self._take_up({
            (key, number): plane
            for key, pair in zip(keys, training.pairs, strict=True)
            for number, plane in pair.scribbles.planes.items()
        })
        self._note_derived({
            (key, number): marks
            for key, pair in zip(keys, training.pairs, strict=True)
            for number, marks in pair.scribbles.derived.items()
        })
        self._images = [pair.image for pair in training.pairs]

        groups = self._through_planes(keys, training)
        where = {number: place for place, plane in self._planes.items() for number in plane.pixels}
        self._records = {number: record for number, record in self._records.items() if number in where}
        for number in known & self._records.keys():
            if self._records[number].held_since is None:
                self._records[number].fresh = False
        self._assign_roles(set().union(*(plane.alone for plane in self._planes.values())), groups, step)
        index = {key: number for number, key in enumerate(keys)}
        strokes = []
        for number, record in sorted(self._records.items(), key=lambda item: (item[1].seen, item[0])):
            key, plane = place = where[number]
            strokes.append(Stroke(number, index[key], plane, record.class_id, self._planes[place].pixels[number],
                                  record.seen, record.held_since, record.fresh, record.derived, groups.get(number)))
        return tuple(strokes)

    def _take_up(self, wanted: Mapping[_Place, NDArray[np.uint8]]) -> None:
        """Forget planes that are gone, and look at those that have changed."""
        for gone in self._planes.keys() - wanted.keys():
            del self._planes[gone]
        changed = {place: painted for place, painted in wanted.items() if self._differs(place, painted)}
        self._generation += bool(changed)
        for place, painted in changed.items():
            self._look(place, painted)

    def _through_planes(self, keys: list[tuple[int, str, int]], training: TrainingSet) -> dict[int, int]:
        """Return for each stroke that passes through several planes the smallest number of its pieces."""
        behind = [((key, number), (key, next_)) for key, pair in zip(keys, training.pairs, strict=True)
                  for number in pair.scribbles.planes
                  if (next_ := plane_behind(pair.image, number)) is not None and (key, next_) in self._planes]
        return self._joined.groups(self._planes, behind)

    def _note_derived(self, marks: Mapping[_Place, NDArray[np.uint8]]) -> None:
        """Note which strokes were taken from a prediction, all or in part."""
        if not marks and not any(record.derived for record in self._records.values()):
            return
        for place, plane in self._planes.items():
            flat = marks[place].ravel() if place in marks else None
            for number, pixels in plane.pixels.items():
                self._records[number].derived = flat is not None and bool(flat[pixels].any())

    def _differs(self, place: _Place, painted: NDArray[np.uint8]) -> bool:
        old = self._planes.get(place)
        return old is None or (old.painted is not painted and not np.array_equal(old.painted, painted))

    def _look(self, place: _Place, painted: NDArray[np.uint8]) -> None:
        """Take up what changed in one plane."""
        old = self._planes.get(place)
        if old is None or old.painted.shape != painted.shape:
            old = _Plane(np.zeros_like(painted), np.zeros(painted.shape, np.int32))
        changed = old.painted != painted
        numbers = np.where(changed, 0, old.numbers).astype(np.int32)
        added, _ = stroke_components(np.where(changed, painted, np.uint8(0)))
        before = numbers.copy()  # new parts join strokes that were there, not each other
        for _, pixels in pixels_by_number(added):
            class_id = int(painted.flat[pixels[0]])
            number = self._growing(before, pixels, class_id)
            if number is None:
                self._next += 1
                number = self._next
                self._records[number] = StrokeRecord(
                    class_id, self._generation, fresh=not (self._learnt and self._generation == 1))
            self._records[number].seen = self._generation
            numbers.flat[pixels] = number
        plane = _Plane(painted, numbers, dict(pixels_by_number(numbers)))
        whole = stroke_components(painted)[0].ravel()
        company = defaultdict(set)
        for number, pixels in plane.pixels.items():
            for component in np.unique(whole[pixels]):
                company[int(component)].add(number)
        crowded = {number for group in company.values() if len(group) > 1 for number in group}
        plane.alone = set(plane.pixels) - crowded
        self._planes[place] = plane

    def _growing(self, numbers: NDArray[np.int32], pixels: NDArray[np.int64], class_id: int) -> int | None:
        """Return the stroke that these new pixels continue, if any: same class, touching, painted just before."""
        height, width = numbers.shape
        rows, columns = np.divmod(pixels, width)
        around: set[int] = set()
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                around.update(
                    np.unique(numbers[np.clip(rows + dy, 0, height - 1), np.clip(columns + dx, 0, width - 1)]).tolist()
                )
        just_before = [
            number for number in around
            if number and self._records[number].class_id == class_id
            and self._records[number].seen >= self._generation - 1
        ]
        return max(just_before, default=None)

    def _assign_roles(self, alone: set[int], groups: Mapping[int, int], step: int) -> None:
        """Hold out as many strokes of each class as there should be, and send back those that have to train."""
        pieces: dict[int, dict[int, StrokeRecord]] = {}
        for number, record in self._records.items():
            pieces.setdefault(groups.get(number, number), {})[number] = record
        by_class: defaultdict[int, dict[int, WholeStroke]] = defaultdict(dict)
        for number, mine in pieces.items():
            stroke = WholeStroke(mine)
            if stroke.derived or stroke.divided:
                stroke.release()
            if not stroke.derived:
                by_class[stroke.class_id][number] = stroke
        for strokes in by_class.values():
            roles = ClassRoles.of(strokes, alone)
            wanted = held_share(len(strokes)) if self.holds else 0
            for number in roles.must + roles.held[wanted:]:
                strokes[number].release()
            ranked = sorted(
                zip(roles.free, self._generator.random(len(roles.free)).tolist(), strict=True),
                key=lambda item: (strokes[item[0]].seen, item[1]),
                reverse=True,
            )
            for number, _ in ranked[: max(0, wanted - len(roles.held))]:
                strokes[number].hold(step)

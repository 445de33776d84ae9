"""Single strokes: which there are, how old they are, which are held out of training. Reads no image, trains nothing."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..core.components import label_components
from ..core.depth import plane_runs
from ..core.scribbles import Pair, Scribbles, TrainingSet

MIN_STROKES = 3
"""A class with fewer strokes than this keeps them all for training, and has no score."""

HELD_OUT = 4
"""One of so many strokes is held out."""


@dataclasses.dataclass(frozen=True, eq=False)
class Stroke:
    """One stroke: connected pixels of one class in one plane, painted at one go.

    Of a stroke that passes through several planes of a volume, the piece in one of them.

    Parameters
    ----------
    number : int
        Its own number for as long as it exists; grows in the order in which strokes were first seen.
    pair, plane : int
        Where it is: index of the pair in the training set, number of the plane.
    class_id : int
        Painted id.
    pixels : ndarray of int64, shape (n,)
        Flat indices into the plane.
    seen : int
        The change of the strokes in which it was last painted; larger is newer.
    held_since : int or None
        Training step at which it was held out, None while it trains.
    fresh : bool
        True if it has never been trained on.
    derived : bool
        Whether any of it was taken from a prediction: such a stroke is learnt from, and never held out.
    whole : int or None
        Number of one of the pieces of the stroke that this is a piece of, the same for all of them; None: it is whole.
        All pieces are held out together, or none.
    """

    number: int
    pair: int
    plane: int
    class_id: int
    pixels: NDArray[np.int64]
    seen: int = 0
    held_since: int | None = None
    fresh: bool = True
    derived: bool = False
    whole: int | None = None

    @property
    def stroke(self) -> int:
        """Number of the whole stroke: pieces that have the same are one."""
        return self.number if self.whole is None else self.whole

    @property
    def held(self) -> bool:
        """Whether it is kept out of training."""
        return self.held_since is not None

    def counts(self, step: int, settle: int) -> bool:
        """Whether an honest score may use it: held out, and either never trained on or for ``settle`` steps."""
        return self.held_since is not None and (self.fresh or step - self.held_since >= settle)


def stroke_components(plane: NDArray[np.uint8]) -> tuple[NDArray[np.integer], int]:
    """Number the connected pixels (8 neighbours, in a volume 26) of each class of a painted plane or volume.

    Returns
    -------
    numbers : ndarray of int, shape (Y, X) or (Z, Y, X)
        0 = not painted, 1, 2, ... = components in the order in which a scan meets them.
    count : int
    """
    numbers = label_components(plane)
    return numbers, int(numbers.max(initial=0))


def pixels_by_number(numbers: NDArray[np.integer]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield each number of a plane (0 apart) with the flat indices of its pixels."""
    flat = numbers.ravel()
    where = np.flatnonzero(flat)
    if not where.size:
        return
    order = np.argsort(flat[where], kind="stable")
    where = where[order]
    found, starts = np.unique(flat[where], return_index=True)
    yield from zip(map(int, found), np.split(where, starts[1:]), strict=True)


def single_strokes(training: TrainingSet) -> list[Stroke]:
    """List the connected components of paint in each plane, by pair, plane and place; all of one age.

    Those that touch in planes directly behind one another (along z, never along time) are pieces of one stroke.
    """
    found: list[Stroke] = []
    for index, pair in enumerate(training.pairs):
        first = len(found)
        for number, plane in pair.scribbles.planes.items():
            flat, marks = plane.ravel(), pair.scribbles.derived.get(number)
            for _, pixels in pixels_by_number(stroke_components(plane)[0]):
                derived = marks is not None and bool(marks.ravel()[pixels].any())
                found.append(Stroke(len(found), index, number, int(flat[pixels[0]]), pixels, derived=derived))
        found[first:] = _joined(pair, found[first:])
    return found


def _joined(pair: Pair, pieces: list[Stroke]) -> list[Stroke]:
    """Say of the strokes of a pair, which are told apart plane by plane, of which whole stroke they are pieces."""
    runs = [run for run in plane_runs(pair.image, pair.scribbles.planes) if len(run) > 1]
    if not runs:
        return pieces
    wholes: dict[int, tuple[int, bool]] = {}  # by number: that of the first piece, and whether any is derived
    for run in runs:
        blocks = stroke_components(np.stack([pair.scribbles.planes[plane] for plane in run]))[0]
        place = {plane: number for number, plane in enumerate(run)}
        mine: defaultdict[int, list[Stroke]] = defaultdict(list)
        for piece in pieces:
            if piece.plane in place:
                mine[int(blocks[place[piece.plane]].ravel()[piece.pixels[0]])].append(piece)
        for group in mine.values():
            wholes |= {one.number: (group[0].number, any(each.derived for each in group)) for one in group}
    return [dataclasses.replace(one, whole=wholes[one.number][0], derived=wholes[one.number][1])
            if one.number in wholes else one for one in pieces]


def strokes_by_class(training: TrainingSet) -> dict[int, list[tuple[Stroke, ...]]]:
    """Return the strokes that a person has painted by class, also a class of which none is: only they say how good.

    Each as its pieces: several where it passes through several planes of a volume.
    """
    by_class: defaultdict[int, dict[int, list[Stroke]]] = defaultdict(dict)
    for stroke in single_strokes(training):
        mine = by_class[stroke.class_id]
        if not stroke.derived:
            mine.setdefault(stroke.stroke, []).append(stroke)
    return {number: [tuple(pieces) for pieces in mine.values()] for number, mine in sorted(by_class.items())}


def held_share(count: int) -> int:
    """Return how many of the strokes of a class are held out: about one in four, none of fewer than three."""
    return max(1, count // HELD_OUT) if count >= MIN_STROKES else 0


def hold_out(training: TrainingSet, seed: int = 0, part: int = 0) -> tuple[TrainingSet, TrainingSet]:
    """Divide the strokes into those to learn from and those to score on.

    Of every class with at least three strokes (connected components in one plane or in a volume, over all images) about
    one in four is held out; a class with fewer keeps all its strokes for learning. What was taken from a prediction is
    always learnt from, with the strokes that touch it.

    Parameters
    ----------
    training : TrainingSet
    seed : int
        Which strokes are held out.
    part : int
        0 or 1: with one seed, the two hold out different strokes, as many each.

    Returns
    -------
    train, held : TrainingSet
        Same images, classes and versions; every painted pixel is in exactly one of the two. ``held`` has no paint at
        all where every class has fewer than three strokes.
    """
    generator = np.random.default_rng(seed)
    chosen: list[Stroke] = []
    for strokes in strokes_by_class(training).values():
        share = held_share(len(strokes))
        picks = generator.permutation(len(strokes))[part * share : (part + 1) * share]
        chosen.extend(piece for index in picks for piece in strokes[index])
    held = [keep_strokes(pair.scribbles, index, chosen, inside=True) for index, pair in enumerate(training.pairs)]
    kept = [keep_strokes(pair.scribbles, index, chosen, inside=False) for index, pair in enumerate(training.pairs)]
    return tuple(  # type: ignore[return-value]  # two of them
        TrainingSet(
            tuple(Pair(pair.image, part) for pair, part in zip(training.pairs, parts, strict=True)), training.classes
        )
        for parts in (kept, held)
    )


def keep_strokes(scribbles: Scribbles, pair: int, strokes: Iterable[Stroke], *, inside: bool) -> Scribbles:
    """Keep only the paint of these strokes of one pair (or, not ``inside``, everything but them)."""
    mine = defaultdict(list)
    for stroke in strokes:
        if stroke.pair == pair:
            mine[stroke.plane].append(stroke)
    planes = {}
    for number, plane in scribbles.planes.items():
        chosen = np.zeros(plane.size, bool)
        for stroke in mine.get(number, ()):
            chosen[stroke.pixels] = True
        part = np.where(chosen.reshape(plane.shape) == inside, plane, np.uint8(0))
        if part.any():
            planes[number] = part
    derived = {number: mask & (planes[number] > 0) for number, mask in scribbles.derived.items() if number in planes}
    return Scribbles(scribbles.shape, planes, scribbles.version, derived)

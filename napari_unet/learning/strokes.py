"""Single strokes: which there are, how old they are, which are held out of training. Reads no image, trains nothing."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..core.components import label_components
from ..core.scribbles import Pair, Scribbles, TrainingSet

MIN_STROKES = 3
"""A class with fewer strokes than this keeps them all for training, and has no score."""

HELD_OUT = 4
"""One of so many strokes is held out."""


@dataclasses.dataclass(frozen=True, eq=False)
class Stroke:
    """One stroke: connected pixels of one class in one plane, painted at one go.

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

    @property
    def held(self) -> bool:
        """Whether it is kept out of training."""
        return self.held_since is not None

    def counts(self, step: int, settle: int) -> bool:
        """Whether an honest score may use it: held out, and either never trained on or for ``settle`` steps."""
        return self.held_since is not None and (self.fresh or step - self.held_since >= settle)


def stroke_components(plane: NDArray[np.uint8]) -> tuple[NDArray[np.integer], int]:
    """Number the connected pixels (8 neighbours) of each class of a painted plane.

    Returns
    -------
    numbers : ndarray of int, shape (Y, X)
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
    """List the connected components of paint, by pair, plane and place; all of one age."""
    found: list[Stroke] = []
    for index, pair in enumerate(training.pairs):
        for number, plane in pair.scribbles.planes.items():
            flat, marks = plane.ravel(), pair.scribbles.derived.get(number)
            for _, pixels in pixels_by_number(stroke_components(plane)[0]):
                derived = marks is not None and bool(marks.ravel()[pixels].any())
                found.append(Stroke(len(found), index, number, int(flat[pixels[0]]), pixels, derived=derived))
    return found


def strokes_by_class(training: TrainingSet) -> dict[int, list[Stroke]]:
    """Return the strokes that a person has painted by class, also a class of which none is: only they say how good."""
    by_class: defaultdict[int, list[Stroke]] = defaultdict(list)
    for stroke in single_strokes(training):
        by_class[stroke.class_id] += [] if stroke.derived else [stroke]
    return dict(sorted(by_class.items()))


def held_share(count: int) -> int:
    """Return how many of the strokes of a class are held out: about one in four, none of fewer than three."""
    return max(1, count // HELD_OUT) if count >= MIN_STROKES else 0


def hold_out(training: TrainingSet, seed: int = 0, part: int = 0) -> tuple[TrainingSet, TrainingSet]:
    """Divide the strokes into those to learn from and those to score on.

    Of every class with at least three strokes (connected components in one plane, over all images) about one in four
    is held out; a class with fewer keeps all its strokes for learning. What was taken from a prediction is always
    learnt from, with the strokes that touch it.

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
        chosen.extend(strokes[index] for index in picks)
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

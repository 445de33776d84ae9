"""A simulated annotation session: a clock of the person, one of the method, and what the screen shows. Scores nothing.

The method works whenever the person looks or paints, and its work takes as long as it takes: an answer is seen once the
person's clock has passed the point at which it, and its labels of the painted images, were finished. Both take turns
in one thread, so whatever else is done (scores) costs nobody time.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet

from .learners import Answer, Idle, Learn
from .painter import FIND_SECONDS, Painter, Stroke

PATIENCE = 600.0
"""Seconds of work without any answer after which something must be broken."""


@dataclasses.dataclass(frozen=True, eq=False)
class Field:
    """An image to paint on: one plane, and the truth (Y, X) the person knows."""

    image: Image
    truth: NDArray[np.uint8]


@dataclasses.dataclass(frozen=True, eq=False)
class Shown:
    """An answer, its labels of the painted images, and when they were finished (seconds on the person's clock)."""

    answer: Answer
    labels: tuple[NDArray[np.uint8], ...]
    ready: float


class SimulatedSession:
    """Where a person paints while a method learns.

    Parameters
    ----------
    fields : sequence of Field
    classes : ClassTable
    learn, seed, device
        The method, see :data:`_annotator.learners.Learn`.
    pace : float
        Seconds the method is given for each second of the person. 1 is real; less makes a short test.
    clock : callable
        Seconds that pass while the method works.
    """

    def __init__(self, fields: Sequence[Field], classes: ClassTable, learn: Learn, seed: int, device: str,
                 pace: float = 1.0, clock: Callable[[], float] = time.perf_counter) -> None:
        self.fields, self.classes, self.pace, self._clock = tuple(fields), classes, pace, clock
        self.seconds = 0.0
        self.shown: Shown | None = None
        self._coming: list[Shown] = []
        self._busy_until = 0.0
        self._version = 0
        self._painted = Latest(TrainingSet(
            tuple(Pair(field.image, Scribbles.empty(field.image.shape)) for field in self.fields), classes))
        self._learner = learn(self._painted, seed, device)

    def publish(self, painted: Sequence[NDArray[np.uint8]]) -> None:
        """Hand the strokes, (Y, X) by field, to the method."""
        self._version += 1
        self._painted.put(TrainingSet(tuple(
            Pair(pair.image, pair.scribbles.replacing({0: paint}, self._version))
            for pair, paint in zip(self._painted.get().pairs, painted, strict=True)
        ), self.classes))

    def spend(self, seconds: float) -> None:
        """Let time pass for both."""
        self.seconds += seconds
        while self._busy_until < self.seconds:
            self._work()
        self._refresh()

    def wait(self) -> None:
        """Wait until there is something to see.

        Raises
        ------
        RuntimeError
            If the method has nothing to do and yet no answer, or takes for ever.
        """
        began = self._busy_until
        while self.shown is None:
            if not self._coming and (not self._work() or (self._busy_until - began) * self.pace > PATIENCE):
                raise RuntimeError("the method gives no answer")
            if self._coming:
                self.seconds = max(self.seconds, self._coming[0].ready)
            self._refresh()

    def close(self) -> None:
        """Stop the method."""
        close = getattr(self._learner, "close", None)
        if close is not None:
            close()

    def _work(self) -> bool:
        """Do a piece of the method's work; False where there is none."""
        began = self._clock()
        answer = next(self._learner)
        if isinstance(answer, Idle):
            self._busy_until = max(self._busy_until, self.seconds)
            return False
        labels = () if answer is None else tuple(answer.screen(field.image, 0) for field in self.fields)
        self._busy_until += (self._clock() - began) / self.pace
        if answer is not None:
            self._coming.append(Shown(answer, labels, self._busy_until))
        return True

    def _refresh(self) -> None:
        """Show the newest answer that is finished."""
        while self._coming and self._coming[0].ready <= self.seconds:
            self.shown = self._coming.pop(0)


@dataclasses.dataclass(frozen=True, eq=False)
class AnnotationPoint:
    """What there is after some strokes, when the person has looked for the next error."""

    strokes: int
    seconds: float
    answer: Answer
    painted: int


def annotate(session: SimulatedSession, strokes: int, seed: int, wrong: float = 0.0) -> Iterator[AnnotationPoint]:
    """Paint one stroke per class, then where the screen is most wrong; yield from the last of the first strokes on.

    Parameters
    ----------
    session : SimulatedSession
    strokes : int
        In all.
    seed : int
        Of the places of the first strokes, and of which strokes are wrong.
    wrong : float
        Share of the strokes, never the first ones, that are painted with another class.
    """
    painter = Painter([field.truth for field in session.fields], seed)
    begin = painter.class_ids
    slips = mistakes(strokes, len(begin), wrong, seed)
    chance = np.random.default_rng((seed, 2))
    session.spend(FIND_SECONDS)
    for number in range(1, max(strokes, len(begin)) + 1):
        stroke: Stroke | None
        if number <= len(begin):
            stroke = painter.first(begin[number - 1])
        else:
            assert session.shown is not None, "waited for after the first strokes"
            stroke = painter.correct(session.shown.labels)
        if stroke is not None:
            others = [one for one in begin if one != stroke.class_id]
            painter.put(stroke, int(chance.choice(others)) if number in slips else None)
            session.spend(stroke.seconds)
            session.publish(painter.painted)
        session.spend(FIND_SECONDS)
        if number >= len(begin):
            session.wait()
            assert session.shown is not None
            painted = sum(map(np.count_nonzero, painter.painted))
            yield AnnotationPoint(number, session.seconds, session.shown.answer, painted)


def mistakes(strokes: int, begin: int, share: float, seed: int) -> frozenset[int]:
    """Return the numbers of the strokes that are painted wrongly: this share of all, none of the first ``begin``."""
    later = np.arange(begin + 1, strokes + 1)
    count = min(len(later), round(share * strokes))
    return frozenset(map(int, np.random.default_rng((seed, 1)).choice(later, count, replace=False)))

"""Many pieces of work one after the other, where one that cannot be done does not keep the others from it.

The window and the command line run their batches here. A piece is whatever can be begun: an image to segment, a mask
to export. Knows nothing of what it does.
"""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Callable, Generator, Sequence
from typing import Any, Generic, TypeVar

from napari_unet.core.errors import UsageError, reason_of
from napari_unet.core.work import work

Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True, eq=False)
class BatchPiece(Generic[Result]):
    """One piece of a batch.

    Parameters
    ----------
    name : str
        What people call it: the name of an image, a file.
    begin : callable
        Starts it and returns a generator, which yields progress of any kind and returns the result.
    """

    name: str
    begin: Callable[[], Generator[Any, None, Result]]


@dataclasses.dataclass(frozen=True, eq=False)
class BatchEvent:
    """Something that happened to one piece.

    Parameters
    ----------
    number, total : int
        Which piece, from 0, of how many.
    name : str
    """

    number: int
    total: int
    name: str

    @property
    def heading(self) -> str:
        """The name, and where there are several pieces, which of them it is."""
        return f"{self.name} ({self.number + 1} of {self.total})" if self.total > 1 else self.name


class PieceStarted(BatchEvent):
    """A piece is begun."""


@dataclasses.dataclass(frozen=True, eq=False)
class PieceProgress(BatchEvent):
    """A piece goes on; ``item`` is what its generator yielded."""

    item: Any


@dataclasses.dataclass(frozen=True, eq=False)
class PieceDone(BatchEvent):
    """A piece is done; ``result`` is what its generator returned."""

    result: Any


@dataclasses.dataclass(frozen=True, eq=False)
class PieceFailed(BatchEvent):
    """A piece could not be done; ``reason`` is written for people, ``error`` is what was raised."""

    reason: str
    error: Exception


@dataclasses.dataclass(frozen=True, eq=False)
class BatchSummary:
    """What became of a batch.

    Parameters
    ----------
    done : tuple of PieceDone
    failed : tuple of PieceFailed
    """

    done: tuple[PieceDone, ...]
    failed: tuple[PieceFailed, ...]

    @property
    def sentence(self) -> str:
        """What could not be done and why: the reason itself of a single piece, else a line for each; or ``""``."""
        if not self.failed:
            return ""
        total = len(self.done) + len(self.failed)
        if total == 1:
            return self.failed[0].reason
        lines = [f"  {one.name}: {' '.join(one.reason.split())}" for one in self.failed]
        return "\n".join([f"{len(self.failed)} of {total} could not be done, the others are:", *lines] if self.done
                         else [f"None of {total} could be done:", *lines])

    @property
    def wrong_use(self) -> bool:
        """Whether nothing was done because of the way it was asked for."""
        return not self.done and bool(self.failed) and all(isinstance(one.error, UsageError) for one in self.failed)


@work
def run_batch(pieces: Sequence[BatchPiece[Any]]) -> Generator[BatchEvent, None, BatchSummary]:
    """Run pieces in their order; go on past those that fail.

    Only the person (Ctrl-C, the cancel button) ends a batch early: what is begun is closed then, what is done stays.

    Parameters
    ----------
    pieces : sequence of BatchPiece

    Yields
    ------
    BatchEvent
        Of each piece :class:`PieceStarted`, any number of :class:`PieceProgress`, then :class:`PieceDone` or
        :class:`PieceFailed`.

    Returns
    -------
    BatchSummary
    """
    done: list[PieceDone] = []
    failed: list[PieceFailed] = []
    for number, piece in enumerate(pieces):
        which = number, len(pieces), piece.name
        yield PieceStarted(*which)
        outcome: PieceDone | PieceFailed
        try:
            running = piece.begin()
            try:
                while True:
                    try:
                        item = next(running)
                    except StopIteration as end:
                        outcome = PieceDone(*which, end.value)
                        break
                    yield PieceProgress(*which, item)
            finally:
                running.close()
        except Exception as error:
            traceback.clear_frames(error.__traceback__)  # or else it would keep the image, and whatever was at hand
            outcome = PieceFailed(*which, reason_of(error), error)
        if isinstance(outcome, PieceDone):
            done.append(outcome)
        else:
            failed.append(outcome)
        yield outcome
    return BatchSummary(tuple(done), tuple(failed))

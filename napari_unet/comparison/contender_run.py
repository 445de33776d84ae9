"""One contender's run: learn from the strokes and segment the planes, within its budget. Scores nothing."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..core.classes import ClassTable
from ..core.errors import UserError
from ..core.image import Image
from ..core.method import Model, Patch, Progress
from ..core.patience import patiently
from ..core.rows import Row
from ..core.scribbles import TrainingSet
from .contenders import Contender
from .packed_objects import PackedObjects

Stage = Literal["fit", "segment", "done", "failed", "cancelled"]
Labels = NDArray[np.uint8]
T = TypeVar("T")
Watch = Callable[[int, Image, Patch, ClassTable], None]
"""Sees each patch: the number of its image, the image, the patch, and the classes of the model."""

GRACE = 1.5
"""Seconds beyond its budget that a method may take which has no model, or not one plane: it may be nearly there."""

_BACKSTOP = 2.0
"""A method that trains by the clock ends by itself; it is ended only when it takes so many times as long as it was told
to, as a training that ends a moment late is judged once more in the end."""


@dataclasses.dataclass(frozen=True, eq=False)
class ComparisonEvent:
    """What a running comparison has just learnt.

    ``fraction`` is of this method's stage; ``image`` and ``patch`` come with stage ``"segment"``, ``rows`` with
    ``"done"``, and ``objects`` by way and image where they are judged; ``text`` is one sentence (with ``"failed"``, the
    reason). A patch of zeros takes back a plane that was not finished in time. ``"cancelled"`` is said of a method that
    was called off.
    """

    method: str
    stage: Stage
    text: str = ""
    fraction: float | None = None
    image: int | None = None
    patch: Patch | None = None
    rows: tuple[Row, ...] = ()
    objects: Mapping[str, tuple[PackedObjects | None, ...]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class ContenderResult:
    """What a run brought.

    Parameters
    ----------
    model : Model
    masks : tuple of ndarray of uint8
        By image, painted ids; 0 where no plane was segmented.
    planes : tuple of tuple of int
        By image, planes that are segmented as a whole, in the order asked for.
    seconds : float
        For learning and segmenting together.
    said : str
        What people should know about how it went; empty if all went as asked.
    """

    model: Model
    masks: tuple[Labels, ...]
    planes: tuple[tuple[int, ...], ...]
    seconds: float
    said: str = ""


class Cancelled(Exception):
    """A method is no longer wanted."""


def until_cancelled(
    run: Generator[ComparisonEvent, None, T], is_cancelled: Callable[[], bool]
) -> Generator[ComparisonEvent, None, T]:
    """Pass on what a run tells, asking before every step whether it is still wanted.

    Raises
    ------
    Cancelled
        If it is not; the run is closed.
    """
    try:
        while not is_cancelled():
            yield next(run)
    except StopIteration as end:
        outcome: T = end.value
        return outcome
    finally:
        run.close()
    raise Cancelled


def run_contender(
    contender: Contender, training: TrainingSet, planes: Sequence[tuple[int, ...]], *, shown: bool = True,
    watch: Watch | None = None,
) -> Generator[ComparisonEvent, None, ContenderResult]:
    """Let a contender learn and segment.

    Parameters
    ----------
    contender : Contender
    training : TrainingSet
        Images, and the strokes to learn from.
    planes : sequence of tuple of int
        By image, planes to segment.
    shown : bool
        Whether events carry their patches.
    watch : callable, optional
        Called with each patch, which then has probabilities if the model can give them.

    Yields
    ------
    ComparisonEvent

    Returns
    -------
    ContenderResult

    Raises
    ------
    UserError
        If the method cannot do it, or did not get anywhere in its budget.
    """
    started = time.perf_counter()
    model, said = contender.model, ""
    if model is None:
        model, said = yield from _fit(contender, training, started)
    begun = time.perf_counter() if contender.trains_by_the_clock or contender.model is not None else started
    images = [pair.image for pair in training.pairs]
    run = _Segmentation(contender, model, images, planes, begun, shown, watch)
    yield from run.work()
    seconds = time.perf_counter() - started
    text = " ".join(filter(None, (said, run.said)))
    return ContenderResult(model, run.masks, tuple(map(tuple, run.complete)), seconds, text)


def _fit(
    contender: Contender, training: TrainingSet, started: float
) -> Generator[ComparisonEvent, None, tuple[Model, str]]:
    """Drain the fit, passing its progress on, to its end or to the end of its time."""
    assert contender.method is not None  # told by Contender
    method = contender.method
    fit = patiently(lambda: method.fit(training))  # some methods do not yield for a minute
    newest: Model | None = None
    said = Progress("")
    limit = _longest_fit(contender)
    try:
        while True:
            said = next(fit) or said
            newest = said.model or newest
            yield ComparisonEvent(contender.name, "fit", said.text, said.fraction)
            seconds = time.perf_counter() - started
            if limit is not None and seconds > limit:
                if newest is None:
                    raise UserError(
                        f"It was not done learning after {seconds:.0f} s; its budget is {contender.budget:g} s. Give "
                        "it more time, or choose fewer or smaller images."
                    )
                return newest, f"Learning was stopped after {seconds:.0f} s."
    except StopIteration as stop:
        model: Model = stop.value
        return model, ""
    finally:
        fit.close()


def _longest_fit(contender: Contender) -> float | None:
    """Return the seconds after which learning is ended."""
    if contender.budget is None:
        return None
    return _BACKSTOP * contender.budget if contender.trains_by_the_clock else contender.budget + GRACE


def _patches(model: Model, image: Image, planes: tuple[int, ...], soft: bool) -> Generator[Patch, None, None]:
    """Segment, with probabilities if they are asked for and the model has them."""
    if soft:
        try:
            patches = iter(model.segment(image, planes, probabilities=True))
            first = next(patches)
        except UserError:
            pass  # it has none; whatever else is wrong is said below
        else:
            yield first
            yield from patches
            return
    yield from model.segment(image, planes)


class _Segmentation:
    """Segments plane after plane until all are done or time is up; planes left half done are cleared."""

    def __init__(
        self, contender: Contender, model: Model, images: Sequence[Image], planes: Sequence[tuple[int, ...]],
        begun: float, shown: bool, watch: Watch | None = None,
    ) -> None:
        self.masks = tuple(np.zeros(image.shape, np.uint8) for image in images)
        self.complete: list[list[int]] = [[] for _ in images]
        self.said = ""
        self._contender, self._model, self._shown, self._watch = contender, model, shown, watch
        self._images, self._planes, self._begun = images, planes, begun

    def work(self) -> Generator[ComparisonEvent, None, None]:
        """Segment; yields each patch as an event."""
        total = sum(map(len, self._planes))
        for number, (image, wanted) in enumerate(zip(self._images, self._planes, strict=True)):
            if wanted:
                yield from self._image(number, image, wanted)
            if self._is_over():
                break
        done = sum(map(len, self.complete))
        if done < total:
            yield from self._take_back()
            if not done:
                raise UserError(
                    f"Not one plane was segmented after {self._seconds:.0f} s; its budget is "
                    f"{self._contender.budget:g} s. Give it more time, or choose smaller images."
                )
            self.said = f"{done} of {total} planes in its time."

    def _image(self, number: int, image: Image, wanted: tuple[int, ...]) -> Generator[ComparisonEvent, None, None]:
        left = dict.fromkeys(wanted, image.plane_shape[0] * image.plane_shape[1])
        segmenting = patiently(lambda: _patches(self._model, image, wanted, soft=self._watch is not None))
        done = 0.0
        for patch in segmenting:
            if patch is None:  # it is at work
                yield ComparisonEvent(self._contender.name, "segment", image.name, done)
                if self._is_over():
                    segmenting.close()
                    break
                continue
            done = patch.done / patch.total
            if self._watch is not None:
                self._watch(number, image, patch, self._model.classes)
            self.masks[number][patch.where] = patch.labels
            plane = image.plane_of(patch.where)
            left[plane] -= patch.labels.size
            if not left[plane]:
                self.complete[number].append(plane)
            yield ComparisonEvent(self._contender.name, "segment", f"{image.name}: {patch.done} of {patch.total}",
                                  done, image=number if self._shown else None,
                                  patch=patch if self._shown else None)
            if self._is_over():
                segmenting.close()
                break
        self.complete[number].sort(key=wanted.index)

    @property
    def _seconds(self) -> float:
        return time.perf_counter() - self._begun

    def _is_over(self) -> bool:
        """Whether to stop: time is up and there is a result to show, or there is none after a long time."""
        budget = self._contender.budget
        if budget is None:
            return False
        return self._seconds > (budget if any(self.complete) else budget + GRACE)

    def _take_back(self) -> Generator[ComparisonEvent, None, None]:
        for number, (image, wanted) in enumerate(zip(self._images, self._planes, strict=True)):
            for plane in wanted:
                where = image.where(plane)
                if plane not in self.complete[number] and self.masks[number][where].any():
                    self.masks[number][where] = 0
                    if self._shown:
                        yield ComparisonEvent(self._contender.name, "segment", f"{image.name}: out of time", 1.0,
                                              image=number,
                                              patch=Patch(where, np.zeros(image.plane_shape, np.uint8)))

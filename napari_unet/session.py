"""One sitting at the microscope: images with their strokes, the class table, the model and how it came about.

Knows neither Qt nor napari, starts no thread and writes no file. Long work (:meth:`Session.training`,
:mod:`napari_unet.live`) is a generator that may run in a thread of its own: it reads and writes mailboxes and yields
frozen events. Everything else, :meth:`Session.take` included, belongs to one thread, in which all signals are emitted.
"""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Generator, Hashable, Mapping
from itertools import count
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from .core.classes import ClassTable, joined
from .core.image import Image
from .core.latest import Latest
from .core.method import Model, Progress, Segmenter
from .core.scribbles import Pair, Scribbles, TrainingSet
from .core.threads import claim_threads

Phase = Literal["idle", "answered", "learning", "paused", "failed"]

FIRST_CLASSES = ClassTable.default((1, 2))
"""Background and one class to start with."""

ANSWERED = "Answered from your strokes. Paint where it is wrong, and press Live to let the network learn too."


@dataclasses.dataclass(frozen=True)
class State:
    """What is going on, in one sentence for people."""

    phase: Phase
    text: str


@dataclasses.dataclass(frozen=True)
class Moment:
    """One point of the history of a training.

    Parameters
    ----------
    step : int
    loss : float
        Loss of the step.
    dice : float or None
        Mean Dice on held-out strokes, None where there are too few strokes for a score.
    """

    step: int
    loss: float
    dice: float | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class _Item:
    pair: Pair
    enabled: bool = True


class Session:
    """Pairs, classes, strokes for a running training, and its results.

    Attributes
    ----------
    painted : Latest[TrainingSet]
        What a training in another thread reads before every step.
    models : Latest[Model | None]
        The newest model; what a predictor in another thread reads.
    history : list of Moment
        Of the present or last training.
    seen_versions : tuple of int
        Versions of the strokes, pair by pair, that the last event of the training had taken up.
    device : str
        Where the training runs, and why there; empty before the first step.
    """

    pairs_changed = Signal()
    classes_changed = Signal(ClassTable)
    state_changed = Signal(State)
    history_changed = Signal()
    model_changed = Signal(object)

    def __init__(self) -> None:
        self._items: dict[Hashable, _Item] = {}
        self._versions = count(1)
        self._classes = FIRST_CLASSES
        self._state = State("idle", self.hint())
        self.painted: Latest[TrainingSet] = Latest(TrainingSet((), self._classes))
        self.models: Latest[Model | None] = Latest(None)
        self.history: list[Moment] = []
        self.seen_versions: tuple[int, ...] = ()
        self.device = ""
        self._run: object | None = None
        self._answer: Model | None = None

    # -- pairs and strokes -----------------------------------------------------------------------------------------

    @property
    def keys(self) -> tuple[Hashable, ...]:
        """Keys of all pairs in the order they were added."""
        return tuple(self._items)

    def pair(self, key: Hashable) -> Pair:
        """Return the pair with this key, as of now."""
        return self._items[key].pair

    def enabled(self, key: Hashable) -> bool:
        """Whether a pair is learnt from."""
        return self._items[key].enabled

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

    def version(self, key: Hashable) -> int:
        """Version of a pair's strokes."""
        return self._items[key].pair.scribbles.version

    def training_set(self) -> TrainingSet:
        """Return all enabled pairs as of now."""
        return TrainingSet(tuple(item.pair for item in self._items.values() if item.enabled), self._classes)

    def hint(self) -> str:
        """Say what to do next to get a segmentation."""
        if not self._items:
            return "Open an image (or File > Open Sample), then press + to paint strokes on it."
        if not any(item.enabled for item in self._items.values()):
            return "Tick at least one image to learn from."
        return self.painted.get().missing() or "Ready: press Live and go on painting where it is wrong."

    def _changed(self) -> None:
        self._publish()
        self.pairs_changed.emit()

    def _publish(self) -> None:
        training = self.training_set()
        self.painted.put(training)
        if training.classes != self._classes:  # an id was painted that the table did not have
            self._classes = training.classes
            self.classes_changed.emit(self._classes)
        self.refresh_hint()

    # -- classes ---------------------------------------------------------------------------------------------------

    @property
    def classes(self) -> ClassTable:
        """The class table."""
        return self._classes

    def set_classes(self, classes: ClassTable) -> None:
        """Replace the class table; painted ids that it lacks are kept in it."""
        classes = classes.including(self.painted.get().counts())
        if classes != self._classes:
            self._classes = classes
            self.painted.put(self.training_set())
            self.classes_changed.emit(classes)
            self.refresh_hint()

    # -- state -----------------------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """What is going on."""
        return self._state

    def set_state(self, phase: Phase, text: str = "") -> None:
        """Change the state; without a text it says what to do next."""
        state = State(phase, text or self.hint())
        if state != self._state:
            self._state = state
            self.state_changed.emit(state)

    def refresh_hint(self) -> None:
        """While nothing is going on, say what to do next."""
        if self._state.phase == "idle":
            self.set_state("idle")

    # -- learning --------------------------------------------------------------------------------------------------

    @property
    def model(self) -> Model | None:
        """The newest model: trained or loaded, and where strokes have been answered with it since, that answer."""
        return self._answer or self.models.get()

    def answered(self, model: Model) -> None:
        """Note that the newest strokes were answered with this model; it is shown until a newer one comes."""
        first = self.model is None
        self._answer = model
        if first:
            self.model_changed.emit(model)
        if self._state.phase in ("idle", "answered"):
            self.set_state("answered", ANSWERED)

    def set_model(self, model: Model | None) -> None:
        """Put a model in place of the present one, e.g. from a file; its classes join the table."""
        self._answer = None
        self.models.put(model)
        if model is not None:
            self.set_classes(joined(self._classes, model.classes, bool(self.painted.get().counts())))
        self.model_changed.emit(model)

    def training(self, method: Segmenter, threads: int | None = None) -> Generator[Progress, None, Model]:
        """Fit a method to the strokes as they are painted; ends when the method does, or when closed.

        The generator may run in another thread: hand each event to :meth:`take` in the session's own. Only the
        newest training brings models; after :meth:`end` none does.

        Parameters
        ----------
        method : Segmenter
        threads : int, optional
            Threads torch may use in the generator's thread. Set when the work starts, because torch keeps the
            number by thread, and two teams on the same cores wait for each other.
        """
        self._run = run = object()
        self.history = []
        self.seen_versions = ()
        self.history_changed.emit()
        self.set_state("learning", "Warming up...")
        return self._train(method, threads, run)

    def _train(self, method: Segmenter, threads: int | None, run: object) -> Generator[Progress, None, Model]:
        claim_threads(threads)
        fit = method.fit(self.painted)
        try:
            while True:
                try:
                    event = next(fit)
                except StopIteration as end:
                    model: Model = end.value
                    return model
                if event.model is not None and self._run is run:
                    self.models.put(event.model)  # a predictor need not wait for the session's thread
                yield event
        finally:
            fit.close()

    def end(self) -> None:
        """Note that a training was stopped."""
        self._run = None

    def take(self, event: Progress) -> None:
        """Take note of an event of :meth:`training`: history, state line and model."""
        step, loss = getattr(event, "step", None), getattr(event, "loss", None)
        self.seen_versions = tuple(getattr(event, "versions", ()))
        self.device = getattr(event, "device", "") or self.device
        if step is not None and loss is not None and (not self.history or step > self.history[-1].step):
            self.history.append(Moment(int(step), float(loss), getattr(event, "held_out_mean", None)))
            self.history_changed.emit()
        if self._state.phase == "learning":
            self.set_state("learning", event.text)
        if event.model is not None:
            self.model_changed.emit(event.model)


_sessions: dict[int, tuple[weakref.ref[Any], Session]] = {}


def session_of(owner: Any) -> Session:
    """Return the session that belongs to a viewer (or to any other object), the same each time it is asked for.

    It lives as long as its owner does.
    """
    owner = getattr(owner, "__wrapped__", owner)  # plugins may be handed a proxy of the viewer
    key = id(owner)
    if key not in _sessions:
        _sessions[key] = weakref.ref(owner, lambda _: _sessions.pop(key, None)), Session()
    return _sessions[key][1]

"""Notes while a method learns, so that every model knows where it comes from. Changes nothing of what is learnt."""

from __future__ import annotations

import dataclasses
import functools
from collections import OrderedDict
from collections.abc import Callable, Generator
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

from ..core import parameters
from ..core.latest import Latest
from ..core.method import Progress, newest_training_set
from ..core.provenance import ImageFacts, Provenance, now, with_provenance
from ..core.scribbles import TrainingSet
from ..core.work import relayed
from .true_dice import HeldOutEvidence, expected_dice

Fit = TypeVar("Fit", bound=Callable[..., Generator[Progress, None, Any]])

ANSWERED = "The last layer alone was fitted to the strokes, on features {}."
"""Note of an instant answer."""

DRAWN = "learnt beforehand on drawn images"

REMEMBERED = 8
"""Snapshots of strokes that a model may have learnt from: it comes some moments after they were read."""


class _Notes:
    """What one fit is known by."""

    def __init__(self, source: TrainingSet | Latest[TrainingSet], known: Provenance) -> None:
        self._source, self._known = source, known
        self._seen: OrderedDict[tuple[int, ...], TrainingSet] = OrderedDict()
        self._made: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    def look(self) -> None:
        """Remember the strokes that are there now."""
        training = newest_training_set(self._source)
        self._seen[training.versions] = training
        self._seen.move_to_end(training.versions)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)

    def on(self, model: Any, event: Progress | None) -> Any:
        """Return a model with what is known of it; the same one again for the same."""
        if model is None:
            return None
        if model not in self._made:
            made = with_provenance(model, self._provenance(event, _steps(model)))
            self._made[model] = made
            if made is not model:
                self._made[made] = made
        return self._made[model]

    def _provenance(self, event: Progress | None, steps: int | None) -> Provenance:
        versions = tuple(getattr(event, "versions", ()))
        training = self._seen.get(versions) or next(reversed(self._seen.values()))
        dice, strokes = getattr(event, "held_out_mean", None), int(getattr(event, "strokes_a_class", 0))
        score = ""
        if dice is not None:
            score = f"Dice {dice:.3f} on held-out strokes"
            if strokes:
                score += f"; likely true Dice {expected_dice(HeldOutEvidence(dice, strokes)).text}"
        return dataclasses.replace(
            self._known,
            ended=now(),
            device=getattr(event, "device", "") or self._known.device,
            classes=training.classes,
            images=_facts(training),
            steps=steps,
            seconds=getattr(event, "seconds", None) if steps else None,
            note=ANSWERED.format(DRAWN) if steps == 0 else self._known.note,
            dice=dice,
            score=score,
        )


def told_answers(fit: Fit) -> Fit:
    """Let the models of a generator function carry where they come from: that of instant answers.

    It gets a store of features, the strokes and a seed first. Quick: of strokes, what has changed is looked at; of
    images, what was not looked at before.
    """
    @functools.wraps(fit)
    def told(
        store: Any, training: TrainingSet, seed: int = 0, *rest: Any, **more: Any
    ) -> Generator[Progress, None, Any]:
        begun = now()

        def known(model: Any) -> Any:
            weights = store.weights
            return dataclasses.replace(model, provenance=Provenance.here(
                "model", begun=begun, ended=now(), device=str(store.device), method="instant", seed=seed,
                classes=training.classes, images=_facts(training), steps=0,
                note=ANSWERED.format(f"that were trained for {weights.step} steps" if weights.step else DRAWN),
                model=_alone(weights.provenance),
            ))

        return known((yield from relayed(
            fit(store, training, seed, *rest, **more), lambda _number, event: event if event.model is None else
            dataclasses.replace(event, model=known(event.model)))))

    return cast(Fit, told)


def _alone(provenance: Provenance | None) -> Provenance | None:
    """Leave out what came before that: or it would grow with each training that goes on."""
    return None if provenance is None else dataclasses.replace(provenance, model=None)


def _facts(training: TrainingSet) -> tuple[ImageFacts, ...]:
    return tuple(ImageFacts.of(pair.image, pair.scribbles) for pair in training.pairs if pair.scribbles.planes)


def recorded(
    fit: Generator[Progress, None, Any],
    method: Any,
    name: str,
    painted: TrainingSet | Latest[TrainingSet],
    device: str = "",
    note: str = "",
    before: Provenance | None = None,
) -> Generator[Progress, None, Any]:
    """Pass a fit on with models that carry their :class:`~napari_unet.core.provenance.Provenance`.

    Parameters
    ----------
    fit : Generator
        What the method yields and returns.
    method : dataclass
        Its fields are noted.
    name : str
        Of the method, in the registry.
    painted : TrainingSet or Latest of TrainingSet
        What it learns from.
    device : str
        Where it computes, for events that do not say it.
    note : str
        What people should know beside it.
    before : Provenance, optional
        Of the model that it goes on from.
    """
    notes = _Notes(painted, Provenance.here(
        "model", made_by="window" if isinstance(painted, Latest) else "", begun=now(), device=device,
        deterministic=bool(getattr(method, "deterministic", False)), method=name, settings=parameters.as_dict(method),
        seed=getattr(method, "seed", None), note=note,
        model=_alone(before),
    ))
    last: Progress | None = None

    def noted(_number: int, event: Progress) -> Progress:
        nonlocal last
        notes.look()
        if event.model is not None:
            last = event
            event = dataclasses.replace(event, model=notes.on(event.model, event))
        return event

    notes.look()
    model = yield from relayed(fit, noted)
    notes.look()
    return notes.on(model, last)


def _steps(model: Any) -> int | None:
    weights = getattr(model, "weights", None)
    return None if weights is None else int(weights.step)

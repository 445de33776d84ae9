"""*Update once*: a training of a fixed number of steps on the strokes as they are, and whether it made things better.

What was run is kept, so that the same can be run again without a window: same method, strokes, steps and seed.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from ..core.method import Model, Segmenter
from ..core.scribbles import TrainingSet
from .model_history import steps_behind

UPDATE_STEPS = 50
"""Training steps of *Update once*."""


@dataclasses.dataclass(frozen=True, eq=False)
class LastRun:
    """A training of a fixed number of steps.

    Parameters
    ----------
    method : Segmenter
        With all its parameters, seed and number of steps included; ``method.fit(strokes)`` gives the same model.
    strokes : TrainingSet
        What it learnt from.
    steps, seed : int
    began : Weights or None
        What it went on from, None if it began by itself.
    """

    method: Segmenter
    strokes: TrainingSet
    steps: int
    seed: int
    began: Any = None


def fixed_run(method: Any, strokes: TrainingSet, steps: int = UPDATE_STEPS) -> LastRun:
    """Return a method and strokes as a run of so many steps."""
    inner = getattr(method, "method", None)  # a training that goes on from weights
    if inner is not None:
        made = dataclasses.replace(method, method=dataclasses.replace(inner, seconds=None, steps=steps))
        return LastRun(made, strokes, steps, int(inner.seed), method.weights)
    return LastRun(dataclasses.replace(method, seconds=None, steps=steps), strokes, steps, int(method.seed))


def outcome(event: Any, model: Model, shown: str) -> str:
    """Say what an update brought.

    Parameters
    ----------
    event : Progress
        The last one, with the scores.
    model : Model
        What is shown now.
    shown : str
        Its name.
    """
    before, now = getattr(event, "held_out_before", None), getattr(event, "held_out_mean", None)
    done = f"Updated to step {event.step} in {event.seconds:.0f} s"
    if getattr(event, "judges", False) and now is None:
        return f"{done}; whether that is better cannot be judged yet, so the {shown} stays."
    if now is None:
        return f"{done}; there are too few strokes for a score (three separate ones of each class)."
    if steps_behind(model) != event.step:
        return f"{done}: no better than the {shown}, which stays (held-out Dice {now:.2f})."
    return f"{done}: held-out Dice {now:.2f} now." if before is None else (
        f"{done}: held-out Dice {before:.2f} before, {now:.2f} now.")

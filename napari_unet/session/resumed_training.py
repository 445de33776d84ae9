"""Go on with a training that has stopped. Trains nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from ..core.errors import UserError, reason_of
from ..core.latest import Latest
from ..core.method import Model, Progress, Segmenter
from ..core.scribbles import TrainingSet
from ..core.threads import limit_threads

Fitting = Callable[[Segmenter, TrainingSet | Latest[TrainingSet], int | None], Generator[Progress, None, Model]]
"""Fits a method to strokes with so many threads of torch: here, or somewhere else."""


def fit_here(
    method: Segmenter, source: TrainingSet | Latest[TrainingSet], threads: int | None = None
) -> Generator[Progress, None, Model]:
    """Fit a method in the thread that asks for the items."""
    limit_threads(threads)
    return (yield from method.fit(source))


def kept_going(
    method: Segmenter, fit: Callable[[Segmenter], Generator[Progress, None, Model]], offer: Callable[[Model], Any],
    revive: bool,
) -> Generator[Progress, None, Model]:
    """Fit a method, and if that fails go on once from the newest model: what goes wrong twice would for ever.

    Parameters
    ----------
    method : Segmenter
    fit : callable
        Begins to fit the method it gets.
    offer : callable
        Gets each model as soon as it is there: a predictor need not wait for the session's thread.
    revive : bool
        Whether it may go on; what must come out the same is run once.
    """
    newest = None
    while True:
        work = fit(method)
        try:
            while True:
                event = next(work)
                if event.model is not None:
                    newest = event.model
                    offer(event.model)
                yield event
        except StopIteration as end:
            model: Model = end.value
            return model
        except UserError:
            raise
        except Exception as error:
            if not revive:
                raise
            revive, method = False, resumed(method, newest)
            yield Progress(f"The training was started again, it had stopped: {reason_of(error)}")
        finally:
            work.close()


def resumed(method: Segmenter, model: Model | None) -> Segmenter:
    """Return a method that goes on from a model, or the same one where it cannot or there is none."""
    weights = getattr(model, "weights", None)
    if weights is None:
        return method
    from ..segmenters.trained_networks import ContinuedTraining, NetworkTraining  # imports torch

    begun = method.method if isinstance(method, ContinuedTraining) else method
    return ContinuedTraining(begun, weights) if isinstance(begun, NetworkTraining) else method

"""Go on with a training that has stopped. Trains nothing itself."""

from __future__ import annotations

from ..core.method import Model, Segmenter


def resumed(method: Segmenter, model: Model | None) -> Segmenter:
    """Return a method that goes on from a model, or the same one where it cannot or there is none."""
    weights = getattr(model, "weights", None)
    if weights is None:
        return method
    from ..segmenters.trained_networks import ContinuedTraining, NetworkTraining  # imports torch

    begun = method.method if isinstance(method, ContinuedTraining) else method
    return ContinuedTraining(begun, weights) if isinstance(begun, NetworkTraining) else method

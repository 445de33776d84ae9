"""A method on its way to another process: by its name and its parameters. Fits nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..core import parameters
from ..core.method import Segmenter
from ..predicting.weights import Weights


@dataclasses.dataclass(frozen=True)
class PortableMethod:
    """A network that learns, as another process can make it again.

    Parameters
    ----------
    name : str
        In the registry of methods.
    values : dict
        Its parameters.
    weights : Weights, optional
        What it goes on from.
    """

    name: str
    values: dict[str, Any]
    weights: Weights | None = None

    @classmethod
    def of(cls, method: Segmenter) -> PortableMethod | None:
        """Return a method as it travels; None for one that another process would not know, as one of a script."""
        from .. import losses
        from ..segmenters import REGISTRY
        from ..segmenters.trained_networks import ContinuedTraining, NetworkTraining

        inner = method.method if isinstance(method, ContinuedTraining) else method
        weights = method.weights if isinstance(method, ContinuedTraining) else None
        if not isinstance(inner, NetworkTraining):
            return None
        parts: list[Any] = [type(inner.network), losses.REGISTRY[inner.loss]]
        parts += [] if weights is None else [type(weights.network)]
        if not all(part.__module__.startswith(f"{__name__.partition('.')[0]}.") for part in parts):
            return None
        return cls(REGISTRY.name_of(inner), parameters.as_dict(inner), weights)

    def made(self) -> Segmenter:
        """Return the method."""
        from ..segmenters import REGISTRY
        from ..segmenters.trained_networks import ContinuedTraining

        made: Any = REGISTRY[self.name](**self.values)
        return made if self.weights is None else ContinuedTraining(made, self.weights)

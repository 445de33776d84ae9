"""What a package of bioimage.io asks to be done to a picture before its model, and to what comes out of that.

Every step is one that the format names; one with code of its own, or that is not known here, is refused.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError

Pixels = NDArray[np.float32]
"""One picture, (C, Y, X)."""


@dataclasses.dataclass(frozen=True)
class InputStep:
    """One step.

    Parameters
    ----------
    name : str
        As the format calls it.
    settings : mapping
        Its ``kwargs``.
    """

    name: str
    settings: Mapping[str, Any]

    def __call__(self, pixels: Pixels) -> Pixels:
        """Return the picture after the step; what is no number stays none."""
        found: Pixels = _STEPS[self.name](pixels, self.settings).astype(np.float32)
        return found


def read_steps(told: object, name: str) -> tuple[InputStep, ...]:
    """Read the steps of a description, of versions 0.4 or 0.5 of the format.

    Parameters
    ----------
    told : object
        The list in the description.
    name : str
        Of the model, for messages.

    Raises
    ------
    UserError
        If a step is unknown.
    """
    if told is None:
        return ()
    if not isinstance(told, Sequence) or isinstance(told, str):
        raise UserError(f"{name}: its steps of processing are no list. The description (rdf.yaml) is damaged.")
    found = []
    for one in told:
        step = one if isinstance(one, Mapping) else {}
        word, settings = str(step.get("id") or step.get("name")), step.get("kwargs") or {}
        if word not in _STEPS or not isinstance(settings, Mapping):
            raise UserError(f"{name} asks for the step {word!r}, which is not known here and may be code of its own. "
                            f"Known: {', '.join(_STEPS)}. Run it with bioimageio.core.")
        found.append(InputStep(word, settings))
    return tuple(found)


def _scale_range(pixels: Pixels, settings: Mapping[str, Any]) -> NDArray[Any]:
    low, high = (np.nanpercentile(pixels, float(settings.get(key, least)), axis=_over(settings), keepdims=True)
                 for key, least in (("min_percentile", 0.0), ("max_percentile", 100.0)))
    return np.asarray((pixels - low) / (high - low + float(settings.get("eps", 1e-6))))


def _zero_mean(pixels: Pixels, settings: Mapping[str, Any]) -> NDArray[Any]:
    if "mean" in settings and "std" in settings:  # version 0.4
        return _fixed(pixels, settings)
    mean, spread = (function(pixels, axis=_over(settings), keepdims=True) for function in (np.nanmean, np.nanstd))
    return np.asarray((pixels - mean) / (spread + float(settings.get("eps", 1e-6))))


def _fixed(pixels: Pixels, settings: Mapping[str, Any]) -> NDArray[Any]:
    return (pixels - _each(settings["mean"])) / (_each(settings["std"]))


def _linear(pixels: Pixels, settings: Mapping[str, Any]) -> NDArray[Any]:
    return pixels * _each(settings.get("gain", 1.0)) + _each(settings.get("offset", 0.0))


def _clip(pixels: Pixels, settings: Mapping[str, Any]) -> NDArray[Any]:
    return np.clip(pixels, settings.get("min", -math.inf), settings.get("max", math.inf))


def _binarize(pixels: Pixels, settings: Mapping[str, Any]) -> NDArray[Any]:
    return pixels > _each(settings["threshold"])


def _sigmoid(pixels: Pixels, _: Mapping[str, Any]) -> NDArray[Any]:
    return 1 / (1 + np.exp(-np.clip(pixels, -80, 80)))


def _soft_max(pixels: Pixels, _: Mapping[str, Any]) -> NDArray[Any]:
    raised = np.exp(pixels - pixels.max(0))
    return np.asarray(raised / raised.sum(0))


def _same(pixels: Pixels, _: Mapping[str, Any]) -> NDArray[Any]:
    return pixels


def _over(settings: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the axes of (C, Y, X) that are measured together: all where none are named."""
    axes = settings.get("axes")
    if axes is None:
        return (0, 1, 2)
    named = {"c": 0, "channel": 0, "y": 1, "x": 2}
    return tuple(sorted({named[one] for one in axes if one in named}))


def _each(value: Any) -> NDArray[Any]:
    """Return a number, or one for each channel, ready for (C, Y, X)."""
    values = np.asarray(value, np.float64)
    return values if not values.ndim else values.reshape(-1, 1, 1)


_STEPS: dict[str, Callable[[Pixels, Mapping[str, Any]], NDArray[Any]]] = {
    "scale_range": _scale_range, "zero_mean_unit_variance": _zero_mean, "fixed_zero_mean_unit_variance": _fixed,
    "scale_linear": _linear, "clip": _clip, "binarize": _binarize, "sigmoid": _sigmoid, "softmax": _soft_max,
    "ensure_dtype": _same,
}

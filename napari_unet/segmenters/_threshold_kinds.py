"""The kinds of threshold: what each compares the grey value with. Registers nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.classical import histogram_thresholds, local_thresholds


@dataclasses.dataclass(frozen=True, eq=False)
class GreyPlane:
    """One plane (or volume) in grey values and what the local kinds need to know.

    Parameters
    ----------
    values : ndarray of float32, shape (Y, X) or (Z, Y, X)
        0 where not valid.
    valid : ndarray of bool, of the same shape
    cuts : int
        How many thresholds are wanted.
    window : sequence of float
        How far the surroundings reach along each axis, in pixels.
    k : float
        How much the contrast of the surroundings counts.
    bright : bool
        Whether the objects are brighter than the rest.
    """

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    cuts: int
    window: Sequence[float]
    k: float
    bright: bool

    def everywhere(self, cuts: NDArray[Any]) -> NDArray[np.float32]:
        """Return cuts (n,) that hold for all pixels in a shape to be compared with them, (n, 1, 1)."""
        return cuts.reshape(-1, *(1 for _ in self.valid.shape)).astype(np.float32)


Base = Callable[[GreyPlane], NDArray[Any]]
"""What a kind compares the grey value with: an array (cuts, 1, 1) or (cuts, Y, X); of a volume with Z too."""


@dataclasses.dataclass(frozen=True)
class ThresholdKind:
    """One kind of threshold.

    Parameters
    ----------
    title : str
        Its name for people.
    base : callable
    parameters : tuple of str
        Parameters that only some kinds have, and this one has.
    many : bool
        Whether it divides more than two classes.
    each : bool
        Whether it is found anew in each plane (or volume), from its histogram.
    """

    title: str
    base: Base
    parameters: tuple[str, ...] = ()
    many: bool = False
    each: bool = False


def _zero(grey: GreyPlane) -> NDArray[Any]:
    return grey.everywhere(np.zeros(grey.cuts))


def _otsu(grey: GreyPlane) -> NDArray[Any]:
    values = grey.values[grey.valid]
    found = histogram_thresholds.otsu_thresholds(values, grey.cuts + 1) if values.size else np.full(grey.cuts, np.inf)
    return grey.everywhere(found)


def _single(rule: Callable[[NDArray[np.float32]], float]) -> Base:
    def base(grey: GreyPlane) -> NDArray[Any]:
        values = grey.values[grey.valid]
        level = rule(values) if values.size else np.inf
        return _otsu(grey) if np.isnan(level) else grey.everywhere(np.array([level]))

    return base


def _around(rule: Callable[[NDArray[np.float32], NDArray[np.bool_], Sequence[float]], NDArray[np.float32]]) -> Base:
    def base(grey: GreyPlane) -> NDArray[Any]:
        return np.broadcast_to(rule(grey.values, grey.valid, grey.window), (grey.cuts, *grey.valid.shape))

    return base


def _contrast(
    rule: Callable[[NDArray[np.float32], NDArray[np.bool_], Sequence[float], float], NDArray[np.float32]]
) -> Base:
    """Bright objects are found as dark ones of the inverted plane: that is what these rules were made for."""
    def base(grey: GreyPlane) -> NDArray[Any]:
        if grey.bright:
            return 1 - rule(np.where(grey.valid, 1 - grey.values, 0), grey.valid, grey.window, grey.k)[None]
        return rule(grey.values, grey.valid, grey.window, grey.k)[None]

    return base


KINDS = {
    "otsu": ThresholdKind("Otsu", _otsu, many=True, each=True),
    "manual": ThresholdKind("one threshold for all planes", _zero, many=True),
    "local_gaussian": ThresholdKind("the Gaussian mean of the surroundings",
                                    _around(local_thresholds.gaussian_local_mean),
                                    ("window",), many=True),
    "local_mean": ThresholdKind("the mean of the surroundings", _around(local_thresholds.box_local_mean), ("window",),
                                many=True),
    "multi_otsu": ThresholdKind("multi-Otsu", _otsu, ("parts",), many=True, each=True),
    "li": ThresholdKind("Li", _single(histogram_thresholds.li_threshold), each=True),
    "triangle": ThresholdKind("triangle", _single(histogram_thresholds.triangle_threshold), each=True),
    "minimum": ThresholdKind("minimum of the histogram", _single(histogram_thresholds.minimum_threshold), each=True),
    "sauvola": ThresholdKind("Sauvola", _contrast(local_thresholds.sauvola_threshold), ("window", "k")),
    "niblack": ThresholdKind("Niblack", _contrast(local_thresholds.niblack_threshold), ("window", "k")),
    "hysteresis": ThresholdKind("hysteresis, one pair of thresholds for all planes", _zero, ("drop",)),
}
"""Every kind of threshold; a new kind is one line here and its name in ``Threshold.kind``."""

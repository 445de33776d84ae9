"""Topology: how many parts, and how many holes in them. Components are counted by cc3d; the rest is algebra.

An object pixel touches all its neighbours (8 in a plane, 26 in a volume), a background pixel only those with which it
shares a side (4, 6): the pair of connectivities under which a closed curve has an inside. Everything beyond the border
of the array is background, so a bay that is open towards the border is not a hole.

In a plane b0 is the number of components and b1 that of holes, chi = b0 - b1. In a volume b1 is the number of tunnels
(a ring has one) and b2 that of cavities (a hollow ball has one), chi = b0 - b1 + b2. b0 and b2 are counted, chi is
summed over cells, and b1 follows (Euler-Poincare formula). Pixels that are not known count as background, in both
images. An empty class has no parts and no holes, so every count and every error is defined.

Counts can agree by accident: three holes of three, and all of them elsewhere. So each count has a companion that says
how many of either have no partner at the same place (``holes_unmatched``), and only by that a method is the best. Which
tunnels lie at the same place is not told; of them there are counts alone, and no best.

The Euler number agrees with ``skimage.measure.euler_number(connectivity=mask.ndim)``, b0 with
``skimage.measure.label(connectivity=mask.ndim)``, and in a plane b1 with the components of the background
(``connectivity=1``) less the outer one.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.components import count_components

from . import UNMATCHED, ClassComparison, NoValue, register, where_known
from ._partners import unmatched_holes, unmatched_parts


@dataclasses.dataclass(frozen=True)
class Betti:
    """Numbers of components (b0), holes or tunnels (b1) and cavities (b2, 0 in a plane)."""

    b0: int
    b1: int
    b2: int = 0

    @property
    def euler(self) -> int:
        """Euler number."""
        return self.b0 - self.b1 + self.b2

    def off(self, other: Betti) -> int:
        """Return the sum of the differences, without sign."""
        return abs(self.b0 - other.b0) + abs(self.b1 - other.b1) + abs(self.b2 - other.b2)


def euler_number(mask: NDArray[np.bool_]) -> int:
    """Return the Euler number of an object whose pixels touch by corners too.

    A pixel is a closed square (a voxel a closed cube); chi is the number of corners minus edges plus squares (minus
    cubes) of their union.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X) or (Z, Y, X)
    """
    total = 0
    for thin in itertools.product((False, True), repeat=mask.ndim):
        # A cell that is thin along an axis lies between two neighbours there and belongs to the union if either does.
        cells = mask
        for axis in np.flatnonzero(thin):
            zero = np.zeros_like(cells[(slice(None),) * axis + (slice(1),)])
            cells = np.concatenate([cells, zero], axis) | np.concatenate([zero, cells], axis)
        total += (-1) ** thin.count(False) * int(np.count_nonzero(cells))
    return total


def betti_numbers(mask: NDArray[np.bool_]) -> Betti:
    """Count components, holes (tunnels) and cavities.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X) or (Z, Y, X)
    """
    mask = _cropped(np.asarray(mask, dtype=bool))
    b0, chi = count_components(mask), euler_number(mask)
    if mask.ndim == 2:
        return Betti(b0, b0 - chi)
    b2 = count_components(np.pad(~mask, 1, constant_values=True), corners=False) - 1
    return Betti(b0, b0 + b2 - chi, b2)


def _cropped(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cut away planes, rows and columns without object: nothing there changes the counts."""
    box = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        filled = np.flatnonzero(mask.any(axis=others))
        box.append(slice(filled[0], filled[-1] + 1) if filled.size else slice(0, 1))
    return mask[tuple(box)]


def predicted_betti(compared: ClassComparison) -> Betti:
    """Betti numbers of the prediction; ask for it through ``compared.once(predicted_betti)``."""
    return betti_numbers(compared.prediction)


def reference_betti(compared: ClassComparison) -> Betti:
    """Betti numbers of the reference; ask for it through ``compared.once(reference_betti)``."""
    return betti_numbers(compared.reference)


def _register_three(
    name: str, title: str, what: str, number: Callable[[Betti], int], dimensions: tuple[int, ...], default: bool = True
) -> None:
    """Put a count of the prediction, of the reference, and the difference between them in the registry."""

    def of_prediction(compared: ClassComparison) -> float | NoValue:
        return float(number(compared.once(predicted_betti)))

    def of_reference(compared: ClassComparison) -> float | NoValue:
        return float(number(compared.once(reference_betti)))

    def error(compared: ClassComparison) -> float | NoValue:
        return float(abs(number(compared.once(predicted_betti)) - number(compared.once(reference_betti))))

    three = (
        ("", title, "", of_prediction, f"Number of {what} of the prediction."),
        ("_reference", f"{title} of the reference", "", of_reference, f"Number of {what} of the reference."),
        ("_error", f"{title} off by", "lower", error, f"Difference between the numbers of {what}, without sign."),
    )
    for suffix, words, better, function, doc in three:
        function.__name__, function.__qualname__, function.__doc__ = name + suffix, name + suffix, doc
        register(name + suffix, words, unit="count", better=better, dense=True, dimensions=dimensions,
                 family="topology", default=default, in_place=suffix != "_error")(where_known(function))


def _register_unmatched(
    name: str, title: str, what: str, unmatched: Callable[[ClassComparison], int], dimensions: tuple[int, ...]
) -> None:
    """Put the number of those that have no partner at the same place beside a count in the registry."""

    def metric(compared: ClassComparison) -> float | NoValue:
        return float(compared.once(unmatched))

    metric.__name__ = metric.__qualname__ = name + UNMATCHED
    metric.__doc__ = f"Number of {what} of either that have no partner in the other at the same place."
    register(name + UNMATCHED, f"{title} unmatched", unit="count", better="lower", dense=True, dimensions=dimensions,
             family="topology")(where_known(metric))


_register_three("components", "parts", "connected components (b0; 8 neighbours touch, 26 in a volume)",
                lambda betti: betti.b0, (2, 3))
_register_unmatched("components", "parts", "connected components (they meet in one part of the union)",
                    unmatched_parts, (2, 3))
_register_three("holes", "holes", "holes (b1; the background touches by sides only, 4 neighbours)",
                lambda betti: betti.b1, (2,))
_register_unmatched("holes", "holes", "holes (they share a pixel)", unmatched_holes, (2,))
_register_three("tunnels", "tunnels", "tunnels through a volume (b1; object 26, background 6 neighbours)",
                lambda betti: betti.b1, (3,))
_register_three("cavities", "cavities", "cavities closed off inside a volume (b2; background 6 neighbours)",
                lambda betti: betti.b2, (3,))
_register_unmatched("cavities", "cavities", "cavities (they share a voxel)", unmatched_holes, (3,))
_register_three("euler", "Euler number",
                "parts less holes (the Euler number; in a volume parts less tunnels plus cavities)",
                lambda betti: betti.euler, (2, 3), default=False)


@register("betti_error", "topology error", unit="count", better="lower", dense=True, family="topology", default=False,
          in_place=False)
@where_known
def betti_error(compared: ClassComparison) -> float | NoValue:
    """Parts, holes (tunnels) and cavities too many or too few, added up over the whole plane or volume.

    |b0 - b0'| + |b1 - b1'| + |b2 - b2'|. A part lost in one place and one too many in another cancel out.
    """
    return float(compared.once(predicted_betti).off(compared.once(reference_betti)))


@register("betti_error_patches", "topology error by patch", unit="count", better="lower", dense=True,
          family="topology", default=False)
@where_known
def betti_error_patches(compared: ClassComparison) -> float | NoValue:
    """Topology error within squares (cubes) of a set side, mean over those with a known pixel (Hu et al. 2019).

    Errors in different places do not cancel out. Patches lie side by side from the first pixel on and each is scored
    as an image of its own; Hu et al. draw patches at random.
    """
    side = compared.options.patch
    errors = []
    for corner in itertools.product(*(range(0, length, side) for length in compared.reference.shape)):
        box = tuple(slice(start, start + side) for start in corner)
        if compared.valid is not None and not compared.valid[box].any():
            continue
        predicted, true = compared.prediction[box], compared.reference[box]
        errors.append(0 if np.array_equal(predicted, true) else betti_numbers(predicted).off(betti_numbers(true)))
    return float(np.mean(errors))

"""Centre lines and outlines of a class: clDice and compactness. Counts no parts.

A centre line (skeleton) is that of ``skimage.morphology.skeletonize`` of the known pixels of the class. Of some parts
of a few voxels it leaves nothing (in a volume, scikit-image 0.26); these are their own centre line here.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_unet.objects.matching import Labels

from . import ClassComparison, NoValue, register, where_known
from ._parts import predicted_parts, reference_parts


def skeleton(mask: NDArray[np.bool_], parts: Labels) -> NDArray[np.bool_]:
    """Return the centre line of a mask; every part of the mask keeps at least a pixel.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X) or (Z, Y, X)
    parts : ndarray of int, same shape
        The parts of the mask, numbered from 1.
    """
    from skimage.morphology import skeletonize

    thin: NDArray[np.bool_] = skeletonize(mask) > 0
    lost = np.ones(int(parts.max()) + 1, bool)
    lost[parts[thin]] = lost[0] = False
    return thin | lost[parts] if lost.any() else thin


def predicted_skeleton(compared: ClassComparison) -> NDArray[np.bool_]:
    """Centre line of the prediction; ask for it through ``compared.once(predicted_skeleton)``."""
    return skeleton(compared.prediction, compared.once(predicted_parts))


def reference_skeleton(compared: ClassComparison) -> NDArray[np.bool_]:
    """Centre line of the reference; ask for it through ``compared.once(reference_skeleton)``."""
    return skeleton(compared.reference, compared.once(reference_parts))


@register("cl_dice", "clDice", better="higher", dense=True, family="topology", default=False)
@where_known
def cl_dice(compared: ClassComparison) -> float | NoValue:
    """How much of each centre line lies within the other mask, 0 to 1: for vessels, fibres and membranes (Shit 2021).

    Harmonic mean of the share of the predicted centre line in the true mask and of the true one in the predicted mask;
    both empty: 1, one empty: 0. scikit-image, MONAI and scikit-learn do not have it (MONAI's ``SoftclDiceLoss`` works
    on probabilities with a soft skeleton).
    """
    if not compared.prediction.any() or not compared.reference.any():
        return float(compared.prediction.any() == compared.reference.any())
    predicted, true = compared.once(predicted_skeleton), compared.once(reference_skeleton)
    precision = np.count_nonzero(predicted & compared.reference) / np.count_nonzero(predicted)
    recall = np.count_nonzero(true & compared.prediction) / np.count_nonzero(true)
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def compactness(parts: Labels) -> float | None:
    """Return how round the parts of a plane are, 0 to 1: 4 pi area / perimeter^2, the mean weighted by area.

    Perimeters are ``skimage.measure.perimeter_crofton`` (four directions) in pixels, whatever the scale; a part that
    comes out rounder than a disc, as parts of a few pixels may, counts as 1. None where there is no part. With
    superpixels for parts it is the compactness of Schick et al. 2012.

    Parameters
    ----------
    parts : ndarray of int, shape (Y, X)
        Parts numbered from 1; 0 elsewhere.
    """
    from skimage.measure import regionprops

    total = area = 0.0
    for part in regionprops(np.asarray(parts, dtype=np.int64)):
        total += part.area * min(1.0, 4 * math.pi * part.area / part.perimeter_crofton**2)
        area += part.area
    return total / area if area else None


def predicted_compactness(compared: ClassComparison) -> float | None:
    """Compactness of the prediction; ask for it through ``compared.once(predicted_compactness)``."""
    return compactness(compared.once(predicted_parts))


def reference_compactness(compared: ClassComparison) -> float | None:
    """Compactness of the reference; ask for it through ``compared.once(reference_compactness)``."""
    return compactness(compared.once(reference_parts))


def _of_prediction(compared: ClassComparison) -> float | NoValue:
    """How round the predicted parts are, 0 to 1 (a disc has 1); no value where nothing is predicted."""
    value = compared.once(predicted_compactness)
    return NoValue("nothing was predicted") if value is None else value


def _of_reference(compared: ClassComparison) -> float | NoValue:
    """How round the true parts are, 0 to 1 (a disc has 1); no value where there are none."""
    value = compared.once(reference_compactness)
    return NoValue("the class is not in the reference") if value is None else value


def _error(compared: ClassComparison) -> float | NoValue:
    """Difference between the compactness of prediction and reference, without sign; both empty: 0."""
    of_prediction, of_reference = _of_prediction(compared), _of_reference(compared)
    if isinstance(of_prediction, NoValue) or isinstance(of_reference, NoValue):
        if isinstance(of_prediction, NoValue) and isinstance(of_reference, NoValue):
            return 0.0
        return of_prediction if isinstance(of_prediction, NoValue) else of_reference
    return abs(of_prediction - of_reference)


def _register_compactness() -> None:
    three: tuple[tuple[str, str, str, Callable[[ClassComparison], float | NoValue]], ...] = (
        ("compactness", "compactness", "", _of_prediction),
        ("compactness_reference", "compactness of the reference", "", _of_reference),
        ("compactness_error", "compactness off by", "lower", _error),
    )
    for name, title, better, function in three:
        register(name, title, better=better, dense=True, dimensions=(2,), family="topology", default=False,
                 in_place=name != "compactness_error")(where_known(function))


_register_compactness()

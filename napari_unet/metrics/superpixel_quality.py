"""Over-segmentation: do the small parts of a prediction respect the true borders? Knows nothing of single classes.

The parts are the connected components of a class and of the rest; those of the prediction are taken for superpixels
and those of the reference for true segments. For label images of one's own (of SLIC, say) there are
:func:`achievable` and :func:`undersegmentation`.

==========================  ==============================  =====================================
metric                      value                           nothing to measure
==========================  ==============================  =====================================
boundary_recall             true border near a predicted    no true border: 1 if none is
                            one / true border               predicted, otherwise no value
undersegmentation_error     see :func:`undersegmentation`   defined wherever a pixel is known
achievable_accuracy         see :func:`achievable`          defined wherever a pixel is known
==========================  ==============================  =====================================

None of scikit-image, scikit-learn and MONAI has them. Definitions are those of Stutz, Hermans and Leibe 2018, with the
tolerance a true distance in the unit of the image, where they have a square of pixels. Borders are those of
``skimage.segmentation.find_boundaries(connectivity=1, mode="thick")``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.objects.matching import Joint, joint

from . import ClassComparison, NoValue, register, where_known
from ._distances import borders, nearest_distances
from ._parts import shared_partition

_ROUNDING = 1 + 1e-6  # a distance of exactly the tolerance may come out a little larger


def achievable(
    superpixels: NDArray[np.integer[Any]], truth: NDArray[np.integer[Any]], where: NDArray[np.bool_] | None = None
) -> float:
    """Return the accuracy reached if every superpixel took its most frequent true number (Liu et al. 2011).

    Parameters
    ----------
    superpixels, truth : ndarray of int, same shape
        Not negative; 0 is a number as any other.
    where : ndarray of bool, same shape, optional
        Pixels that are known (at least one); default all.
    """
    return _achievable(joint(truth, superpixels, where))


def undersegmentation(
    superpixels: NDArray[np.integer[Any]], truth: NDArray[np.integer[Any]], where: NDArray[np.bool_] | None = None
) -> float:
    """Return how much superpixels leak over true borders (Neubert and Protzel 2012).

    For every true segment and superpixel that meet, the smaller of what is inside and what is outside the segment;
    their sum over the number of pixels. 0 is best; each leak counts for every segment it touches.

    Parameters
    ----------
    superpixels, truth, where
        As for :func:`achievable`.
    """
    return _undersegmentation(joint(truth, superpixels, where))


def _achievable(shared: Joint) -> float:
    best = np.zeros(int(shared.test.max()) + 1, np.int64)
    np.maximum.at(best, shared.test, shared.count)
    return float(best.sum() / shared.pixels)


def _undersegmentation(shared: Joint) -> float:
    outside = shared.test_sizes[shared.test] - shared.count
    return float(np.minimum(shared.count, outside).sum() / shared.pixels)


@register("boundary_recall", "boundary recall", better="higher", dense=True, family="superpixels", default=False)
@where_known
def boundary_recall(compared: ClassComparison) -> float | NoValue:
    """Share of the true borders that have a predicted border within the tolerance, 0 to 1 (Martin et al. 2004)."""
    true, predicted = (borders(mask, compared.valid) for mask in (compared.reference, compared.prediction))
    if not true.any():
        return NoValue("the reference has no border here") if predicted.any() else 1.0
    return float(np.mean(nearest_distances(true, predicted, compared.scale) <= compared.tolerance * _ROUNDING))


@register("undersegmentation_error", "under-segmentation", better="lower", dense=True, family="superpixels",
          default=False)
@where_known
def undersegmentation_error(compared: ClassComparison) -> float | NoValue:
    """How much predicted parts leak over true borders; 0 is best (Neubert and Protzel 2012)."""
    return _undersegmentation(compared.once(shared_partition))


@register("achievable_accuracy", "achievable accuracy", better="higher", dense=True, family="superpixels",
          default=False)
@where_known
def achievable_accuracy(compared: ClassComparison) -> float | NoValue:
    """Share of pixels that is right if each predicted part takes the true part it covers most (Liu et al. 2011)."""
    return _achievable(compared.once(shared_partition))

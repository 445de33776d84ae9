"""How far the predicted outline is from the true one, in the unit of the image's scale. Knows nothing of areas.

The outline of a class is its own pixels that share a side with known pixels outside the class, or with the outside of
the array. Distances go from pixel centre to pixel centre. Of a volume they are true distances in three dimensions only
where it is scored as a volume; planes are scored within themselves.

================  ============================  ==========================  ==========
metric            value                         one of the two is empty     both empty
================  ============================  ==========================  ==========
hausdorff         largest distance              no value                    0
hausdorff95       larger of the two 95 % marks  no value                    0
surface_distance  mean of all distances         no value                    0
surface_dice      share within the tolerance    0                           1
================  ============================  ==========================  ==========

A class of which no outline lies in what is known (its object goes on into the unknown on all sides) has no value. A
distance from nothing to something would be infinite, and a mean over planes with it; so there is none, with the reason,
while the surface Dice of such a plane is 0.

They agree with MONAI's ``compute_hausdorff_distance(percentile=None or 95, directed=False, spacing=scale)``,
``compute_average_surface_distance(symmetric=True, spacing=scale)`` and ``compute_surface_dice(class_thresholds=
[tolerance], spacing=scale, use_subvoxels=False)`` where all pixels are known and MONAI has a finite value, within the
float32 in which MONAI returns it. ``skimage.metrics.hausdorff_distance`` of the two outlines is the same as
``hausdorff`` in pixels.
"""

from __future__ import annotations

import numpy as np

from . import LENGTH, ClassComparison, NoValue, register, where_known
from ._distances import Surfaces, surfaces

_ROUNDING = 1 + 1e-6  # a distance of exactly the tolerance may come out a little larger


def _measured(compared: ClassComparison) -> Surfaces | NoValue | None:
    """Return the distances, None where the class is nowhere, or why there are none."""
    if not compared.prediction.any():
        return NoValue("nothing was predicted") if compared.reference.any() else None
    if not compared.reference.any():
        return NoValue("the class is not in the reference")
    found = compared.once(surfaces)
    if not found.prediction.size or not found.reference.size:
        return NoValue("no outline of the class lies in what is known")
    return found


@register("hausdorff", "Hausdorff", unit=LENGTH, better="lower", dense=True, family="boundary", default=False)
@where_known
def hausdorff(compared: ClassComparison) -> float | NoValue:
    """Largest distance from a pixel of one outline to the other outline; one stray pixel decides (Hausdorff 1914)."""
    found = _measured(compared)
    if not isinstance(found, Surfaces):
        return found or 0.0
    return float(max(found.prediction.max(), found.reference.max()))


@register("hausdorff95", "HD95", unit=LENGTH, better="lower", dense=True, family="boundary", default=False)
@where_known
def hausdorff95(compared: ClassComparison) -> float | NoValue:
    """Distance that 95 % of the pixels of either outline keep to the other: Hausdorff without the worst strays.

    The larger of the two directed 95th percentiles (linear between neighbours), as MONAI has it; others pool both.
    """
    found = _measured(compared)
    if not isinstance(found, Surfaces):
        return found or 0.0
    return float(max(np.percentile(found.prediction, 95), np.percentile(found.reference, 95)))


@register("surface_distance", "surface distance", unit=LENGTH, better="lower", dense=True, family="boundary",
          default=False)
@where_known
def surface_distance(compared: ClassComparison) -> float | NoValue:
    """Mean distance between the outlines, over the pixels of both (average symmetric surface distance)."""
    found = _measured(compared)
    if not isinstance(found, Surfaces):
        return found or 0.0
    return float((found.prediction.sum() + found.reference.sum()) / (found.prediction.size + found.reference.size))


@register("surface_dice", "surface Dice", better="higher", dense=True, family="boundary", default=False)
@where_known
def surface_dice(compared: ClassComparison) -> float | NoValue:
    """Share of both outlines that is within the tolerance of the other, 0 to 1 (Nikolov et al. 2021).

    Pixels of the outlines are counted, as in MONAI without ``use_subvoxels``; the original weighs them by area.
    """
    if compared.prediction.any() != compared.reference.any():
        return 0.0
    found = _measured(compared)
    if not isinstance(found, Surfaces):
        return found or 1.0
    limit = compared.tolerance * _ROUNDING
    near = np.count_nonzero(found.prediction <= limit) + np.count_nonzero(found.reference <= limit)
    return float(near / (found.prediction.size + found.reference.size))

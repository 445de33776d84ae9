"""Parts of a class (connected components), and how those of a prediction and a reference share pixels.

Registers no metric.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.components import label_components
from napari_unet.objects.matching import Joint, Labels, joint

from . import ClassComparison


def predicted_parts(compared: ClassComparison) -> Labels:
    """Number the parts of the predicted class; ask for it through ``compared.once(predicted_parts)``."""
    return label_components(compared.prediction)


def reference_parts(compared: ClassComparison) -> Labels:
    """Number the parts of the true class; ask for it through ``compared.once(reference_parts)``."""
    return label_components(compared.reference)


def predicted_rest(compared: ClassComparison) -> Labels:
    """Number the parts of what is known and not of the predicted class (ask for it through ``once``)."""
    return label_components(compared.rest(compared.prediction), corners=False)


def reference_rest(compared: ClassComparison) -> Labels:
    """Number the parts of what is known and not of the true class (ask for it through ``once``)."""
    return label_components(compared.rest(compared.reference), corners=False)


def shared_parts(compared: ClassComparison) -> Joint:
    """Count what parts of the class share, where either has it; 0 is outside the class (through ``once``)."""
    return joint(compared.once(reference_parts), compared.once(predicted_parts),
                 compared.prediction | compared.reference)


def shared_rest(compared: ClassComparison) -> Joint:
    """Count what parts of the rest share, where either is outside the class; 0 is the class (through ``once``)."""
    return joint(compared.once(reference_rest), compared.once(predicted_rest),
                 compared.rest(compared.prediction & compared.reference))


def shared_partition(compared: ClassComparison) -> Joint:
    """Count what the parts of all known pixels share, those of the class and those of the rest (through ``once``)."""
    return joint(_both(compared.reference, compared.once(reference_parts), compared.once(reference_rest)),
                 _both(compared.prediction, compared.once(predicted_parts), compared.once(predicted_rest)),
                 compared.valid)


def _both(mask: NDArray[np.bool_], parts: Labels, rest: Labels) -> Labels:
    """Number the parts of a class and of the rest in one array."""
    numbers: Labels = np.where(mask, parts, rest.astype(np.int64) + int(parts.max()))
    return numbers

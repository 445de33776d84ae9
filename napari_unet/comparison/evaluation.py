"""Score a prediction against a reference: the workflow behind ``score``. Registers no metric, draws nothing."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np

from ..core.classes import ClassTable
from ..core.errors import UserError
from ..core.method import Progress
from ..core.rows import Row
from ..core.work import work
from ..inputs import ArrayLike, as_labels, pixel_size_of
from .reference_values import Values
from .result_and_reference import read_both


@work
def score(
    prediction: ArrayLike,
    reference: ArrayLike,
    *,
    values: Values = "auto",
    reference_values: Values = "auto",
    index: Sequence[int] | None = None,
    classes: ClassTable | None = None,
    name: str = "prediction",
    metrics: Sequence[str] | None = None,
    volume: bool = False,
    scale: Sequence[float] | None = None,
    unit: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Generator[Progress, None, list[Row]]:
    """Score a prediction against a reference, plane by plane.

    Parameters
    ----------
    prediction, reference : array or path
        Class images (..., Y, X).
    values, reference_values : {"auto", "mask", "painted", "objects"}
        Code of each: ``"mask"`` has background 0, ``"painted"`` has background 1 and 0 = unknown, ``"objects"`` has
        background 0, and all else is of one class (single objects, or a mask of 0 and 255). ``"auto"`` recognises it,
        says what is not plain (:class:`.InputWarning`), and asks where it cannot be known.
    index : sequence of int, optional
        Planes of the reference to score. A prediction with as many planes as are selected is matched in order; one
        with as many as the reference is indexed too.
    classes : ClassTable, optional
        Names of the classes.
    name : str
        What the rows call the prediction.
    metrics : sequence of str, optional
        Metrics, families of them (``"boundary"``), ``"default"`` or ``"all"``. Default: a short set of overlap and
        topology.
    volume : bool
        Judge the planes as one volume (Z, Y, X) too.
    scale : sequence of float, optional
        Size of a step along (Y, X) or (Z, Y, X). Default: what the files say, else 1.
    unit : str, optional
        Unit of the scale.
    settings : mapping, optional
        How metrics are computed: fields of :class:`napari_unet.metrics.Options`.

    Returns
    -------
    list of Row

    Raises
    ------
    UserError
        If the shapes or the numbers of planes do not match, or the code of one cannot be known.
    UsageError
        For an unknown metric or setting.
    """
    from ..metrics import Options, chosen_metrics
    from ..metrics.scoring import score_pair

    chosen_metrics(metrics)
    options = Options(**(settings or {}))
    found, its_classes = as_labels(prediction)
    truth, other_classes = as_labels(reference)
    named = classes or its_classes or other_classes
    predicted, truth = read_both(found, truth, values, reference_values, named)
    if predicted.shape[-2:] != truth.shape[-2:]:
        raise UserError(
            f"The prediction has shape {predicted.shape}, the reference {truth.shape}. Rows and columns must be the "
            "same. Choose the reference that belongs to this image."
        )
    predicted = predicted.reshape(-1, *predicted.shape[-2:])
    truth = truth.reshape(-1, *truth.shape[-2:])
    numbers = _selected(len(truth), index, "the reference")
    if len(predicted) == len(numbers):
        aligned = np.zeros((len(truth), *predicted.shape[-2:]), np.uint8)
        aligned[list(numbers)] = predicted
    elif len(predicted) == len(truth):
        aligned = predicted
    else:
        raise UserError(
            f"The prediction has {len(predicted)} planes, the reference {len(truth)}, and {len(numbers)} are to be "
            "scored. Give a prediction of the whole reference or of just the planes scored (see --index)."
        )
    yield Progress(f"scoring {len(numbers)} planes")
    seen = np.union1d(np.unique(aligned[list(numbers)]), np.unique(truth[list(numbers)]))
    table = (named or ClassTable.default((1,))).including(
        int(number) for number in seen if number)
    if scale is None:
        known, its_unit = pixel_size_of(reference)
        if set(known) <= {1.0}:  # the file is silent
            known, its_unit = pixel_size_of(prediction)
        scale, unit = known[-3:], unit or its_unit
    return list(score_pair(aligned, truth, table, method=name, image_name="", planes=numbers, volume=volume,
                           metrics=metrics, scale=scale, unit=unit or "pixel", options=options))


def _selected(count: int, index: Sequence[int] | None, what: str) -> tuple[int, ...]:
    numbers = tuple(range(count)) if index is None else tuple(index)
    if not numbers or len(set(numbers)) < len(numbers):
        raise UserError(f"The planes {list(numbers)} are none, or one is named twice. Name each once.")
    wrong = [number for number in numbers if not 0 <= number < count]
    if wrong:
        raise UserError(f"{what.capitalize()} has planes 0 to {count - 1}, there is no plane {wrong[0]}.")
    return numbers

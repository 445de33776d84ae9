"""A result and its reference, each in a code of its own, as painted ids. Scores nothing."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.classes import ClassTable
from ..core.errors import InputWarning
from .code_rules import LAST_CLASS, Reading, recognise
from .label_survey import BACKGROUND, LabelSurvey
from .reference_values import UnclearReferenceError, Values, painted_classes, read_reference, sentence

NAMES, FLAGS = ("the prediction", "the reference"), ("values", "reference-values")

_WHOLE, _AGREE = 0.8, 0.5
"""Shares: of values that are one part each; of pixels whose values are equal by more than chance."""
_MANY = 5
"""Fewer values that agree in both are classes, though each be one part: a cell and its nucleus."""


def read_both(
    prediction: NDArray[Any], reference: NDArray[Any], values: Values, reference_values: Values,
    table: ClassTable | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return both as painted ids; what is recognised in one helps to recognise the other, and is said.

    Parameters
    ----------
    prediction, reference : ndarray of numbers, shape (..., Y, X)
    values, reference_values : {"auto", "mask", "painted", "objects"}
        Code of each.
    table : ClassTable, optional
        The classes, where names are given.

    Raises
    ------
    UnclearReferenceError
        If nothing tells what the numbers of one stand for.
    UserError
        If they are no labels.
    """
    classes = tuple(number for number in table.ids if number > BACKGROUND) if table else ()
    given, codes = (prediction, reference), (values, reference_values)
    surveys = tuple(LabelSurvey.of([one]) for one in given)
    many = min(len(one.values) for one in surveys) > 1
    if codes == ("auto", "auto") and many and prediction.shape == reference.shape:
        both = _both_of_many(prediction, reference, surveys, classes)
        if both is not None:
            return _told(given[0], both, 0, ()), _told(given[1], both, 1, ())
    # what is given, or holds one value beside the background, is known first, and tells about the other
    first = min((0, 1), key=lambda place: (codes[place] == "auto", len(surveys[place].values) > 1))
    ids = _read(given[first], codes[first], first, classes or _class_of(surveys[first], given, first), None)
    known = painted_classes([ids]) or tuple(classes)
    other = _read(given[1 - first], codes[1 - first], 1 - first, known, ids)
    return (ids, other) if first == 0 else (other, ids)


def _read(
    labels: NDArray[Any], code: Values, place: int, classes: Sequence[int], witness: NDArray[np.uint8] | None
) -> NDArray[np.uint8]:
    """Return one of both as painted ids; ``witness`` holds those of the other."""
    if code != "auto":
        return read_reference(labels, code, NAMES[place], classes=classes)
    sees = witness is not None and witness.shape == labels.shape
    survey = LabelSurvey.of([labels], [witness] if sees else ())
    return _told(labels, recognise(survey, classes, strokes=False), place, classes)


def _told(labels: NDArray[Any], reading: Reading, place: int, classes: Sequence[int]) -> NDArray[np.uint8]:
    """Read labels and say what was recognised."""
    if reading.said and reading.code is not None:
        text = f"{sentence(NAMES[place], reading)} If that is wrong, say so with --{FLAGS[place]}."
        warnings.warn(text, InputWarning, stacklevel=2)
    return read_reference(labels, "auto", NAMES[place], flag=FLAGS[place], classes=classes, reading=reading)


def _class_of(survey: LabelSurvey, given: tuple[NDArray[Any], NDArray[Any]], first: int) -> tuple[int, ...]:
    """Return the class of the one value of a label image, if the other has the same number alone or at its place."""
    labels, other = given[first], given[1 - first]
    value = survey.values[0] if len(survey.values) == 1 else 0.0
    if value % 1 or not 0 < value <= LAST_CLASS:
        return ()
    same = labels.shape == other.shape and np.mean(other[labels != 0] == value) > _AGREE
    return (int(value) + 1,) if same or set(np.unique(other).tolist()) == {0, value} else ()


def _both_of_many(
    prediction: NDArray[Any], reference: NDArray[Any], surveys: tuple[LabelSurvey, ...], classes: Sequence[int]
) -> Reading | None:
    """Say whether both hold single objects, numbered each in its own order; None where they hold classes.

    Raises
    ------
    UnclearReferenceError
        If it cannot be known.
    """
    if any(one.whole < _WHOLE or not one.zero for one in surveys):
        return None
    known = {number - 1 for number in classes}
    if known and all(set(one.values) <= known for one in surveys):
        return None
    equal, shifted = _agreement(prediction, reference)
    if max(len(one.values) for one in surveys) < _MANY and max(equal, shifted) >= _AGREE:
        return None
    number = classes[0] if len(classes) == 1 else BACKGROUND + 1
    if equal < _AGREE and min(len(one.values) for one in surveys) > 2:
        return Reading("objects", "has values that are each mostly one connected part and are numbered in an order of "
                                  "their own; it is used as single objects of one class.", True, number)
    raise UnclearReferenceError(
        f"The prediction holds {len(surveys[0].values)} values besides 0 and the reference {len(surveys[1].values)}, "
        "each mostly one connected part: are they single objects or classes?", f"{FLAGS[0]} and --{FLAGS[1]}")


def _agreement(prediction: NDArray[Any], reference: NDArray[Any]) -> tuple[float, float]:
    """Return on which part of the pixels that have something in both it is the same, or one more in the reference."""
    here = (prediction != 0) & (reference != 0)
    if not here.any():
        return 0.0, 0.0
    found, true = prediction[here].astype(float), reference[here].astype(float)
    return float(np.mean(found == true)), float(np.mean(found + 1 == true))

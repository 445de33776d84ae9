"""Read references as painted ids, whatever their numbers stand for; asks where it cannot be known. Knows no widget."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputWarning, UsageError, UserError
from ..inputs import as_painted
from .code_rules import Reading, recognise
from .label_survey import BACKGROUND, LabelSurvey

Values = Literal["auto", "mask", "painted", "objects"]
"""Code of a reference, or ``auto``: it is recognised."""

VALUES: tuple[Values, ...] = ("auto", "mask", "painted", "objects")

_SAME = 0.9
"""Share of what references tell that strokes have too, from which on they are no references."""


class UnclearReferenceError(UserError):
    """A reference whose code cannot be known.

    ``question`` says what came and why it is not clear; the message also says how to answer on the command line.
    """

    def __init__(self, question: str, flag: str, several: bool = False) -> None:
        self.question = question
        super().__init__(f"{question} " + (
            f"Give a mask in which every class has a number of its own, or say --{flag} mask if this is one."
            if several else
            f"Say which: --{flag} objects (all but 0 is of one class) or --{flag} mask (each number is a class)."))


def read_reference(
    labels: NDArray[Any], code: Values, name: str, *, flag: str = "reference-values", classes: Sequence[int] = (),
    reading: Reading | None = None,
) -> NDArray[np.uint8]:
    """Return one label image as painted ids; with ``auto`` by a reading of it, and of others with it.

    Parameters
    ----------
    labels : ndarray, shape (..., Y, X)
    code : {"auto", "mask", "painted", "objects"}
    name : str
        What messages call it.
    flag : str
        The flag of the command line that says its code.
    classes : sequence of int
        Painted ids of the classes but the background.
    reading : Reading, optional
        With ``auto``; default: of these labels alone.

    Raises
    ------
    UnclearReferenceError
        If nothing tells what the numbers stand for.
    UserError
        If they are no labels, or single objects where several classes were painted.
    """
    if code not in VALUES:
        raise UsageError(f"Values cannot be {code!r}. Allowed: auto (recognised), mask (0 = background), painted "
                         "(1 = background), objects (0 = background, all else is of one class).")
    if code == "objects" and len(classes) > 1:
        raise UserError(
            f"{name} cannot hold single objects of one class: there are {len(classes)} classes besides the background. "
            "Give a mask in which every class has a number of its own.")
    if code != "auto":
        return as_painted(labels, code, name, classes[0] if len(classes) == 1 else BACKGROUND + 1)
    found = reading or recognise(LabelSurvey.of([labels]), classes)
    if found.code is None:
        raise UnclearReferenceError(sentence(name, found), flag, len(classes) > 1)
    return as_painted(labels, found.code, name, found.one_class)


def read_references(
    references: Sequence[NDArray[Any] | None], code: Values, witnesses: Sequence[NDArray[np.uint8] | None],
    name: str = "the reference",
) -> list[NDArray[np.uint8] | None]:
    """Return the references of several images as painted ids, all read alike; says what was recognised.

    Parameters
    ----------
    references : sequence of ndarray or None
    code : {"auto", "mask", "painted", "objects"}
    witnesses : sequence of ndarray of uint8 or None
        The strokes of each image.
    name : str
        What messages call them.

    Raises
    ------
    UserError
        As :func:`read_reference`.
    """
    classes = painted_classes(witnesses)
    reading = reading_of(references, witnesses) if code == "auto" else None
    if reading is not None and reading.said and reading.code is not None:
        warnings.warn(f"{sentence(name, reading)} If that is wrong, say so with --reference-values.", InputWarning,
                      stacklevel=2)
    read = [None if one is None else read_reference(one, code, name, classes=classes, reading=reading)
            for one in references]
    if _is_painted_too(read, witnesses):
        warnings.warn(f"{name[:1].upper()}{name[1:]} is what was painted: methods learn from the pixels they are "
                      "scored on. Leave it out, and they are scored on strokes held out.", InputWarning, stacklevel=2)
    return read


def _is_painted_too(
    references: Sequence[NDArray[np.uint8] | None], witnesses: Sequence[NDArray[np.uint8] | None]
) -> bool:
    """Say whether nearly all that references tell is in the strokes."""
    known = same = 0
    for one, witness in zip(references, witnesses, strict=True):
        if one is not None and witness is not None and witness.shape == one.shape:
            known += int(np.count_nonzero(one))
            same += int(np.count_nonzero((one == witness) & (one > 0)))
    return bool(known) and same >= _SAME * known


def sentence(name: str, reading: Reading) -> str:
    """Return why a reference is read so, or what is not clear, in a sentence that begins with its name."""
    return f"{name[:1].upper()}{name[1:]} {reading.why}"


def reading_of(
    references: Sequence[NDArray[Any] | None], witnesses: Sequence[NDArray[np.uint8] | None]
) -> Reading:
    """Recognise the code of the references of several images by their values and the strokes on them."""
    there = [(one, witness if witness is not None and witness.shape == one.shape else None)
             for one, witness in zip(references, witnesses, strict=True) if one is not None]
    survey = LabelSurvey.of([one for one, _ in there], [witness for _, witness in there])
    return recognise(survey, painted_classes(witnesses))


def painted_classes(witnesses: Sequence[NDArray[np.uint8] | None]) -> tuple[int, ...]:
    """Return the painted ids of the classes but the background that occur."""
    seen = set[int]().union(*(np.unique(one).tolist() for one in witnesses if one is not None))
    return tuple(sorted(number for number in seen if number > BACKGROUND))

"""What the numbers of a reference stand for: classes, painted ids or single objects; asks where that cannot be known.

Knows no file and no widget.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputWarning, UsageError, UserError
from ..inputs import Code, as_painted
from .label_survey import BACKGROUND, LabelSurvey

Values = Literal["auto", "mask", "painted", "objects"]
"""Code of a reference, or ``auto``: it is recognised."""

VALUES: tuple[Values, ...] = ("auto", "mask", "painted", "objects")

_WHOLE = 0.8
"""Share of the values that are one part each, from which on they may be single objects."""
_MANY = 5
"""So many single parts are taken for objects although no stroke says so."""
_VERY_MANY = 10
"""Nobody has so many classes of which only one was painted, though each value be in pieces (a neuron, say)."""
_AGREE = 0.5
_SURE = 0.9
_LAST_CLASS = 254
_SMALLEST = 4
"""Mean pixels of an object; in an image most grey values have fewer."""


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


@dataclasses.dataclass(frozen=True)
class Reading:
    """How numbers are to be read.

    Parameters
    ----------
    code : {"mask", "painted", "objects"} or None
        None where it cannot be known.
    why : str
        What it is believed by, or what is not clear: the rest of a sentence that begins with its name.
    said : bool
        Whether people must be told, because it is not the plain mask that is expected.
    one_class : int
        Painted id of the class of objects.
    """

    code: Code | None
    why: str
    said: bool = False
    one_class: int = BACKGROUND + 1


def recognise(survey: LabelSurvey, classes: Sequence[int] = (), *, strokes: bool = True) -> Reading:
    """Say what the numbers of references stand for.

    Parameters
    ----------
    survey : LabelSurvey
        Of all references together, so that an image without some class is read like the others.
    classes : sequence of int
        Painted ids of the classes but the background, as far as they are known.
    strokes : bool
        Whether the witnesses of the survey are strokes, which lie where people are sure; else they are a result, which
        may be wrong.
    """
    one = classes[0] if len(classes) == 1 else BACKGROUND + 1
    if _is_painted(survey, classes):
        return Reading("painted", "looks like 1 = background, 0 = unknown.", survey.zero)
    if len(survey.values) <= 1:
        return _two_values(survey, classes, one, strokes)
    if len(classes) > 1:
        return _several_classes(survey, classes, strokes)
    return _objects_or_classes(survey, classes, one, strokes)


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
    return [None if one is None else read_reference(one, code, name, classes=classes, reading=reading)
            for one in references]


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


# -- what speaks for which --------------------------------------------------------------------------------------------


def _is_painted(survey: LabelSurvey, classes: Sequence[int]) -> bool:
    """Whether 1 is the background: only so all values are known, or the witnesses say so."""
    values, ids = set(survey.values), {BACKGROUND, *classes}
    no_zero = not survey.zero and len(values) > 1 and BACKGROUND in values
    if no_zero and (not classes or (values <= ids and not values <= {number - 1 for number in classes})):
        return True
    background = survey.share([BACKGROUND], [BACKGROUND])
    same = [survey.share([number], [number]) for number in classes]
    agree = [share for share in same if share is not None]
    if background is not None and agree:
        return background > _AGREE and sum(agree) > _AGREE * len(agree)
    return background is not None and background > _AGREE and values <= ids


def _two_values(survey: LabelSurvey, classes: Sequence[int], one: int, strokes: bool) -> Reading:
    """0 and one other value: a mask of one class, whatever the value is."""
    if not survey.values or survey.values[0] == 1 or survey.values[0] + 1 in classes:
        return _mask(survey, classes, strokes)
    value = f"{survey.values[0]:g}"
    if len(classes) > 1:
        return Reading(None, f"holds 0 and {value} only, but {len(classes)} classes were painted besides the "
                             "background, and none of them has that number.")
    return Reading("objects", f"holds 0 and {value}, and is used as a mask of one class.", True, one)


def _several_classes(survey: LabelSurvey, classes: Sequence[int], strokes: bool) -> Reading:
    """Classes have numbers of their own; single objects cannot be told to which class they belong."""
    codes = [number - 1 for number in classes]
    values, extra = survey.values, [value for value in survey.values if value not in codes]
    many = len(extra) > len(classes) and len(extra) >= _MANY and survey.whole >= _WHOLE
    found = [share for number in classes if (share := survey.share([number], [number - 1])) is not None]
    strange = len(extra) == len(values) or (extra and found and sum(found) <= _AGREE * len(found))
    if values[-1] > _LAST_CLASS or many or (strokes and strange):
        return Reading(None, f"holds {_listed(values)}, but the classes that were painted besides the background are "
                             f"{_listed(codes, '')} in a mask.")
    return _mask(survey, classes, strokes)


def _objects_or_classes(survey: LabelSurvey, classes: Sequence[int], one: int, strokes: bool) -> Reading:
    """One class, several values: single objects of that class, or classes of which one was painted."""
    values, single = survey.values, survey.whole >= _WHOLE
    sure = _SURE if strokes else _AGREE
    # without classes, 1 is what the first of them would have
    main, top = survey.foreground([one - 1]), survey.top()
    on_objects = survey.foreground() or 0.0
    hit = top is not None and main is not None and on_objects > _AGREE
    spread = hit and top is not None and top < sure
    if not _may_be_objects(survey):
        if len(values) < _VERY_MANY:
            return _mask(survey, classes, strokes)
        return Reading(None, f"holds {_listed(values)}: is it an image rather than labels?")
    objects = Reading("objects", f"holds {len(values)} values besides 0, each mostly one connected part, and is used "
                                 "as single objects of one class.", True, one)
    unclear = Reading(None, f"holds {_listed(values)}, and one class was painted besides the background: are these "
                            "single objects or classes?")
    if spread and (single or len(values) >= _VERY_MANY):
        return objects
    if values[-1] > _LAST_CLASS:
        return objects if single and len(values) > 2 else unclear
    if hit and main is not None and main >= sure * on_objects:
        return unclear if single else _mask(survey, classes, strokes)
    if single and len(values) >= (3 if hit else _MANY):
        return objects
    if hit and not single:
        return unclear if strokes and main is not None and main < _AGREE else _mask(survey, classes, strokes)
    return unclear if single and classes else _mask(survey, classes, strokes)


def _may_be_objects(survey: LabelSurvey) -> bool:
    """Whether there is ground between the values, and they are whole numbers of more than a few pixels."""
    background = survey.share([BACKGROUND], [0.0])
    return (survey.zero and survey.values[0] > 0 and not any(value % 1 for value in survey.values)
            and survey.size >= _SMALLEST and (background is None or background > _AGREE))


def _mask(survey: LabelSurvey, classes: Sequence[int], strokes: bool) -> Reading:
    """Background is 0; and whether the strokes agree."""
    shares = [survey.share([number], [number - 1]) for number in (BACKGROUND, *classes)]
    known = [share for share in shares if share is not None]
    if not strokes or not known:
        return Reading("mask", "looks like 0 = background.")
    agree = 100 * sum(known) / len(known)
    if agree > 100 * _AGREE:
        return Reading("mask", f"looks like 0 = background ({agree:.0f} % of your strokes agree).")
    return Reading("mask", "is taken to have 0 = background, but your strokes agree with neither code "
                           f"({agree:.0f} %): is it the right reference?", True)


def _listed(values: Sequence[float], what: str = "the values ") -> str:
    shown = [f"{value:g}" for value in values[:4]]
    if len(values) > 4:
        return f"{what}{', '.join(shown)}, ... {values[-1]:g}"
    return what + " and ".join([", ".join(shown[:-1]), shown[-1]] if shown[1:] else shown)

"""Rules by which the numbers of label images are recognised: classes, painted ids or single objects. Changes no labels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..inputs import Code
from .label_survey import BACKGROUND, LabelSurvey

_WHOLE = 0.8
"""Share of the values that are one part each, from which on they may be single objects."""
_MANY = 5
"""So many single parts are taken for objects although no stroke says so."""
_VERY_MANY = 10
"""Nobody has so many classes of which only one was painted, though each value be in pieces (a neuron, say)."""
_AGREE = 0.5
_MOSTLY, _SURE = 0.75, 0.9
LAST_CLASS = 254
"""Largest number of a class in a mask."""
_SMALLEST = 4
"""Mean pixels of an object; in an image most grey values have fewer."""


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


def _is_painted(survey: LabelSurvey, classes: Sequence[int]) -> bool:
    """Whether 1 is the background: only so all values are known, or the witnesses say so."""
    if _fits_as_painted_only(survey, classes) or _are_strokes(survey, classes):
        return True
    background = survey.share([BACKGROUND], [BACKGROUND])
    if background is None or background <= _AGREE:
        return False
    agree = [share for number in classes if (share := survey.share([number], [number])) is not None]
    return sum(agree) > _AGREE * len(agree) if agree else set(survey.values) <= {BACKGROUND, *classes}


def _fits_as_painted_only(survey: LabelSurvey, classes: Sequence[int]) -> bool:
    """Whether there is no background unless it is 1."""
    values = set(survey.values)
    if survey.zero or len(values) < 2 or BACKGROUND not in values:
        return False
    return not classes or (values <= {BACKGROUND, *classes} and not values <= {number - 1 for number in classes})


def _are_strokes(survey: LabelSurvey, classes: Sequence[int]) -> bool:
    """Whether all that is not 0 has the painted id that the witnesses know there: 1 on their background too."""
    values = {int(value) for value in survey.values if not value % 1}
    if BACKGROUND not in values or len(values) < 2 or not set(survey.values) <= {BACKGROUND, *classes}:
        return False
    pure = [survey.purity(number) for number in sorted(values)]
    return all(one is not None and one >= _MOSTLY for one in pure)


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
    if values[-1] > LAST_CLASS or many or (strokes and strange):
        return Reading(None, f"holds {_listed(values)}, but the classes that were painted besides the background are "
                             f"{_listed(codes, '')} in a mask.")
    return _mask(survey, classes, strokes)


def _objects_or_classes(survey: LabelSurvey, classes: Sequence[int], one: int, strokes: bool) -> Reading:
    """One class, several values: single objects of that class, or classes of which one was painted."""
    values, mask = survey.values, _mask(survey, classes, strokes)
    where = _WhereItIsKnown.of(survey, one, _SURE if strokes else _AGREE)
    if not _may_be_objects(survey):
        return mask if len(values) < _VERY_MANY else Reading(
            None, f"holds {_listed(values)}: is it an image rather than labels?")
    unclear = Reading(None, f"holds {_listed(values)}, and one class was painted besides the background: are these "
                            "single objects or classes?")
    if _are_objects(survey, where):
        return Reading("objects", f"holds {len(values)} values besides 0, each mostly one connected part, and is used "
                                  "as single objects of one class.", True, one)
    if values[-1] > LAST_CLASS:
        return unclear
    if survey.whole >= _WHOLE:
        return unclear if classes or where.hit else mask
    return unclear if strokes and where.other else mask


def _are_objects(survey: LabelSurvey, where: _WhereItIsKnown) -> bool:
    """Whether values are single objects beyond doubt; they may be."""
    single, count = survey.whole >= _WHOLE, len(survey.values)
    if where.spread and (single or count >= _VERY_MANY):
        return True
    if not single:
        return False
    if survey.values[-1] > LAST_CLASS:
        return count > 2
    return not where.as_class and count >= (3 if where.hit else _MANY)


@dataclasses.dataclass(frozen=True)
class _WhereItIsKnown:
    """What lies where the one class is known to be: many values (``spread``), the number of that class (``as_class``),
    mostly other numbers (``other``); nothing of it where there is little but 0 (not ``hit``).
    """

    hit: bool = False
    spread: bool = False
    as_class: bool = False
    other: bool = False

    @classmethod
    def of(cls, survey: LabelSurvey, one: int, sure: float) -> _WhereItIsKnown:
        main, top, any_value = survey.foreground([one - 1]), survey.top(), survey.foreground()
        if main is None or top is None or any_value is None or any_value <= _AGREE:
            return cls()
        return cls(True, top < sure, main >= sure * any_value, main < _AGREE)


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

"""How many objects there are, and how many of them went wrong in which way. Knows nothing of single pixels.

What *split*, *merged*, *missed* and *invented* mean is said in :mod:`napari_unet.objects.matching`.
"""

from __future__ import annotations

from collections.abc import Callable

from napari_unet.objects.matching import ObjectMatching

from . import ClassComparison, NoValue, register
from .object_agreement import match_objects, where_counted

_COUNTS: tuple[tuple[str, str, str, str, Callable[[ObjectMatching], int]], ...] = (
    ("object_count", "objects", "", "Number of objects found.", lambda one: one.test_numbers.size),
    ("object_count_reference", "objects of the reference", "", "Number of objects of the reference.",
     lambda one: one.true_numbers.size),
    ("object_count_error", "objects off by", "lower", "Difference between the numbers of objects, without sign.",
     lambda one: abs(one.test_numbers.size - one.true_numbers.size)),
    ("object_splits", "split", "lower", "True objects that are in two or more pieces.", lambda one: one.split.size),
    ("object_merges", "merged", "lower", "Found objects that hold two or more true ones.",
     lambda one: one.merging.size),
    ("objects_missed", "missed objects", "lower", "True objects that nothing found is the same as, neither split nor "
     "merged.", lambda one: one.missed.size),
    ("objects_invented", "invented objects", "lower", "Found objects that are the same as no true one, neither piece "
     "nor merger.", lambda one: one.invented.size),
)


def _register_count(name: str, title: str, better: str, doc: str, number: Callable[[ObjectMatching], int]) -> None:
    def metric(compared: ClassComparison) -> float | NoValue:
        return float(number(compared.once(match_objects)))

    metric.__name__, metric.__qualname__, metric.__doc__ = name, name, doc
    register(name, title, unit="count", better=better, dense=True, family="objects", default=False,
             in_place=not name.startswith("object_count"))(where_counted(metric))


for _count in _COUNTS:
    _register_count(*_count)

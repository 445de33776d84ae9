"""Do the right pixels belong together? Rand and variation of information of connected components.

Knows nothing of outlines. A pixel-wise score hardly sees a membrane with a gap of one pixel; these see two cells that
have become one.

Three partitions are compared:

* the parts of the class, 8 (26) neighbours touch: for objects;
* what lies *between* the class, its parts by sides only, 4 (6) neighbours: for cells between membranes, where the
  class is the membrane. Names end in ``_between``;
* all known pixels, parts of the class and of the rest alike (``rand_index``, ``adjusted_rand``).

The first two are restricted to the foreground of the reference, as in ISBI 2012: only pixels that have a part in the
reference count, and among them those that have none in the prediction make one part more.

===========================  ==================================  =========================  ==========
metric                       nothing predicted                   empty reference            both empty
===========================  ==================================  =========================  ==========
rand_error, voi, ...         defined: all pixels are one part    no value                   0
rand_index, adjusted_rand    defined                             defined                    1
===========================  ==================================  =========================  ==========

(Of the ``_between`` metrics, empty means that the class is everywhere.)

With labels of the components, 0 for none, they agree with ``skimage.metrics.adapted_rand_error(reference, prediction,
ignore_labels=(0,))``, ``skimage.metrics.variation_of_information(reference, prediction, ignore_labels=(0,))`` and, on
the known pixels, ``sklearn.metrics.rand_score`` and ``adjusted_rand_score``. The foreground-restricted Rand score of
ISBI 2012 (Arganda-Carreras et al. 2015) is 1 - ``rand_error_between``, with two differences. There, single pixels count
as pairs with themselves, which changes the score by about 1 / pixels. And there the membranes are thinned beforehand.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_unet.objects.matching import Joint

from . import ClassComparison, NoValue, register, where_known
from ._parts import shared_partition, shared_parts, shared_rest

Shared = Callable[[ClassComparison], Joint]


def _pairs(sizes: NDArray[np.int64]) -> int:
    """Return the number of pairs of pixels within groups of these sizes."""
    return sum(size * (size - 1) // 2 for size in sizes.tolist())


def _rand_error(shared: Joint) -> float:
    """1 - F-score of the pairs of pixels that belong together."""
    together, of_both = _pairs(shared.count), _pairs(shared.true_sizes) + _pairs(shared.test_sizes)
    return 1 - 2 * together / of_both if of_both else 0.0


def _entropy(shared: Joint, given: NDArray[np.int64]) -> float:
    """Entropy, in bits, of the pairs given groups of these sizes (one for each pair)."""
    bits = -float(shared.count @ np.log2(shared.count / given)) / shared.pixels
    return max(0.0, bits)  # never -0.0


def _split(shared: Joint) -> float:
    return _entropy(shared, shared.true_sizes[shared.true])


def _merge(shared: Joint) -> float:
    return _entropy(shared, shared.test_sizes[shared.test])


def _voi(shared: Joint) -> float:
    return _split(shared) + _merge(shared)


def _restricted(compared: ClassComparison, shared: Shared, what: str) -> Joint | NoValue | None:
    """Return what lies in the foreground of the reference; None where neither has any."""
    every = compared.once(shared)
    inside = every.only(every.true > 0)
    if inside.count.size:
        return inside
    return NoValue(f"{what} not in the reference") if every.count.size else None


def _register_for(suffix: str, words: str, where: str, shared: Shared, what: str) -> None:
    """Put the metrics of one partition in the registry."""
    every = (
        ("rand_error", "Rand error", "", _rand_error,
         f"Pairs of pixels wrongly joined or parted among those of {where}, 0 to 1 (adapted Rand error)."),
        ("voi", "VOI", "bit", _voi,
         f"Variation of information between the parts of {where}: splits and merges together (Meila 2003)."),
        ("voi_split", "VOI split", "bit", _split,
         f"How much true parts of {where} are split: entropy of the prediction given the reference."),
        ("voi_merge", "VOI merge", "bit", _merge,
         f"How much true parts of {where} are merged: entropy of the reference given the prediction."),
    )

    def put(name: str, title: str, unit: str, value: Callable[[Joint], float], doc: str) -> None:
        def metric(compared: ClassComparison) -> float | NoValue:
            inside = _restricted(compared, shared, what)
            return value(inside) if isinstance(inside, Joint) else inside or 0.0

        metric.__name__ = metric.__qualname__ = name
        metric.__doc__ = doc
        register(name, title, unit=unit, better="lower", dense=True, family="partitions", default=False)(
            where_known(metric))

    for name, title, unit, value, doc in every:
        put(name + suffix, title + words, unit, value, doc)


_register_for("", "", "the class", shared_parts, "the class is")
_register_for("_between", " between", "what the class separates", shared_rest, "anything outside the class is")


@register("rand_index", "Rand", better="higher", dense=True, family="partitions", default=False)
@where_known
def rand_index(compared: ClassComparison) -> float | NoValue:
    """Share of the pairs of pixels that are rightly in one part or in two, 0 to 1 (Rand 1971)."""
    together, true, test, every = _four(compared)
    return (every - true - test + 2 * together) / every if every else 1.0


@register("adjusted_rand", "adjusted Rand", better="higher", dense=True, family="partitions", default=False)
@where_known
def adjusted_rand(compared: ClassComparison) -> float | NoValue:
    """Rand index set right for chance: 1 for equal partitions, about 0 for unrelated ones (Hubert and Arabie 1985)."""
    together, true, test, every = _four(compared)
    if together == true == test:
        return 1.0
    # in whole numbers: the products of numbers of pairs are beyond what a float tells apart
    return 2 * (every * together - true * test) / (every * (true + test) - 2 * true * test)


def _four(compared: ClassComparison) -> tuple[int, int, int, int]:
    """Pairs of pixels together in both, in the reference, in the prediction, and all."""
    shared = compared.once(shared_partition)
    known = compared.known
    return _pairs(shared.count), _pairs(shared.true_sizes), _pairs(shared.test_sizes), known * (known - 1) // 2

"""How sure a ranking is: means with their spread, and paired differences to the best with bootstrap intervals.

Methods are compared on the planes that both have, plane by plane, because planes differ more than methods do. Held-out
strokes differ from what is to be segmented as well; methods scored on them are compared by what can be expected beyond
(:mod:`napari_unet.learning.true_dice`). Knows no table and draws nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from napari_unet.core.rows import Row
from napari_unet.learning.true_dice import ALIKE, HeldOutEvidence, LikelyDice, expected_difference

from .held_out_ranking import by_likelihood, leader, named_best
from .summary import SummaryColumn, summarise

RESAMPLES = 4000
FEW = 5
"""With fewer planes than this an interval says little, and tables say so."""

ByPlane: TypeAlias = dict[tuple[str, int | None], float]


@dataclasses.dataclass(frozen=True)
class Difference:
    """How much a method differs from the first, over the planes that both have.

    Parameters
    ----------
    mean : float
        Of the method minus that of the first.
    low, high : float or None
        95 % bootstrap interval of the mean; None if there is only one plane. On held-out strokes, the interval of the
        true difference.
    planes : int
        Planes compared.
    alike : float
        By so much more a method is still no better.
    """

    mean: float
    low: float | None
    high: float | None
    planes: int
    alike: float = 0.0

    @property
    def tie(self) -> bool:
        """Whether planes, or strokes, do not tell the two apart: the interval reaches from below to what is better."""
        return self.low is not None and self.high is not None and self.low <= self.alike <= self.high


@dataclasses.dataclass(frozen=True)
class RankedMethod:
    """Where a method stands.

    Parameters
    ----------
    method : str
    mean : float
        Over planes.
    spread : float or None
        Standard deviation over planes (n - 1); None if there is only one.
    planes : int
    difference : Difference or None
        To the first method; None for the first itself, and where no plane is common to both.
    best : bool
        Whether it has the best mean of those that did most planes. On held-out strokes, whether it is told apart from
        all others: there may be none that is.
    likely : LikelyDice or None
        On held-out strokes, the true Dice (mean over classes) as far as it can be told.
    first : bool
        Whether the others are compared with it.
    """

    method: str
    mean: float
    spread: float | None
    planes: int
    difference: Difference | None
    best: bool
    likely: LikelyDice | None = None
    first: bool = False

    @property
    def level(self) -> bool:
        """Whether it is the first or not told apart from it."""
        return self.best or self.first or (self.difference is not None and self.difference.tie)


def by_plane(
    rows: Iterable[Row], metric: str, class_id: int | None = None, way: str = ""
) -> dict[str, ByPlane]:
    """Return the values of a metric by method and by (image, plane).

    Parameters
    ----------
    rows : iterable of Row
    metric : str
    class_id : int, optional
        Painted id; without, the mean over the classes that have a value on a plane.
    way : str
        By which way objects were found, for scores of objects.

    Returns
    -------
    dict of str to dict
        Planes without a value are absent, methods are in the order of the rows.
    """
    found: dict[str, dict[tuple[str, int | None], list[float]]] = {}
    for row in rows:
        if (row.metric, row.way) != (metric, way) or row.class_id is None or class_id not in (None, row.class_id):
            continue
        planes = found.setdefault(row.method, {})
        if row.value is not None and row.plane is not None:
            planes.setdefault((row.image, row.plane), []).append(row.value)
    return {
        method: {place: float(np.mean(values)) for place, values in planes.items()} for method, planes in found.items()
    }


def rank_methods(rows: Iterable[Row], metric: str = "dice", class_id: int | None = None) -> tuple[RankedMethod, ...]:
    """Rank methods by a metric, the best first.

    The first is the one with the best mean among those that have a value on most planes: a method that has done only
    the easy planes in its time beats nobody. Methods without any value are left out. Dice on held-out strokes ranks
    methods by what it lets one expect beyond the strokes.

    Parameters
    ----------
    rows : iterable of Row
    metric : str
        Higher is better unless the registry of metrics says otherwise.
    class_id : int, optional
        Painted id; without, the mean over classes.

    Returns
    -------
    tuple of RankedMethod
    """
    rows = list(rows)
    values = {method: planes for method, planes in by_plane(rows, metric, class_id).items() if planes}
    if not values:
        return ()
    sign = -1.0 if SummaryColumn(metric).about.better == "lower" else 1.0
    means = {method: float(np.mean(list(planes.values()))) for method, planes in values.items()}
    most = max(map(len, values.values()))
    whole = [method for method in values if len(values[method]) == most]
    summary = summarise(rows)
    if metric == "dice" and summary.held_out:
        likely = {method: summary.likely(method) if class_id is None else None for method in values}
        return _by_strokes(values, means, summary.evidence(class_id), likely, whole)
    best = max(whole, key=lambda one: sign * means[one])
    made = [
        RankedMethod(method, means[method], _spread(planes), len(planes),
                     None if method == best else paired_difference(planes, values[best]), method == best,
                     first=method == best)
        for method, planes in values.items()
    ]
    return tuple(sorted(made, key=lambda one: (not one.best, -sign * one.mean)))


def _by_strokes(
    values: Mapping[str, ByPlane], means: Mapping[str, float], evidence: Mapping[str, HeldOutEvidence],
    likely: Mapping[str, LikelyDice | None], whole: Collection[str],
) -> tuple[RankedMethod, ...]:
    """Rank by what is known without a reference; methods of which nothing is known come last."""
    first, best = leader(evidence, whole), named_best(evidence, whole)
    order = [one for one in by_likelihood(evidence) if one in values]
    order += sorted(values.keys() - set(order), key=lambda one: -means[one])
    made = []
    for method in sorted(order, key=lambda one: one != first):
        apart = None
        if first is not None and method in evidence and method != first:
            found = expected_difference(evidence[method], evidence[first])
            common = len(values[method].keys() & values[first].keys())
            apart = Difference(found.value, found.low, found.high, common, ALIKE)
        made.append(RankedMethod(method, means[method], _spread(values[method]), len(values[method]), apart,
                                 method == best, likely[method], method == first))
    return tuple(made)


def paired_difference(mine: ByPlane, theirs: ByPlane) -> Difference | None:
    """Compare two methods on the planes that both have; None if there is none."""
    common = sorted(mine.keys() & theirs.keys(), key=str)
    if not common:
        return None
    apart = np.array([mine[place] - theirs[place] for place in common])
    low, high = bootstrap_interval(apart)
    return Difference(float(apart.mean()), low, high, len(apart))


def bootstrap_interval(values: NDArray[np.float64], confidence: float = 0.95) -> tuple[float | None, float | None]:
    """Return the bootstrap interval of a mean; always the same for the same values.

    Percentiles of the means of resamples, drawn wider for few values by the factor by which Student's interval is wider
    than the normal one with the biased variance that resampling has (the expanded percentile interval, Hesterberg 2015,
    doi:10.1080/00031305.2015.1089789).

    Parameters
    ----------
    values : ndarray of float, shape (n,)
    confidence : float
        0 to 1.

    Returns
    -------
    low, high : float or None
        None for fewer than two values.
    """
    count = len(values)
    if count < 2:
        return None, None
    drawn = np.random.default_rng(0).integers(0, count, (RESAMPLES, count))
    means = values[drawn].mean(axis=1)
    tail = (1 - confidence) / 2
    wider = stats.norm.cdf(-np.sqrt(count / (count - 1)) * stats.t.ppf(1 - tail, count - 1))
    low, high = np.quantile(means, (wider, 1 - wider))
    return float(low), float(high)


def _spread(planes: ByPlane) -> float | None:
    return float(np.std(list(planes.values()), ddof=1)) if len(planes) > 1 else None

"""Cuts of a grey-value histogram. Knows no image and no class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BINS = 256
_SMOOTHINGS = 1000


def otsu_thresholds(values: NDArray[np.floating], classes: int) -> NDArray[np.float64]:
    """Divide values so that the variance between the parts is largest (Otsu 1979, equation 12; several cuts).

    The best cuts are found exactly by dynamic programming over a histogram of 256 bins (more for more than 128
    classes), in time quadratic in the bins and linear in the classes.

    Parameters
    ----------
    values : ndarray of float, any shape, finite, not empty
    classes : int
        At least 2.

    Returns
    -------
    ndarray of float64, shape (classes - 1,)
        Rising cuts; a value belongs above a cut if it is at least as large. With fewer different values than
        classes, the cuts left over are infinite. With a single value, all are.
    """
    values = np.asarray(values, np.float64).ravel()
    low, high = float(values.min()), float(values.max())
    cuts = np.full(classes - 1, np.inf)
    if high <= low:
        return cuts
    bins = max(_BINS, 2 * classes)
    counts, edges = np.histogram(values, bins=bins, range=(low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    filled = np.flatnonzero(counts)
    classes = min(classes, len(filled))
    weight = np.concatenate([[0], np.cumsum(counts[filled])])
    moment = np.concatenate([[0], np.cumsum(counts[filled] * centres[filled])])
    number = len(filled)
    start, stop = np.arange(number + 1)[:, None], np.arange(number + 1)[None, :]
    inside = weight[stop] - weight[start]
    gain = np.where(stop > start, np.square(moment[stop] - moment[start]) / np.maximum(inside, 1), -np.inf)
    best, choice = gain[0], []
    for _ in range(classes - 1):
        table = best[:, None] + gain
        choice.append(table.argmax(axis=0))
        best = table.max(axis=0)
    place, found = number, []
    for back in reversed(choice):
        place = int(back[place])
        found.append(place)
    for index, place in enumerate(reversed(found)):
        cuts[index] = (centres[filled[place - 1]] + centres[filled[place]]) / 2
    return cuts


def li_threshold(values: NDArray[np.floating]) -> float:
    """Return the threshold of least cross entropy (Li and Lee 1993; iteration of Li and Tam 1998; scikit-image).

    Parameters
    ----------
    values : ndarray of float, shape (n,), finite, not empty

    Returns
    -------
    float
        Infinite if all values are equal.
    """
    from skimage.filters import threshold_li

    values = np.asarray(values, np.float64)
    span = float(np.ptp(values))
    return float(threshold_li(values, tolerance=1e-4 * span)) if span > 0 else np.inf


def triangle_threshold(values: NDArray[np.floating]) -> float:
    """Return the threshold by the triangle rule: where the histogram is farthest below the line from its peak to the
    end of its longer tail (Zack et al. 1977; scikit-image). Infinite if all values are equal.
    """
    from skimage.filters import threshold_triangle

    values = np.asarray(values, np.float64)
    return float(threshold_triangle(values, _BINS)) if np.ptp(values) > 0 else np.inf


def minimum_threshold(values: NDArray[np.floating]) -> float:
    """Return the valley between the two peaks of the smoothed histogram (Prewitt and Mendelsohn 1966; scikit-image).

    Returns
    -------
    float
        NaN if smoothing the histogram does not leave two peaks; infinite if all values are equal.
    """
    from skimage.filters import threshold_minimum

    values = np.asarray(values, np.float64)
    if not np.ptp(values) > 0:
        return np.inf
    try:
        return float(threshold_minimum(values, _BINS, _SMOOTHINGS))
    except RuntimeError:  # what scikit-image says of a histogram with one peak
        return np.nan


def best_dice_threshold(values: NDArray[np.floating], upper: NDArray[np.bool_]) -> float:
    """Find the cut that divides labelled values best: the largest mean Dice of the two sides.

    Of all cuts that are within 0.002 of the best, the middle one.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
    upper : ndarray of bool, shape (n,)
        True for values that belong above the cut; both kinds occur.
    """
    order = np.argsort(values, kind="stable")
    ranked, above = np.asarray(values, np.float64)[order], upper[order]
    number, ups = len(ranked), int(above.sum())
    # with `place` values below the cut: how many of them are right
    right_below = np.concatenate([[0], np.cumsum(~above)])
    place = np.arange(number + 1)
    right_above = ups - (place - right_below)
    score = right_below / (place + number - ups) + right_above / (number - place + ups)
    usable = np.concatenate([[True], ranked[1:] > ranked[:-1], [True]])
    score = np.where(usable, score, -np.inf)
    good = np.flatnonzero(score >= score.max() - 0.004)
    chosen = int(good[len(good) // 2])
    if chosen in (0, number):
        return float(ranked[0]) if chosen == 0 else float(np.nextafter(ranked[-1], np.inf))
    return float((ranked[chosen - 1] + ranked[chosen]) / 2)

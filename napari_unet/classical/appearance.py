"""How the painted pixels of each class look: measured features, and how much a pixel or region resembles a class.

Knows no image, plane or method; features come in as plain arrays.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..core.leaving import look_up, while_wanted
from .background import PreparedPlane, widths_along

_MOST_SAMPLES = 4000
_ROUNDS = 25
_POOLED = 0.1


def gaussian_blur(plane: PreparedPlane, sigma: float) -> NDArray[np.float32]:
    """Blur every channel with a Gaussian that leaves invalid pixels out.

    Returns
    -------
    ndarray of float32, shape (C, Y, X) or (C, Z, Y, X)
    """
    if sigma <= 0:
        return plane.pixels
    widths = widths_along(sigma, plane.spacing)
    out = np.stack([ndimage.gaussian_filter(channel, widths, mode="nearest") for channel in plane.pixels])
    if not plane.valid.all():
        weight = ndimage.gaussian_filter(plane.valid.astype(np.float32), widths, mode="nearest")
        out = np.where(plane.valid, out / np.maximum(weight, 1e-6), 0)
    return out


def measure_features(plane: PreparedPlane, sigma: float, filters: bool) -> NDArray[np.float32]:
    """Measure the features of every pixel.

    Brightness of each channel, blurred by ``sigma``; with ``filters`` also the strength of edges (Gaussian gradient
    magnitude) and of lines and spots (:func:`hessian_eigenvalues`), both of the mean channel at 2 and 4 pixels and
    normalised to their scale (Lindeberg 1998).

    Returns
    -------
    ndarray of float32, shape (F, Y, X)
    """
    stack = list(gaussian_blur(plane, sigma))
    if filters:
        grey = plane.pixels.mean(axis=0)
        for scale in (2.0, 4.0):
            stack.append(scale * gaussian_slope(grey, scale, plane.spacing))
            stack.extend(hessian_eigenvalues(grey, scale, plane.spacing))
    return np.stack(stack).astype(np.float32, copy=False)


def gaussian_slope(grey: NDArray[np.float32], scale: float, spacing: Sequence[float]) -> NDArray[np.float32]:
    """Return how steep a grey image is (the length of its Gaussian gradient), per pixel along rows.

    Parameters
    ----------
    grey : ndarray of float32, shape (Y, X) or (Z, Y, X)
    scale : float
        Standard deviation of the Gaussian, in pixels along rows.
    spacing : sequence of float
        Steps from pixel to pixel along each axis.
    """
    total = np.zeros_like(grey)
    for axis in range(grey.ndim):
        total += np.square(_derivative(grey, scale, spacing, (axis,)))
    return np.sqrt(total)


def hessian_eigenvalues(
    grey: NDArray[np.float32], scale: float, spacing: Sequence[float] = (1.0, 1.0)
) -> tuple[NDArray[np.float32], ...]:
    """Return the curvatures of a grey image, the largest first: the eigenvalues of its Hessian times scale squared.

    In a plane, a dark line has one large positive, a dark spot two; a bright line one large negative. In a volume, a
    dark sheet has one, a dark line two, a dark spot three.

    Parameters
    ----------
    grey : ndarray of float32, shape (Y, X) or (Z, Y, X)
    scale : float
        Standard deviation of the Gaussian derivatives, in pixels along rows.
    spacing : sequence of float
        Steps from pixel to pixel along each axis.

    Returns
    -------
    tuple of ndarray of float32, shape (Y, X) or (Z, Y, X)
        Two, or of a volume three.
    """
    axes = [(one, other) for one in range(grey.ndim) for other in range(one, grey.ndim)]
    second = {pair: scale * scale * _derivative(grey, scale, spacing, pair) for pair in axes}
    if grey.ndim == 2:
        down, across, mixed = second[0, 0], second[1, 1], second[0, 1]
        middle, spread = (down + across) / 2, np.hypot((down - across) / 2, mixed)
        return middle + spread, middle - spread
    found = np.empty((3, *grey.shape), np.float32)
    for plane in range(len(grey)):  # plane by plane, for the sake of memory
        found[:, plane] = _eigenvalues(*(second[pair][plane] for pair in axes))
    return tuple(found)


def _derivative(
    grey: NDArray[np.float32], scale: float, spacing: Sequence[float], along: Sequence[int]
) -> NDArray[np.float32]:
    """Return a Gaussian derivative along these axes (one twice: the second along it)."""
    look_up()  # of a volume it takes its time, and there are many
    order = [list(along).count(axis) for axis in range(grey.ndim)]
    found = ndimage.gaussian_filter(grey, widths_along(scale, spacing), order=order, mode="nearest")
    steps = np.float32(np.prod([spacing[axis] for axis in along]))
    return found if steps == 1 else found / steps


def _eigenvalues(
    deep: NDArray[np.float32], deep_down: NDArray[np.float32], deep_across: NDArray[np.float32],
    down: NDArray[np.float32], down_across: NDArray[np.float32], across: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return the eigenvalues of symmetric 3 x 3 matrices, falling (Smith 1961, doi:10.1145/355578.366316)."""
    mean = (deep + down + across) / 3
    one, two, three = deep - mean, down - mean, across - mean
    mixed = deep_down**2 + deep_across**2 + down_across**2
    spread = np.sqrt((one * one + two * two + three * three + 2 * mixed) / 6)
    product = (one * (two * three - down_across**2) - deep_down * (deep_down * three - down_across * deep_across)
               + deep_across * (deep_down * down_across - two * deep_across))
    cosine = product / np.maximum(2 * spread**3, np.float32(1e-30))
    angle = np.arccos(np.clip(cosine, -1, 1)) / 3
    largest = mean + 2 * spread * np.cos(angle)
    smallest = mean + 2 * spread * np.cos(angle + 2 * np.pi / 3)
    return largest, 3 * mean - largest - smallest, smallest


@dataclasses.dataclass(frozen=True, eq=False)
class Appearance:
    """What the painted pixels of every class look like: a mixture of Gaussians per class in feature space.

    Parameters
    ----------
    centres : ndarray of float32, shape (M, F)
        Means of the Gaussians of all classes.
    whitening : ndarray of float32, shape (M, F, F)
        ``x @ whitening`` has unit covariance for the Gaussian.
    log_weights : ndarray of float32, shape (M,)
        Logarithm of share in its class, times share of the class in the paint, over the volume of the Gaussian.
    owner : ndarray of int, shape (M,)
        Class index of each Gaussian.
    """

    centres: NDArray[np.float32]
    whitening: NDArray[np.float32]
    log_weights: NDArray[np.float32]
    owner: NDArray[np.intp]

    @classmethod
    def of(cls, features: NDArray[np.floating], labels: NDArray[np.integer], looks: int = 1) -> Appearance:
        """Describe the classes.

        Parameters
        ----------
        features : ndarray of float, shape (n, F)
        labels : ndarray of int, shape (n,)
            Class index from 0; every index up to the largest occurs.
        looks : int
            Gaussians per class, at least 1; fewer where a class has few pixels.

        Notes
        -----
        Covariances are drawn towards the pooled covariance within classes: a tenth, and as many imagined pixels as
        there are features plus two, so that a class of one pixel works too. More than one look is fitted by
        expectation-maximisation (Dempster et al. 1977), started from equal groups along the main axis.
        """
        count = int(labels.max()) + 1
        shares = np.bincount(labels, minlength=count) / len(labels)
        groups = []
        for index in range(count):
            mine = features[labels == index].astype(np.float64)
            if len(mine) > _MOST_SAMPLES:
                mine = mine[np.random.default_rng(0).permutation(len(mine))[:_MOST_SAMPLES]]
            groups.append(mine)
        scale = np.concatenate(groups).std(axis=0) + 1e-4
        within = np.concatenate([group - group.mean(axis=0) for group in groups])
        pooled = (within.T @ within) / len(within) + np.diag((0.03 * scale) ** 2)
        parts = [_gaussians(group, looks, pooled) for group in groups]
        centres, covariances, weights = (np.concatenate(values) for values in zip(*parts, strict=True))
        owner = np.repeat(np.arange(count), [len(part[0]) for part in parts])
        factors = np.linalg.cholesky(np.linalg.inv(covariances))
        volumes = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
        log_weights = np.log(weights) + np.log(shares[owner]) + volumes
        return cls(centres.astype(np.float32), factors.astype(np.float32), log_weights.astype(np.float32), owner)

    def memberships(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Say how much each sample resembles each class.

        Parameters
        ----------
        features : ndarray of float32, shape (n, F)

        Returns
        -------
        ndarray of float32, shape (K, n)
            Sums to 1 over the classes.
        """
        scores = self.log_scores(features)
        scores -= scores.max(axis=0)
        np.exp(scores, out=scores)
        return scores / scores.sum(axis=0)

    def log_scores(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logarithm of each class's share of the density at each sample (n, F), shape (K, n), not scaled."""
        classes = int(self.owner.max()) + 1
        count_of = np.bincount(self.owner, minlength=classes)
        scores = np.full((classes, len(features)), -np.inf, np.float32)
        for centre, factor, weight, owner in while_wanted(zip(
            self.centres, self.whitening, self.log_weights, self.owner, strict=True
        )):
            distance = np.square((features - centre) @ factor).sum(axis=1)
            score = weight - 0.5 * distance
            scores[owner] = score if count_of[owner] == 1 else np.logaddexp(scores[owner], score)
        return scores

    def mean(self, index: int) -> NDArray[np.float32]:
        """Return the mean features (F,) of a class."""
        mine = self.owner == index
        # the volume is part of the weight of a Gaussian; without it, its share of the pixels is left
        volumes = np.log(np.diagonal(self.whitening[mine], axis1=1, axis2=2)).sum(axis=1)
        shares = np.exp(self.log_weights[mine] - volumes)
        return np.asarray(shares @ self.centres[mine] / shares.sum(), np.float32)


def _gaussians(
    samples: NDArray[np.float64], looks: int, pooled: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Fit a mixture; returns centres (M, F), covariances (M, F, F) and shares (M,)."""
    number, width = samples.shape
    looks = max(1, min(looks, number // (4 * (width + 1))))
    axis = np.linalg.eigh(np.cov(samples.T).reshape(width, width))[1][:, -1] if looks > 1 else np.zeros(width)
    order = np.argsort(samples @ axis, kind="stable")
    shares = np.zeros((number, looks))
    for look, members in enumerate(np.array_split(order, looks)):
        shares[members, look] = 1
    centres, covariances = np.zeros((looks, width)), np.zeros((looks, width, width))
    weights = np.full(looks, 1 / looks)
    for _ in range(_ROUNDS if looks > 1 else 1):
        logs = np.zeros((number, looks))
        for look in range(looks):
            share = shares[:, look]
            total = share.sum()
            centres[look] = share @ samples / max(total, 1e-9)
            offsets = samples - centres[look]
            imagined = width + 2
            spread = ((offsets * share[:, None]).T @ offsets + imagined * pooled) / (total + imagined)
            covariances[look] = (1 - _POOLED) * spread + _POOLED * pooled
            weights[look] = max(total / number, 1e-6)
            factor = np.linalg.cholesky(np.linalg.inv(covariances[look]))
            logs[:, look] = np.log(weights[look]) + np.log(np.diag(factor)).sum()
            logs[:, look] -= 0.5 * np.square(offsets @ factor).sum(axis=1)
        logs -= logs.max(axis=1, keepdims=True)
        shares = np.exp(logs)
        shares /= shares.sum(axis=1, keepdims=True)
    return centres, covariances, weights

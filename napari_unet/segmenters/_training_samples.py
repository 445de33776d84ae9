"""The painted planes a classical method learns from, and how well a candidate does on paint left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.classical import parameter_search
from napari_unet.classical.background import PreparedPlane, prepare_plane
from napari_unet.classical.histogram_thresholds import otsu_thresholds
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.scribbles import TrainingSet

if TYPE_CHECKING:
    from ._classical import ClassicalMethod

Paint = NDArray[np.uint8]
_SAMPLE_PLANES = 4
_SEARCH_PLANES = 4
_SEARCH_WINDOW = 320


@dataclasses.dataclass(frozen=True, eq=False)
class TrainingSamples:
    """What there is to learn: painted planes, or, without paint, planes with two classes guessed.

    Parameters
    ----------
    classes : ClassTable
    ids : tuple of int
        Ids that can be predicted.
    channels : int or None
        Channels of the images, None if there is no image at all.
    places : tuple of (Image, int)
        Image and number of each plane to learn from.
    paint : tuple of ndarray of uint8
        Paint of each of them; none on pixels that are not numbers.
    painted : bool
        False if the paint was guessed.
    remark : str
        How it was guessed.
    """

    classes: ClassTable
    ids: tuple[int, ...]
    channels: int | None
    places: tuple[tuple[Image, int], ...]
    paint: tuple[Paint, ...]
    painted: bool
    remark: str = ""

    @classmethod
    def of(cls, training: TrainingSet) -> TrainingSamples:
        """Collect the samples of a training set.

        Raises
        ------
        UserError
            If there is no image, just one class is painted, no painted pixel of a class is a number, or images have
            different numbers of channels.
        """
        if not training.pairs:
            raise UserError("There is no image to learn from. Choose at least one image.")
        with_paint = [pair for pair in training.pairs if pair.scribbles.planes] or training.pairs
        channels = {pair.image.n_channels for pair in with_paint}
        if len(channels) > 1:
            raise UserError(
                f"The images have {' and '.join(map(str, sorted(channels)))} channels. Methods learn from images with "
                "equally many channels; choose some."
            )
        if not training.painted_ids:
            return _guessed(training, channels.pop())
        places, paint = [], []
        for pair in with_paint:
            for number, plane in pair.scribbles.planes.items():
                kept = np.where(np.isfinite(pair.image.plane(number)).all(axis=0), plane, np.uint8(0))
                if kept.any():
                    places.append((pair.image, number))
                    paint.append(kept)
        ids = tuple(sorted({int(one) for plane in paint for one in np.unique(plane) if one}))
        if len(ids) < len(training.painted_ids):
            lost = training.classes.name(next(one for one in training.painted_ids if one not in ids))
            raise UserError(
                f"Every painted pixel of {lost} is NaN or infinite. Paint a little of it where the image has numbers."
            )
        missing = training.missing()
        if missing:
            raise UserError(missing)
        return cls(training.classes, ids, channels.pop(), tuple(places), tuple(paint), True)

    def planes(self) -> Iterator[tuple[NDArray[np.float32], Paint]]:
        """Yield the pixels (C, Y, X), as read, and the paint (Y, X) of each plane."""
        for (image, number), paint in zip(self.places, self.paint, strict=True):
            yield image.plane(number), paint

    def sample(self) -> list[tuple[NDArray[np.float32], Paint]]:
        """Return the pixels and the paint of a few planes, evenly spread."""
        chosen = np.unique(np.linspace(0, len(self.places) - 1, _SAMPLE_PLANES).round().astype(int))
        return [(self.places[index][0].plane(self.places[index][1]), self.paint[index]) for index in chosen]

    def strokes(self) -> Mapping[bytes, Paint]:
        """Return the paint by the plane's fingerprint; nothing if it was guessed."""
        from ._classical import plane_fingerprint

        known: dict[bytes, Paint] = {}
        if self.painted:
            for pixels, paint in self.planes():
                key = plane_fingerprint(pixels)
                known[key] = np.where(paint > 0, paint, known.get(key, paint))
        return MappingProxyType(known)

    def for_search(self) -> CandidateScorer:
        """Choose a few painted planes to try parameters on: those with most classes and paint, every class included."""
        left = sorted(range(len(self.paint)), key=lambda one: -np.count_nonzero(self.paint[one]))
        chosen: list[int] = []
        unseen = set(self.ids)
        while left and (len(chosen) < _SEARCH_PLANES or unseen):
            best = max(left, key=lambda one: (len(unseen & set(np.unique(self.paint[one]))), -left.index(one)))
            left.remove(best)
            if len(chosen) < _SEARCH_PLANES or unseen & set(np.unique(self.paint[best])):
                chosen.append(best)
                unseen -= set(np.unique(self.paint[best]))
        pixels = [self.places[index][0].plane(self.places[index][1]) for index in sorted(chosen)]
        paint = [self.paint[index] for index in sorted(chosen)]
        return CandidateScorer(self.ids, pixels, paint)


class CandidateScorer:
    """Scores candidates on paint that they have not seen.

    Parameters
    ----------
    ids : tuple of int
    pixels : sequence of ndarray of float32, shape (C, Y, X)
    paint : sequence of ndarray of uint8, shape (Y, X)
    """

    def __init__(
        self,
        ids: tuple[int, ...],
        pixels: Sequence[NDArray[np.float32]],
        paint: Sequence[Paint],
    ) -> None:
        self._ids = ids
        self._pixels = pixels
        self._prepared: dict[float, list[PreparedPlane]] = {}
        self._windows = [richest_window(plane, _SEARCH_WINDOW) for plane in paint]
        self._paint = [plane[window] for plane, window in zip(paint, self._windows, strict=True)]
        if any(not any((plane == number).any() for plane in self._paint) for number in ids):
            self._windows, self._paint = [(slice(None), slice(None))] * len(paint), list(paint)
        self._folds = parameter_search.paint_folds(self._paint)

    def score(self, method: ClassicalMethod) -> float:
        """Return the mean Dice over classes on the paint left out, all folds together.

        0 for a candidate that cannot tell so many classes apart.
        """
        try:
            method.check_ids(self._ids)
        except UserError:
            return 0.0
        background = method.background or 0
        if background not in self._prepared:
            self._prepared[background] = [
                method.prepared(pixels).crop(window)
                for pixels, window in zip(self._pixels, self._windows, strict=True)
            ]
        planes = self._prepared[background]
        survey = method.survey(planes, self._paint)
        seen = [method.describe(plane, survey) for plane in planes]
        truth, given = [], []
        for fold in self._folds or [self._paint]:
            kept = [
                np.where(out > 0, np.uint8(0), paint) if self._folds else paint
                for paint, out in zip(self._paint, fold, strict=True)
            ]
            if any(not any((plane == number).any() for plane in kept) for number in self._ids):
                continue
            learnt = _learnt(method, seen, kept, self._ids)
            for one, paint, out in zip(seen, kept, fold, strict=True):
                if out.any():
                    shown = paint if self._folds and paint.any() else None
                    decided = method.decide(one, learnt, self._ids, shown)
                    choice = decided.argmax(axis=0) if decided.ndim == 3 else decided
                    given.append(np.array(self._ids)[choice[out > 0]])
                    truth.append(out[out > 0])
        return parameter_search.mean_dice(np.concatenate(truth), np.concatenate(given)) if truth else 0.0


def _learnt(method: ClassicalMethod, seen: list[Any], paint: list[Paint], ids: tuple[int, ...]) -> Any:
    from ._classical import run_to_end

    pairs = [(one, plane) for one, plane in zip(seen, paint, strict=True) if plane.any()]
    return run_to_end(method.learn(lambda: iter(pairs), ids))


def richest_window(paint: Paint, size: int) -> tuple[slice, slice]:
    """Return the window of at most ``size`` pixels each way that holds most of every class (steps of a quarter).

    Counted is, summed over the classes, the square root of the share of its paint that lies inside, so that some of
    each class is worth more than all of one.
    """
    starts = [np.unique(np.append(np.arange(0, max(1, long - size), size // 4), max(0, long - size)))
              for long in paint.shape]
    top, left = starts[0][:, None], starts[1][None, :]
    bottom, right = np.minimum(top + size, paint.shape[0]), np.minimum(left + size, paint.shape[1])
    worth = np.zeros((len(starts[0]), len(starts[1])))
    for number in np.unique(paint[paint > 0]):
        corner = np.zeros((paint.shape[0] + 1, paint.shape[1] + 1), np.int64)
        corner[1:, 1:] = (paint == number).cumsum(axis=0).cumsum(axis=1)
        inside = corner[bottom, right] - corner[top, right] - corner[bottom, left] + corner[top, left]
        worth += np.sqrt(inside / corner[-1, -1])
    row, column = np.unravel_index(int(worth.argmax()), worth.shape)
    y, x = int(starts[0][row]), int(starts[1][column])
    return slice(y, min(y + size, paint.shape[0])), slice(x, min(x + size, paint.shape[1]))


def _guessed(training: TrainingSet, channels: int) -> TrainingSamples:
    """Divide a few planes by Otsu's threshold and keep the pixels that are clearly on one side as if painted.

    The rarer side, counted over these planes, is the second class.
    """
    classes = training.classes if len(training.classes.ids) >= 2 else training.classes.including((1, 2))
    ids = classes.ids[:2]
    everywhere = [(pair.image, number) for pair in training.pairs for number in range(pair.image.n_planes)]
    chosen = np.unique(np.linspace(0, len(everywhere) - 1, _SAMPLE_PLANES).round().astype(int))
    places, sides, bright, total = [], [], 0, 0
    for index in chosen:
        image, number = everywhere[index]
        plane = prepare_plane(image.plane(number), 0)
        if not plane.valid.any():
            continue
        grey = plane.pixels.mean(axis=0)
        values = grey[plane.valid]
        cut = float(otsu_thresholds(values, 2)[0])
        upper = (grey >= cut) & plane.valid
        lower = ~upper & plane.valid
        bright, total = bright + int(upper.sum()), total + int(plane.valid.sum())
        surely = np.zeros(grey.shape, np.int8)
        if upper.any() and lower.any():
            surely[lower & (grey <= np.median(grey[lower]))] = -1
            surely[upper & (grey >= np.median(grey[upper]))] = 1
        else:
            surely[plane.valid] = -1
        places.append((image, number))
        sides.append(surely)
    if not places:
        raise UserError(f"{everywhere[0][0].name!r} holds no numbers in the planes looked at. Choose another image.")
    second = 1 if 2 * bright <= total else -1
    paint = tuple(
        np.where(side == 0, 0, np.where(side == second, ids[1], ids[0])).astype(np.uint8) for side in sides
    )
    if not any((plane == ids[1]).any() for plane in paint):
        ids, paint = ids[:1], tuple(np.where(side == 0, 0, ids[0]).astype(np.uint8) for side in sides)
        remark = f"No strokes and one grey value only: everything is {classes.name(ids[0])}."
    else:
        remark = (
            f"No strokes: two classes divided by Otsu's threshold of the grey value; {classes.name(ids[1])} "
            f"(id {ids[1]}) is the {'brighter' if second > 0 else 'darker'} part because it is the smaller one."
        )
    return TrainingSamples(classes, ids, channels, tuple(places), paint, False, remark)

"""Choose what a classical method learns from: what is painted, or, without paint, what a threshold tells apart."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from napari_unet.classical.background import prepare_plane
from napari_unet.classical.histogram_thresholds import otsu_thresholds
from napari_unet.core.equal_channels import common_channels
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, TrainingSet

from ._steps import Paint
from ._training_samples import SAMPLE_PLANES, TrainingSamples


def collect_samples(training: TrainingSet) -> TrainingSamples:
    """Collect the planes to learn from.

    Raises
    ------
    UserError
        If there is no image, just one class is painted, no painted pixel of a class is a number, or images have
        different numbers of channels.
    """
    if not training.pairs:
        raise UserError("There is no image to learn from. Choose at least one image.")
    pairs = [pair for pair in training.pairs if pair.scribbles.planes] or list(training.pairs)
    channels = common_channels(pair.image for pair in pairs)
    return _painted_samples(training, pairs, channels) if training.painted_ids else _guessed_samples(training, channels)


def _painted_samples(training: TrainingSet, pairs: list[Pair], channels: int) -> TrainingSamples:
    """Take the painted planes; paint on pixels that are not numbers is left out."""
    places, paint = [], []
    for pair in pairs:
        for number, plane in pair.scribbles.planes.items():
            values = pair.image.plane(number)
            pair.image.note_flat(values)
            finite = np.where(np.isfinite(values).all(axis=0), plane, np.uint8(0))
            if finite.any():
                places.append((pair.image, number))
                paint.append(finite)
    ids = tuple(sorted({int(one) for plane in paint for one in np.unique(plane) if one}))
    lost = [number for number in training.painted_ids if number not in ids]
    if lost:
        raise UserError(f"Every painted pixel of {training.classes.name(lost[0])} is NaN or infinite. "
                        "Paint a little of it where the image has numbers.")
    missing = training.missing()
    if missing:
        raise UserError(missing)
    return TrainingSamples(training.classes, ids, channels, tuple(places), tuple(paint), True)


@dataclasses.dataclass(frozen=True, eq=False)
class _DividedPlane:
    """A plane divided by Otsu's threshold of its mean over channels.

    Parameters
    ----------
    place : (Image, int)
        Image and number of the plane.
    side : ndarray of int8, shape (Y, X)
        1 where surely bright, -1 where surely dark, 0 where it is not clear.
    bright, valid : int
        Number of pixels above the threshold, and of all that are numbers.
    """

    place: tuple[Image, int]
    side: NDArray[np.int8]
    bright: int
    valid: int

    @classmethod
    def of(cls, image: Image, number: int) -> _DividedPlane | None:
        """Divide a plane; None if it holds no numbers."""
        plane = prepare_plane(image.plane(number), 0)
        if not plane.valid.any():
            return None
        grey = plane.pixels.mean(axis=0)
        upper = (grey >= float(otsu_thresholds(grey[plane.valid], 2)[0])) & plane.valid
        lower = ~upper & plane.valid
        side = np.zeros(grey.shape, np.int8)
        if upper.any() and lower.any():  # the clearer half of either
            side[lower & (grey <= np.median(grey[lower]))] = -1
            side[upper & (grey >= np.median(grey[upper]))] = 1
        else:
            side[plane.valid] = -1
        return cls((image, number), side, int(upper.sum()), int(plane.valid.sum()))

    def paint(self, second: int, ids: tuple[int, ...]) -> Paint:
        """Return the sure pixels as paint: ``ids[-1]`` on the side ``second``, ``ids[0]`` on the other."""
        return np.where(self.side == 0, 0, np.where(self.side == second, ids[-1], ids[0])).astype(np.uint8)


def _guessed_samples(training: TrainingSet, channels: int) -> TrainingSamples:
    """Divide a few planes by Otsu's threshold and take the pixels that are clearly on one side as if painted.

    The rarer side, counted over these planes, is the second class.
    """
    classes = training.classes if len(training.classes.ids) >= 2 else training.classes.including((1, 2))
    ids = classes.ids[:2]
    everywhere = [(pair.image, number) for pair in training.pairs for number in range(pair.image.n_planes)]
    chosen = np.unique(np.linspace(0, len(everywhere) - 1, SAMPLE_PLANES).round().astype(int))
    planes = [plane for index in chosen if (plane := _DividedPlane.of(*everywhere[index])) is not None]
    if not planes:
        raise UserError(f"{everywhere[0][0].name!r} holds no numbers in the planes looked at. Choose another image.")
    second = 1 if 2 * sum(plane.bright for plane in planes) <= sum(plane.valid for plane in planes) else -1
    remark = (
        f"No strokes: two classes divided by Otsu's threshold of the grey value; {classes.name(ids[1])} "
        f"(id {ids[1]}) is the {'brighter' if second > 0 else 'darker'} part because it is the smaller one."
    )
    if not any((plane.side == second).any() for plane in planes):
        ids = ids[:1]
        remark = f"No strokes and one grey value only: everything is {classes.name(ids[0])}."
    return TrainingSamples(classes, ids, channels, tuple(plane.place for plane in planes),
                           tuple(plane.paint(second, ids) for plane in planes), False, remark)

"""Score a prediction against a reference, one row per plane, class and metric. Reads no files, registers no metric."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import MAX_CLASS_ID, ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.rows import Row
from napari_unet.core.scribbles import checked_ids

from . import LENGTH, REGISTRY, About, ClassComparison, NoValue, Options, about, chosen_metrics
from ._class_comparison import PIXELS

BACKGROUND = 1
NEEDS_DENSE = "needs a fully labelled reference"
NO_STROKE = "no held-out stroke of this class here"


def score_pair(
    prediction: Any,
    reference: Any,
    classes: ClassTable,
    *,
    method: str,
    image_name: str,
    planes: Sequence[int] | None = None,
    pixel_only: bool = False,
    volume: bool = False,
    metrics: Sequence[str] | None = None,
    scale: Sequence[float] = (),
    unit: str = "pixel",
    options: Options | None = None,
) -> Iterator[Row]:
    """Score a prediction plane by plane.

    Every class of the table, the prediction or the reference has its rows on every plane, except the background.

    Parameters
    ----------
    prediction : array-like of int, shape (..., Y, X)
        Painted ids (1 = background); 0 counts as background.
    reference : array-like of int, same shape
        Painted ids; 0 = unknown, ignored.
    classes : ClassTable
        Names of the classes.
    method, image_name : str
        Go into the rows.
    planes : sequence of int, optional
        Plane numbers (leading axes flattened) to score; the rows carry these numbers. Default: every plane on which
        anything of the reference is known.
    pixel_only : bool
        The reference is strokes, not whole objects: metrics that need a dense reference get no value, and neither do
        classes without a stroke on a plane.
    volume : bool
        Add the rows of :func:`score_volume`.
    metrics : sequence of str, optional
        What to measure, see :func:`napari_unet.metrics.chosen_metrics`. Default: a short set of overlap and topology.
    scale : sequence of float, optional
        Size of a step along the axes, at least the last ones; default 1.
    unit : str
        Unit of the scale; distances are in it.
    options : Options, optional
        What has been set about how to measure.

    Yields
    ------
    Row

    Raises
    ------
    UserError
        If the shapes differ, there is no such plane, or nothing of the reference is known.
    """
    _check_shapes(prediction, reference)
    names = chosen_metrics(metrics)
    scorer = _PlaneScorer(method, image_name, classes, names, metrics is None, pixel_only, tuple(scale), unit,
                          options or Options())
    count = int(np.prod(reference.shape[:-2]))
    numbers = _checked_planes(planes, count) if planes is not None else _known_planes(reference, count)
    ids = _foreground(prediction, reference, numbers, classes)
    for number in numbers:
        predicted, true = _plane(prediction, number, "the prediction"), _plane(reference, number, "the reference")
        for class_id in ids:
            note = NO_STROKE if pixel_only and not (true == class_id).any() else ""
            yield from scorer.rows(predicted, true, class_id, number, note)
    if volume:
        yield from score_volume(prediction, reference, classes, method=method, image_name=image_name, planes=planes,
                                pixel_only=pixel_only, metrics=metrics, scale=scale, unit=unit, options=options)


def score_volume(
    prediction: Any,
    reference: Any,
    classes: ClassTable,
    *,
    method: str,
    image_name: str,
    planes: Sequence[int] | None = None,
    pixel_only: bool = False,
    metrics: Sequence[str] | None = None,
    scale: Sequence[float] = (),
    unit: str = "pixel",
    options: Options | None = None,
) -> Iterator[Row]:
    """Score a whole volume, one row per class and metric: unless others are asked for, components, tunnels, cavities.

    Parameters
    ----------
    prediction, reference : array-like of int, shape (Z, Y, X)
    classes, method, image_name, pixel_only, metrics, scale, unit, options
        As for :func:`score_pair`. Without ``metrics``, only what planes cannot tell.
    planes : sequence of int, optional
        Planes that make up the volume, one after the other; default all.

    Yields
    ------
    Row
        With plane None.

    Raises
    ------
    UserError
        If the shapes differ, they are not volumes, or the planes do not follow each other.
    """
    _check_shapes(prediction, reference)
    if len(reference.shape) != 3:
        raise UserError(
            f"A volume needs three axes (Z, Y, X), not an array of shape {tuple(reference.shape)}. "
            "Give one volume at a time."
        )
    numbers = _checked_planes(planes, reference.shape[0])
    if list(numbers) != list(range(numbers[0], numbers[0] + len(numbers))):
        raise UserError(
            f"Planes {', '.join(map(str, numbers))} do not follow each other, so they are no volume. "
            "Choose a range without gaps, e.g. 10:20."
        )
    box = slice(numbers[0], numbers[-1] + 1)
    predicted, true = checked_ids(prediction[box], "the prediction"), checked_ids(reference[box], "the reference")
    names = chosen_metrics(metrics)
    scorer = _PlaneScorer(method, image_name, classes, names, metrics is None, pixel_only, tuple(scale), unit,
                          options or Options())
    for class_id in _foreground(prediction, reference, numbers, classes):
        yield from scorer.rows(predicted, true, class_id, None, "")


@dataclasses.dataclass(frozen=True)
class _PlaneScorer:
    """Scores one class of one plane or volume at a time, with every metric that was chosen and suits it."""

    method: str
    image_name: str
    classes: ClassTable
    metrics: tuple[str, ...]
    by_default: bool
    pixel_only: bool
    scale: tuple[float, ...]
    unit: str
    options: Options

    def rows(
        self, predicted: NDArray[np.uint8], true: NDArray[np.uint8], class_id: int, plane: int | None, note: str
    ) -> Iterator[Row]:
        """Score a class; ``note`` says why there is no value, plane None is for a volume."""
        unit = PIXELS if self.unit in ("", "pixel") else self.unit
        compared = ClassComparison(predicted == class_id, true == class_id, true > 0, self.scale[-predicted.ndim:],
                                   unit, self.options)
        for name in self.metrics:
            what = about(name)
            if not self._suits(what, plane, predicted.ndim):
                continue
            why = NEEDS_DENSE if self.pixel_only and what.dense else note
            result = NoValue(why) if why else REGISTRY[name](compared)
            value, why = (None, result.why) if isinstance(result, NoValue) else (float(result), "")
            yield Row(self.method, self.image_name, plane, class_id, self.classes.name(class_id), name, value,
                      unit if what.unit == LENGTH else what.unit, why)

    def _suits(self, what: About, plane: int | None, ndim: int) -> bool:
        """Planes get all their metrics; a volume, if nobody chose, only what its planes cannot tell."""
        return ndim in what.dimensions and (plane is not None or not self.by_default or what.family == "topology")


def _check_shapes(prediction: Any, reference: Any) -> None:
    if tuple(prediction.shape) != tuple(reference.shape) or len(reference.shape) < 2:
        raise UserError(
            f"The prediction has shape {tuple(prediction.shape)}, the reference {tuple(reference.shape)}. They must be "
            "the same, rows and columns last. Choose the reference that belongs to this image."
        )


def _checked_planes(planes: Sequence[int] | None, count: int) -> tuple[int, ...]:
    numbers = tuple(range(count)) if planes is None else tuple(int(number) for number in planes)
    wrong = [number for number in numbers if not 0 <= number < count]
    if wrong or not numbers:
        what = f"there is no plane {wrong[0]}" if wrong else "but none was chosen"
        raise UserError(f"The reference has planes 0 to {count - 1}, {what}.")
    return numbers


def _known_planes(reference: Any, count: int) -> tuple[int, ...]:
    known = tuple(number for number in range(count) if _plane(reference, number, "the reference").any())
    if not known:
        raise UserError(
            "Nothing of the reference is known: every pixel is 0. Paint or choose a reference; if its background is 0, "
            "say that it is a mask."
        )
    return known


def _plane(labels: Any, number: int, name: str) -> NDArray[np.uint8]:
    index = tuple(map(int, np.unravel_index(number, labels.shape[:-2]))) if len(labels.shape) > 2 else ()
    plane = np.asarray(labels[index])
    return plane if plane.dtype == np.uint8 else checked_ids(plane, name)


def _foreground(prediction: Any, reference: Any, numbers: Sequence[int], classes: ClassTable) -> tuple[int, ...]:
    """Ids of the table and of the planes to score, without unknown and background."""
    seen = np.zeros(MAX_CLASS_ID + 1, bool)
    seen[list(classes.ids)] = True
    for number in numbers:
        for labels, name in ((prediction, "the prediction"), (reference, "the reference")):
            seen |= np.bincount(_plane(labels, number, name).ravel(), minlength=MAX_CLASS_ID + 1) > 0
    return tuple(int(number) for number in np.flatnonzero(seen) if number > BACKGROUND)

"""Which planes of a comparison a figure shows, and which part of them. Draws nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_unet.comparison.outcome import Comparison
from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.rows import Row
from napari_unet.core.scribbles import TrainingSet

Labels = NDArray[np.uint8]
LARGEST, DETAIL = 1100, 700
"""Planes of more pixels across than the first are shown as a detail of the second, so that objects stay visible."""


class ComparisonLike(Protocol):
    """What a figure needs of a comparison: read-only attributes."""

    @property
    def training(self) -> TrainingSet:
        """Images and the strokes that the methods have seen."""

    @property
    def references(self) -> Sequence[Labels | None]:
        """By image: painted ids (0 = unknown), or None."""

    @property
    def held_out(self) -> bool:
        """Whether the references are held-out strokes."""

    @property
    def masks(self) -> Mapping[str, Sequence[Labels]]:
        """By method, one array of painted ids per image; 0 where nothing was segmented."""

    @property
    def rows(self) -> Sequence[Row]:
        """All numbers."""


@dataclasses.dataclass(frozen=True, eq=False)
class ShownPlane:
    """One plane to draw.

    Parameters
    ----------
    number, plane : int
        Number of the image and of its plane.
    image : Image
    strokes_plane : int
        The plane whose strokes are shown: this one or, if it has none, another painted one; -1 without any.
    reference : ndarray, optional
        Painted ids (Y, X) of this plane.
    masks : dict of str to ndarray
        By method, painted ids (Y, X) of this plane.
    box, strokes_box : tuple of slice
        Rows and columns to draw, of this plane and of that of the strokes.
    """

    number: int
    plane: int
    image: Image
    strokes_plane: int
    reference: Labels | None
    masks: dict[str, Labels]
    box: tuple[slice, slice]
    strokes_box: tuple[slice, slice]


def planes_to_show(comparison: ComparisonLike, wanted: Sequence[tuple[int, int]] | None = None,
                   most: int = 2) -> list[ShownPlane]:
    """Choose planes, or take those ``wanted`` (numbers of image and plane).

    The best plane to look at is segmented and has a reference, paint, and a good share of every class; further ones
    are taken far from it.
    """
    if wanted is None:
        wanted = _choose(comparison, most)
    lent: dict[int, int] = {}  # by image: how many other planes have lent their strokes
    shown = []
    for number, plane in wanted:
        pair = comparison.training.pairs[number]
        painted = pair.scribbles.planes
        strokes_plane = plane if plane in painted else -1
        if painted and strokes_plane < 0:
            strokes_plane = tuple(painted)[lent.get(number, 0) % len(painted)]
            lent[number] = lent.get(number, 0) + 1
        reference = comparison.references[number]
        truth = None if reference is None else _plane(reference, plane)
        masks = {method: _plane(labels[number], plane) for method, labels in comparison.masks.items()}
        guides = [*([] if truth is None else [truth]), *masks.values(), *([painted[plane]] if plane in painted else [])]
        box = _detail(pair.image.plane_shape, next((guide for guide in guides if guide.any()), None))
        strokes_box = box
        if strokes_plane not in (plane, -1):
            strokes_box = _detail(pair.image.plane_shape, painted[strokes_plane])
        shown.append(ShownPlane(number, plane, pair.image, strokes_plane, truth, masks, box, strokes_box))
    return shown


def _plane(labels: Labels, plane: int) -> Labels:
    return labels.reshape(-1, *labels.shape[-2:])[plane]


def _choose(comparison: ComparisonLike, most: int) -> list[tuple[int, int]]:
    worth: dict[tuple[int, int], float] = {}
    classes = comparison.training.classes
    for number, pair in enumerate(comparison.training.pairs):
        for plane in range(pair.image.n_planes):
            worth[number, plane] = _worth(comparison, classes, number, plane)
    best = sorted(worth, key=lambda one: (-worth[one], one))
    chosen = best[:1]
    # more than painted and scored (6 of 10): a plane that no method segmented would be a row of dark panels
    good = [one for one in best if worth[one] >= 0.7 * worth[chosen[0]]]
    while len(chosen) < min(most, len(good)):
        rest = [one for one in good if one not in chosen]
        chosen.append(max(rest, key=lambda one: (min(_distance(one, other) for other in chosen), worth[one])))
    return sorted(chosen)


def _distance(one: tuple[int, int], other: tuple[int, int]) -> tuple[bool, int]:
    return one[0] != other[0], abs(one[1] - other[1])


def _worth(comparison: ComparisonLike, classes: ClassTable, number: int, plane: int) -> float:
    """How much there is to see: segmented, scored, painted, and how much of the rarest class."""
    pair, reference = comparison.training.pairs[number], comparison.references[number]
    # one that was late has fewer planes than the others: better one that all have
    each = [bool(_plane(masks[number], plane).any()) for masks in comparison.masks.values()]
    segmented = sum(each) / max(len(each), 1)
    truth = None if reference is None else _plane(reference, plane)
    scored = truth is not None and bool(truth.any())
    painted = plane in pair.scribbles.planes
    guide = truth if truth is not None and scored else pair.scribbles.planes.get(plane)
    seen = 0.0
    if guide is not None:
        shares = [float((guide == class_id).mean()) for class_id in classes.ids if class_id > 1]
        seen = sum(min(share, 0.2) for share in shares) / (0.2 * max(len(shares), 1))
    return 4.0 * segmented + 4.0 * scored + 1.0 * painted + seen


def _detail(shape: tuple[int, int], guide: Labels | None) -> tuple[slice, slice]:
    """Return the whole plane or, of a large one, the part with most borders between classes (else the middle)."""
    if max(shape) <= LARGEST:
        return slice(0, shape[0]), slice(0, shape[1])
    borders = np.zeros(shape, bool)
    if guide is not None:
        borders[1:] |= guide[1:] != guide[:-1]
        borders[:, 1:] |= guide[:, 1:] != guide[:, :-1]
    height, width = min(DETAIL, shape[0]), min(DETAIL, shape[1])
    sums = np.pad(borders.cumsum(0, dtype=np.int64).cumsum(1), ((1, 0), (1, 0)))

    def worth(corner: tuple[int, int]) -> tuple[int, int]:
        y, x = corner
        count = sums[y + height, x + width] - sums[y, x + width] - sums[y + height, x] + sums[y, x]
        return int(count), -abs(2 * y + height - shape[0]) - abs(2 * x + width - shape[1])

    tops = np.linspace(0, shape[0] - height, 9).astype(int)
    lefts = np.linspace(0, shape[1] - width, 9).astype(int)
    top, left = max(((int(y), int(x)) for y in tops for x in lefts), key=worth)
    return slice(top, top + height), slice(left, left + width)


def shown_objects(comparison: Comparison, one: ShownPlane, method: str) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Return the objects of a method's result on a plane and the true ones, in the part shown; None if not judged."""
    if comparison.objects is None or one.reference is None:
        return None
    both = comparison.objects.plane_objects(
        one.number, one.image, one.reference, one.plane, comparison.found.get(method, {}))
    if both is None:  # the way cannot do it: the rows say why
        return None
    found, true = both
    return found[one.box], true[one.box]

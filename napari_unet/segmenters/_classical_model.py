"""A fitted classical method: segments plane by plane, or volume by volume, what is in view first. Learns nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.classical.background import PreparedPlane
from napari_unet.classical.parameter_search import TriedSettings
from napari_unet.core.classes import ClassTable
from napari_unet.core.depth import elongation, stack_planes
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image, say_some_not_finite, warn_not_finite
from napari_unet.core.latest import Latest
from napari_unet.core.leaving import look_up
from napari_unet.core.method import Patch, View, check_channels, checked_planes
from napari_unet.core.normalisation import Normalisation
from napari_unet.core.provenance import Provenance
from napari_unet.core.sight import Seen
from napari_unet.core.volume_pixels import read_volume
from napari_unet.predicting.tiling import Box

from ._steps import ClassicalSteps, Paint
from ._training_samples import plane_fingerprint
from ._volumes import looks_deep

BOX = 512
"""Rows and columns of a box of a large plane."""


@dataclasses.dataclass(frozen=True, eq=False)
class _AnsweredVolume:
    """A volume that is answered: its image and the numbers of its planes, labels and what is valid (Z, Y, X)."""

    image: Image
    stack: tuple[int, ...]
    labels: Paint
    valid: NDArray[np.bool_]


_AnsweredPlane = tuple[int, Paint, NDArray[np.float32] | None, int]
"""Number of a plane, its labels and (if asked for) memberships, and how many of its pixels are no numbers."""


@dataclasses.dataclass(frozen=True, eq=False)
class ClassicalModel:
    """A fitted classical method.

    Parameters
    ----------
    method : ClassicalSteps
        With every parameter chosen.
    classes : ClassTable
        Those of the training set; only ``ids`` are ever predicted (and the first class where pixels are no numbers).
    note : str
    ids : tuple of int
        Painted ids.
    channels : int or None
        Number of channels learnt from, None if it does not matter.
    survey, learnt : object
        What the method found out.
    strokes : mapping of bytes to ndarray
        Painted planes by :func:`plane_fingerprint`.
    tried : tuple of TriedSettings
        All settings that were tried, with their scores.
    provenance : Provenance, optional
        Where it comes from.
    """

    method: ClassicalSteps
    classes: ClassTable
    note: str
    ids: tuple[int, ...]
    channels: int | None
    survey: Any
    learnt: Any
    strokes: Mapping[bytes, Paint] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    tried: tuple[TriedSettings, ...] = ()
    provenance: Provenance | None = None
    # the volume that was answered last, as planes of one are often asked for one by one
    _answered: Latest[_AnsweredVolume | None] = dataclasses.field(
        default_factory=lambda: Latest(None), init=False, repr=False)

    def seen(self, image: Image) -> Seen:
        """Return whether an image is looked at plane by plane or as volumes."""
        return "volumes" if looks_deep(self.method, image) else "planes"

    def segment(
        self,
        image: Image,
        planes: Sequence[int] | None = None,
        *,
        probabilities: bool = False,
        view: Latest[View | None] | None = None,
    ) -> Iterator[Patch]:
        """Segment plane by plane; see :class:`napari_unet.core.method.Model`.

        Raises
        ------
        UserError
            If the image has another number of channels, there is no such plane, or probabilities are asked for and
            the method has none.
        """
        numbers = list(checked_planes(image, planes))
        if self.channels is not None:
            check_channels(image.n_channels, self.channels, repr(image.name))
        if probabilities and not self.method.soft:
            raise UserError(
                f"{type(self.method).__name__} gives classes without probabilities. Leave the probabilities out, or "
                "choose a method that has them (SLIC, mean shift, region growing or a network)."
            )
        return self._patches(image, numbers, probabilities, view)

    def tile_side(self) -> int | None:
        """Return how many rows and columns are answered at a time; None where a pixel depends on the whole plane."""
        return None if self.method.deep or getattr(self.method, "reach", None) is None else BOX

    def segment_box(self, image: Image, plane: int, box: Box, probabilities: bool = False) -> Iterator[Patch]:
        """Segment a box of a plane, from it and what lies around it: the labels of :meth:`segment`."""
        near = box.grown(getattr(self.method, "reach", 0), image.plane_shape)
        stored = image.window(plane, *near.slices)
        if getattr(self.method, "value", None) is None:
            values, valid = Normalisation().window(image, plane, stored)
        else:  # a threshold in the numbers of the file
            values = Normalisation().facts(image, plane).as_float32(stored)
            valid = np.asarray(np.isfinite(values).all(axis=0))
        values[:, ~valid] = 0
        if not valid.all():
            say_some_not_finite(image)
        prepared = PreparedPlane(values, valid)
        labels, decided = self._labels(prepared, None)
        inner = slice(box.y0 - near.y0, box.y1 - near.y0), slice(box.x0 - near.x0, box.x1 - near.x0)
        maps = self._shares(prepared, decided)[(slice(None), *inner)] if probabilities else None
        yield Patch(image.where(plane, *box.slices), labels[inner], maps)

    def _patches(
        self, image: Image, numbers: list[int], probabilities: bool, view: Latest[View | None] | None
    ) -> Iterator[Patch]:
        missing, total = 0, len(numbers)
        work = self._by_volume if looks_deep(self.method, image) else self._by_plane
        for done, (number, labels, shares, lost) in enumerate(work(image, numbers, probabilities, view), 1):
            missing += lost
            if done == total:
                warn_not_finite(image, missing)
            yield Patch(image.where(number), labels, shares, done, total)

    def _by_plane(
        self, image: Image, numbers: list[int], probabilities: bool, view: Latest[View | None] | None
    ) -> Iterator[_AnsweredPlane]:
        while numbers:
            number = numbers.pop(place_in_view(image, numbers, view))
            yield number, *self._plane(image.plane(number), probabilities)

    def _by_volume(
        self, image: Image, numbers: list[int], probabilities: bool, view: Latest[View | None] | None
    ) -> Iterator[_AnsweredPlane]:
        """Answer volume after volume, and of each the planes asked for."""
        while numbers:
            stack = stack_planes(image, numbers[place_in_view(image, numbers, view)])
            mine = [number for number in numbers if number in stack]
            numbers = [number for number in numbers if number not in stack]
            known, soft = self._answered.get(), None
            if known is None or known.image is not image or known.stack != stack or probabilities:
                known, soft = self._volume(image, stack, probabilities)
                self._answered.put(known)
            while mine:
                number = mine.pop(place_in_view(image, mine, view))
                place = stack.index(number)
                shares = None if soft is None else soft[:, place].copy()
                yield number, known.labels[place].copy(), shares, int(np.count_nonzero(~known.valid[place]))

    def _plane(
        self, pixels: NDArray[np.float32], probabilities: bool
    ) -> tuple[Paint, NDArray[np.float32] | None, int]:
        plane = self.method.prepared(pixels)
        labels, decided = self._labels(plane, self.strokes.get(plane_fingerprint(pixels)) if self.strokes else None)
        shares = self._shares(plane, decided) if probabilities else None
        return labels, shares, int(np.count_nonzero(~plane.valid))

    def _volume(
        self, image: Image, stack: tuple[int, ...], probabilities: bool
    ) -> tuple[_AnsweredVolume, NDArray[np.float32] | None]:
        """Answer a volume, and return memberships (C, Z, Y, X) if they are asked for."""
        look_up()  # each step takes its time, here and below
        volume = self.method.prepared(read_volume(image, stack), elongation(image))
        painted = {place: self.strokes[key] for place, number in enumerate(stack)
                   if (key := plane_fingerprint(image.plane(number))) in self.strokes} if self.strokes else {}
        paint = np.zeros(volume.valid.shape, np.uint8) if painted else None
        for place, plane in painted.items():
            paint[place] = plane  # type: ignore[index]  # there is some
        labels, decided = self._labels(volume, paint)
        return (_AnsweredVolume(image, stack, labels, volume.valid),
                self._shares(volume, decided) if probabilities else None)

    def _shares(self, plane: PreparedPlane, decided: NDArray[Any]) -> NDArray[np.float32]:
        """Return the memberships of every class, in the order of its ids."""
        shares = np.zeros((len(self.classes.ids), *plane.valid.shape), np.float32)
        for share, number in zip(decided, self.ids, strict=True):
            shares[self.classes.ids.index(number)] = np.where(plane.valid, share, 0)
        shares[0, ~plane.valid] = 1
        return shares

    def _labels(self, plane: PreparedPlane, paint: Paint | None) -> tuple[Paint, NDArray[Any]]:
        """Return the labels of a plane, and what the method decided: choices (Y, X) or shares (K, Y, X).

        Of a volume, (Z, Y, X) and (K, Z, Y, X).
        """
        look_up()
        seen = self.method.describe(plane, self.survey)
        look_up()
        decided = self.method.decide(seen, self.learnt, self.ids, paint)
        choice = decided.argmax(axis=0) if decided.ndim > plane.valid.ndim else decided
        labels = np.array(self.ids, np.uint8)[choice]
        labels[~plane.valid] = self.classes.ids[0]
        return labels, decided


def place_in_view(image: Image, numbers: list[int], view: Latest[View | None] | None) -> int:
    """Return the place in ``numbers`` of the plane that is looked at, or 0."""
    looked = view.get() if view is not None else None
    if looked is None or len(looked.where) != len(image.shape):
        return 0
    number = image.plane_of(looked.where)
    return numbers.index(number) if number in numbers else 0

"""The prediction of an image with all that a person has shown of its objects: finds them as the window does."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Scribbles
from napari_unet.objects.hints import Line
from napari_unet.session.object_notes import ObjectNotes, Place
from napari_unet.session.object_search import FoundObjects, ObjectQuestion, ObjectWay

from .predictions import open_result
from .project_folder import ProjectFolder
from .records import ImageRecord
from .sources import read_source

Where = tuple[int | slice, ...]
"""An index into the labels of an image."""


@dataclasses.dataclass(frozen=True, eq=False)
class PlaceLesson:
    """What the lines on a plane or volume say.

    Parameters
    ----------
    place : Place
    lines : tuple of Line
    said : tuple of tuple of float
        Of each line, of necks; empty if the way did not ask them.
    borders : mapping of int to ndarray, optional
        Border strokes by plane, where something was cut.
    """

    place: Place
    lines: tuple[Line, ...]
    said: tuple[tuple[float, ...], ...]
    borders: Mapping[int, NDArray[np.uint8]] | None


@dataclasses.dataclass(frozen=True, eq=False)
class NotedImage:
    """The prediction of an image, and all that a person has shown of its objects.

    Parameters
    ----------
    image : Image
    labels : array-like
        Painted ids, read at planes and volumes.
    way : ObjectWay
    notes : ObjectNotes
    strokes : Scribbles, optional
    """

    image: Image
    labels: Any
    way: ObjectWay
    notes: ObjectNotes
    strokes: Scribbles | None

    @classmethod
    def of(
        cls, folder: ProjectFolder, record: ImageRecord, mask: Path | None, moved: Mapping[str, str] | None
    ) -> NotedImage:
        """Open it.

        Raises
        ------
        UserError
            If it has no prediction, the image cannot be read, or the two do not fit.
        """
        if mask is None:
            raise UserError(f"{record.name} has no prediction yet. Predict it first.")
        image = read_source(record, folder.path, moved or {})
        labels = open_result(mask, image.label_axes, image.shape)
        if labels is None:
            raise UserError(
                f"The prediction of {record.name} is of another shape than the image is now. Predict it again.")
        noted = folder.read_objects(record.id)
        notes = noted if noted is not None and noted.shape == image.shape else ObjectNotes(image.shape)
        way = ObjectWay.of_settings(folder.state.settings)
        return cls(image, labels, way, notes, folder.read_strokes(record.id))

    def found(
        self, place: Place, where: Where, elsewhere: tuple[float, ...] = (),
        names: Mapping[int, str] | None = None, border: NDArray[np.float32] | None = None,
    ) -> FoundObjects:
        """Find the objects as the window does, but for what it knows of probabilities: they are not kept."""
        painted = np.asarray(self.labels[where])
        paint = None if self.strokes is None or place.volume else self.strokes.planes.get(place.plane)
        return ObjectQuestion(
            painted, np.zeros(painted.shape, np.uint32), np.zeros(1, np.uint8), self.way, self.notes.at(place),
            paint if paint is not None and paint.shape == painted.shape else None,
            spacing=spot_at(self.image.geometry, where).scale, elsewhere=elsewhere, names=names or {},
            border=border).answer()

    def lessons(self) -> Iterator[PlaceLesson]:
        """Find the objects wherever there are lines, and yield what these say."""
        for place, where in self.places():
            if lines := self.notes.at(place).lines:
                found = self.found(place, where)
                borders = None if found.borders is None else self._by_plane(place, where, found.borders)
                yield PlaceLesson(place, lines, found.said, borders)

    def places(self) -> Iterator[tuple[Place, Where]]:
        """Go through the planes of the image, or through a volume where something is noted of it."""
        image, volumes = self.image, {place.plane for place in self.notes.places if place.volume}
        covered: set[int] = set()
        for number in range(image.n_planes):
            where = tuple(image.where(number))
            if number in volumes and "Z" in image.label_axes:
                axis = image.label_axes.index("Z")
                whole = (*where[:axis], slice(None), *where[axis + 1 :])
                yield Place(number, True), whole
                covered |= set(self._numbers[whole[:-2]].ravel().tolist())
            elif number not in covered:
                yield Place(number), where

    @property
    def _numbers(self) -> NDArray[np.int64]:
        return np.arange(self.image.n_planes).reshape(self.image.shape[:-2])

    def _by_plane(self, place: Place, where: Where, borders: NDArray[np.uint8]) -> dict[int, NDArray[np.uint8]]:
        """Return border strokes of a plane or volume by plane."""
        numbers = self._numbers[where[:-2]].ravel().tolist() if place.volume else [place.plane]
        return dict(zip(numbers, borders.reshape(-1, *borders.shape[-2:]), strict=True))


def spot_at(geometry: Geometry, where: Where) -> Geometry:
    """Return where a plane or volume lies."""
    gone = "".join(letter for letter, at in zip(geometry.axes, where, strict=True) if isinstance(at, int))
    return geometry.dropping(gone)

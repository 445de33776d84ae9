"""What cuts and joins say on planes that nobody has looked at since a project was opened. Changes no session.

Their objects are found in the prediction that the project has; where it has none, a model segments these planes.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.method import Model
from napari_unet.core.scribbles import Scribbles
from napari_unet.session.annotation_session import Session
from napari_unet.session.object_notes import ObjectNotes, Place
from napari_unet.session.object_search import ObjectWay

from .noted_image import NotedImage, PlaceLesson, Where
from .predictions import open_result
from .project_folder import ProjectFolder
from .records import ImageRecord
from .sources import read_source


@dataclasses.dataclass(frozen=True, eq=False)
class UnseenImage:
    """An image with lines.

    Parameters
    ----------
    record : ImageRecord
    notes : ObjectNotes
        Only those places whose lines are to be asked.
    image : Image or None
        None: it is read from its file.
    strokes : Scribbles or None
    way : ObjectWay
    """

    record: ImageRecord
    notes: ObjectNotes
    image: Image | None
    strokes: Scribbles | None
    way: ObjectWay

    def without(self, asked: set[Place]) -> UnseenImage:
        """Return the same but for places that were asked."""
        left = {place: kept for place, kept in self.notes.places.items() if place not in asked}
        return dataclasses.replace(self, notes=dataclasses.replace(self.notes, places=left))


@dataclasses.dataclass(frozen=True, eq=False)
class UnseenLesson:
    """What the lines of one place say, and of which image."""

    record: ImageRecord
    lesson: PlaceLesson


def unseen_images(folder: ProjectFolder, session: Session) -> list[UnseenImage]:
    """Return the images of a project with lines, as the session has them; of large ones, no objects are found."""
    found = []
    for record in folder.state.images:
        notes = session.noted_images.get(record.id)
        lined = {} if notes is None else {place: kept for place, kept in notes.places.items() if kept.lines}
        if notes is not None and lined and session.lens(record.pair_key) is None:
            pair = session.pair(record.pair_key) if record.pair_key in session.keys else None
            found.append(UnseenImage(
                record, ObjectNotes(notes.shape, lined), None if pair is None else pair.image,
                None if pair is None else pair.scribbles, ObjectWay.of_settings(session.settings)))
    return found


def unseen_lessons(folder: ProjectFolder, images: list[UnseenImage], model: Model | None) -> Iterator[UnseenLesson]:
    """Yield what lines say, place by place; may run in a thread of its own.

    An image that cannot be read, or has no prediction where there is no model, says nothing: that is told where it is
    looked at.

    Parameters
    ----------
    folder : ProjectFolder
    images : list of UnseenImage
    model : Model, optional
        Segments the planes of images without a prediction.
    """
    for one in images:
        with contextlib.suppress(UserError, OSError):
            image = one.image or read_source(one.record, folder.path)
            if image.shape == one.notes.shape and (labels := _labels(folder, one.record, image, model)) is not None:
                for lesson in NotedImage(image, labels, one.way, one.notes, one.strokes).lessons():
                    yield UnseenLesson(one.record, lesson)


def _labels(folder: ProjectFolder, record: ImageRecord, image: Image, model: Model | None) -> Any:
    """Return what there is of a prediction, None if there is nothing."""
    result = folder.state.result(record.id)
    with contextlib.suppress(UserError, OSError):
        if result is not None and (
                kept := open_result(folder.path / result.file, image.label_axes, image.shape)) is not None:
            return kept
    return None if model is None else _Segmented(image, model)


class _Segmented:
    """Painted ids of an image, segmented plane by plane when they are asked for."""

    def __init__(self, image: Image, model: Model) -> None:
        self._image, self._model = image, model

    def __getitem__(self, where: Where) -> NDArray[np.uint8]:
        numbers = np.arange(self._image.n_planes).reshape(self._image.shape[:-2])[where[:-2]]
        found = np.zeros((np.size(numbers), *self._image.plane_shape), np.uint8)
        for plane, number in zip(found, np.ravel(numbers).tolist(), strict=True):
            for patch in self._model.segment(self._image, [number]):
                plane[patch.where[-2:]] = patch.labels
        return found.reshape(*np.shape(numbers), *self._image.plane_shape)

"""Objects of all images of a project, measured: found in its predictions with all that a person noted. Shows nothing.

An image whose predictions were parted by hand as one volume is measured as one; all others plane by plane. Lines on
any plane teach all others, as in the window; so planes with lines are looked at first.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.image import Image
from napari_unet.core.method import Progress
from napari_unet.core.scribbles import Scribbles
from napari_unet.objects.measure_table import MeasureTable, joined_tables
from napari_unet.objects.measures import measure
from napari_unet.objects.object_map import ObjectMap
from napari_unet.objects.raw_values import raw_values
from napari_unet.session.object_notes import ObjectAnnotations, ObjectNotes, Place
from napari_unet.session.object_search import FoundObjects, ObjectQuestion, ObjectWay

from .predictions import open_result
from .project_folder import ProjectFolder
from .records import ImageRecord
from .sources import read_source

if TYPE_CHECKING:
    from napari_unet.instant.answer_on_features import BorderLook  # imports torch


def measure_project(
    folder: ProjectFolder, classes: ClassTable, moved: Mapping[str, str] | None = None
) -> Generator[Progress, None, tuple[MeasureTable, tuple[str, ...]]]:
    """Measure the objects of every image that has a prediction.

    Parameters
    ----------
    folder : ProjectFolder
    classes : ClassTable
    moved : mapping of str to str, optional
        New folder by old folder of images that were moved.

    Yields
    ------
    Progress

    Returns
    -------
    MeasureTable
        One row an object, beginning with the image and the plane.
    tuple of str
        Images that were left out, and why.

    Raises
    ------
    UserError
        If no image can be measured.
    """
    state = folder.state
    records = [one for one in state.images if state.result(one.id) is not None]
    tables, left_out = [], []
    taught = yield from project_lessons(folder, moved)
    borders = yield from project_borders(taught)
    for number, record in enumerate(records):
        try:
            for plane, table in enumerate(measure_planes(folder, record, classes, taught, moved, borders), 1):
                yield Progress(f"Measuring {record.name} ({number + 1} of {len(records)}), plane {plane}",
                               number / len(records))
                tables.append(table)
        except (UserError, OSError) as error:
            left_out.append(f"{record.name}: {error}")
    if not tables:
        raise UserError(left_out[0] if left_out else
                        f"{folder.path.name} has no predictions yet. Predict its images first.")
    return joined_tables(tables), tuple(left_out)


def project_lessons(
    folder: ProjectFolder, moved: Mapping[str, str] | None = None
) -> Generator[Progress, None, ObjectAnnotations]:
    """Find out what the lines on all planes of a project say of necks, by the predictions.

    Parameters
    ----------
    folder : ProjectFolder
    moved : mapping of str to str, optional
        New folder by old folder of images that were moved.

    Yields
    ------
    Progress

    Returns
    -------
    ObjectAnnotations
        What the lines of the images say, by id. An image that cannot be measured says nothing.
    """
    taught = ObjectAnnotations()
    for record in folder.state.images:
        with contextlib.suppress(UserError, OSError):  # told where it is measured
            if folder.state.result(record.id) is None or folder.read_objects(record.id) is None:
                continue
            answer = _Answer.of(folder, record, moved)
            taught.restore_objects(record.id, answer.notes)
            for place, where in _places(answer.image, answer.notes):
                lines = answer.notes.at(place).lines
                if lines:
                    yield Progress(f"Learning from the cuts and joins in {record.name}", 0.0)
                    found = answer.found(place, where)
                    taught.learn_lines(record.id, place, lines, found.said)
                    if found.borders is not None and answer.strokes is not None:
                        taught.learn_borders(record.id, place, lines, answer.image,
                                             _by_plane(answer.image, place, where, found.borders))
    return taught


def project_borders(taught: ObjectAnnotations) -> Generator[Progress, None, BorderLook | None]:
    """Learn what borders look like from what lies under the cuts of a project, as the window does before it trains.

    Parameters
    ----------
    taught : ObjectAnnotations
        Of :func:`project_lessons`.

    Yields
    ------
    Progress

    Returns
    -------
    BorderLook or None
        None where nothing was cut, or the pre-trained features are not there.
    """
    lesson = taught.borders.get()
    if lesson is None:
        return None
    from napari_unet.instant.border_fit import fit_border  # imports torch
    from napari_unet.segmenters.instant_answer import Instant

    with contextlib.suppress(UserError):
        return (yield from fit_border(Instant().store(lesson.training), lesson))
    return None


def measure_planes(
    folder: ProjectFolder, record: ImageRecord, classes: ClassTable, taught: ObjectAnnotations,
    moved: Mapping[str, str] | None = None, borders: BorderLook | None = None,
) -> Iterator[MeasureTable]:
    """Measure the objects of one image, one table for each plane (or volume).

    Parameters
    ----------
    folder : ProjectFolder
    record : ImageRecord
    classes : ClassTable
    taught : ObjectAnnotations
        Of :func:`project_lessons`.
    moved : mapping of str to str, optional
        New folder by old folder of images that were moved.
    borders : BorderLook, optional
        Of :func:`project_borders`.

    Raises
    ------
    UserError
        If it has no prediction, the image cannot be read, or the two do not fit.
    """
    answer = _Answer.of(folder, record, moved)
    image = answer.image
    for place, where in _places(image, answer.notes):
        seen = None if borders is None or place.volume or not borders.serves(image) else \
            borders.of_plane(image, place.plane)
        made = answer.found(place, where, taught.lessons_elsewhere(record.id, place), seen)
        found = ObjectMap(made.numbers, made.classes, _spot(image.geometry, where).scale)
        names = [f"{letter}={at}" for letter, at, size in zip(image.label_axes, where, image.shape, strict=True)
                 if isinstance(at, int) and size > 1]
        spot = _spot(image.geometry, where)
        table = measure(found, raw_values(image, where), (), classes, image.unit, spot)
        yield table.with_words(image=record.name, plane=" ".join(names))


@dataclasses.dataclass(frozen=True, eq=False)
class _Answer:
    """The prediction of an image, and all that a person has shown of its objects."""

    image: Image
    labels: Any
    way: ObjectWay
    notes: ObjectNotes
    strokes: Scribbles | None

    @classmethod
    def of(cls, folder: ProjectFolder, record: ImageRecord, moved: Mapping[str, str] | None) -> _Answer:
        """Open it; errors as :func:`measure_planes`."""
        result = folder.state.result(record.id)
        if result is None:
            raise UserError(f"{record.name} has no prediction yet. Predict it first.")
        image = read_source(record, folder.path, moved or {})
        labels = open_result(folder.path / result.file, image.label_axes, image.shape)
        if labels is None:
            raise UserError(
                f"The prediction of {record.name} is of another shape than the image is now. Predict it again.")
        noted = folder.read_objects(record.id)
        notes = noted if noted is not None and noted.shape == image.shape else ObjectNotes(image.shape)
        way = ObjectWay.of_settings(folder.state.settings)
        return cls(image, labels, way, notes, folder.read_strokes(record.id))

    def found(
        self, place: Place, where: tuple[int | slice, ...], elsewhere: tuple[float, ...] = (),
        border: NDArray[np.float32] | None = None,
    ) -> FoundObjects:
        """Find the objects as the window does."""
        painted = np.asarray(self.labels[where])
        paint = None if self.strokes is None or place.volume else self.strokes.planes.get(place.plane)
        return ObjectQuestion(
            painted, np.zeros(painted.shape, np.uint32), np.zeros(1, np.uint8), self.way, self.notes.at(place),
            paint if paint is not None and paint.shape == painted.shape else None,
            spacing=_spot(self.image.geometry, where).scale, elsewhere=elsewhere, border=border).answer()


def _by_plane(
    image: Image, place: Place, where: tuple[int | slice, ...], borders: NDArray[np.uint8]
) -> dict[int, NDArray[np.uint8]]:
    """Return border strokes of a plane or volume by plane."""
    grid = np.arange(image.n_planes).reshape(image.shape[:-2])
    numbers = grid[where[:-2]].ravel().tolist() if place.volume else [place.plane]
    return dict(zip(numbers, borders.reshape(-1, *borders.shape[-2:]), strict=True))


def _places(image: Image, notes: ObjectNotes) -> Iterator[tuple[Place, tuple[int | slice, ...]]]:
    """Go through the planes of an image, or through a volume where something is noted of it."""
    volumes = {place.plane for place in notes.places if place.volume}
    covered: set[int] = set()
    for number in range(image.n_planes):
        where = tuple(image.where(number))
        if number in volumes and "Z" in image.label_axes:
            axis = image.label_axes.index("Z")
            yield Place(number, True), (*where[:axis], slice(None), *where[axis + 1 :])
            grid = np.arange(image.n_planes).reshape(image.shape[:-2])
            covered |= set(grid[(*where[:axis], slice(None), *where[axis + 1 : -2])].ravel().tolist())
        elif number not in covered:
            yield Place(number), where


def _spot(geometry: Geometry, where: tuple[int | slice, ...]) -> Geometry:
    """Return where a plane or volume lies."""
    gone = "".join(letter for letter, at in zip(geometry.axes, where, strict=True) if isinstance(at, int))
    return geometry.dropping(gone)

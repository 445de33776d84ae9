"""Objects of all images of a project, measured: found in its predictions with all that a person noted. Shows nothing.

An image whose predictions were parted by hand as one volume is measured as one; all others plane by plane.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping

import numpy as np

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
from napari_unet.session.object_notes import ObjectNotes, Place
from napari_unet.session.object_search import ObjectQuestion, ObjectWay

from .predictions import open_result
from .project_folder import ProjectFolder
from .records import ImageRecord
from .sources import read_source


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
    for number, record in enumerate(records):
        try:
            for plane, table in enumerate(measure_planes(folder, record, classes, moved), 1):
                yield Progress(f"Measuring {record.name} ({number + 1} of {len(records)}), plane {plane}",
                               number / len(records))
                tables.append(table)
        except (UserError, OSError) as error:
            left_out.append(f"{record.name}: {error}")
    if not tables:
        raise UserError(left_out[0] if left_out else
                        f"{folder.path.name} has no predictions yet. Predict its images first.")
    return joined_tables(tables), tuple(left_out)


def measure_planes(
    folder: ProjectFolder, record: ImageRecord, classes: ClassTable, moved: Mapping[str, str] | None = None
) -> Iterator[MeasureTable]:
    """Measure the objects of one image, one table for each plane (or volume).

    Raises
    ------
    UserError
        If it has no prediction, the image cannot be read, or the two do not fit.
    """
    result = folder.state.result(record.id)
    if result is None:
        raise UserError(f"{record.name} has no prediction yet. Predict it first.")
    image = read_source(record, folder.path, moved or {})
    labels = open_result(folder.path / result.file, image.label_axes, image.shape)
    if labels is None:
        raise UserError(f"The prediction of {record.name} is of another shape than the image is now. Predict it again.")
    noted = folder.read_objects(record.id)
    notes = noted if noted is not None and noted.shape == image.shape else ObjectNotes(image.shape)
    way, strokes = ObjectWay.of_settings(folder.state.settings), folder.read_strokes(record.id)
    for place, where in _places(image, notes):
        found = _found(np.asarray(labels[where]), image, where, way, notes, place, strokes)
        names = [f"{letter}={at}" for letter, at, size in zip(image.label_axes, where, image.shape, strict=True)
                 if isinstance(at, int) and size > 1]
        spot = _spot(image.geometry, where)
        table = measure(found, raw_values(image, where), (), classes, image.unit, spot)
        yield table.with_words(image=record.name, plane=" ".join(names))


def _found(
    painted: np.ndarray, image: Image, where: tuple[int | slice, ...], way: ObjectWay, notes: ObjectNotes, place: Place,
    strokes: Scribbles | None,
) -> ObjectMap:
    """Find the objects as the window does."""
    paint = None if strokes is None or place.volume else strokes.planes.get(place.plane)
    spacing = _spot(image.geometry, where).scale
    question = ObjectQuestion(
        painted, np.zeros(painted.shape, np.uint32), np.zeros(1, np.uint8), way, notes.at(place),
        paint if paint is not None and paint.shape == painted.shape else None, spacing=spacing)
    answer = question.answer()
    return ObjectMap(answer.numbers, answer.classes, spacing)


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

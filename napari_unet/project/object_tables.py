"""Objects of all images of a project: found in its predictions with all that is noted, and measured. Shows nothing.

An image whose predictions were parted by hand as one volume is measured as one; all others plane by plane. Lines on
any plane teach all others, as in the window; so planes with lines are looked at first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.method import Progress
from napari_unet.objects.image_objects import ObjectSearch
from napari_unet.objects.measure_table import MeasureTable, joined_tables
from napari_unet.objects.measures import measure
from napari_unet.objects.object_map import ObjectMap
from napari_unet.objects.raw_values import raw_values
from napari_unet.session.object_notes import ObjectAnnotations
from napari_unet.session.object_search import FoundObjects
from napari_unet.workflows.object_finding import ImageObjects

from .noted_image import NotedImage, spot_at
from .project_folder import ProjectFolder
from .records import ImageRecord

if TYPE_CHECKING:
    from napari_unet.instant.answer_on_features import BorderLook  # imports torch


class ProjectObjects:
    """The objects of the images of a project, of which one is open at a time: all together may not fit into memory.

    Parameters
    ----------
    folder : ProjectFolder
    classes : ClassTable
    moved : mapping of str to str, optional
        New folder by old folder of images that were moved.
    masks : mapping of str to Path, optional
        By id of an image, a mask that is taken in place of the project's own prediction.
    """

    def __init__(
        self, folder: ProjectFolder, classes: ClassTable, moved: Mapping[str, str] | None = None,
        masks: Mapping[str, Path] | None = None,
    ) -> None:
        self._folder, self._classes, self._moved, self._masks = folder, classes, moved, masks or {}
        self._opened: tuple[str, NotedImage] | None = None
        self.taught = ObjectAnnotations()
        self.borders: dict[int, BorderLook] = {}  # by number of channels

    def learn(self) -> Generator[Progress, None, None]:
        """Find out what the lines on all planes say of necks and of borders, by the predictions; comes before all else.

        An image that cannot be measured says nothing.

        Yields
        ------
        Progress
        """
        for record in self._folder.state.images:
            with contextlib.suppress(UserError, OSError):  # told where it is measured
                if self._mask(record) is None or self._folder.read_objects(record.id) is None:
                    continue
                answer = self._answer(record)
                self.taught.restore_objects(record.id, answer.notes)
                for lesson in answer.lessons():
                    self.taught.learn_lines(record.id, lesson.place, lesson.lines, lesson.said)
                    if lesson.borders is not None and answer.strokes is not None:
                        self.taught.learn_borders(record.id, lesson.place, lesson.lines, answer.image, lesson.borders)
                    yield Progress(f"Learning from the cuts and joins in {record.name}", 0.0)
        yield from self._learn_borders()

    def _learn_borders(self) -> Generator[Progress, None, None]:
        """Learn what borders look like from what lies under the cuts, as the window does before it trains.

        Not where nothing was cut, or the pre-trained features are not there.
        """
        lesson = self.taught.borders.get()
        if lesson is None:
            return
        from napari_unet.instant.border_fit import fit_border  # imports torch
        from napari_unet.segmenters.instant_answer import Instant

        with contextlib.suppress(UserError):
            for channels in sorted({pair.image.n_channels for pair in lesson.training.pairs}):
                own = lesson.of_channels(channels)
                look = None if own is None else (yield from fit_border(Instant().store(own.training), own))
                if look is not None:
                    self.borders[channels] = look

    def tables(self, record: ImageRecord) -> Iterator[MeasureTable]:
        """Measure the objects of one image, one table for each plane (or volume).

        Raises
        ------
        UserError
            If it has no prediction, the image cannot be read, or the two do not fit.
        """
        image = self._answer(record).image
        for where, made in self._found(record):
            spot = spot_at(image.geometry, where)
            found = ObjectMap(made.numbers, made.classes, spot.scale)
            names = [f"{letter}={at}" for letter, at, size in zip(image.label_axes, where, image.shape, strict=True)
                     if isinstance(at, int) and size > 1]
            table = measure(found, raw_values(image, where), (), self._classes, image.unit, spot)
            yield table.with_words(image=record.name, plane=" ".join(names))

    def objects(self, record: ImageRecord) -> Generator[Progress, None, ImageObjects]:
        """Find the objects of one image, numbered through; errors as :meth:`tables`.

        Yields
        ------
        Progress

        Returns
        -------
        ImageObjects
        """
        answer = self._answer(record)
        numbers = np.zeros(answer.image.shape, np.uint32)
        classes, last, notes = [np.zeros(1, np.uint8)], 0, []
        for done, (where, made) in enumerate(self._found(record), 1):
            found = ObjectMap(made.numbers, made.classes).renumbered()
            numbers[where] = np.where(found.numbers > 0, found.numbers + np.uint32(last), 0)
            classes.append(found.classes[1:])
            last += found.count
            notes += [made.note] if made.note else []
            yield Progress(f"finding objects in {record.name}", done / answer.image.n_planes)
        way = answer.way
        table = self._classes.including(np.unique(np.concatenate(classes)[1:]).tolist())
        counted = tuple(one.id for one in table.classes if one.id > 1 and one.id not in way.areas) if way.areas else ()
        search = ObjectSearch(way.way, dict(way.parameters), counted, not any(
            place.volume for place in answer.notes.places))
        found = ObjectMap(numbers, np.concatenate(classes), answer.image.scale,
                          notes[0] if len(set(notes)) == 1 else "")
        return ImageObjects(found, table, answer.image.geometry, search)

    def _found(self, record: ImageRecord) -> Iterator[tuple[tuple[int | slice, ...], FoundObjects]]:
        answer = self._answer(record)
        names = {one.id: one.name for one in self._classes.classes}
        border = self.borders.get(answer.image.n_channels)
        for place, where in answer.places():
            seen = None if border is None or place.volume else border.of_plane(answer.image, place.plane)
            yield where, answer.found(place, where, self.taught.lessons_elsewhere(record.id, place), names, seen)

    def _mask(self, record: ImageRecord) -> Path | None:
        result = self._folder.state.result(record.id)
        return self._masks.get(record.id, None if result is None else self._folder.path / result.file)

    def _answer(self, record: ImageRecord) -> NotedImage:
        if self._opened is None or self._opened[0] != record.id:
            self._opened = None
            self._opened = record.id, NotedImage.of(self._folder, record, self._mask(record), self._moved)
        return self._opened[1]


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
    objects = ProjectObjects(folder, classes, moved)
    yield from objects.learn()
    for number, record in enumerate(records):
        try:
            for plane, table in enumerate(objects.tables(record), 1):
                yield Progress(f"Measuring {record.name} ({number + 1} of {len(records)}), plane {plane}",
                               number / len(records))
                tables.append(table)
        except (UserError, OSError) as error:
            left_out.append(f"{record.name}: {error}")
    if not tables:
        raise UserError(left_out[0] if left_out else
                        f"{folder.path.name} has no predictions yet. Predict its images first.")
    return joined_tables(tables), tuple(left_out)

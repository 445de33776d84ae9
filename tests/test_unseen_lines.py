"""Cuts on planes that nobody has looked at teach from the moment a project is opened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from test_border_lessons import CUTS, FIRST, MASK, SHAPE, strokes, tissue

from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.method import Patch
from napari_unet.core.scribbles import Scribbles
from napari_unet.io import read_image, save_mask
from napari_unet.objects.hints import Line
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.records import ProjectState
from napari_unet.project.sitting import restore
from napari_unet.project.sources import image_record
from napari_unet.project.unseen_lines import unseen_images, unseen_lessons
from napari_unet.session.annotation_session import Session
from napari_unet.session.object_notes import ObjectNotes, Place, PlaceNotes

CLASSES = ClassTable.named({1: "background", 2: "nucleus"})


class Model:
    """Says what the mask says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def segment(self, image: Image, planes: Any = None, **_: Any) -> Iterator[Patch]:
        for plane in planes:
            self.asked.append(plane)
            yield Patch(image.where(plane), MASK)


def project(tmp_path: Path, predicted: bool) -> ProjectFolder:
    """Two stacks of two planes, one with cuts on its second plane and a third image without strokes."""
    path, records = tmp_path / "tissue.unet", []
    for name in ("cut", "plain", "unpainted"):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.stack([tissue()] * 2))
        records.append(image_record(read_image(tmp_path / f"{name}.tif", "ZYX"), [tmp_path / f"{name}.tif"], path,
                                    image_id=name))
    folder = ProjectFolder.create(path, state=ProjectState(tuple(records), CLASSES))
    for name in ("cut", "plain"):
        folder.write_strokes(name, Scribbles((2, *SHAPE), {0: strokes()}))
    for name, place in (("cut", Place(1)), ("unpainted", FIRST)):
        folder.write_objects(name, ObjectNotes((2, *SHAPE), {place: PlaceNotes(CUTS)}))
    if predicted:
        folder.result_path("cut").parent.mkdir(exist_ok=True)
        for name in ("cut", "unpainted"):
            save_mask(folder.result_path(name), np.stack([MASK] * 2), classes=CLASSES)
            folder.put_result(name)
    return folder


def taught(folder: ProjectFolder, model: Any) -> Session:
    session = Session()
    restore(folder, session, model=False)
    assert session.borders.get() is None
    for item in unseen_lessons(folder, unseen_images(folder, session), model):
        key, lesson = item.record.id, item.lesson
        image = session.pair(item.record.pair_key).image if item.record.pair_key in session.keys else None
        session.teach_lines(key, lesson.place, lesson.lines, lesson.said, image, lesson.borders)
    return session


def test_cuts_are_asked_in_the_prediction_of_the_project(tmp_path: Path) -> None:
    folder = project(tmp_path, predicted=True)
    model = Model()
    session = taught(folder, model)
    assert not model.asked, "there is a prediction"
    lesson = session.borders.get()
    assert lesson is not None
    assert lesson.cuts == 2, "those of the image that is not painted on teach no border"
    (pair,) = lesson.training.pairs
    assert list(pair.scribbles.planes) == [1]
    assert session.lessons_elsewhere("plain")
    assert session.lessons_elsewhere("plain") != session.lessons_elsewhere("cut", Place(1)), "necks by both images"
    folder.close()


def test_without_a_prediction_a_model_segments_those_planes_alone(tmp_path: Path) -> None:
    folder = project(tmp_path, predicted=False)
    assert taught(folder, None).borders.get() is None
    model = Model()
    session = taught(folder, model)
    assert sorted(model.asked) == [0, 1]
    assert session.borders.get() is not None
    (tmp_path / "cut.tif").unlink()
    assert taught(folder, model).borders.get() is None, "an image that is gone says nothing, and stops nobody"
    (first,) = (one for one in unseen_images(folder, session) if one.record.id == "cut")
    assert not first.without({Place(1)}).notes.places
    folder.close()


def test_a_volume_is_asked_as_one(tmp_path: Path) -> None:
    folder = project(tmp_path, predicted=False)
    session = Session()
    restore(folder, session, model=False)
    deep = tuple(Line("cut", tuple((0.0, *point) for point in one.points)) for one in CUTS)
    session.restore_objects("cut", ObjectNotes((2, *SHAPE), {Place(0, True): PlaceNotes(deep)}))
    (image,) = (one for one in unseen_images(folder, session) if one.record.id == "cut")
    (item,) = unseen_lessons(folder, [image], Model())
    assert item.lesson.place == Place(0, True)
    assert item.lesson.borders is not None
    assert sorted(item.lesson.borders) == [0, 1]
    folder.close()

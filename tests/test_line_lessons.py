"""Cuts and joins teach beyond their plane: other planes and images of a session, and of a project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from test_drawn_lines import discs

from napari_unet.core.classes import ClassTable
from napari_unet.core.work import run_to_end
from napari_unet.io import read_image, save_mask
from napari_unet.objects.hints import Line
from napari_unet.objects.neck_choice import NECKS
from napari_unet.project.object_tables import ProjectObjects, measure_project
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.records import ProjectState
from napari_unet.project.sources import image_record
from napari_unet.session.annotation_session import Session
from napari_unet.session.object_notes import ObjectNotes, Place, PlaceNotes
from napari_unet.session.object_search import FoundObjects, ObjectQuestion, ObjectWay

ROW = discs((40, 102), *((20, 20 + 12 * number, 12) for number in range(6)))
"""Six nuclei that overlap so much that the usual way does not part them all."""

CUTS = tuple(Line("cut", ((5, 26 + 12 * number), (35, 26 + 12 * number))) for number in range(5))
AUTO = ObjectWay()


def found(lines: tuple[Line, ...] = (), elsewhere: tuple[float, ...] = (), way: ObjectWay = AUTO,
          box: tuple[slice, slice] | None = None) -> FoundObjects:
    labels = ROW if box is None else ROW[box]
    return ObjectQuestion(labels, np.zeros(labels.shape, np.uint32), np.zeros(1, np.uint8), way, PlaceNotes(lines),
                          elsewhere=elsewhere, box=box).answer()


def count(elsewhere: tuple[float, ...], way: ObjectWay = AUTO) -> int:
    return found((), elsewhere, way).counts[2].objects


def drawn(session: Session, key: str = "a", place: Place = Place(0)) -> FoundObjects:  # noqa: B008 (a tuple)
    """Draw the cuts one by one, and find the objects with them."""
    for number in range(len(CUTS)):
        session.edit_objects("cut an object", key, ROW.shape, place, PlaceNotes(CUTS[:number + 1]))
    made = found(CUTS)
    session.learn_lines(key, place, CUTS, made.said)
    return made


def test_lines_on_one_image_part_what_nobody_touched_on_another() -> None:
    session = Session()
    plain = count(session.lessons_elsewhere("b", Place(0)))
    assert plain < 6, "the scene must be too shallow for the usual"
    assert drawn(session).counts[2].objects == 6
    for other in (("b", Place(0)), ("a", Place(1))):
        assert count(session.lessons_elsewhere(*other)) == 6
    assert session.lessons_elsewhere("a", Place(0)) == (), "its own lines are asked where they are"
    assert session.lessons_elsewhere("b", Place(0, volume=True)) == (), "planes teach no volume"
    assert count(session.lessons_elsewhere(), ObjectWay("auto", {"neck": 0.5})) == count((), ObjectWay(
        "auto", {"neck": 0.5})), "what a person has set stays"


def test_a_line_that_is_undone_takes_back_what_it_said_and_says_it_again_when_redone() -> None:
    session = Session()
    drawn(session)
    said = [session.lessons_elsewhere("b", Place(0))]
    for _ in CUTS:
        session.undo()
        said.append(session.lessons_elsewhere("b", Place(0)))
    assert said[-1] == ()
    assert len(set(said)) == len(said), "each line had its own say"
    assert count(said[-1]) < 6
    for _ in CUTS:
        session.redo()
    assert session.lessons_elsewhere("b", Place(0)) == said[0]


def test_a_place_that_is_found_anew_is_not_counted_twice() -> None:
    session = Session()
    made = drawn(session)
    once = session.lessons_elsewhere("b", Place(0))
    session.learn_lines("a", Place(0), CUTS, made.said)
    assert session.lessons_elsewhere("b", Place(0)) == once
    assert len(once) == len(NECKS)


def test_where_lines_are_not_asked_they_say_nothing() -> None:
    for silent in (found(CUTS, way=ObjectWay("parts")), found(CUTS, way=ObjectWay("auto", {"neck": 0.9})), found(),
                   found(CUTS, box=(slice(0, 40), slice(0, 60)))):
        assert silent.said == ()
    session = Session()
    drawn(session)
    before = session.lessons_elsewhere("b", Place(0))
    session.learn_lines("a", Place(0), CUTS, ())
    assert session.lessons_elsewhere("b", Place(0)) == before, "another way forgets nothing"


def test_lines_of_one_image_teach_the_others_of_a_project(tmp_path: Path) -> None:
    classes = ClassTable.named({1: "background", 2: "nucleus"})
    path = tmp_path / "nuclei.unet"
    records = []
    for name in ("first", "lines"):  # the image that teaches comes last
        file = tmp_path / f"{name}.tif"
        tifffile.imwrite(file, np.full(ROW.shape, 7, np.uint8))
        records.append(image_record(read_image(file), [file], path, image_id=name))
    folder = ProjectFolder.create(path, state=ProjectState(tuple(records), classes))
    for record in records:
        folder.result_path(record.id).parent.mkdir(exist_ok=True)
        save_mask(folder.result_path(record.id), ROW, classes=classes)
        folder.put_result(record.id)
    plain, _ = run_to_end(measure_project(folder, classes))
    assert len(plain) < 12
    folder.write_objects("lines", ObjectNotes(ROW.shape, {Place(0): PlaceNotes(CUTS)}))
    taught, left_out = run_to_end(measure_project(folder, classes))
    assert left_out == ()
    assert len(taught) == 12
    (tmp_path / "lines.tif").unlink()
    objects = ProjectObjects(folder, classes)
    run_to_end(objects.learn())
    assert objects.taught.lessons_elsewhere() == (), "an image that is gone says nothing"
    folder.close()

"""What lies under cuts is learnt as a border, in the answer while one paints and in a project; nothing without cuts."""

from __future__ import annotations

import dataclasses
import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from test_answers import load_features, settled

from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.method import Patch
from napari_unet.core.scribbles import Scribbles
from napari_unet.core.work import run_to_end
from napari_unet.instant import border_answers
from napari_unet.instant.answers import InstantAnswers
from napari_unet.instant.instant_model import InstantModel
from napari_unet.io import read_image, save_mask
from napari_unet.learning.border_lesson import BorderLesson
from napari_unet.objects.hints import Line
from napari_unet.project.object_tables import ProjectObjects, measure_project
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.records import ProjectState
from napari_unet.project.sources import image_record, read_source
from napari_unet.session.annotation_session import Session
from napari_unet.session.likelihoods import Likelihoods, put_together, seen_border
from napari_unet.session.object_notes import ObjectNotes, Place, PlaceNotes
from napari_unet.session.object_search import FoundObjects, ObjectQuestion

SEAMS = (26, 52, 78, 104)
SHAPE = (60, 130)
FIRST = Place(0)


def tissue() -> np.ndarray:
    """A row of bright squares that touch, a dark seam of one pixel between each two."""
    image = np.full(SHAPE, 40, np.uint8)
    image[10:50, 4:126] = 200
    for column in SEAMS:
        image[10:50, column - 1:column + 2] = 150
    noise = np.random.default_rng(0).integers(0, 12, SHAPE)
    return (image + noise).astype(np.uint8)


def strokes() -> np.ndarray:
    paint = np.zeros(SHAPE, np.uint8)
    paint[2:6, 5:125] = 1
    paint[54:58, 5:125] = 1
    for start in (8, 32, 58, 84, 110):
        paint[28:32, start:start + 14] = 2
    return paint


MASK = np.ones(SHAPE, np.uint8)
MASK[10:50, 4:126] = 2
CUTS = tuple(Line("cut", ((7.0, float(at)), (53.0, float(at)))) for at in SEAMS[:2])


def session() -> Session:
    made = Session()
    made.put_pair("strokes", Image(tissue()), Scribbles(SHAPE, {0: strokes()}))
    return made


def cut(made: Session, lines: tuple[Line, ...] = CUTS, border: np.ndarray | None = None) -> FoundObjects:
    """Draw lines on the image, find its objects and let them teach."""
    made.edit_objects("cut an object", "image", SHAPE, FIRST, PlaceNotes(lines))
    found = ObjectQuestion(MASK, np.zeros(SHAPE, np.uint32), np.zeros(1, np.uint8), notes=PlaceNotes(lines),
                           border=border).answer()
    if found.borders is not None:
        made.learn_borders("image", FIRST, lines, made.pair("strokes").image, {0: found.borders})
    return found


def maps_of(model: InstantModel, image: Image) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the probabilities of an answer, and its border."""
    patches: list[Patch] = list(model.segment(image, [0], probabilities=True))
    assert len(patches) == 1
    assert patches[0].probabilities is not None
    return patches[0].probabilities, patches[0].border


@pytest.fixture(scope="module")
def answered() -> tuple[Session, InstantAnswers, InstantModel, InstantModel]:
    """A session with two cuts, and the answer before and after them."""
    made = session()
    answers = InstantAnswers(made.snapshots, load_features, "cpu", borders=made.borders)
    before = settled(answers)
    cut(made)
    after = settled(answers)
    assert isinstance(before, InstantModel)
    assert isinstance(after, InstantModel)
    return made, answers, before, after


def test_cuts_teach_a_border_that_takes_nothing_from_any_class(
    answered: tuple[Session, InstantAnswers, InstantModel, InstantModel]
) -> None:
    made, answers, before, after = answered
    image = made.pair("strokes").image
    plain, nothing = maps_of(before, image)
    maps, border = maps_of(after, image)
    assert nothing is None
    assert border is not None
    np.testing.assert_array_equal(maps, plain)
    lesson = made.borders.get()
    assert lesson is not None
    assert lesson.cuts == 2
    assert border.max() <= lesson.trust
    middles = [at + 13 for at in SEAMS]
    assert min(border[12:48, at].mean() for at in SEAMS) > 2 * max(border[12:48, at].mean() for at in middles)
    assert settled(answers) is after, "nothing is looked for again and again"
    assert next(iter(after.segment(image, [0]))).border is None, "only where it is asked for"


def test_objects_are_parted_where_nobody_cut_and_none_loses_a_pixel(
    answered: tuple[Session, InstantAnswers, InstantModel, InstantModel]
) -> None:
    made, _, _, after = answered
    border = maps_of(after, made.pair("strokes").image)[1]
    assert border is not None
    sure = np.minimum(1, border / max(border.max(), 1e-6))  # as after many cuts
    plain = ObjectQuestion(MASK, np.zeros(SHAPE, np.uint32), np.zeros(1, np.uint8)).answer()
    taught = ObjectQuestion(MASK, np.zeros(SHAPE, np.uint32), np.zeros(1, np.uint8), border=sure).answer()
    assert plain.counts[2].objects == 1
    assert taught.counts[2].objects > 3
    np.testing.assert_array_equal(taught.numbers > 0, plain.numbers > 0)


def test_another_stroke_keeps_the_border_and_an_undone_cut_takes_it_back() -> None:
    made = session()
    answers = InstantAnswers(made.snapshots, load_features, "cpu", borders=made.borders)
    cut(made)
    first = settled(answers)
    assert isinstance(first, InstantModel)
    assert first.border is not None
    painted = strokes()
    painted[20:24, 10:20] = 2
    made.paint("strokes", {0: painted})
    second = settled(answers)
    assert isinstance(second, InstantModel)
    assert second is not first
    assert second.border is first.border
    lesson = made.borders.get()
    cut(made, border=np.zeros(SHAPE, np.float32))  # found anew, as after every answer
    assert made.borders.get() is lesson, "the same lines say what they said"
    while made.edits.undo_text:
        made.undo()
    assert made.borders.get() is None
    third = settled(answers)
    assert isinstance(third, InstantModel)
    assert third.border is None


def test_strokes_do_not_wait_for_borders_and_do_not_hold_them_up(monkeypatch: pytest.MonkeyPatch) -> None:
    made, begun = session(), []
    fit = border_answers.fit_border

    def noted(*args: Any) -> Any:
        begun.append(args)
        return fit(*args)

    monkeypatch.setattr(border_answers, "fit_border", noted)
    answers = InstantAnswers(made.snapshots, load_features, "cpu", borders=made.borders)
    first = settled(answers)
    cut(made)
    while len(begun) < 2:  # the first asks whether there is anything
        assert answers.over(None) is first
    painted = strokes()
    painted[20:24, 10:20] = 2
    made.paint("strokes", {0: painted})
    found = answers.over(None)
    while answers.busy:
        found = answers.over(None)
    assert isinstance(found, InstantModel)
    assert found is not first
    assert found.border is None, "the stroke is answered before what cuts teach"
    last = settled(answers)
    assert isinstance(last, InstantModel)
    assert last.border is not None
    assert len(begun) == 2, "what was begun went on"


def test_an_image_that_is_closed_teaches_no_more_and_images_of_other_channels_are_left_out() -> None:
    made = session()
    cut(made)
    lesson = made.borders.get()
    assert isinstance(lesson, BorderLesson)
    assert lesson.of_channels(1) is lesson
    assert lesson.of_channels(2) is None
    made.remove_pair("strokes")
    assert made.borders.get() is None
    again = session()
    cut(again)
    again.put_pair("strokes", Image(tissue()))
    assert again.borders.get() is None, "another image has come in its place"


def test_cuts_on_what_is_no_number_teach_nothing() -> None:
    made = session()
    empty = tissue().astype(np.float32)
    empty[:, SEAMS[0] - 4:SEAMS[1] + 5] = np.nan
    made.put_pair("strokes", Image(empty), Scribbles(SHAPE, {0: strokes()}))
    answers = InstantAnswers(made.snapshots, load_features, "cpu", borders=made.borders)
    cut(made)
    assert made.borders.get() is not None
    found = settled(answers)
    assert isinstance(found, InstantModel)
    assert found.border is None


def test_borders_travel_with_the_probabilities() -> None:
    maps = np.stack([np.full((20, 30), 0.25), np.full((20, 30), 0.75)])
    line = np.zeros((20, 30), np.float32)
    line[:, 9] = 0.5
    boxes = (slice(0, 20), slice(0, 15)), (slice(0, 20), slice(15, 30))
    parts = [Likelihoods.of(box, maps[:, box[0], box[1]], (1, 2), line[box]) for box in boxes]
    seen = seen_border(parts, (20, 30))
    assert seen is not None
    np.testing.assert_allclose(seen, line, atol=0.003)
    inner = seen_border(parts, (5, 20), (slice(3, 8), slice(4, 24)))
    assert inner is not None
    np.testing.assert_allclose(inner, line[3:8, 4:24], atol=0.003)
    old = dataclasses.replace(parts[1], border=None)
    assert seen_border([parts[0], old], (20, 30)) is None, "of an answer before the first cut"
    assert put_together([parts[0], old], (20, 30))[0] is not None
    assert seen_border(parts[:1], (20, 30)) is None
    assert seen_border([], (20, 30)) is None
    assert seen_border(parts, (2, 20, 30)) is None


def test_a_project_measures_with_the_borders_its_cuts_teach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classes = ClassTable.named({1: "background", 2: "nucleus"})
    path = tmp_path / "tissue.unet"
    file = tmp_path / "tissue.tif"
    tifffile.imwrite(file, np.stack([tissue()] * 2))
    image = read_image(file)
    record = image_record(image, [file], path, image_id="tissue")
    folder = ProjectFolder.create(path, state=ProjectState((record,), classes))
    folder.result_path(record.id).parent.mkdir(exist_ok=True)
    save_mask(folder.result_path(record.id), np.stack([MASK] * 2), classes=classes)
    folder.put_result(record.id)
    folder.write_strokes(record.id, Scribbles(image.shape, {0: strokes()}))
    folder.write_objects("tissue", ObjectNotes(image.shape, {FIRST: PlaceNotes(CUTS)}))
    objects = ProjectObjects(folder, classes)
    run_to_end(objects.learn())
    seen = objects.borders[1].of_plane(image, 1)
    assert seen[12:48, SEAMS[3]].mean() > 2 * seen[12:48, SEAMS[3] + 13].mean()
    plain = len(run_to_end(measure_project(folder, classes))[0])
    monkeypatch.setattr("napari_unet.learning.border_lesson.FEW", 0)  # two cuts are believed like many
    assert len(run_to_end(measure_project(folder, classes))[0]) > plain
    folder.close()


def test_images_of_one_and_of_three_channels_in_a_project_each_have_their_borders(tmp_path: Path) -> None:
    classes = ClassTable.named({1: "background", 2: "nucleus"})
    path, records, masks = tmp_path / "tissue.unet", [], {}
    for name, pixels in (("grey", tissue()), ("colour", np.stack([tissue()] * 3, axis=-1).astype(np.uint8))):
        file = tmp_path / f"{name}.tif"
        tifffile.imwrite(file, pixels, photometric="rgb" if name == "colour" else "minisblack")
        records.append(image_record(read_image(file), [file], path, image_id=name))
        masks[name] = save_mask(tmp_path / f"{name}_mask.tif", MASK, classes=classes)
    folder = ProjectFolder.create(path, state=ProjectState(tuple(records), classes))
    for name in masks:
        folder.write_strokes(name, Scribbles(SHAPE, {0: strokes()}))
        folder.write_objects(name, ObjectNotes(SHAPE, {FIRST: PlaceNotes(CUTS)}))
    objects = ProjectObjects(folder, classes, masks=masks)
    run_to_end(objects.learn())
    assert sorted(objects.borders) == [1, 3]
    assert [len(table) > 0 for record in records for table in objects.tables(record)] == [True, True]
    folder.close()


def test_the_images_of_a_project_are_not_all_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classes = ClassTable.named({1: "background", 2: "nucleus"})
    path, records, masks = tmp_path / "tissue.unet", [], {}
    for name in ("one", "two", "three"):
        tifffile.imwrite(tmp_path / f"{name}.tif", tissue())
        records.append(image_record(read_image(tmp_path / f"{name}.tif"), [tmp_path / f"{name}.tif"], path,
                                    image_id=name))
        masks[name] = save_mask(tmp_path / f"{name}_mask.tif", MASK, classes=classes)
    folder = ProjectFolder.create(path, state=ProjectState(tuple(records), classes))
    opened: list[weakref.ref[Image]] = []

    def read(*given: Any) -> Image:
        image = read_source(*given)
        opened.append(weakref.ref(image))
        return image

    monkeypatch.setattr("napari_unet.project.noted_image.read_source", read)
    objects = ProjectObjects(folder, classes, masks=masks)
    for record in records:
        assert all(len(table) for table in objects.tables(record))
        gc.collect()
        assert sum(one() is not None for one in opened) == 1
    folder.close()

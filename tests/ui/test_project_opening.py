"""Projects are opened from everywhere, by one window at a time; moved images are asked for; windows close unasked."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from keeping_scene import kept, open_and_paint, open_project_in, paint
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_unet.core.classes import ClassTable
from napari_unet.io import read_image, save_mask
from napari_unet.objects.hints import Line
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.saver import ProjectSaver
from napari_unet.project.sitting import snapshot_of
from napari_unet.project.sources import image_record
from napari_unet.session.annotation_session import Session
from napari_unet.session.object_notes import FIRST, ObjectNotes, PlaceNotes
from napari_unet.ui.projects.keeper import keeper_of
from napari_unet.ui.projects.moved_images import MovedImagesBox
from napari_unet.ui.projects.opening import show_project
from napari_unet.ui.projects.project_line import ProjectLine


@pytest.fixture
def file(tmp_path: Path, squares: Any) -> Path:
    """An image in a file, in a folder of its own."""
    path = tmp_path / "data" / "cells.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, squares[0])
    return path


@pytest.fixture
def second(file: Path) -> Path:
    """Another image beside it."""
    path = file.with_name("more.tif")
    tifffile.imwrite(path, np.ascontiguousarray(tifffile.imread(file)[::-1]))
    return path


@pytest.fixture
def project(file: Path, second: Path, keeping: Path) -> Path:
    """A project with two painted images, made without a window."""
    folder, session = ProjectFolder.create(keeping / "cells.unet"), Session()
    for path in (file, second):
        image = read_image(path)
        record = image_record(image, [path], folder.path)
        folder.change(lambda state, record=record: state.replacing(record))
        session.put_pair(record.pair_key, image)
        strokes = np.zeros(image.shape, np.uint8)
        strokes[12, 10:40], strokes[30, 10:40] = 2, 1
        session.paint(record.pair_key, {0: strokes})
    session.set_classes(ClassTable.named({1: "background", 2: "class 1"}))
    saver = ProjectSaver(folder)
    saver.offer(snapshot_of(session, folder))
    saver.run_once(last=True)
    folder.close()
    return folder.path


@pytest.fixture
def left(hands: Any, viewer: Any, file: Path, second: Path, keeping: Path) -> Path:
    """A project with two painted images, just closed in this window."""
    dock, _ = open_and_paint(hands, file)
    open_and_paint(hands, second, dock)
    path: Path = kept(hands).path
    hands.wait(lambda: all(one.hash for one in keeper_of(viewer).folder.state.images))
    keeper_of(viewer).close_project()
    return path


def lines(dock: Any) -> str:
    """All that the project's line says."""
    (line,) = dock.findChildren(ProjectLine)
    return f"{line.text.text()} {line.more.text()} {dock.note_line.text()}"


def dock_of(viewer: Any) -> Any:
    """Return the dock, which is open."""
    from napari_unet.ui.train.train_dock import TrainDock

    (dock,) = viewer.window._qt_window.findChildren(TrainDock)
    return dock


@pytest.mark.parametrize("closed", [True, False])
def test_a_project_is_opened_like_a_file(hands: Any, viewer: Any, left: Path, closed: bool) -> None:
    if closed:
        dock_of(viewer).parentWidget().title.close_button.click()
        hands.wait(lambda: not viewer.window._qt_window.findChildren(ProjectLine))
    viewer.window._qt_viewer._qt_open([str(left)], stack=False)  # as a drop and the command line do; asks nothing
    hands.wait(lambda: keeper_of(viewer).folder is not None)
    dock = dock_of(viewer)
    hands.wait(lambda: dock.controller.current is not None)
    assert dock.controller.current.strokes.data.any()
    assert len(dock.session.keys) == 2, "the image that is not shown is learnt from, too"
    hands.wait(lambda: f"Kept in {left}" in lines(dock))


def test_cuts_teach_from_the_start_whether_their_image_is_looked_at_or_not(
    hands: Any, viewer: Any, project: Path, second: Path
) -> None:
    folder = ProjectFolder.open(project)
    shown, other = folder.state.images
    shape = tifffile.imread(second).shape
    mask = np.ones(shape, np.uint8)
    mask[6:24, 5:45] = 2
    folder.result_path(other.id).parent.mkdir(exist_ok=True)
    save_mask(folder.result_path(other.id), mask, classes=folder.state.classes)
    folder.put_result(other.id)
    cut = PlaceNotes((Line("cut", ((3.0, 25.0), (27.0, 25.0))),))
    for record in (shown, other):  # the first has no prediction: its cut is asked when there is an answer
        folder.write_objects(record.id, ObjectNotes(shape, {FIRST: cut}))
    folder.flush()
    folder.close()
    open_project_in(hands, project)
    session = keeper_of(viewer).session
    hands.wait(lambda: session.borders.get() is not None)
    assert session.images.current == shown.id
    hands.wait(lambda: bool(session.lessons_elsewhere(other.id)))  # what the one on the first image says of necks


def test_a_folder_that_is_none_is_left_to_others(tmp_path: Path) -> None:
    from napari_unet.ui.files import get_project_reader

    (tmp_path / "a.unet").mkdir()
    assert get_project_reader(str(tmp_path / "a.unet")) is None
    assert get_project_reader([str(tmp_path / "a.unet")]) is None


def test_a_project_of_a_newer_version_is_refused_untouched(hands: Any, viewer: Any, project: Path) -> None:
    file = project / "project.json"
    contents = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**contents, "version": 99}), encoding="utf-8")
    before = file.read_bytes()
    assert not show_project(viewer, project)
    assert "99" in lines(dock_of(viewer))
    assert keeper_of(viewer).folder is None
    assert file.read_bytes() == before


def test_one_window_writes_and_another_reads(hands: Any, viewer: Any, project: Path, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    other = ProjectFolder.open(project)
    assert not other.read_only
    before = (project / "project.json").read_bytes()
    open_project_in(hands, project)
    dock = dock_of(viewer)
    assert "Read only" in lines(dock)
    hands.wait(lambda: dock.controller.current is not None)
    strokes = dock.controller.current.strokes
    paint(hands, strokes, 2, 50)
    hands.wait(lambda: keeper_of(viewer).status().urgent)
    hands.wait(lambda: "save a copy" in lines(dock))
    assert (project / "project.json").read_bytes() == before
    copy = tmp_path / "mine.unet"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(copy), ""))
    hands.click(dock, "project_copy")
    hands.wait(lambda: keeper_of(viewer).folder.path == copy and keeper_of(viewer).all_saved)
    record = keeper_of(viewer).folder.state.pair_image(dock.controller.current.key)
    other.close()
    keeper_of(viewer).close_project()
    back = ProjectFolder.open(copy, read_only=True)
    np.testing.assert_array_equal(back.read_strokes(record.id).to_array(), strokes.data)


def test_moved_images_are_asked_for_once_a_folder(hands: Any, viewer: Any, project: Path, file: Path, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    file.parent.rename(elsewhere)
    open_project_in(hands, project)
    dock = dock_of(viewer)
    assert "2 images are not where they were" in lines(dock)
    assert "cells" not in viewer.layers
    (box,) = [one for one in QApplication.topLevelWidgets() if isinstance(one, MovedImagesBox) and one.isVisible()]
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(elsewhere))
    hands.click(box, "moved_images_choose_0")
    hands.wait(lambda: dock.controller.current is not None)
    hands.wait(lambda: not box.isVisible() and "not where" not in lines(dock))
    assert dock.controller.current.strokes.data.any()
    hands.wait(lambda: keeper_of(viewer).all_saved and len(dock.session.keys) == 2)
    assert "elsewhere" in (project / "project.json").read_text(encoding="utf-8")


def test_without_its_images_a_project_keeps_their_strokes(hands: Any, viewer: Any, project: Path, file: Path) -> None:
    before = {one.name: one.read_bytes() for one in (project / "strokes").rglob("*") if one.is_file()}
    for one in tuple(file.parent.iterdir()):
        one.unlink()
    open_project_in(hands, project)
    (box,) = [one for one in QApplication.topLevelWidgets() if isinstance(one, MovedImagesBox) and one.isVisible()]
    hands.click(box, "moved_images_done")
    hands.wait(lambda: keeper_of(viewer).all_saved)
    keeper_of(viewer).close_project()
    assert {one.name: one.read_bytes() for one in (project / "strokes").rglob("*") if one.is_file()} == before


def test_opening_another_project_saves_the_one_before(hands: Any, viewer: Any, project: Path, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    may_read, read = threading.Event(), ProjectFolder.read_strokes
    with monkeypatch.context() as slow_disk:
        slow_disk.setattr(ProjectFolder, "read_strokes", lambda *what: may_read.wait() and read(*what))
        assert show_project(viewer, project)
        assert show_project(viewer, project), "a second click opens it no second time"
        assert "Opening cells.unet" in lines(dock_of(viewer)), "the disk is slow, the window is not"
        assert keeper_of(viewer).folder is None
        may_read.set()
        hands.wait(lambda: keeper_of(viewer).folder is not None)
    assert not keeper_of(viewer).folder.read_only
    dock = dock_of(viewer)
    hands.wait(lambda: dock.controller.current is not None)
    strokes, key = dock.controller.current.strokes, dock.controller.current.key
    paint(hands, strokes, 2, 50)
    hands.wait(lambda: keeper_of(viewer).all_saved)
    strokes.data[54, 10:40] = 2
    strokes.events.set_data()  # the session is told of it in a moment
    assert not keeper_of(viewer).all_saved
    painted = strokes.data.copy()
    other = ProjectFolder.create(tmp_path / "other.unet")
    other.close()
    open_project_in(hands, other.path)
    assert keeper_of(viewer).folder.path == other.path
    assert not viewer.layers
    back = ProjectFolder.open(project, read_only=True)
    np.testing.assert_array_equal(back.read_strokes(back.state.pair_image(key).id).to_array(), painted)


def test_going_on_goes_on_with_the_same_model(hands: Any, viewer: Any, file: Path, keeping: Path) -> None:
    dock, _ = open_and_paint(hands, file)
    hands.tiny_network(dock)
    hands.click(dock, "train_live")
    hands.wait(lambda: dock.session.shown is not None and dock.session.shown.step > 0)
    hands.click(dock, "train_stop")
    step = dock.session.shown.step
    folder = kept(hands)
    hands.wait(lambda: any(one.shown and one.step == step for one in folder.state.models))
    kept_models = {(one.step, one.time) for one in folder.state.models}
    keeper_of(viewer).close_project()
    assert dock.session.model is None
    open_project_in(hands, folder.path)
    hands.wait(lambda: dock.session.model is not None)
    assert dock.session.model.weights.step == step
    hands.wait(lambda: {(one.step, one.time) for one in dock.session.model_history} >= kept_models)  # to go back to
    hands.wait(lambda: dock.controller.current is not None)
    paint(hands, dock.controller.current.strokes, 2, 50)
    assert dock.session.model.weights.step == step


def test_save_as_goes_on_there_and_a_copy_does_not(hands: Any, viewer: Any, file: Path, keeping: Path, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    dock, strokes = open_and_paint(hands, file)
    first = kept(hands).path
    (line,) = dock.findChildren(ProjectLine)
    for number, (act, goes_on) in enumerate(((line.save_copy, False), (line.save_as, True))):
        place = tmp_path / f"place {number}.unet"
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, place=place: (str(place), ""))
        act()
        hands.wait(lambda place=place: str(place) in dock.note_line.text())
        assert keeper_of(viewer).folder.path == (place if goes_on else first)
        paint(hands, strokes, 2, 50 + 3 * number)
        hands.wait(lambda: keeper_of(viewer).all_saved)
    keeper_of(viewer).close_project()
    rows = {}
    for path in (first, tmp_path / "place 0.unet", tmp_path / "place 1.unet"):
        back = ProjectFolder.open(path, read_only=True)
        found = back.read_strokes(back.state.images[0].id)
        rows[path.name] = [bool(found.to_array()[row].any()) for row in (50, 53)]
    assert rows == {"cells.unet": [True, False], "place 0.unet": [False, False], "place 1.unet": [True, True]}


def test_the_classes_of_the_project_win_over_those_of_a_layer(hands: Any, viewer: Any, project: Path) -> None:
    open_project_in(hands, project)
    dock = dock_of(viewer)
    hands.wait(lambda: dock.controller.current is not None)
    names = ClassTable.named({1: "ground", 2: "nucleus"})
    dock.session.set_classes(names)
    image = dock.controller.current.image_layer
    from napari_unet.ui.layer_metadata import mark_layer, set_class_table

    other = viewer.add_labels(np.zeros_like(dock.controller.current.strokes.data), name="other strokes")
    set_class_table(other, ClassTable.named({1: "back", 2: "vessel"}))
    mark_layer(other, "strokes", image)
    hands.wait(lambda: other in dock.chooser.strokes_box.layers)
    dock.chooser.strokes_box.layer = other
    assert dock.session.classes == names


# -- closing ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """How often napari has asked before it closed; every time it is told not to."""
    from napari._qt import qt_main_window

    times: list[Any] = []

    class Never:
        def __init__(self, *args: Any, **options: Any) -> None:
            times.append(args)

        def exec_(self) -> int:
            return 0

    monkeypatch.setattr(qt_main_window, "ConfirmCloseDialog", Never)
    return times


def test_a_window_closes_unasked_where_all_is_kept(hands: Any, viewer: Any, file: Path, keeping: Path,
                                                   asked: list[Any]) -> None:
    _, strokes = open_and_paint(hands, file)
    folder = kept(hands)
    window = viewer.window._qt_window
    viewer.add_points(np.ones((3, 2)))
    window.close(quit_app=False, confirm_need=True)
    assert len(asked) == 1, "points are nowhere"
    assert window.isVisible()
    viewer.layers.remove("Points")
    paint(hands, strokes, 2, 50)
    painted, path, record = strokes.data.copy(), folder.path, folder.state.images[0]
    window.close(quit_app=False, confirm_need=True)
    assert len(asked) == 1
    assert not window.isVisible()
    back = ProjectFolder.open(path)
    assert not back.read_only, "whoever closed holds nothing back"
    np.testing.assert_array_equal(back.read_strokes(record.id).to_array(), painted)
    back.close()


def test_a_window_that_closes_right_after_the_first_stroke_keeps_it(hands: Any, viewer: Any, file: Path,
                                                                    keeping: Path) -> None:
    _, strokes = open_and_paint(hands, file)
    strokes.data[50, 10:40] = 2
    strokes.events.set_data()  # the session is told of it in a moment
    assert not keeper_of(viewer).all_saved
    viewer.window._qt_window.close()
    back = ProjectFolder.open(keeping / "cells.unet")
    assert not back.read_only
    np.testing.assert_array_equal(back.read_strokes(back.state.images[0].id).to_array(), strokes.data)
    back.close()


def test_a_window_without_a_project_asks_as_ever(hands: Any, viewer: Any, file: Path, asked: list[Any]) -> None:
    open_and_paint(hands, file)
    window = viewer.window._qt_window
    window.close(quit_app=True, confirm_need=True)
    assert len(asked) == 1
    assert window.isVisible()

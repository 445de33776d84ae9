"""A session goes into a project and comes out of it again."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from saving_scene import Clock, image_file, no_files_open, plane  # noqa: F401

from napari_unet.core.classes import ClassTable, PaintedClass
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Scribbles
from napari_unet.core.work import run_to_end
from napari_unet.networks.unet import UNet
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.weights import snapshot
from napari_unet.project.block_store import BlockStore
from napari_unet.project.project_contents import open_project
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.saver import ProjectSaved, ProjectSaver
from napari_unet.project.sitting import capture, read_found, read_stored, restore, restore_pairs, snapshot_of
from napari_unet.project.sources import image_record
from napari_unet.session.annotation_session import Session

CLASSES = ClassTable((PaintedClass(1, "outside", "#112233"), PaintedClass(2, "nucleus", "#445566"),
                      PaintedClass(5, "debris", "#778899")))


@pytest.fixture
def folder(tmp_path: Path) -> ProjectFolder:
    return ProjectFolder.create(tmp_path / "cells")


def sitting(folder: ProjectFolder) -> Session:
    """Two images of files, one of them painted, and one without a file, painted and not learnt from."""
    session = Session()
    for name in ("a", "b"):
        path = folder.path.parent / f"{name}.tif"
        record = image_record(image_file(path), [path], folder.path, image_id=name, strokes_id=f"{name}-layer")
        folder.change(lambda state, record=record: state.replacing(record))
    drawn = Image(np.arange(64, dtype=np.uint8).reshape(8, 8), "YX", "drawn", (0.5, 0.5), "micrometer")
    folder.store_image("drawn", drawn)
    session.put_pair("a-layer", image_file(folder.path.parent / "a.tif"))
    session.put_pair("drawn", drawn)
    session.set_classes(CLASSES)
    session.images.put(["a", "b", "drawn"])
    session.images.choose("drawn")
    session.paint("a-layer", {1: plane((3, 4, 1), (600, 580, 2))})
    session.paint("drawn", {0: plane((1, 1, 5), shape=(8, 8))})
    session.enable("drawn", False)
    return session


def saved(session: Session, folder: ProjectFolder) -> Session:
    """Save a session, and return it as it comes back."""
    saver = ProjectSaver(folder, clock=Clock())
    saver.offer(snapshot_of(session, folder))
    assert isinstance(saver.run_once(last=True)[-1], ProjectSaved)
    folder.close()
    again = Session()
    restored = restore(ProjectFolder.open(folder.path), again)
    assert restored.told == ()
    return again


def found_again(folder: ProjectFolder, session: Session) -> tuple[str, ...]:
    """Look again for images that were missing; return those that are learnt from now."""
    return restore_pairs(session, run_to_end(read_found(folder, session.keys))).painted


def test_reading_looks_at_the_disk_image_by_image_and_putting_does_not(
    folder: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(sitting(folder), folder)
    opened = ProjectFolder.open(folder.path)
    reading = read_stored(opened)
    assert next(reading) == (1, 3), "between two images a window lives on, and may leave"
    stored = run_to_end(read_stored(opened))
    monkeypatch.setattr(ProjectFolder, "read_strokes", None)
    monkeypatch.setattr(ProjectFolder, "read_objects", None)
    again = Session()
    assert restore(opened, again, stored=stored).painted == ("a", "drawn")
    assert again.keys == ("a-layer", "drawn")


def test_a_session_comes_back_as_it_was(folder: ProjectFolder) -> None:
    session = sitting(folder)
    again = saved(session, folder)
    assert again.keys == ("a-layer", "drawn")
    for key in session.keys:
        assert again.pair(key).scribbles.same_paint(session.pair(key).scribbles)
        assert np.array_equal(again.pair(key).image.plane(0), session.pair(key).image.plane(0))
        assert again.pair(key).image.geometry == session.pair(key).image.geometry
        assert again.enabled(key) == session.enabled(key)
    assert again.classes == CLASSES
    assert again.images.keys == ("a", "b", "drawn")
    assert again.images.current == "drawn"


def test_images_are_learnt_from_in_the_order_in_which_they_were_painted(folder: ProjectFolder) -> None:
    session = sitting(folder)
    session.remove_pair("a-layer")
    session.put_pair("a-layer", image_file(folder.path.parent / "a.tif"))
    session.paint("a-layer", {1: plane((3, 4, 1))})
    session.enable("drawn", True)
    again = saved(session, folder)
    assert again.keys == session.keys == ("drawn", "a-layer"), "a training depends on it; the list has a first"
    assert again.images.keys == ("a", "b", "drawn")
    names = [pair.image.name for pair in session.training_set().pairs]
    assert [pair.image.name for pair in open_project(folder.path).training.pairs] == names


def test_saving_again_what_came_back_writes_nothing(folder: ProjectFolder) -> None:
    saved(sitting(folder), folder)
    again, session = ProjectFolder.open(folder.path), Session()
    restore(again, session)
    files = [one for one in folder.path.rglob("*") if one.is_file() and one.name != "writer.lock"]
    before = {one: one.stat().st_mtime_ns for one in files}
    saver = ProjectSaver(again, clock=Clock())
    saver.offer(snapshot_of(session, again))
    assert saver.run_once() == [ProjectSaved(0, ())]
    assert {one: one.stat().st_mtime_ns for one in before} == before


def test_axes_and_scale_of_the_session_win_over_the_record(folder: ProjectFolder) -> None:
    session = sitting(folder)
    image = session.pair("a-layer").image
    session.put_pair("a-layer", dataclasses.replace(image, axes="TYX", scale=(1, 2, 2)),
                     session.pair("a-layer").scribbles)
    again = saved(session, folder)
    assert again.pair("a-layer").image.axes == "TYX"
    assert again.pair("a-layer").image.scale == (1, 2, 2)


def test_a_missing_image_is_told_and_its_strokes_stay(folder: ProjectFolder) -> None:
    session = sitting(folder)
    saved(session, folder)
    (folder.path.parent / "a.tif").rename(folder.path.parent / "gone.tif")
    again, other = ProjectFolder.open(folder.path), Session()
    restored = restore(again, other)
    assert [one.id for one in restored.missing] == ["a"]
    assert restored.painted == ("drawn",)
    assert "'a' is not where it was" in restored.told[0]
    saver = ProjectSaver(again, clock=Clock())
    saver.offer(snapshot_of(other, again))
    saver.run_once()
    assert again.read_strokes("a").same_paint(session.pair("a-layer").scribbles)  # type: ignore[union-attr]
    assert other.classes == CLASSES
    assert found_again(again, other) == (), "it is still missing, and the others are there"
    folder.path.parent.joinpath("other").mkdir()
    (folder.path.parent / "gone.tif").rename(folder.path.parent / "other" / "a.tif")
    other.put_pair("a-layer", session.pair("a-layer").image)  # opened by hand, with strokes of its own
    other.paint("a-layer", {0: plane((9, 9, 1))})
    saver.offer(snapshot_of(other, again))
    saver.run_once()
    assert BlockStore(again.path / "strokes" / "a.kept-1.zarr").read().scribbles.same_paint(  # type: ignore[union-attr]
        session.pair("a-layer").scribbles)
    found = restore(again, Session(), moved={str(folder.path.parent): str(folder.path.parent / "other")})
    assert found.painted == ("drawn", "a")
    (folder.path.parent / "other" / "a.tif").rename(folder.path.parent / "a.tif")
    other.remove_pair("a-layer")
    assert found_again(again, other) == ("a",)
    assert "a-layer" in other.keys


def test_strokes_of_another_shape_are_told_and_stay(folder: ProjectFolder) -> None:
    session = sitting(folder)
    saved(session, folder)
    again = ProjectFolder.open(folder.path)
    small = Scribbles((4, 4), {0: plane((1, 1, 1), shape=(4, 4))})
    again.write_strokes("drawn", small)
    again.close()
    again, other = ProjectFolder.open(folder.path), Session()
    restored = restore(again, other)
    assert restored.painted == ("a",)
    assert "have shape (4, 4), but the image has (8, 8)" in restored.told[-1]
    other.put_pair("drawn", session.pair("drawn").image, session.pair("drawn").scribbles)  # painted anew
    saver = ProjectSaver(again, clock=Clock())
    saver.offer(snapshot_of(other, again))
    saver.run_once()
    assert again.read_strokes("drawn").shape == (8, 8)  # type: ignore[union-attr]
    assert (folder.path / "strokes" / "drawn.kept-1.zarr" / "0.0").exists()


def test_a_changed_file_is_told_and_used(folder: ProjectFolder) -> None:
    saved(sitting(folder), folder)
    file = folder.path.parent / "a.tif"
    file.unlink()
    image_file(file, seed=5)
    session = Session()
    restored = restore(ProjectFolder.open(folder.path), session)
    assert "The file of 'a'" in restored.told[0]
    assert restored.painted == ("a", "drawn")


def test_images_that_the_session_does_not_know_stay_as_they_are(folder: ProjectFolder) -> None:
    session = sitting(folder)
    before = folder.state.image("b")
    state = capture(session, folder.state)
    assert state.image("b") == before
    assert state.image("drawn").looked_at  # type: ignore[union-attr]
    assert not state.image("a").looked_at  # type: ignore[union-attr]
    assert not state.image("drawn").learn  # type: ignore[union-attr]
    session.images.put([])
    assert capture(session, state).current == "drawn"  # closing all layers is no choice of another image


def network(step: int) -> NetworkModel:
    torch.manual_seed(step)
    unet = UNet(width=4, depth=1)
    return NetworkModel(snapshot(unet.build(1, 2), unet, "unet", 1, ClassTable.default(), step=step), "cpu")


def test_the_model_shown_comes_back_with_the_models_before(folder: ProjectFolder) -> None:
    session = sitting(folder)
    session.set_model(network(5))
    again = saved(session, folder)
    assert again.model is not None
    assert again.model.weights.step == 5  # type: ignore[attr-defined]
    assert torch.equal(*(one.model.weights.tensors[name] for one in (session, again)  # type: ignore[union-attr]
                         for name in list(session.model.weights.tensors)[:1]))  # type: ignore[union-attr]
    assert again.classes == CLASSES


def test_models_are_saved_as_they_come_but_not_all_the_time(folder: ProjectFolder) -> None:
    session, clock = sitting(folder), Clock()
    saver = ProjectSaver(folder, clock=clock)
    steps = []
    for step in range(1, 7):
        session._keep(network(step), step / 10, step)
        session.models.put(session.model_history[0].model)
        saver.offer(snapshot_of(session, folder))
        saver.run_once()  # the state first
        saver.run_once()  # the models when nothing else is to be saved
        clock.now += 2
        steps.append([one.step for one in folder.state.models])
    assert steps[0] == steps[1] == steps[2] == [1]
    assert steps[3] == [4, 3, 2, 1]
    assert saver.run_once(last=True)
    assert [one.step for one in folder.state.models] == [6, 5, 4, 3, 2, 1]
    assert [one.step for one in folder.state.models if one.shown] == [6]
    assert [one.dice for one in folder.state.models][:2] == [0.6, 0.5]
    assert saver.run_once(last=True) == []


def test_models_of_a_later_sitting_take_the_place_of_none_before(folder: ProjectFolder) -> None:
    session = sitting(folder)
    session._keep(network(5), 0.8, 5)
    session.models.put(session.model_history[0].model)
    saved(session, folder)
    again = ProjectFolder.open(folder.path)
    restore(again, later := Session())  # its model is loaded, and not saved a second time
    later._history.begin()
    later._keep(network(5), 0.6, 5)
    saver = ProjectSaver(again, clock=Clock())
    saver.offer(snapshot_of(later, again))
    saver.run_once(last=True)
    assert [(one.step, one.dice) for one in again.state.models] == [(5, 0.6), (5, 0.8)]
    assert len(list((again.path / "models").glob("*.pt"))) == 2


def test_a_model_that_cannot_be_loaded_is_told(folder: ProjectFolder) -> None:
    session = sitting(folder)
    session.set_model(network(5))
    saved(session, folder)
    (folder.path / folder.state.models[0].file).write_bytes(b"?")
    restored = restore(ProjectFolder.open(folder.path), Session())
    assert "The model that was shown (step 5) could not be loaded" in restored.told[-1]


def test_settings_come_back_and_those_that_a_session_does_not_know_stay(folder: ProjectFolder) -> None:
    folder.change(lambda state: state.replacing(settings={"of another": [1, 2], "method": {"name": "forest"}}))
    session, told = sitting(folder), []
    session.settings_changed.connect(lambda: told.append(dict(session.settings)))
    session.put_settings({"method": {"name": "unet", "parameters": {"seed": 3}}})
    session.put_settings({"method": {"name": "unet", "parameters": {"seed": 3}}})
    assert len(told) == 1
    again = saved(session, folder)
    assert again.settings == {"of another": [1, 2], "method": {"name": "unet", "parameters": {"seed": 3}}}

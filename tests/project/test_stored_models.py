"""Models of a project come back, all of them, and know which strokes they have learnt from."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from saving_scene import Clock, image_file, no_files_open, plane  # noqa: F401

from napari_unet.core.classes import ClassTable
from napari_unet.core.fingerprints import stroke_hash
from napari_unet.networks.unet import UNet
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.weights import snapshot
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.saver import ProjectSaver
from napari_unet.project.sitting import restore, snapshot_of
from napari_unet.project.sources import image_record
from napari_unet.project.stored_models import stored_models, take_model
from napari_unet.session.annotation_session import Session


def network(step: int) -> NetworkModel:
    torch.manual_seed(step)
    unet = UNet(width=4, depth=1)
    return NetworkModel(snapshot(unet.build(1, 2), unet, "unet", 1, ClassTable.default(), step=step), "cpu")


class Sitting:
    """A session of one painted image in a project, with what saves it."""

    def __init__(self, path: Path) -> None:
        self.folder, self.session, self.clock = ProjectFolder.create(path / "cells"), Session(), Clock()
        file = path / "a.tif"
        record = image_record(image_file(file), [file], self.folder.path, image_id="a", strokes_id="a-layer")
        self.folder.change(lambda state: state.replacing(record))
        self.session.put_pair("a-layer", image_file(file))
        self.session.images.put(["a"])
        self.saver = ProjectSaver(self.folder, clock=self.clock)

    def paint(self, *values: int) -> None:
        self.session.paint("a-layer", {1: plane(*((3, 4 * value, value) for value in values))})
        self.saver.offer(snapshot_of(self.session, self.folder))
        self.saver.run_once()

    def train(self, step: int, versions: tuple[int, ...] = (), refits: bool = False) -> None:
        self.session._history.begin()
        made = dataclasses.replace(network(step), refits=refits)
        self.session._keep(made, step / 10, step, versions=versions)
        self.session.models.put(self.session.model_history[0].model)
        self.saver.offer(snapshot_of(self.session, self.folder))
        self.saver.run_once(last=True)


@pytest.fixture
def sitting(tmp_path: Path) -> Sitting:
    return Sitting(tmp_path)


def test_a_saved_model_names_the_strokes_that_it_has_learnt_from(sitting: Sitting) -> None:
    hashes, versions = [], []
    for value in (1, 2):
        sitting.paint(value)
        hashes.append(stroke_hash(sitting.session.pair("a-layer").scribbles))
        versions.append(sitting.session.version("a-layer"))
    sitting.train(1, (versions[0],))  # a training is some strokes behind
    sitting.train(2)
    sitting.train(3, (10**6,))
    assert [dict(one.strokes) for one in sitting.folder.state.models] == [
        {"a": ""}, {"a": hashes[1]}, {"a": hashes[0]}], "empty where it is not known any more"


def test_one_can_go_back_to_each_model_after_opening_again(sitting: Sitting) -> None:
    sitting.paint(1)
    for step in (1, 2, 3):
        sitting.train(step)
    sitting.session.go_back(sitting.session.model_history[1])
    sitting.paint(2)
    sitting.saver.run_once(last=True)
    sitting.folder.close()

    folder, again = ProjectFolder.open(sitting.folder.path), Session()
    assert restore(folder, again).told == ()
    assert [(one.step, one.dice) for one in again.model_history] == [(3, 0.3), (2, 0.2), (1, 0.1)]
    assert again.shown is not None
    assert again.shown.step == 2
    assert [one.time for one in again.model_history] == [one.time for one in sitting.session.model_history]
    assert {again.version("a-layer")} & {one.versions["a-layer"] for one in again.model_history} == set(), (
        "strokes have changed since")
    for one, old in zip(again.model_history, sitting.session.model_history, strict=True):
        again.go_back(one)
        assert all(torch.equal(tensor, old.model.weights.tensors[name])  # type: ignore[attr-defined]
                   for name, tensor in one.model.weights.tensors.items())  # type: ignore[attr-defined]

    files = sorted(one.name for one in (folder.path / "models").iterdir())
    saver = ProjectSaver(folder, clock=Clock())
    saver.offer(snapshot_of(again, folder))
    saver.run_once(last=True)
    assert sorted(one.name for one in (folder.path / "models").iterdir()) == files, "none is saved a second time"
    assert [one.step for one in folder.state.models if one.shown] == [1]


def test_a_model_that_made_room_on_the_disk_is_saved_again_when_somebody_goes_back_to_it(sitting: Sitting) -> None:
    sitting.paint(1)
    for step in (99, *range(1, 12)):  # the first one has the best score, so the session keeps it
        sitting.train(step)
    assert 99 not in [one.step for one in sitting.folder.state.models]
    sitting.session.go_back(next(one for one in sitting.session.model_history if one.step == 99))
    sitting.paint(2)
    sitting.saver.run_once(last=True)
    assert [one.step for one in sitting.folder.state.models if one.shown] == [99]
    sitting.folder.close()
    restore(ProjectFolder.open(sitting.folder.path), again := Session())
    assert again.shown is not None
    assert again.shown.step == 99


def test_a_model_that_learnt_from_the_strokes_as_they_are_says_so(sitting: Sitting) -> None:
    sitting.paint(1)
    sitting.train(4)
    sitting.folder.close()
    again = Session()
    restore(ProjectFolder.open(sitting.folder.path), again)
    (kept,) = again.model_history
    assert kept.versions == {"a-layer": again.version("a-layer")}


def test_models_are_loaded_when_they_are_asked_for_and_a_newer_one_stays_in_sight(sitting: Sitting) -> None:
    sitting.paint(1)
    for step in (1, 2):
        sitting.train(step)
    sitting.folder.close()
    folder, again = ProjectFolder.open(sitting.folder.path), Session()
    restore(folder, again, model=False)
    damaged = next(one for one in folder.state.models if not one.shown)
    loading = stored_models(folder, again)
    (folder.path / damaged.file).write_bytes(b"?")
    newer = network(9)
    again.set_model(newer)  # somebody has opened one meanwhile
    assert take_model(again, next(loading)) == ""
    assert again.model is newer
    assert [one.step for one in again.model_history] == [9, 2]
    assert "A model of before (step 1) could not be loaded" in take_model(again, next(loading))
    assert list(loading) == []


@pytest.mark.parametrize("missing", [False, True])
def test_an_answer_of_before_is_shown_and_strokes_are_answered_on(sitting: Sitting, missing: bool) -> None:
    session = sitting.session
    sitting.paint(1, 2)
    session.answered(network(0))
    sitting.saver.offer(snapshot_of(session, sitting.folder))
    sitting.saver.run_once(last=True)
    if missing:  # a painted image is not where it was: what is left of the strokes is no reason to learn anew
        sitting.folder.change(lambda state: state.replacing(painted=(*state.painted, "b")))
    sitting.folder.close()
    again = Session()
    restore(ProjectFolder.open(sitting.folder.path), again)
    assert again.model is not None
    assert again.shown is not None
    assert again.shown.step == 0
    assert again.follows_strokes is not missing
    again.answered(newer := network(0))
    assert (again.model is newer) is not missing


def test_a_network_that_was_fitted_to_each_stroke_is_so_still_where_all_strokes_are_there(sitting: Sitting) -> None:
    sitting.paint(1, 2)
    sitting.train(1)
    sitting.train(2, refits=True)
    sitting.folder.close()
    again = Session()
    restore(folder := ProjectFolder.open(sitting.folder.path), again)
    assert again.follows_strokes
    files = sorted(one.name for one in (folder.path / "models").iterdir())
    saver = ProjectSaver(folder, clock=Clock())
    again.go_back(again.model_history[1])
    saver.offer(snapshot_of(again, folder))
    saver.run_once(last=True)
    assert sorted(one.name for one in (folder.path / "models").iterdir()) == files, "none is saved a second time"
    folder.close()
    restore(ProjectFolder.open(folder.path), last := Session())
    assert last.shown is not None
    assert last.shown.step == 1
    assert not last.follows_strokes, "somebody has gone back to it"

"""Projects on the command line and in scripts: the same strokes and classes as in the window, without one."""

from __future__ import annotations

import csv
import dataclasses
import errno
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from cli_scene import QUICK, run

import napari_unet
from napari_unet import segmenters
from napari_unet.core.classes import ClassTable
from napari_unet.core.fingerprints import stroke_hash
from napari_unet.core.provenance import of_model
from napari_unet.core.scribbles import Scribbles
from napari_unet.core.work import run_to_end
from napari_unet.io import provenance_path, read_image, read_labels
from napari_unet.io.model_file import load_model
from napari_unet.io.provenance_file import read_provenance
from napari_unet.project import kept_state
from napari_unet.project.prediction_basis import PresentBasis
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.records import ImageRecord, ProjectState
from napari_unet.project.sitting import restore
from napari_unet.project.sources import image_record
from napari_unet.project.verbs import train_project
from napari_unet.report.csv_cells import ENCODING
from napari_unet.session.annotation_session import Session

TRAIN = ["--steps", "40", *QUICK]
NAMES = ("one", "two", "three")


def a_picture(corner: int) -> np.ndarray:
    rng = np.random.default_rng(corner)
    picture = rng.integers(0, 30, (40, 48), np.uint8)
    picture[corner : corner + 14, 8:24] += 120
    return picture


def strokes_on(corner: int) -> Scribbles:
    painted = np.zeros((40, 48), np.uint8)
    painted[1:3, 2:46] = painted[36:38, 2:46] = 1
    painted[corner + 3 : corner + 5, 10:22] = painted[corner + 9 : corner + 11, 10:22] = 2
    return Scribbles.from_array(painted)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of three images, of which two are painted; one of them is not learnt from."""
    (tmp_path / "data").mkdir()
    path = tmp_path / "cells.unet"
    records = []
    for number, name in enumerate(NAMES):
        file = tmp_path / "data" / f"{name}.tif"
        tifffile.imwrite(file, a_picture(6 + 4 * number), imagej=True, resolution=(2.0, 2.0), metadata={"unit": "um"})
        records.append(image_record(read_image(file), [file], path, image_id=name))
    records[1] = ImageRecord(**{**vars(records[1]), "learn": False})
    classes = ClassTable.named({1: "background", 2: "nucleus"})
    folder = ProjectFolder.create(path, state=ProjectState(tuple(records), classes))
    for number, name in enumerate(NAMES[:2]):
        folder.write_strokes(name, strokes_on(6 + 4 * number))
    folder.close()
    return path


def state_of(path: Path) -> ProjectState:
    folder = ProjectFolder.open(path, read_only=True)
    return folder.state


def tensors(path: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["tensors"]
    return found


def same(one: Any, other: Any) -> bool:
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_training_puts_a_model_into_the_project_that_knows_where_it_comes_from(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", project, *TRAIN) == 0
    (record,) = state_of(project).models
    assert capsys.readouterr().out.strip() == str(project / record.file)
    assert (record.shown, record.step, record.name) == (True, 40, "step 40")
    assert record.strokes == {"one": stroke_hash(strokes_on(6))}, "the other painted image is not learnt from"
    told = of_model(load_model(project / record.file))
    assert told is not None
    assert [one.name for one in told.images] == ["one"]
    assert told.classes == ClassTable.named({1: "background", 2: "nucleus"})
    assert told.made_by.startswith("napari-unet train")
    assert run("train", project, *TRAIN) == 0
    newest, before = state_of(project).models
    assert (newest.shown, before.shown, newest.training) == (True, False, before.training + 1)


def test_a_deterministic_training_is_that_of_a_session_on_the_same_project(project: Path, tmp_path: Path) -> None:
    words = ["--steps", "5", "--deterministic", "--seed", "2", *QUICK]
    assert run("train", project, *words, "-o", tmp_path / "model.pt") == 0
    kept = project / state_of(project).models[0].file
    assert same(tensors(kept), tensors(tmp_path / "model.pt"))
    session, folder = Session(), ProjectFolder.open(project, read_only=True)
    restore(folder, session, model=False)
    method = segmenters.REGISTRY["unet"](steps=5, seconds=None, seed=2, device="cpu", deterministic=True, width=4,
                                         depth=2, patch=32)
    model: Any = run_to_end(session.training(method))
    assert same(dict(model.weights.tensors), tensors(kept))


def test_training_goes_on_from_the_model_that_is_shown_where_that_is_wanted(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", project, "--continue", *TRAIN) == 1
    assert "has no model yet" in capsys.readouterr().err
    assert run("train", project, *TRAIN) == 0
    assert run("train", project, "--continue", *TRAIN) == 0
    newest, before = state_of(project).models
    assert (newest.step, before.step) == (80, 40)


def test_the_method_that_a_project_is_set_to_is_used_unless_another_is_asked_for(project: Path) -> None:
    folder = ProjectFolder.open(project)
    folder.change(lambda state: state.replacing(settings={
        "method": {"name": "forest", "parameters": {"trees": 3, "largest": 2.0, "seed": 9}}}))
    folder.close()
    assert run("train", project) == 0
    told = of_model(load_model(project / state_of(project).models[0].file))
    assert told is not None
    assert (told.method, told.settings["trees"], told.seed) == ("forest", 3, 9)
    assert run("train", project, "--set", "trees=4", "--seed", "1") == 0
    told = of_model(load_model(project / state_of(project).models[0].file))
    assert told is not None
    assert (told.settings["trees"], told.seed) == (4, 1)
    assert run("train", project, "--network", "unet", *TRAIN) == 0


def test_predictions_go_into_the_project_and_are_counted(project: Path, tmp_path: Path) -> None:
    assert run("train", project, *TRAIN) == 0
    assert run("predict", project, "--device", "cpu") == 0
    state = state_of(project)
    assert [one.image for one in state.results] == list(NAMES)
    assert {one.model for one in state.results} == {state.models[0].file}
    assert [one.strokes for one in state.results] == [stroke_hash(strokes_on(6)), "", ""]
    restore(ProjectFolder.open(project, read_only=True), window := Session())
    assert {one.basis for one in state.results} <= PresentBasis(window).names(), "they are up to date"
    (pair,) = window.training_set().pairs
    window.paint(window.keys[0], {0: np.where(pair.scribbles.planes[0] == 1, 0, pair.scribbles.planes[0])})
    window.set_model(None)
    assert not {one.basis for one in state.results} & PresentBasis(window).names()
    for number, name in enumerate(NAMES):
        labels = read_labels(project / "results" / f"{name}.ome.zarr")[0]
        assert labels[10 + 4 * number, 16] == 1
        assert labels[1, 45] == 0
        told = read_provenance(provenance_path(project / "results" / f"{name}.ome.zarr"))
        assert told.model is not None
        assert told.images[0].name == name
    assert run("counts", project, "-o", tmp_path / "counts.csv") == 0
    with (tmp_path / "counts.csv").open(encoding=ENCODING, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["image"], row["class"]) for row in rows] == [(name, "nucleus") for name in NAMES]
    first = rows[0]
    mask = read_labels(project / "results" / "one.ome.zarr")[0]
    assert int(first["pixels"]) == np.count_nonzero(mask)
    assert float(first["size"]) == pytest.approx(np.count_nonzero(mask) * 0.25)
    assert first["unit"] == "micrometer^2"
    assert run("counts", project, "-o", tmp_path / "counts.csv") == 1, "nothing is replaced unasked"
    assert run("predict", project, "--device", "cpu") == 0, "the project's own results are"


def test_predictions_go_into_a_folder_by_a_pattern(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", project, *TRAIN) == 0
    out = tmp_path / "masks"
    assert run("predict", project, "-o", out, "--device", "cpu", "--pattern", "{number}_{name}.tif") == 0
    assert sorted(one.name for one in out.glob("*.tif")) == ["1_one.tif", "2_two.tif", "3_three.tif"]
    assert len(list(out.glob("*.provenance.json"))) == 3
    assert state_of(project).results == ()
    capsys.readouterr()
    assert run("predict", project, "-o", out, "--device", "cpu", "--pattern", "{number}_{name}.tif") == 1
    assert "exists already" in capsys.readouterr().err
    assert run("predict", project, "-o", tmp_path / "data", "--pattern", "{name}.tif", "--overwrite") == 1
    assert "is an input of this command and is never overwritten" in capsys.readouterr().err
    for name, corner in zip(NAMES, (6, 10, 14), strict=True):
        assert np.array_equal(tifffile.imread(tmp_path / "data" / f"{name}.tif"), a_picture(corner))


def test_one_image_that_cannot_be_done_does_not_keep_the_others_from_it(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", project, *TRAIN) == 0
    (tmp_path / "data" / "two.tif").unlink()
    capsys.readouterr()
    assert run("predict", project, "--device", "cpu") == 1
    assert "1 of 3 could not be done, the others are" in capsys.readouterr().err
    assert [one.image for one in state_of(project).results] == ["one", "three"]
    assert run("counts", project, "-o", tmp_path / "counts.csv") == 1
    assert "two has no prediction yet" in capsys.readouterr().err
    assert (tmp_path / "counts.csv").exists()


def test_a_mask_of_an_image_that_has_another_shape_now_is_not_up_to_date(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", project, *TRAIN) == 0
    assert run("predict", project, "--device", "cpu") == 0
    before = files_in(project / "results")
    tifffile.imwrite(tmp_path / "data" / "three.tif", a_picture(14)[:-4])
    assert run("predict", project, "--device", "cpu", "--resume") == 1
    told = capsys.readouterr().err
    assert "2 of 3 are there already" in told
    assert "three.tif has another shape now" in told
    assert files_in(project / "results") == before
    assert run("counts", project, "-o", tmp_path / "counts.csv") == 0
    assert capsys.readouterr().err.count("three.tif) has changed since it came to the project") == 1


def test_a_project_is_predicted_on_where_it_was_cut(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", project, *TRAIN) == 0
    again = ["predict", project, "--device", "cpu", "--resume"]
    (tmp_path / "data" / "two.tif").rename(tmp_path / "two.tif")
    assert run(*again, "--objects", tmp_path / "o") == 1
    capsys.readouterr()
    (tmp_path / "two.tif").rename(tmp_path / "data" / "two.tif")
    before = files_in(project / "results")
    known = state_of(project).results
    assert run(*again, "--objects", tmp_path / "o", "--counts", tmp_path / "c.csv") == 0
    told = capsys.readouterr().err
    assert "2 of 3 are there already and stay as they are" in told
    assert [one.image for one in state_of(project).results] == ["one", "three", "two"]
    assert state_of(project).results[:2] == known
    assert before.items() <= files_in(project / "results").items(), "what was there is not made again"
    assert len(list((tmp_path / "o").glob("*.tif"))) == 3
    with (tmp_path / "c.csv").open(encoding=ENCODING, newline="") as file:
        assert {row["image"] for row in csv.DictReader(file)} == set(NAMES)

    folder = ProjectFolder.open(project)  # killed between a mask and the note of it
    folder.change(lambda state: dataclasses.replace(state, results=state.results[:2]))
    folder.flush()
    folder.close()
    tifffile.imwrite(tmp_path / "data" / "one.tif", a_picture(7))
    assert run(*again) == 0
    assert "2 of 3 are there already" in capsys.readouterr().err
    assert {one.image for one in state_of(project).results} == set(NAMES)
    changed = {name for name, content in files_in(project / "results").items() if before.get(name, content) != content}
    assert {name.split(".")[0] for name in changed} == {"one"}

    whole = files_in(project / "results")
    (project / "results" / "two.ome.zarr" / "0" / ".zarray").write_text("{")
    assert run(*again) == 0
    assert files_in(project / "results" / "two.ome.zarr").items() <= {
        name.removeprefix("two.ome.zarr/"): content for name, content in whole.items()}.items(), "made again"

    into = [*again, "-o", tmp_path / "out"]
    assert run(*into) == 0
    made = files_in(tmp_path / "out")
    tifffile.imwrite(tmp_path / "data" / "three.tif", a_picture(9))
    assert run(*into) == 1
    assert "three_mask.tif: another image" in capsys.readouterr().err
    assert files_in(tmp_path / "out") == made
    assert run(*into, "--overwrite") == 0
    assert {name for name, content in files_in(tmp_path / "out").items() if made[name] != content} == {
        "three_mask.tif", "three_mask.tif.provenance.json"}


@pytest.mark.parametrize(("more", "said"), [
    (["--blocks"], "without --blocks"), (["--workers", "2", "--shard", "512"], "without --workers, --shard"),
    (["--halo", "0"], "without --halo"), (["--pattern", "{name}.tif"], "--pattern names masks in a folder"),
    (["--way", "parts"], "--way: of objects"),
])
def test_what_is_not_looked_at_in_a_project_is_refused(
    more: list[str], said: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("predict", project, *more) == 2
    assert said in capsys.readouterr().err


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_images_that_were_moved_are_named_and_found_where_they_are_now(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    assert run("train", project, *TRAIN) == 1
    told = capsys.readouterr().err
    assert "'one' is not where it was" in told
    assert "--moved OLD_FOLDER=NEW_FOLDER" in told
    before = (project / "project.json").read_bytes()
    moved = f"{tmp_path / 'data'}={tmp_path / 'elsewhere'}"
    assert run("train", project, *TRAIN, "--moved", moved, "-o", tmp_path / "model.pt") == 0
    assert json.loads(before)["images"] == json.loads((project / "project.json").read_bytes())["images"]
    assert run("predict", project, "--device", "cpu", "--moved", moved) == 0
    assert run("predict", project, "--moved", f"{tmp_path / 'data'}={tmp_path / 'nowhere'}") == 2
    assert "is no folder" in capsys.readouterr().err


def test_images_are_found_by_the_folder_that_people_know_though_the_project_has_moved_too(
    project: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    project = project.rename(tmp_path / "deep" / "er" / "p.unet")
    moved = f"{tmp_path / 'data'}={tmp_path / 'elsewhere'}"
    assert run("train", project, *TRAIN) == 1
    assert run("train", project, *TRAIN, "--moved", moved) == 0
    assert run("predict", project, "--device", "cpu", "--moved", moved) == 0
    assert len(state_of(project).results) == 3


def test_nothing_else_is_written_into_a_project(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {one: one.read_bytes() for one in project.rglob("*") if one.is_file()}
    for words, places in ((("train", project, *TRAIN), ("project.json", "models/mine.pt")),
                          (("counts", project), ("counts.csv", "models/mine.txt"))):
        for place in places:
            assert run(*words, "-o", project / place, "--overwrite") == 2
            assert "lies in the project itself" in capsys.readouterr().err
    assert {one: one.read_bytes() for one in project.rglob("*") if one.is_file()} == before


@pytest.mark.skipif(sys.platform == "win32", reason="about paths of another system")
def test_images_on_a_drive_of_windows_are_found_by_that_name(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project / "project.json"
    told = json.loads(file.read_bytes())
    for one in told["images"]:
        one["source"]["paths"] = [f"D:/data/{one['name']}.tif"]
    file.write_text(json.dumps({**told, "place": "C:\\Users\\me\\cells.unet"}))
    assert run("train", project, *TRAIN) == 1
    assert "not where it was (/D:/data/one.tif)" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    assert run("train", project, *TRAIN, "--moved", "D:/data=data") == 0
    assert run("train", project, *TRAIN, "--moved", "D:\\data=data") == 0
    copy = ProjectFolder.open(project).save_copy(tmp_path / "deep.unet")
    assert [one.source.paths for one in state_of(copy).images] == [(f"D:/data/{name}.tif",) for name in NAMES]


@pytest.mark.skipif(sys.platform == "win32", reason="about paths of another system")
def test_an_image_in_the_working_folder_is_not_taken_for_one_beside_a_project_of_windows(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = project / "project.json"
    told = json.loads(file.read_bytes())
    for one in told["images"]:
        one["source"]["paths"] = [f"../{one['name']}.tif"]
    file.write_text(json.dumps({**told, "place": "C:\\Users\\me\\cells.unet"}))
    monkeypatch.chdir(tmp_path / "data")
    assert [one.source.paths for one in state_of(project).images] == [(f"../{name}.tif",) for name in NAMES]


def test_a_full_disk_is_told_in_a_sentence_and_the_project_is_as_before(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", project, *TRAIN) == 0
    before = (project / "project.json").read_bytes()

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(kept_state, "write_project", full)
    for words in (("train", project, *TRAIN), ("predict", project, "--device", "cpu")):
        assert run(*words) == 1
        told = capsys.readouterr().err
        assert "cells.unet could not be written (No space left on device)" in told
        assert "OSError" not in told
    assert (project / "project.json").read_bytes() == before


def test_a_project_that_somebody_has_open_is_read_and_results_go_elsewhere(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    window = ProjectFolder.open(project)
    try:
        assert not window.read_only
        assert run("train", project, *TRAIN) == 1
        assert "can only be read now" in capsys.readouterr().err
        assert run("train", project, *TRAIN, "-o", tmp_path / "model.pt") == 0
        assert "the model is in" in capsys.readouterr().err
        assert run("predict", project, "--model", tmp_path / "model.pt", "--device", "cpu") == 1
        assert run("predict", project, "--model", tmp_path / "model.pt", "-o", tmp_path / "out", "--device", "cpu") == 0
        assert len(list((tmp_path / "out").glob("*_mask.tif"))) == 3
        assert run("info", project) == 0
    finally:
        window.close()
    assert state_of(project).models == ()


def test_info_says_what_is_in_a_project(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data" / "three.tif").unlink()
    assert run("info", project) == 0
    text = capsys.readouterr().out
    assert "cells.unet: 3 images, 0 models" in text
    assert "2 nucleus (96 px painted)" in text
    assert "two: 40 x 48 (YX), ../data/two.tif; 224 px painted, not learnt from" in text
    assert "three.tif; MISSING" in text
    assert run("info", project, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert [one["missing"] for one in facts["images"]] == [False, False, True]


def test_methods_are_compared_on_the_strokes_of_a_project(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("compare", project, "--methods", "threshold,forest", "--set", "forest.trees=3", "-o", out) == 0
    told = read_provenance(out / "provenance.json")
    assert told.what == "comparison"
    assert [one.name for one in told.images] == ["one"]
    assert told.images[0].strokes == stroke_hash(strokes_on(6))
    assert told.settings["methods"]["forest"]["settings"]["trees"] == 3
    assert run("compare", project, "--methods", "threshold", "-o", project / "models") == 2, "it has one"
    assert not (project / "models").is_dir() or not list((project / "models").iterdir())


def test_the_methods_text_of_everything_that_knows_where_it_comes_from(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("methods-text", project) == 1
    assert "has no model yet" in capsys.readouterr().err
    assert run("train", project, *TRAIN) == 0
    assert run("predict", project, "--device", "cpu") == 0
    assert run("compare", project, "--methods", "threshold", "-o", tmp_path / "out") == 0
    capsys.readouterr()
    model, mask = project / state_of(project).models[0].file, project / "results" / "one.ome.zarr"
    for what, words in (
        (project, "The model then segmented 3 images of 48 x 40 px, uint8, 0.5 x 0.5 micrometer a pixel."),
        (model, "It was trained for 40 steps"), (mask, "The model then segmented one image"),
        (provenance_path(mask), "The model then segmented one image"),
        (tmp_path / "out", "The same strokes were given to Threshold."),
    ):
        assert run("methods-text", what) == 0
        assert words in " ".join(capsys.readouterr().out.split())
    assert run("methods-text", tmp_path / "data" / "one.tif") == 1
    assert "does not say where it comes from" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "message"), [
    (["train", "PROJECT", "strokes.tif"], "A project has its own strokes"),
    (["train", "PROJECT", "--axes", "YX"], "A project has its own axes"),
    (["train", "images.tif", "strokes.tif"], "Say with -o MODEL.pt where the model goes"),
    (["train", "images.tif", "strokes.tif", "-o", "m.pt", "--continue"], "are for projects"),
    (["predict", "PROJECT", "other.tif"], "Give one project, or images"),
    (["predict", "PROJECT", "--tta"], "without --tta"),
    (["predict", "images.tif", "-o", "x.tif"], "Give --model MODEL.pt and -o OUT"),
    (["compare", "PROJECT", "strokes.tif", "-o", "out"], "A project has its own strokes"),
    (["predict", "PROJECT", "-o", "cells.unet/results"], "lies in the project"),
    (["counts", "images.tif", "-o", "c.csv"], "is no project"),
])
def test_wrong_use_is_said(
    project: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.parent)
    assert run(*[project if word == "PROJECT" else word for word in words]) == 2
    assert message in capsys.readouterr().err
    assert not list(project.glob("models/*"))


def test_a_project_in_a_script(project: Path) -> None:
    contents = napari_unet.open_project(project)
    assert contents.folder.read_only
    assert [one.name for one in contents.images] == ["one"]
    model = napari_unet.train(contents.images, contents.scribbles, classes=contents.classes, network="forest", trees=3,
                              largest=2.0).result()
    masks = [napari_unet.predict(contents.read(record), model).result() for record in contents.folder.state.images]
    assert [mask.shape for mask in masks] == [(40, 48)] * 3
    again = train_project(contents, "forest", trees=3, largest=2.0).result()
    assert np.array_equal(napari_unet.predict(contents.images[0], again).result(), masks[0])


def test_objects_of_a_project_are_those_of_its_table(project: Path, tmp_path: Path, capsys: Any) -> None:
    assert run("train", project, *TRAIN) == 0
    out = tmp_path / "objects"
    assert run("predict", project, "--objects", out, "--way", "parts") == 2
    assert run("predict", project, "--objects", tmp_path / "one.tif") == 2
    assert run("predict", project, "--objects", project / "o") == 2
    assert not out.exists()
    assert run("predict", project, "--objects", out) == 0
    assert "nucleus" in capsys.readouterr().err
    assert run("predict", project, "-o", tmp_path / "masks", "--objects", tmp_path / "again") == 0
    assert run("counts", project, "--objects", "-o", tmp_path / "t.csv") == 0
    with open(tmp_path / "t.csv", encoding=ENCODING) as file:
        lines = list(csv.DictReader(file))
    for name in NAMES:
        found = napari_unet.load_objects(out / f"{name}_objects.tif").found
        assert found.count == sum(line["image"] == name for line in lines) > 0
        np.testing.assert_array_equal(
            napari_unet.load_objects(tmp_path / "again" / f"{name}_objects.tif").found.numbers, found.numbers)
    assert run("predict", project, "--objects", out) == 1
    assert "exists already" in capsys.readouterr().err


def test_objects_of_a_project_replace_no_image_and_no_mask(project: Path, tmp_path: Path, capsys: Any) -> None:
    image = tmp_path / "data" / "one_objects.tif"
    (tmp_path / "data" / "one.tif").rename(image)
    record = image_record(read_image(image), [image], tmp_path / "single.unet", image_id="one")
    single = ProjectFolder.create(tmp_path / "single.unet", state=ProjectState((record,), state_of(project).classes))
    single.close()
    before = image.read_bytes()
    replacing = ["--model", tmp_path / "no.pt", "--overwrite"]
    assert run("predict", single.path, *replacing, "--objects", image) == 1
    assert "never overwritten" in capsys.readouterr().err
    for wanted in ([], ["--objects"]):
        assert run("counts", single.path, *wanted, "--overwrite", "-o", image) == 2
        assert "tables are written as CSV" in capsys.readouterr().err
    assert image.read_bytes() == before
    for wrong, said in (("o.png", "ending that objects are not saved under"), ("no/o.tif", "no folder")):
        assert run("predict", single.path, *replacing, "--objects", tmp_path / wrong) == 1
        assert said in capsys.readouterr().err
        assert not (tmp_path / wrong).exists()
    out = tmp_path / "out"
    same = ["-o", out, "--pattern", "{name}_objects.tif", "--objects", out]
    assert run("predict", single.path, *replacing, *same) == 2
    assert "where the mask goes" in capsys.readouterr().err
    assert not out.exists()

"""Going on with a run that also finds objects: those that are there stay only if the command would find them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from cli_scene import QUICK, run
from test_block_runs import network, picture
from test_cli_project import project  # noqa: F401 (a fixture)

from napari_unet import io
from napari_unet.cli.object_origin import object_difference
from napari_unet.core.provenance import Provenance
from napari_unet.io import provenance_path
from napari_unet.io.model_file import save_model
from napari_unet.objects.hints import Line
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.session.object_notes import ObjectNotes, Place, PlaceNotes

FOUND = {"mask": "a.tif", "way": "watershed", "neck": 0.5, "by_plane": False, "panoptic": False, "countable": [],
         "chosen": "Watershed of the distance."}


@pytest.mark.parametrize(("now", "said"), [
    ({}, ""),
    ({"mask": "b.tif"}, ""),
    ({"way": "parts"}, "another way (watershed neck=0.5 then, parts neck=0.5 now)"),
    ({"neck": 0.6}, "another way (watershed neck=0.5 then, watershed neck=0.6 now)"),
    ({"fill": True}, "another way (watershed neck=0.5 then, watershed neck=0.5 fill=True now)"),
    ({"by_plane": True}, "other by plane (False then, True now)"),
    ({"countable": ["nucleus"]}, "other countable ([] then, ['nucleus'] now)"),
])
def test_the_way_and_all_that_is_said_of_it_count(now: dict[str, Any], said: str) -> None:
    assert object_difference(Provenance("objects", settings=FOUND), {**FOUND, **now}) == said


def test_objects_are_not_older_than_their_mask() -> None:
    told = Provenance("objects", settings=FOUND, begun="2026-01-02T03:04:05+00:00")
    for begun, said in (("2026-01-02T03:04:05+00:00", ""), ("", ""), ("2026-01-02T03:04:06+00:00", "another mask")):
        assert object_difference(told, FOUND, Provenance("mask", begun=begun)).startswith(said)
        assert bool(object_difference(told, FOUND, Provenance("mask", begun=begun))) is bool(said)


def made(folder: Path) -> dict[Path, bytes]:
    return {one: one.read_bytes() for one in folder.rglob("*") if one.is_file()}


@pytest.mark.parametrize("blocks", [False, True])
def test_objects_that_were_found_in_another_way_are_told_and_found_anew_only_if_asked(
    blocks: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(2):
        tifffile.imwrite(tmp_path / f"im{number}.tif", picture(40 + number, 50), photometric="minisblack")
    save_model(tmp_path / "m.pt", dataclasses.replace(network(), tile=None, full_precision=False))
    out, found = tmp_path / "masks", tmp_path / "found"
    words = ["predict", *sorted(tmp_path.glob("im*.tif")), "--model", tmp_path / "m.pt", "--device", "cpu", "-o", out,
             "--objects", found, *(["--blocks"] if blocks else [])]
    assert run(*words, "--way", "parts") == 0
    masks, objects = made(out), made(found)
    capsys.readouterr()
    assert run(*words, "--way", "parts", "--resume") == 0
    assert "2 of 2 are there already" in capsys.readouterr().err
    assert run(*words, "--way", "parts", "--object-set", "smallest=9", "--resume") == 1
    told = capsys.readouterr().err
    assert "2 of the results that are there are not what this command makes" in told
    assert "im0_objects.tif: another way (parts then, parts smallest=9" in told
    assert (made(out), made(found)) == (masks, objects), "nothing was touched"

    provenance_path(found / "im1_objects.tif").unlink()
    assert run(*words, "--way", "parts", "--object-set", "smallest=9", "--resume", "--overwrite") == 0
    told = capsys.readouterr().err
    assert "im0_mask.tif: there already, only the objects are looked for" in told
    assert "im1_objects.tif says how it was made: kept unchecked" in told
    assert made(out) == masks, "no mask is made again"
    sizes = [np.bincount(io.load_objects(found / f"im{number}_objects.tif").found.numbers.ravel())[1:].min()
             for number in range(2)]
    assert sizes[0] >= 9 > sizes[1]


def test_objects_of_a_mask_of_before_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tifffile.imwrite(tmp_path / "in.tif", picture(40, 50), photometric="minisblack")
    save_model(tmp_path / "m.pt", dataclasses.replace(network(), tile=None, full_precision=False))
    words = ["predict", tmp_path / "in.tif", "--model", tmp_path / "m.pt", "--device", "cpu", "-o",
             tmp_path / "mask.tif", "--objects", tmp_path / "o.tif"]
    assert run(*words) == 0
    capsys.readouterr()
    assert run(*words, "--resume") == 0
    assert "1 of 1 are there already" in capsys.readouterr().err
    note = provenance_path(tmp_path / "o.tif")
    told = json.loads(note.read_text())
    told["begun"] = "2020-01-01T00:00:00+00:00"
    note.write_text(json.dumps(told))
    assert run(*words, "--resume") == 1
    assert "o.tif: another mask (it was made anew since)" in capsys.readouterr().err


def test_objects_of_a_project_stay_while_nothing_was_shown_since(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", project, "--steps", "40", *QUICK) == 0
    found = tmp_path / "found"
    words = ["predict", project, "--device", "cpu", "--objects", found]
    assert run(*words) == 0
    objects = made(found)
    assert run(*words, "--resume") == 0
    assert made(found) == objects
    folder = ProjectFolder.open(project)
    folder.write_objects("one", ObjectNotes((40, 48), {Place(0): PlaceNotes((Line("cut", ((8, 16), (18, 16))),))}))
    folder.close()
    capsys.readouterr()
    assert run(*words, "--resume") == 1
    told = capsys.readouterr().err
    assert "3 of the results that are there" in told, "lines on one image teach all"
    assert "one_objects.tif: other cuts, joins, corrections or strokes in the project" in told
    assert made(found) == objects
    assert run(*words, "--resume", "--overwrite") == 0
    assert made(found) != objects
    assert run(*words, "--resume") == 0

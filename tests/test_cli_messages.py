"""The command line: one clear line for a mistake, help and listings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_scene import files, run  # noqa: F401 (fixtures)

from napari_unet.cli import main
from napari_unet.cli.parser import make_parser

TRAIN = ["train", "{f}/images.tif", "{f}/scribbles.tif"]
COMPARE = ["compare", "{f}/images.tif", "{f}/scribbles.tif"]


def test_methods_and_info_list_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("methods", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {"unet", "unet2015"} <= {item["name"] for item in found["networks"]}
    assert {"unet", "threshold", "slic", "mean_shift", "region_growing"} <= {item["name"] for item in found["methods"]}
    assert {"dice", "iou"} <= {item["name"] for item in found["metrics"]}
    assert all(item["summary"] for items in found.values() for item in items)
    width = next(p for n in found["networks"] if n["name"] == "unet" for p in n["parameters"] if p["name"] == "width")
    assert width["default"] == 16
    assert "whole number" in width["allowed"]
    assert run("methods") == 0
    assert "threshold:" in capsys.readouterr().out
    assert run("info", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["reason"]
    assert facts["torch"].startswith("2")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["train", "-o", "m.pt"], 2, "Give IMAGES and SCRIBBLES, or --pair"),
        ([*TRAIN, "-o", "{f}/images.tif", "--overwrite"], 1, "is an input"),
        (["predict", "{f}/deep.zarr/0", "--model", "{f}/model.pt", "-o", "{f}/deep.zarr", "--overwrite"], 1,
         "is an input"),
        (["predict", "{f}/deep.zarr", "--model", "{f}/model.pt", "-o", "{f}/deep.zarr/mask.zarr"], 1,
         "lies inside an input"),
        (["predict", "{f}/deep.zarr/0", "--model", "{f}/model.pt", "-o", "{f}/deep.zarr/mask.zarr"], 1,
         "lies inside an input"),
        (["compare", "{f}/deep.zarr", "{f}/strokes.tif", "--methods", "threshold", "-o", "{f}/deep.zarr/out"], 1,
         "lies inside an input"),
        ([*TRAIN, "-o", "{f}/model.pt"], 1, "Add --overwrite"),
        ([*TRAIN, "-o", "{t}/no/m.pt"], 1, "There is no folder"),
        (["predict", "{f}/images.tif", "--model", "{f}/model.pt", "-o", "{f}/model.pt/m.tif"], 1, "There is no folder"),
        (["predict", "{f}/images.tif", "--model", "{f}/model.pt", "-o", "{t}/" + "m" * 300 + ".tif"], 1,
         "this name is too long for the disk"),
        ([*TRAIN, "-o", "{t}/m.pt", "--network", "resnet"], 2, "no network 'resnet'. Allowed: "),
        ([*TRAIN, "-o", "{t}/m.pt", "--set", "depth=99"], 2, "depth cannot be 99"),
        ([*TRAIN, "-o", "{t}/m.pt", "--device", "tpu"], 2, "tpu"),
        ([*TRAIN, "-o", "{t}/m.pt", "--axes", "YX"], 1, "'YX'"),
        ([*TRAIN, "-o", "{t}/m.pt", "--index", "2"], 1, "Nothing is painted"),
        ([*TRAIN, "-o", "{t}/m.pt", "--index", "9"], 1, "planes 0 to 2"),
        (["train", "{f}/images.tif", "{f}/nothing.tif", "-o", "{t}/m.pt"], 1, "There is no file"),
        ([*TRAIN, "-o", "{t}/m.pt", "--index", "3:1"], 2, "names no planes"),
        ([*TRAIN, "-o", "{t}/m.pt", "--seconds", "-3"], 2, "not a number above 0"),
        (["predict", "{f}/images.tif", "--model", "{f}/truth.tif", "-o", "{t}/o.tif"], 1, "truth.tif"),
        (["predict", "{f}/images.tif", "--model", "{f}/model.pt", "-o", "{t}/o.png"], 1, ".zarr"),
        (["score", "{f}/mask.tif", "{f}/model.pt"], 1, "model.pt"),
        (["score", "{f}/mask.tif", "{f}/mask.tif", "--index", "7"], 1, "planes 0 to 2"),
        ([*COMPARE, "--methods", "magic", "-o", "{t}/c"], 2, "no method called"),
        ([*COMPARE, "--methods", "threshold", "--set", "slic.x=1", "-o", "{t}/c"],
         2, "METHOD.NAME=VALUE"),
        ([*COMPARE, "--methods", "threshold", "--set", "metrics.reach=1", "-o", "{t}/c"], 2, "reach"),
        ([*TRAIN, "-o", "/proc/m.pt"], 1, "cannot be written"),
        (["compare", "{f}/images.tif", "{f}/background.tif", "--methods", "threshold,slic", "-o", "{t}/c"],
         1, "No method could do these images"),
        ([*TRAIN, "-o", "{t}", "--overwrite"], 1, "is a folder"),
        ([*COMPARE, "--methods", "threshold,threshold", "-o", "{t}/c"], 2, "different methods"),
        (["predict", "{f}/images.tif", "--model", "{f}/model.pt", "-o", "{t}/q.tif", "--probabilities", "{t}/../"
          "{n}/q.tif"], 1, "same file name"),
        (["nothing"], 2, "invalid choice"),
    ],
)
def test_mistakes_get_one_clear_line(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                     words: list[str], code: int, message: str) -> None:
    assert run(*(word.format(f=files, t=tmp_path, n=tmp_path.name) for word in words)) == code
    said = capsys.readouterr()
    assert message in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def test_the_help_of_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("demo", "train", "predict", "score", "compare", "methods", "info"):
        assert main([command, "--help"]) == 0
        assert len(capsys.readouterr().out) > 100
    assert make_parser().parse_args(["predict", "a", "--model", "m", "-o", "o", "--index", "0,3,11:14"]).index == [
        0, 3, 11, 12, 13]


def test_a_name_that_is_just_short_enough(files: Path, tmp_path: Path) -> None:
    place = tmp_path / ("m" * 250 + ".tif")
    assert run("predict", str(files / "images.tif"), "--model", str(files / "model.pt"), "-o", str(place)) == 0
    assert place.is_file()

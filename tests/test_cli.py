"""The command line as a user meets it: files in, files out, one honest line when something is wrong."""

from __future__ import annotations

import contextlib
import csv
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from napari_unet.cli import main
from napari_unet.cli.demo_command import demo_folder, why_no_window
from napari_unet.cli.parser import make_parser
from napari_unet.core.errors import UserError
from napari_unet.io.model_file import load_model

TRAIN = ["train", "{f}/images.tif", "{f}/scribbles.tif"]
COMPARE = ["compare", "{f}/images.tif", "{f}/scribbles.tif"]
QUICK = ["--set", "width=4", "--set", "depth=2", "--set", "patch=32", "--device", "cpu"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three planes with a bright square each, strokes in two, the truth of all; a model of them."""
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    truth = np.ones((3, 48, 40), np.uint8)
    for plane, corner in enumerate((8, 14, 20)):
        truth[plane, corner : corner + 14, 8:24] = 2
    images = (truth * 80 + rng.normal(0, 8, truth.shape)).astype(np.uint8)
    scribbles = np.zeros_like(truth)
    scribbles[:2, 1:4, 2:36] = 1
    scribbles[:2, 40:43, 2:36] = 1
    for start in (10, 18):  # two strokes a plane: whole strokes can be held out
        scribbles[:2, 20:22, start : start + 4] = 2
    background = scribbles * (scribbles == 1)
    for name, array in (("images", images), ("truth", truth), ("scribbles", scribbles), ("mask", truth - 1),
                        ("background", background)):
        tifffile.imwrite(folder / f"{name}.tif", array, photometric="minisblack")
    code = main(["train", str(folder / "images.tif"), str(folder / "scribbles.tif"), "-o", str(folder / "model.pt"),
                 "--steps", "30", *QUICK])
    assert code == 0
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def run(*words: object) -> int:
    return main([str(word) for word in words])


def test_train_then_predict_then_score(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert load_model(files / "model.pt").classes.ids == (1, 2)
    out = tmp_path / "mask.tif"
    assert run("predict", files / "images.tif", "--model", files / "model.pt", "-o", out,
               "--probabilities", tmp_path / "p.tif") == 0
    said = capsys.readouterr()
    assert said.out.split() == [str(out), str(tmp_path / "p.tif")]
    assert "axes NYX (" in said.err
    mask, maps = tifffile.imread(out), tifffile.imread(tmp_path / "p.tif")
    assert mask.shape == (3, 48, 40)
    assert mask.dtype == np.uint8
    assert set(np.unique(mask)) <= {0, 1}
    assert maps.shape == (3, 2, 48, 40)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps.sum(1), 1, atol=1e-5)
    assert np.array_equal(maps.argmax(1), mask)

    assert run("score", out, files / "truth.tif", "--reference-values", "painted", "--csv", tmp_path / "t.csv") == 0
    assert "Dice" in capsys.readouterr().out
    rows = table(tmp_path / "t.csv")
    assert list(rows[0]) == ["method", "image", "plane", "class_id", "class_name", "metric", "value", "unit"]
    dice = [float(row["value"]) for row in rows if row["metric"] == "dice"]
    assert len(dice) == 3
    truth = tifffile.imread(files / "truth.tif") == 2
    expected = [2 * (m & t).sum() / (m.sum() + t.sum()) for m, t in zip(mask == 1, truth, strict=True)]
    np.testing.assert_allclose(dice, expected, atol=1e-6)


def test_painted_ids_index_and_order(files: Path, tmp_path: Path) -> None:
    whole, some = tmp_path / "whole.tif", tmp_path / "some.zarr"
    assert run("predict", files / "images.tif", "--model", files / "model.pt", "-o", whole) == 0
    assert run("predict", files / "images.tif", "--model", files / "model.pt", "-o", some, "--index", "2,0",
               "--painted-ids") == 0
    group = zarr.open(some, mode="r")
    assert isinstance(group, zarr.Group)
    assert np.array_equal(group["0"][:], tifffile.imread(whole)[[2, 0]] + 1)
    assert "image-label" in group.attrs


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_zarr_version(files: Path, tmp_path: Path, version: str) -> None:
    out = tmp_path / "mask.ome.zarr"
    assert run("predict", files / "images.tif", "--model", files / "model.pt", "-o", out,
               "--zarr-version", version) == 0
    attributes = dict(zarr.open_group(out, mode="r").attrs)
    described = attributes.get("ome", attributes)
    told = described.get("version") or described["multiscales"][0]["version"]
    assert told == version


def test_several_images_go_into_a_folder(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = tifffile.imread(files / "images.tif")
    names = []
    for number, plane in enumerate(images[:2]):
        names.append(tmp_path / f"cell{number}.tif")
        tifffile.imwrite(names[-1], plane)
    out = tmp_path / "masks"
    assert run("predict", *names, "--model", files / "model.pt", "-o", out) == 0
    assert sorted(path.name for path in out.iterdir()) == ["cell0_mask.tif", "cell1_mask.tif"]
    assert tifffile.imread(out / "cell0_mask.tif").shape == (48, 40)
    assert run("predict", *names, "--model", files / "model.pt", "-o", tmp_path / "one.tif") == 2
    assert "cannot go into the one file" in capsys.readouterr().err
    assert run("predict", names[0], names[0], "--model", files / "model.pt", "-o", tmp_path / "more") == 1
    assert "same file name" in capsys.readouterr().err


def test_pairs_of_files_are_learnt_together(files: Path, tmp_path: Path) -> None:
    images, scribbles = tifffile.imread(files / "images.tif"), tifffile.imread(files / "scribbles.tif")
    words: list[object] = []
    for number in range(2):
        tifffile.imwrite(tmp_path / f"i{number}.tif", images[number, : 40 + number])
        tifffile.imwrite(tmp_path / f"s{number}.tif", scribbles[number, : 40 + number])
        words += ["--pair", tmp_path / f"i{number}.tif", tmp_path / f"s{number}.tif"]
    assert run("train", *words, "-o", tmp_path / "m.pt", "--steps", 2, *QUICK) == 0
    assert load_model(tmp_path / "m.pt").weights.step == 2


def test_compare_writes_table_figure_and_masks(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "result"
    words = ["compare", files / "images.tif", files / "scribbles.tif", "--reference", files / "truth.tif",
             "--reference-values", "painted", "--index", "2:3", "--methods", "unet,threshold", "--model",
             files / "model.pt", "-o", out]
    assert run(*words) == 0
    assert "threshold" in capsys.readouterr().out
    rows = table(out / "table.csv")
    assert {row["method"] for row in rows} == {"unet", "threshold"}
    assert {row["plane"] for row in rows if row["metric"] == "dice"} == {"2"}
    assert (out / "figure.png").stat().st_size > 10_000
    mask = tifffile.imread(out / "masks" / "threshold.tif")
    assert mask.squeeze().shape == (48, 40)
    assert set(np.unique(mask)) == {0, 1}
    assert run(*words) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert run(*words, "--overwrite") == 0


def test_compare_never_overwrites_its_inputs(files: Path, tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    mine = tmp_path / "masks" / "threshold.tif"
    mine.write_bytes((files / "images.tif").read_bytes())
    assert run("compare", mine, files / "scribbles.tif", "--methods", "threshold", "-o", tmp_path, "--overwrite") == 1
    assert mine.read_bytes() == (files / "images.tif").read_bytes()


def test_planes_keep_the_order_of_the_index(files: Path, tmp_path: Path) -> None:
    for name, index in (("a", "0,1,2"), ("b", "2,1,0")):
        assert run("compare", files / "images.tif", files / "scribbles.tif", "--reference", files / "mask.tif",
                   "--index", index, "--methods", "threshold", "-o", tmp_path / name) == 0
    straight, reverse = (tifffile.imread(tmp_path / name / "masks" / "threshold.tif") for name in "ab")
    assert np.array_equal(straight, reverse[::-1])


def test_images_of_one_name_are_told_apart(files: Path, tmp_path: Path) -> None:
    triple = ("--triple", files / "images.tif", files / "scribbles.tif", files / "mask.tif")
    assert run("compare", *triple, *triple, "--methods", "threshold", "-o", tmp_path / "c") == 0
    assert {row["image"] for row in table(tmp_path / "c" / "table.csv")} == {"images", "images (2)", ""}


def test_compare_without_reference_uses_held_out_strokes(files: Path, tmp_path: Path) -> None:
    out = tmp_path / "held"
    assert run("compare", files / "images.tif", files / "scribbles.tif", "--methods", "threshold", "-o", out) == 0
    rows = table(out / "table.csv")
    assert any(row["metric"] == "dice" and row["value"] for row in rows)
    assert all(row["value"] == "" for row in rows if row["metric"].startswith("components"))


def test_compare_triples_with_a_dash_for_none(files: Path, tmp_path: Path) -> None:
    images, scribbles, truth = (tifffile.imread(files / f"{name}.tif") for name in ("images", "scribbles", "truth"))
    for number in (0, 2):
        tifffile.imwrite(tmp_path / f"i{number}.tif", images[number])
    tifffile.imwrite(tmp_path / "s0.tif", scribbles[0])
    tifffile.imwrite(tmp_path / "t2.tif", truth[2])
    out = tmp_path / "out"
    assert run("compare", "--triple", tmp_path / "i0.tif", tmp_path / "s0.tif", "-",
               "--triple", tmp_path / "i2.tif", "-", tmp_path / "t2.tif",
               "--reference-values", "painted", "--methods", "threshold", "-o", out) == 0
    rows = table(out / "table.csv")
    assert {row["image"] for row in rows if row["metric"] == "dice"} == {"i2"}
    assert [path.name for path in (out / "masks").iterdir()] == ["1_i2_threshold.tif"]


def test_compare_judges_as_it_is_told(files: Path, tmp_path: Path) -> None:
    found = []
    for tolerance in ("0", "50"):
        out = tmp_path / tolerance
        assert run("compare", files / "images.tif", files / "scribbles.tif", "--reference", files / "truth.tif",
                   "--reference-values", "painted", "--index", "2:3", "--methods", "unet", "--model",
                   files / "model.pt", "--metrics", "surface_dice", "--set", f"metrics.tolerance={tolerance}",
                   "-o", out) == 0
        found.append([float(row["value"]) for row in table(out / "table.csv") if row["metric"] == "surface_dice"])
    assert found[0][0] < found[1][0] == 1.0


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


class Training:
    """A long training in a process of its own, begun with SIGINT as the test wants it, not as it was inherited."""

    START = ("import os, signal, sys; signal.signal(signal.SIGINT, getattr(signal, sys.argv[1])); "
             "os.execv(sys.executable, [sys.executable, '-m', 'napari_unet', *sys.argv[2:]])")

    def __init__(self, said: Path, process: subprocess.Popen[bytes]) -> None:
        self.said, self.process = said, process

    @classmethod
    @contextlib.contextmanager
    def started(cls, files: Path, folder: Path, sigint: str) -> Iterator[Training]:
        """Start it and wait until it has a model; it ends with the block, whatever happens there."""
        words = ["train", files / "images.tif", files / "scribbles.tif", "-o", folder / "m.pt", "--seconds", "600"]
        said = folder / "said.txt"
        with said.open("wb") as errors, subprocess.Popen(
            [sys.executable, "-c", cls.START, sigint, *words, *QUICK], stdout=subprocess.DEVNULL, stderr=errors,
        ) as process:
            try:
                training = cls(said, process)
                training.go_on(3)  # the first model comes with the first step after a second of training
                yield training
            finally:
                process.kill()

    @property
    def told(self) -> str:
        """What it has said so far; the last sign of a bar may be half written."""
        return self.said.read_text(encoding="utf-8", errors="replace")

    @property
    def steps(self) -> set[str]:
        """Steps whose bar (a line each, as text is read) says 1 % or more, which is 3 s of training and more."""
        return set(re.findall(r"step (\d+);[^\n]*: +[1-9]\d*%", self.told))

    def go_on(self, count: int) -> None:
        """Wait for so many more steps to be told of; the clock only ends a test that hangs."""
        before, end = self.steps, time.monotonic() + 1200
        while len(self.steps - before) < count:
            assert self.process.poll() is None, self.told
            assert time.monotonic() < end, self.told
            time.sleep(0.1)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl+C to one process alone")
def test_interrupted_training_saves_the_model_so_far(files: Path, tmp_path: Path) -> None:
    with Training.started(files, tmp_path, "SIG_DFL") as training:
        training.process.send_signal(signal.SIGINT)
        assert training.process.wait(1200) == 130
    assert load_model(tmp_path / "m.pt").weights.step > 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl+C to one process alone")
def test_a_background_job_goes_on_when_others_are_interrupted(files: Path, tmp_path: Path) -> None:
    with Training.started(files, tmp_path, "SIG_IGN") as training:
        training.process.send_signal(signal.SIGINT)
        training.go_on(3)
    assert not (tmp_path / "m.pt").exists()


def test_the_demo_keeps_to_its_own_folder(tmp_path: Path) -> None:
    mine = demo_folder(tmp_path / "demo")
    (mine / "old.txt").write_text("old")
    assert [path.name for path in demo_folder(mine).iterdir()] == [".napari-unet-demo"]
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.txt").write_text("years of work")
    with pytest.raises(UserError, match="was not made by the demo"):
        demo_folder(other)
    assert (other / "chapter.txt").exists()


def test_without_a_display_the_demo_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert why_no_window() == "there is no display"
    monkeypatch.setenv("DISPLAY", ":0")
    assert why_no_window() is None


def test_the_headless_demo_leaves_everything_to_look_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("demo", "--headless", "--seconds", "1", "-o", tmp_path / "demo") == 0
    said = capsys.readouterr()
    assert "--headless was given" in said.err
    assert "unet" in said.out
    names = {path.name for path in (tmp_path / "demo" / "masks").iterdir()}
    assert {"unet.tif", "unet.ome.zarr", "threshold.tif"} <= names
    assert (tmp_path / "demo" / "figure.png").exists()
    assert (tmp_path / "demo" / "table.csv").exists()

"""The command line, from strokes to scores: train, predict, score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from cli_scene import QUICK, files, run, table  # noqa: F401 (fixtures)

from napari_unet.io.model_file import load_model


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
    assert list(rows[0]) == ["method", "image", "plane", "class_id", "class_name", "metric", "value", "unit", "way",
                             "sees"]
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
    assert sorted(path.name for path in out.iterdir()) == [
        "cell0_mask.tif", "cell0_mask.tif.provenance.json", "cell1_mask.tif", "cell1_mask.tif.provenance.json"]
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

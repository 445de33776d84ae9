"""The command line: compare."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from cli_scene import files, run, table  # noqa: F401 (fixtures)


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


def test_references_of_any_code_are_scored_alike_and_what_is_not_clear_is_asked(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = tifffile.imread(files / "mask.tif")
    single = truth * np.array([70, 3, 9], np.uint8)[:, None, None]
    single[:, 40:46, 30:38] = truth.max() * 5  # one object more
    dices = {}
    for name, values in (("255", 255 * (single > 0)), ("single", single), ("plain", single > 0)):
        tifffile.imwrite(tmp_path / f"{name}.tif", values.astype(np.uint8), photometric="minisblack")
        assert run("compare", files / "images.tif", files / "scribbles.tif", "--reference", tmp_path / f"{name}.tif",
                   "--methods", "threshold", "-o", tmp_path / name) == 0
        rows = table(tmp_path / name / "table.csv")
        assert {row["class_id"] for row in rows} == {"2", ""}
        dices[name] = [row["value"] for row in rows if row["metric"] == "dice"]
        said = capsys.readouterr().err
        assert ("warning: The reference holds" in said) == (name != "plain")
        assert run("score", files / "mask.tif", tmp_path / f"{name}.tif", "--csv", tmp_path / f"{name}.csv") == 0
        dices[f"{name} scored"] = [row["value"] for row in table(tmp_path / f"{name}.csv") if row["metric"] == "dice"]
        capsys.readouterr()
    assert dices["255"] == dices["single"] == dices["plain"]
    assert dices["255 scored"] == dices["single scored"] == dices["plain scored"]
    two = truth.copy()
    two[:, 40:46, 30:38] = 2  # objects, or a class that was not painted?
    tifffile.imwrite(tmp_path / "two.tif", two, photometric="minisblack")
    command = ["compare", files / "images.tif", files / "scribbles.tif", "--reference", tmp_path / "two.tif",
               "--methods", "threshold", "-o", tmp_path / "two"]
    assert run(*command) == 1
    said = capsys.readouterr().err
    assert ("The reference holds the values 1 and 2, and one class was painted besides the background: are these "
            "single objects or classes? Say which: --reference-values objects (all but 0 is of one class) or "
            "--reference-values mask (each number is a class).") in said
    assert "Traceback" not in said
    assert not (tmp_path / "two" / "table.csv").exists()
    assert run(*command, "--reference-values", "objects") == 0
    assert {row["class_id"] for row in table(tmp_path / "two" / "table.csv")} == {"2", ""}

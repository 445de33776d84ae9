"""A short run of the benchmark of the choice between networks: its table, its summary, its darkened sets."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from benchmark_scripts import load_script

from napari_unet.sample_data import load_set

ROOT = Path(__file__).parent.parent
DATA = ROOT / "napari_unet" / "sample_data"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """The script, which is no part of the package."""
    return load_script("never_worse")


def test_each_set_is_measured_as_it_is_and_darkened(
    benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    benchmark.main(["--data", str(DATA), "--sets", "nuclei", "--dark", "nuclei", "--seeds", "0", "--steps", "2",
                    "--planes", "1", "--largest", "160", "--device", "cpu", "--csv", str(tmp_path / "o" / "cases.csv")])
    with (tmp_path / "o" / "cases.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["set"] for row in rows] == ["nuclei", "nuclei (dark)"]
    shown = capsys.readouterr().out
    for row in rows:
        dice = {name: float(row[name]) for name in ("instant", "shown", "half", "trained", "best")}
        assert all(0 <= value <= 1 for value in dice.values())
        assert dice["best"] == max(dice["instant"], dice["half"], dice["trained"])
        assert row["remark"].startswith("Learning: step 2; showing")
        if "showing the instant answer" in row["remark"]:
            assert dice["shown"] == dice["instant"]
    least = min(float(row["trained"]) - float(row["instant"]) for row in rows)
    found = re.search(r"trained +minus instant: least ([+-]\d\.\d+)", shown)
    assert found is not None
    assert float(found[1]) == pytest.approx(least, abs=2e-3)


def test_a_darkened_set_has_no_strokes_in_the_dark(benchmark: ModuleType) -> None:
    sample = benchmark.middle(load_set(DATA / "nuclei"), 128)
    dark = benchmark.darkened(sample)
    for before, after in zip(sample.pairs, dark.pairs, strict=True):
        assert before.image.plane_shape == after.image.plane_shape == (128, 128)
        light = benchmark.vignette(128, 128)
        assert light[64, 64] == 1
        assert light[0, 0] == pytest.approx(benchmark.DARK_CORNER)
        assert np.allclose(after.image.plane(0), before.image.plane(0) * light, atol=0.51)
        paint, kept = before.scribbles.to_array(), after.scribbles.to_array()
        assert not kept[:, light < benchmark.BRIGHT].any()
        assert np.array_equal(kept[:, light >= benchmark.BRIGHT], paint[:, light >= benchmark.BRIGHT])


def test_a_run_goes_on_where_an_earlier_one_ended(
    benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = benchmark.Case("nuclei", 0, 0.5, 0.6, 0.7, 0.4, "Learning: step 2")
    path = tmp_path / "cases.csv"
    benchmark.write_csv([done], path)
    assert benchmark.read_csv(path) == [done]
    benchmark.main(["--data", str(DATA), "--sets", "nuclei", "--dark", "--seeds", "0", "--csv", str(path)])
    assert benchmark.read_csv(path) == [done], "nothing was measured again"
    assert "shown    minus instant: least +0.100" in capsys.readouterr().out

"""A short run of the benchmark on fixed strokes: every method answers, and the table says what the file says."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from benchmark_scripts import load_script
from small_set import write_small_set

METHODS = ["forest", "ilastik", "labkit", "imagenet", "one_eye", "instant", "deep", "scratch", "dense"]


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """The script, which is no part of the package."""
    return load_script("strokes")


def test_every_method_answers(benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    benchmark.main(["--data", str(write_small_set(tmp_path)), "--seeds", "0",
                    "--methods", *METHODS, "--seconds", "1", "--dense-seconds", "1", "--device", "cpu",
                    "--csv", str(tmp_path / "out" / "strokes.csv")])
    with (tmp_path / "out" / "strokes.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:5] == ["set", "method", "class", "dice", "seconds"]
    assert [row["method"] for row in rows] == METHODS
    assert all(0 <= float(row["dice"]) <= 1 and float(row["seconds"]) > 0 for row in rows)
    assert all(float(row["dice"]) > 0.7 for row in rows if row["method"] in ("one_eye", "instant", "ilastik"))
    shown = capsys.readouterr().out
    for row in rows:
        found = re.search(rf"{row['method']} (\d\.\d+)", shown)
        assert found is not None
        assert float(found[1]) == pytest.approx(float(row["dice"]), abs=1e-3)


def test_dice_by_hand(benchmark: ModuleType) -> None:
    truth = np.array([[0, 1, 2, 2]], np.uint8)
    assert benchmark.dice(np.array([[2, 2, 2, 1]], np.uint8), truth, 2) == 2 * 1 / (2 + 2)  # the unknown pixel is out
    assert benchmark.dice(np.array([[1, 1, 1, 1]], np.uint8), truth, 3) == 1


def test_planes_are_thinned_evenly(benchmark: ModuleType) -> None:
    planes = tuple((0, number) for number in range(9))
    assert benchmark.thinned(planes, 3) == ((0, 0), (0, 4), (0, 8))
    assert benchmark.thinned(planes, None) == benchmark.thinned(planes, 20) == planes


def test_a_folder_without_sets(benchmark: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"holds no folder with a split\.json"):
        benchmark.main(["--data", str(tmp_path)])

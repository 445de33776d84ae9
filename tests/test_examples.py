"""The examples run as they stand, with tiny budgets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tifffile

EXAMPLES = Path(__file__).parent.parent / "examples"
UNHURRIED = """
import runpy, sys, time, types
from napari_unet.comparison import contender_run
contender_run.time = types.SimpleNamespace(perf_counter=lambda: time.perf_counter() / 1000)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a script whose methods have all the time they need, as the tests' own have (see conftest.py)."""


def run(name: str, *words: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", UNHURRIED, EXAMPLES / name, *map(str, words)], capture_output=True, text=True,
        check=False, timeout=1200, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_train_headless(tmp_path: Path) -> None:
    said = run("train_headless.py", "--seconds", 1, "--output", tmp_path)
    assert "Dice" in said
    assert (tmp_path / "model.pt").exists()
    assert (tmp_path / "masks.ome.zarr").is_dir()


def test_compare_methods(tmp_path: Path) -> None:
    said = run("compare_methods.py", "--seconds", 1, "--methods", "threshold,slic", "--output", tmp_path)
    assert "membrane" in said
    assert tifffile.imread(tmp_path / "masks" / "slic.tif").shape == (3, 256, 256)


def test_a_method_of_ones_own() -> None:
    said = run("own_method.py")
    assert "nearest_grey" in said
    assert "threshold" in said


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_examples_stay_short(name: str) -> None:
    assert len((EXAMPLES / name).read_text().splitlines()) <= 75

"""The examples run as they stand, with tiny budgets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tifffile

from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.records import ProjectState
from napari_unet.sample_data import load

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


def test_a_project_headless(tmp_path: Path) -> None:
    sample = load("nuclei")
    image, scribbles = sample.pairs[0].image, sample.pairs[0].scribbles
    folder = ProjectFolder.create(tmp_path / "cells.unet", state=ProjectState(classes=sample.classes))
    folder.store_image("cells", image)
    folder.write_strokes("cells", scribbles)
    folder.close()
    said = run("project_headless.py", folder.path, "--steps", 2, "--output", tmp_path / "out")
    assert f"{image.n_planes * (len(sample.classes.ids) - 1)} rows in" in said
    assert (tmp_path / "out" / "model.pt").exists()


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

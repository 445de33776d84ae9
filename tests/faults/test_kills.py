"""Real processes that are killed while they paint and save: the seconds are real, so this is left to `make soak`."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import zarr
from painter import CELL, cell_of

from napari_unet.project.project_folder import ProjectFolder

KILLS = 50
SAFE = 2.0
"""Seconds after which a stroke must be on the disk."""


@pytest.mark.soak
def test_fifty_kills_at_random_moments_cost_no_stroke_older_than_two_seconds_and_no_project(tmp_path: Path) -> None:
    path, chance = tmp_path / "cells.unet", random.Random(0)
    certain: set[int] = set()  # strokes that must be there
    gone: set[int] = set()
    failed: list[str] = []
    first = 0
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("painter.py")), str(path), str(first)],
            stdout=subprocess.PIPE, text=True, env=environment,
        ) as painter:
            assert painter.stdout is not None
            assert "begun" in painter.stdout.readline()
            time.sleep(chance.uniform(0, 5))
            painter.kill()
            killed = time.monotonic()
            lines = [line for line in painter.stdout.read().splitlines() if line.endswith("}")]
        painted = [json.loads(line) for line in lines]
        failed += [one["failed"] for one in painted if "failed" in one]
        painted = [one for one in painted if "stroke" in one]
        certain |= {one["stroke"] for one in painted if one["time"] < killed - SAFE}
        folder = ProjectFolder.open(path)  # never an unreadable project
        assert not folder.read_only
        assert not [text for text in folder.told if "damaged" in text], folder.told
        paint = {}
        for record in folder.state.images:
            scribbles = folder.read_strokes(record.id)
            if scribbles is not None:
                paint[record.id] = scribbles.to_array()
                array = zarr.open(str(path / "strokes" / f"{record.id}.zarr"), mode="r")
                assert np.array_equal(array[...], paint[record.id])
        for stroke in certain:
            image, row, column = cell_of(stroke)
            cell = paint[image][row : row + CELL, column : column + CELL] if image in paint else np.zeros(1)
            if not (cell == 1 + stroke % 200).all():
                gone.add(stroke)
        folder.close()
        first = painted[-1]["stroke"] + 1 if painted else first
    sys.stdout.write(f"{KILLS} kills, {len(certain)} strokes older than {SAFE:g} s, {len(gone)} lost\n")
    assert len(certain) > 100
    assert not gone
    assert not failed

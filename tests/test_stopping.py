"""Stop acts within a second and budgets are kept, whatever runs: every method there is, on an image of 1024 x 1024."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from napari_unet.classical import parameter_search
from napari_unet.comparison import contender_run
from napari_unet.comparison.contender_run import GRACE, run_contender
from napari_unet.comparison.contenders import make_contenders, preset_methods
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet

SIDE = 1024
SLACK = 1.0
"""Seconds that a machine that is busy with other things may add."""

@pytest.fixture(autouse=True)
def real_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here it is the seconds that are measured."""
    for module in (contender_run, parameter_search):
        monkeypatch.setattr(module, "time", time)


@pytest.fixture(scope="module")
def training() -> TrainingSet:
    """Discs on uneven ground, with strokes of two classes."""
    chance = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    image, truth = 60 + 25 * columns / SIDE, np.zeros((SIDE, SIDE), bool)
    for _ in range(200):
        row, column, radius = chance.integers(30, SIDE - 30), chance.integers(30, SIDE - 30), chance.uniform(8, 22)
        near = np.hypot(rows - row, columns - column) < radius
        image[near] += chance.uniform(30, 80)
        truth |= near
    strokes = np.zeros((SIDE, SIDE), np.uint8)
    for wanted, number in ((False, 1), (True, 2)):
        places = np.argwhere(truth == wanted)
        for row, column in places[chance.integers(0, len(places), 12)]:
            box = slice(max(0, row - 4), row + 4), slice(max(0, column - 4), column + 4)
            strokes[box][truth[box] == wanted] = number
    grey = np.clip(image + chance.normal(0, 9, image.shape), 0, 255).astype(np.uint8)
    return TrainingSet((Pair(Image(grey, "YX", "discs"), Scribbles.from_array(strokes)),),
                       ClassTable.named({1: "background", 2: "disc"}))


def left_behind() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "napari-unet method"]


@pytest.mark.soak
@pytest.mark.parametrize("name", preset_methods("everything"))
def test_stop_acts_within_a_second_whatever_a_method_does(name: str, training: TrainingSet) -> None:
    silence, took, longest = 0.0, 0.0, 0.0
    for moment in (0.7, 4.0):
        (contender,) = make_contenders([name], {}, {"device": "cpu", "seconds": 20.0}, budget=20.0)
        run = run_contender(contender, training, [(0,)])
        begun = before = time.perf_counter()
        for _ in run:
            now = time.perf_counter()
            silence, before = max(silence, now - before), now
            if now - begun > moment:
                break
        stopped = time.perf_counter()
        run.close()
        took = max(took, time.perf_counter() - stopped)
        for thread in left_behind():
            thread.join(120)
        longest = max(longest, time.perf_counter() - stopped)
    print(f"{name}: silent for {silence:.2f} s, closed in {took:.2f} s, at work for {longest:.2f} s more")  # noqa: T201  shown by pytest -s
    assert silence + took < 1.0 + SLACK, "who presses Stop waits for what is under way and for its end"


@pytest.mark.soak
@pytest.mark.parametrize("name", ["agglomerative", "mean_shift", "quickshift", "random_walker", "split_merge"])
def test_a_budget_is_kept(name: str, training: TrainingSet) -> None:
    budget = 3.0
    (contender,) = make_contenders([name], {}, {}, budget=budget)
    begun = time.perf_counter()
    said = "done"
    try:
        for _ in run_contender(contender, training, [(0,)]):
            pass
    except UserError as error:
        said = str(error)
    took = time.perf_counter() - begun
    print(f"{name}: {took:.2f} s of {budget:g} s, {said}")  # noqa: T201
    assert took < budget + GRACE + 0.5 + SLACK  # half a second to close
    for thread in left_behind():
        thread.join(120)

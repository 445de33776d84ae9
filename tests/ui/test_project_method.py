"""What is set under Advanced lies in the project: it comes back, and the command line learns by it as the dock does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tifffile
import torch
from conftest import TINY
from keeping_scene import kept, open_and_paint, open_project_in

from napari_unet.cli import main
from napari_unet.io.model_file import load_model
from napari_unet.project.project_contents import METHOD
from napari_unet.ui.projects.keeper import keeper_of


@pytest.fixture
def file(tmp_path: Path, squares: Any) -> Path:
    """An image in a file."""
    path = tmp_path / "cells.tif"
    tifffile.imwrite(path, squares[0])
    return path


def test_update_once_is_what_the_command_line_learns_from_the_project(
    hands: Any, viewer: Any, file: Path, keeping: Path, tmp_path: Path
) -> None:
    dock, _ = open_and_paint(hands, file)
    dock.settings.fill()
    form = dock.settings._form
    form.set_values({**TINY, "seed": 5, "start": "scratch", "device": "cpu", "deterministic": True})
    found: list[Any] = []
    end_update = dock.session.end_update
    dock.session.end_update = lambda model: (found.append(model), end_update(model))
    hands.click(dock, "train_update")
    hands.wait(lambda: bool(found) and not dock.controller.training)
    folder = kept(hands)
    chosen = folder.state.settings[METHOD]
    assert (chosen["name"], chosen["parameters"]["seed"], "device" in chosen["parameters"]) == ("unet", 5, False)
    assert keeper_of(viewer).leave_project()
    run = dock.session.last_run
    assert run.began is None, "it went on from a network"
    (learnt,), (stored,) = run.strokes.pairs, [folder.read_strokes(one.id) for one in folder.state.images]
    assert [(n, plane.tobytes()) for n, plane in learnt.scribbles.planes.items()] == [
        (n, plane.tobytes()) for n, plane in stored.planes.items()]
    steps, target = run.steps, tmp_path / "model.pt"
    words = ["--steps", str(steps), "--deterministic", "--device", "cpu", "-o", str(target)]
    assert main(["train", str(folder.path), *words]) == 0
    headless: Any = load_model(target, "cpu")
    assert headless.weights.step == found[0].weights.step == steps
    ours = found[0].weights.tensors
    assert headless.weights.tensors.keys() == ours.keys()
    assert all(torch.equal(one, ours[name]) for name, one in headless.weights.tensors.items())


def test_live_does_not_need_a_number_of_steps_and_the_choice_comes_back(
    hands: Any, viewer: Any, file: Path, keeping: Path
) -> None:
    dock, _ = open_and_paint(hands, file)
    dock.settings.fill()
    dock.settings._form.set_values({"deterministic": True, "seed": 7, "width": 4})
    assert not dock.settings.method(None).deterministic, "how far Live gets depends on the clock"
    assert dock.settings.method(None, once=True).deterministic
    folder = kept(hands)
    hands.wait(lambda: folder.state.settings.get(METHOD, {}).get("parameters", {}).get("seed") == 7
               and keeper_of(viewer).all_saved)
    assert keeper_of(viewer).leave_project()
    dock.settings._form.set_values({"seed": 1, "width": 8, "deterministic": False})
    open_project_in(hands, folder.path)
    made = dock.settings.method(None, once=True)
    assert (made.seed, made.width, made.deterministic) == (7, 4, True)

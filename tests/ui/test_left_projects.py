"""A project is left while threads still work for it: nothing is lost, nothing comes into the next, no lock stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from conftest import SLOW
from gated_scene import Gate, gate, jobs, keeper, layers, wait  # noqa: F401  fixtures

from napari_unet.core.errors import UserError
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.ui.layer_axes import image_of
from napari_unet.ui.layer_metadata import identity, mark_layer, note
from napari_unet.ui.layers import scribbles_of
from napari_unet.ui.projects import keeper as keeper_module
from napari_unet.ui.projects import kept_project
from napari_unet.ui.projects.keeper import ProjectKeeper
from napari_unet.ui.projects.project_jobs import ProjectJobs
from napari_unet.ui.sessions import session_of


def painted(viewer: Any, name: str) -> str:
    """Add an image without a file, paint a row on it, and return its key."""
    image = viewer.add_image(np.random.default_rng(0).integers(0, 255, (32, 40), np.uint8), name=name)
    strokes = viewer.add_labels(np.zeros((32, 40), np.uint8), name=f"{name} strokes")
    strokes.data[8] = 2
    mark_layer(strokes, "strokes", image)
    known = image_of(image)
    session_of(viewer).put_pair(identity(strokes), known, scribbles_of(strokes, known))
    return identity(image)


def gated(monkeypatch: pytest.MonkeyPatch, gate: Gate) -> None:
    """Let images be stored only when the gate is open."""
    store = ProjectFolder.store_image

    def store_later(*args: Any) -> Any:
        gate()
        return store(*args)

    monkeypatch.setattr(ProjectFolder, "store_image", store_later)


def test_a_project_is_not_left_while_images_are_stored_that_are_nowhere_else(
    layers: Any, keeper: ProjectKeeper, keeping: Path, gate: Gate, wait: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gated(monkeypatch, gate)
    said: list[str] = []
    keeper.said.connect(said.append)
    keys = [painted(layers, "first"), painted(layers, "second")]
    folder = keeper.make()
    assert not keeper.all_saved
    monkeypatch.setattr(kept_project.KeptProject.flush, "__defaults__", (SLOW / 1000, 0.0))
    assert not keeper.leave_project()
    assert gate.reached.wait(SLOW / 1000)
    assert said[-1] == f"{folder.path.name} stays open: images are still being stored in it."
    assert keeper.folder is folder
    assert len(layers.layers) == 4
    gate.free.set()
    wait(lambda: keeper.all_saved)
    assert keeper.leave_project()
    assert not layers.layers
    for key in keys:
        assert (folder.path / "images" / f"{key}.ome.zarr").is_dir()
    back = ProjectFolder.open(folder.path)
    assert all(one.size for one in back.state.images)
    back.close()


def test_a_window_that_closes_waits_for_images_that_are_stored(
    layers: Any, keeper: ProjectKeeper, keeping: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    gated(monkeypatch, gate)
    keys = [painted(layers, "first"), painted(layers, "second")]
    folder = keeper.make()
    keeper._hand_on()
    assert gate.reached.wait(SLOW / 1000)
    rest = keeper._intake.finish

    def finish(seconds: float) -> bool:
        gate.free.set()
        return rest(seconds)

    monkeypatch.setattr(keeper._intake, "finish", finish)
    keeper._rest()
    assert folder.read_only, "others may write it"
    back = ProjectFolder.open(folder.path)
    assert sorted(one.id for one in back.state.images if one.size) == sorted(keys)
    back.close()


def test_an_image_that_waits_for_a_click_outlives_its_project_and_is_stored_later(
    layers: Any, keeper: ProjectKeeper, keeping: Path, wait: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_unet.ui.projects import image_intake

    monkeypatch.setattr(image_intake, "MOST_UNASKED", 100)
    key = painted(layers, "large")
    path = keeper.make().path
    wait(lambda: keeper.all_saved and bool(keeper._intake.large))
    assert keeper.leave_project()
    assert [one.name for one in layers.layers] == ["large"]
    monkeypatch.setattr(image_intake, "MOST_UNASKED", 1_000_000)
    folder = ProjectFolder.open(path)
    known, record, (image,) = folder.read_strokes(key), folder.state.image(key), layers.layers
    strokes = layers.add_labels(known.to_array(), name="large strokes")
    mark_layer(strokes, "strokes", image)
    note(strokes, id=record.strokes_id)
    session_of(layers).put_pair(record.strokes_id, image_of(image), known)
    keeper.adopt(folder)
    wait(lambda: keeper.all_saved)
    assert folder.state.image(key).size
    assert (path / "images" / f"{key}.ome.zarr").is_dir()


# -- made and opened at the same time ----------------------------------------------------------------------------------


def opening(keeper: ProjectKeeper, path: Path, gate: Gate, fails: bool = False) -> ProjectFolder:
    """Let a project be opened as soon as the gate is open."""
    folder = ProjectFolder.create(path)

    def reading() -> Iterator[tuple[int, int]]:
        gate()
        if fails:
            raise OSError("the disk is gone")
        yield 1, 1

    keeper.open_soon(folder, reading(), lambda _: keeper.adopt(folder))
    return folder


def closed(path: Path) -> bool:
    """Whether nobody holds a project."""
    back = ProjectFolder.open(path)
    back.close()
    return not back.told


@pytest.mark.parametrize("fails", [False, True])
def test_a_project_that_was_made_while_another_is_opened_is_closed(
    layers: Any, keeper: ProjectKeeper, keeping: Path, gate: Gate, wait: Any, monkeypatch: pytest.MonkeyPatch,
    fails: bool
) -> None:
    make, making, made = keeper_module.make_project, Gate(), []

    def make_later(places: Any) -> ProjectFolder:
        making()
        made.append(make(places))
        return made[-1]

    monkeypatch.setattr(keeper_module, "make_project", make_later)
    key = painted(layers, "cells")
    wait(making.reached.is_set)
    other = opening(keeper, keeping / "other.unet", gate, fails)
    making.free.set()
    wait(lambda: keeper._maker is None)
    assert keeper.folder is None
    assert closed(made[0].path)
    gate.free.set()
    wait(lambda: keeper.folder is not None and keeper.all_saved)
    assert keeper.folder is (made[1] if fails else other)
    assert keeper.folder.has_strokes(key), "what was painted meanwhile has a home"
    assert not fails or closed(other.path)


def test_no_project_is_made_for_images_while_another_is_opened(
    layers: Any, keeper: ProjectKeeper, keeping: Path, gate: Gate, wait: Any
) -> None:
    other = opening(keeper, keeping / "other.unet", gate)
    with pytest.raises(UserError, match="is being opened"):
        keeper.make(keeping / "mine.unet")
    gate.free.set()
    wait(lambda: keeper.opening is None)
    assert keeper.make(keeping / "mine.unet") is other


def test_a_project_that_another_takes_the_place_of_is_closed(
    layers: Any, keeper: ProjectKeeper, keeping: Path
) -> None:
    key = painted(layers, "cells")
    first = keeper.make()
    keeper._hand_on()
    keeper.adopt(ProjectFolder.create(keeping / "other.unet"))
    assert closed(first.path)
    assert first.has_strokes(key)


# -- jobs over all images ----------------------------------------------------------------------------------------------


def test_images_that_are_being_added_do_not_come_into_the_next_project(
    layers: Any, keeper: ProjectKeeper, jobs: ProjectJobs, tmp_path: Path, gate: Gate, wait: Any
) -> None:
    tifffile.imwrite(tmp_path / "cells.tif", np.zeros((32, 40), np.uint8))
    added: list[Any] = []
    jobs.added.connect(added.append)

    def find() -> Iterator[Path]:
        gate()
        yield tmp_path / "cells.tif"

    jobs.add(find, tmp_path / "first.unet")
    wait(gate.reached.is_set)
    assert keeper.leave_project()
    other = ProjectFolder.create(tmp_path / "other.unet")
    keeper.adopt(other)
    gate.free.set()
    wait(lambda: not jobs.busy)
    assert not added
    assert not other.state.images


def test_what_was_to_follow_a_job_is_not_done_for_the_next_project(
    layers: Any, keeper: ProjectKeeper, jobs: ProjectJobs, tmp_path: Path, wait: Any
) -> None:
    keeper.make(tmp_path / "first.unet")
    done: list[str] = []
    jobs._start("Predicting", lambda: iter(()), done.append, lambda _: keeper.leave_project(),
                lambda: done.append("exported"))
    wait(lambda: not jobs.busy)
    assert keeper.folder is None
    assert not done


def test_a_project_that_is_opened_again_by_its_window_goes_on_with_its_job(
    layers: Any, keeper: ProjectKeeper, jobs: ProjectJobs, tmp_path: Path, gate: Gate, wait: Any
) -> None:
    tifffile.imwrite(tmp_path / "cells.tif", np.zeros((32, 40), np.uint8))

    def find() -> Iterator[Path]:
        gate()
        yield tmp_path / "cells.tif"

    jobs.add(find, tmp_path / "first.unet")
    wait(gate.reached.is_set)
    keeper._rest()
    keeper._wake_up()
    gate.free.set()
    wait(lambda: not jobs.busy)
    assert [one.name for one in keeper.folder.state.images] == ["cells"]

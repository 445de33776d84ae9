"""New results take the places of earlier ones at once: whole after every failure, and after every kill."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_scene import comparison_of, row

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.io import Unfinished
from napari_unet.report import folder as folder_module
from napari_unet.report.folder import ComparisonFolder
from napari_unet.report.result_swap import ResultSwap


def contents(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()}


def build(swap: ResultSwap, words: str) -> None:
    (swap.path / "masks").mkdir()
    (swap.path / "report.html").write_text(words)
    (swap.path / "masks" / "a.tif").write_text(words)
    (swap.path / "masks" / "z.zarr").mkdir()
    (swap.path / "masks" / "z.zarr" / "0").write_text(words)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Earlier results, with one that has no successor, and somebody's own files."""
    out = tmp_path / "out"
    (out / "masks").mkdir(parents=True)
    for name in ("report.html", "masks/a.tif", "masks/gone.tif", "masks/mine.tif", "notes.txt"):
        (out / name).write_text("old")
    return out


NEW = {"report.html": b"new", "masks/a.tif": b"new", "masks/z.zarr/0": b"new", "masks/mine.tif": b"old",
       "notes.txt": b"old"}


def test_results_change_places_and_other_files_stay(old: Path) -> None:
    swap = ResultSwap(old)
    build(swap, "new")
    swap.commit([Path("masks/gone.tif")])
    swap.discard()
    assert contents(old) == NEW


@pytest.mark.parametrize("step", range(1, 7))
@pytest.mark.parametrize("killed", [False, True])
def test_a_failure_at_any_step_leaves_the_old_and_a_kill_is_completed(
    old: Path, monkeypatch: pytest.MonkeyPatch, step: int, killed: bool
) -> None:
    before, steps, real = contents(old), 0, os.replace

    def failing(source: Any, target: Any) -> None:
        nonlocal steps
        steps += 1
        if steps == step:
            raise KeyboardInterrupt if killed else OSError(28, "No space left on device")
        real(source, target)

    swap = ResultSwap(old)
    build(swap, "new")
    monkeypatch.setattr(os, "replace", failing)
    if not killed:
        with pytest.raises(UserError, match=r"could not be written \(No space left on device\).*untouched"):
            swap.commit([Path("masks/gone.tif")])
        monkeypatch.undo()
        swap.discard()
        assert contents(old) == before
        return
    # a kill runs nothing after it: no `except`, no `finally`
    monkeypatch.setattr("napari_unet.report.result_swap.remove", lambda _: None)
    with pytest.raises(KeyboardInterrupt):
        swap.commit([Path("masks/gone.tif")])
    monkeypatch.undo()
    swap._unfinished._lock.release()
    ResultSwap(old).discard()
    assert contents(old) == NEW


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(1, 7))
def test_an_interruption_at_any_step_leaves_the_old(
    old: Path, monkeypatch: pytest.MonkeyPatch, step: int, after: bool
) -> None:
    """Ctrl-C is no error: what was moved aside went with the folder it lay in."""
    before, steps, real = contents(old), 0, os.replace

    def interrupted(source: Any, target: Any) -> None:
        nonlocal steps
        steps += 1
        if after or steps != step:
            real(source, target)
        if steps == step:
            raise KeyboardInterrupt

    swap = ResultSwap(old)
    build(swap, "new")
    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        swap.commit([Path("masks/gone.tif")])
    monkeypatch.undo()
    swap.discard()
    assert contents(old) == before


def test_two_runs_to_one_folder_leave_the_results_of_one(old: Path) -> None:
    def save(number: int) -> None:
        swap = ResultSwap(old)
        build(swap, str(number))
        swap.commit([])
        swap.discard()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(save, range(24)))
    found = contents(old)
    assert found.pop("notes.txt") == found.pop("masks/mine.tif") == found.pop("masks/gone.tif") == b"old"
    assert set(found) == {"report.html", "masks/a.tif", "masks/z.zarr/0"}
    assert len(set(found.values())) == 1


def test_a_run_that_lives_is_left_alone(old: Path) -> None:
    slow = ResultSwap(old)
    build(slow, "new")
    ResultSwap(old).discard()
    slow.commit([Path("masks/gone.tif")])
    slow.discard()
    assert contents(old) == NEW


@pytest.mark.parametrize("part", ["write_csv", "draw", "write_html", "save_mask", "describe_methods"])
def test_a_comparison_that_cannot_be_saved_leaves_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    made = comparison_of([Image(np.zeros((32, 32), np.uint8))])
    ComparisonFolder(tmp_path / "out").save(made)
    before = contents(tmp_path / "out")

    def failing(*_: Any, **__: Any) -> None:
        raise UserError("The disk is full.")

    monkeypatch.setattr(folder_module, part, failing)
    changed = comparison_of([Image(np.full((32, 32), 9, np.uint8))])
    with pytest.raises(UserError, match="The disk is full"):
        ComparisonFolder(tmp_path / "out", overwrite=True).save(changed)
    assert contents(tmp_path / "out") == before


def test_a_table_that_spreadsheets_cannot_run_names_its_methods_again(tmp_path: Path) -> None:
    """What belongs to an earlier comparison is found by the names in its table."""
    for name in ("=1+1", "-x", "@y", "+z", "plain"):
        out = tmp_path / f"out {name}"
        (out / "recipes").mkdir(parents=True)
        folder_module.write_csv(out / "table.csv", [row(name, 1.0)])
        assert folder_module._methods_of(out / "table.csv") == {name}


def test_unfinished_of_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Unfinished(tmp_path / "no" / "a.txt")

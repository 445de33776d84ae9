"""What is being written: leftovers of killed runs, folders that vanish, disks that are full, devices, links."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from io_scene import CLASSES, IDS

from napari_unet.core.errors import UserError
from napari_unet.core.provenance import Provenance
from napari_unet.io import (
    Unfinished,
    _run_lock,
    _space,
    _unfinished,
    create_mask,
    create_probabilities,
    dead_tokens,
    lock_file,
    provenance_path,
    read_labels,
    remove,
    save_mask,
)
from napari_unet.io._unfinished import clear_leftovers
from napari_unet.io._zarr_settling import settle_zarr
from napari_unet.io.provenance_file import read_provenance
from napari_unet.io.recipe import save_recipe
from napari_unet.segmenters import REGISTRY

KILLED = """
import os, signal, sys
from napari_unet.core.classes import ClassTable
from napari_unet.io import create_mask
out = create_mask(sys.argv[1], (4, 4), classes=ClassTable.default(), overwrite=True)
out[...] = 1
os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills as POSIX systems do")
@pytest.mark.parametrize("name", ["m.zarr", "m.tif"])
def test_what_a_killed_run_left_goes_with_the_next_run_to_the_same_place(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    other = tmp_path / ".other.zarr.01234567.partial"
    other.mkdir()
    mine = tmp_path / f".{name}.my notes.partial"
    mine.write_text("of a person")
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    assert any(one.startswith(f".{name}.") for one in names(tmp_path)), "else this shows nothing"
    (tmp_path / f".{name}.0a1b2c3d.partial").write_text("of an earlier version, without a lock")
    save_mask(path, IDS, classes=CLASSES)
    assert names(tmp_path) == sorted([other.name, mine.name, name]), "what is of another place or person stays"


@pytest.mark.parametrize("name", ["m.zarr", "m.tif"])
def test_what_a_run_that_lives_is_writing_stays(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with create_mask(path, IDS.shape, classes=CLASSES, overwrite=True) as slow:
        save_mask(path, IDS, classes=CLASSES, overwrite=True)
        slow[...] = np.ones_like(IDS)
    assert names(tmp_path) == [name]
    assert not read_labels(path)[0].any(), "the slow one came last, and was whole"


def test_a_run_that_begins_while_another_clears_leftovers_is_not_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, looked, go_on = tmp_path / "m.zarr", threading.Event(), threading.Event()
    other = threading.Thread(target=clear_leftovers, args=(place,))

    def end_other(_: float) -> None:
        go_on.set()
        other.join()

    def removing(path: Path) -> None:
        looked.set()
        go_on.wait()
        remove(path)

    with monkeypatch.context() as patch:
        def late(file: int) -> None:
            patch.setattr(_run_lock, "lock_file", lock_file)
            other.start()
            looked.wait()
            lock_file(file)

        patch.setattr(_unfinished, "remove", removing)
        patch.setattr(_run_lock, "lock_file", late)
        patch.setattr(_run_lock.time, "sleep", end_other)
        run = Unfinished(place)
        run.path.write_text("of a run that lives")
        end_other(0)
    assert [*dead_tokens(place)] == []
    assert run.path.read_text() == "of a run that lives"
    run.discard()
    assert names(tmp_path) == []


def test_what_is_left_is_nobody_elses_until_it_is_put_right(tmp_path: Path) -> None:
    place = tmp_path / "m.zarr"
    left = tmp_path / ".m.zarr.0a1b2c3d.partial"
    left.touch()
    looking = dead_tokens(place)
    assert next(looking) == "0a1b2c3d"
    assert [*dead_tokens(place)] == [], "another looks at it already"
    looking.close()
    assert names(tmp_path) == [left.name]
    assert [*dead_tokens(place)] == ["0a1b2c3d"]


@pytest.mark.parametrize("locked", [False, True])
def test_on_a_drive_without_locks_only_what_has_no_lock_is_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locked: bool
) -> None:
    def none(_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(_run_lock, "lock_file", none)
    lies = [".m.zarr.0a1b2c3d.lock", ".m.zarr.0a1b2c3d.partial"][not locked:]
    for name in lies:
        (tmp_path / name).touch()
    clear_leftovers(tmp_path / "m.zarr")
    assert names(tmp_path) == (lies if locked else [])


def test_a_folder_comes_back_if_the_run_was_killed_while_both_changed_places(tmp_path: Path) -> None:
    path = tmp_path / "m.zarr"
    save_mask(path, IDS, classes=CLASSES)
    os.replace(path, tmp_path / ".m.zarr.0a1b2c3d.old")
    with pytest.raises(UserError, match="at most five axes"):
        save_mask(path, np.ones((1,) * 6, np.uint8), classes=CLASSES, axes="NTPZYX", overwrite=True)
    assert names(tmp_path) == ["m.zarr"]
    assert np.array_equal(read_labels(path)[0], np.maximum(IDS, 1) - 1)


def test_a_name_of_255_bytes_can_be_saved_under(tmp_path: Path) -> None:
    path = tmp_path / f"{'ü' * 125}x.tif"
    assert len(path.name.encode()) == 255
    save_mask(path, IDS, classes=CLASSES, provenance=Provenance(made_by="a"))
    beside = provenance_path(path)
    assert names(tmp_path) == sorted([path.name, beside.name])
    assert len(beside.name.encode()) <= 255
    assert read_provenance(beside).made_by == "a"
    assert provenance_path(path.with_name(f"{'ü' * 125}y.tif")) != beside


@pytest.mark.parametrize("part", ["", "0"])
def test_a_store_whose_folder_vanished_is_no_success(tmp_path: Path, part: str) -> None:
    path = tmp_path / "m.zarr"
    out = create_mask(path, (64, 64), classes=CLASSES)
    out[:32] = np.ones((32, 64), np.uint8)
    (partial,) = tmp_path.glob("*.partial")
    shutil.rmtree(partial / part)
    # zarr makes missing folders anew, without their metadata
    with pytest.raises(UserError, match=r"m\.zarr could not be written \((somebody removed part|No such file)"), out:
        out[32:] = np.full((32, 64), 2, np.uint8)
    assert names(tmp_path) == []


def test_a_file_that_vanished_is_no_success(tmp_path: Path) -> None:
    out = create_probabilities(tmp_path / "p.tif", (1, 2, 8, 8))
    for one in tmp_path.glob("*.partial"):
        one.unlink()
    with pytest.raises(UserError, match=r"p\.tif could not be written .No such file"), out:
        pass


def full(*_: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_said_before_anything_is_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_space, "_take", full)
    with pytest.raises(UserError, match=r"No space left on device: it needs 2\.1 MB, .* are free"):
        create_probabilities(tmp_path / "p.tif", (1, 2, 512, 512))
    assert names(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits as POSIX systems have them")
def test_a_file_larger_than_allowed_ends_in_a_sentence_not_in_a_signal(tmp_path: Path) -> None:
    code = ("import resource, sys\nresource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))\n"
            "from napari_unet.io import create_probabilities\n"
            "create_probabilities(sys.argv[1], (1, 2, 1024, 1024))\n")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "p.tif")], check=False, capture_output=True,
                          text=True)
    assert done.returncode == 1
    assert "UserError" in done.stderr
    assert "File too large" in done.stderr
    assert names(tmp_path) == []


@pytest.mark.parametrize("reserving", [True, False])
def test_reserved_space_keeps_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reserving: bool) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"begin")
    if not reserving:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    _space.reserve(path, 10_000)
    assert path.read_bytes() == b"begin" + bytes(9995)
    _space.reserve(path, 3)
    assert path.stat().st_size == 10_000


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="no devices with names")
def test_devices_are_refused(tmp_path: Path) -> None:
    link = tmp_path / "m.tif"
    link.symlink_to("/dev/null")
    with pytest.raises(UserError, match="no file but a device"):
        save_mask(link, IDS, classes=CLASSES, overwrite=True)
    with pytest.raises(UserError, match="no file but a device"):
        save_recipe("/dev/null", REGISTRY["threshold"](), overwrite=True)
    assert Path("/dev/null").is_char_device()


def test_something_saved_meanwhile_is_kept_and_so_is_the_result(tmp_path: Path) -> None:
    unfinished = Unfinished(tmp_path / "a.txt")
    unfinished.path.write_text("mine")
    (tmp_path / "a.txt").write_text("theirs")
    with pytest.raises(UserError, match=r"Something else was saved.*kept as .*\.kept"):
        unfinished.take_name(overwrite=False)
    unfinished.discard()
    Unfinished(tmp_path / "a.txt").discard()
    kept, theirs = sorted(tmp_path.iterdir())
    assert (kept.read_text(), theirs.read_text()) == ("mine", "theirs"), "no later run takes it for a leftover"


def test_something_saved_in_the_same_moment_is_not_called_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "a.txt"
    replace = os.replace

    def late(source: Path, target: Path) -> None:
        replace(source, target)
        (tmp_path / "b.txt").write_text("theirs")
        replace(tmp_path / "b.txt", place)

    unfinished = Unfinished(place)
    unfinished.path.write_text("mine")
    monkeypatch.setattr(os, "replace", late)
    with pytest.raises(UserError, match=r"Another run saved something else as .*a.txt in the same moment"):
        unfinished.take_name(overwrite=True)
    assert place.read_text() == "theirs"


def test_two_that_wait_for_zarr_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """Seen: files finished at the same time by several threads of one process never came to an end."""
    zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    threads = [threading.Thread(target=lambda: [settle_zarr() for _ in range(100)], daemon=True) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(600)
    assert not any(one.is_alive() for one in threads)

"""A project on disk: made, opened, locked, copied, and refused where it should be."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from saving_scene import Clock, die, no_files_open, strokes, with_image  # noqa: F401
from torch import nn

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.io import lock_file
from napari_unet.io.model_file import load_model
from napari_unet.networks.unet import UNet
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.weights import snapshot
from napari_unet.project import project_folder, project_home, writer_lock
from napari_unet.project.copying import copy_project
from napari_unet.project.event_log import EventLog
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.records import ProjectState
from napari_unet.project.sitting import restore
from napari_unet.project.sources import read_source
from napari_unet.project.writer_lock import Writer, WriterLock
from napari_unet.session.annotation_session import Session


@pytest.fixture
def folder(tmp_path: Path) -> ProjectFolder:
    return ProjectFolder.create(tmp_path / "cells")


def contents(path: Path) -> dict[str, tuple[int, bytes]]:
    """All files of a folder, and what tells whether they were touched."""
    return {str(one.relative_to(path)): (one.stat().st_mtime_ns, one.read_bytes())
            for one in sorted(path.rglob("*")) if one.is_file() and one.name != "writer.lock"}


def reopened(folder: ProjectFolder) -> ProjectFolder:
    folder.close()
    return ProjectFolder.open(folder.path)


def test_what_was_put_in_is_there_when_it_is_opened_again(folder: ProjectFolder) -> None:
    record = with_image(folder)
    folder.change(lambda state: state.replacing(
        classes=ClassTable.named({1: "outside", 2: "nucleus"}), settings={"live": {"seconds": 3}}))
    folder.write_strokes(record.id, strokes((3, 4, 2)))
    again = reopened(folder)
    assert again.path.name == "cells.unet"
    assert again.state == folder.state
    assert (again.id, again.told, again.read_only) == (folder.id, (), False)
    found = again.read_strokes(record.id)
    assert found is not None
    assert found.same_paint(strokes((3, 4, 2)))


def test_nothing_that_is_there_is_taken_for_a_new_project(folder: ProjectFolder, tmp_path: Path) -> None:
    (tmp_path / "full.unet").mkdir()
    (tmp_path / "full.unet" / "thesis.txt").write_text("all of it")
    for name, said in (("cells", "exists already"), ("full", "exists already"), ("no/such", "no folder")):
        with pytest.raises(UserError, match=said):
            ProjectFolder.create(tmp_path / name)
    assert (tmp_path / "full.unet" / "thesis.txt").read_text() == "all of it"


# -- one writer ------------------------------------------------------------------------------------------------------


def test_the_second_opener_reads_only_and_says_who_writes(folder: ProjectFolder) -> None:
    record = with_image(folder)
    folder.flush()
    second = ProjectFolder.open(folder.path)
    assert second.read_only
    assert f"process {os.getpid()}" in second.told[0]
    before = contents(folder.path)
    for action in (second.flush, lambda: second.write_strokes(record.id, strokes((1, 1, 1))),
                   lambda: second.store_image("x", Image(np.ones((4, 4))))):
        with pytest.raises(UserError, match="read only"):
            action()
    second.log("nothing")
    second.close()
    assert contents(folder.path) == before
    third = reopened(folder)
    assert not third.read_only


def test_another_process_that_writes_is_noticed_and_its_death_too(folder: ProjectFolder) -> None:
    folder.close()
    code = (f"from pathlib import Path\nfrom napari_unet.project.project_folder import ProjectFolder\n"
            f"f = ProjectFolder.open(Path({str(folder.path)!r}))\nprint(f.read_only, flush=True)\ninput()")
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline().strip() == "False"
    mine = ProjectFolder.open(folder.path)
    assert mine.read_only
    assert f"process {other.pid}" in mine.told[0]
    other.kill()
    other.communicate()
    again = ProjectFolder.open(folder.path)
    assert not again.read_only
    assert re.search(r"ended without closing it \(begun 20\d\d-\d\d-\d\d \d\d:\d\d\)", again.told[0])


def sign_as_dead(lock: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    lock.write_text(json.dumps({"pid": dead.pid, "host": socket.gethostname(), "when": "once"}))


def test_a_lock_that_a_child_of_a_dead_writer_still_has_is_taken_over(
    folder: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_lock, "_MOMENT", 0.0)
    lock = folder.path / "writer.lock"
    sign_as_dead(lock)
    other = ProjectFolder.open(folder.path)  # the lock of the system is still held by `folder`
    assert not other.read_only
    assert "without closing it (begun once)" in other.told[0], "what is no time is told as it is"
    folder.close()
    assert lock.exists(), "the lock of another is not removed"


def test_of_two_that_find_a_dead_writer_in_one_moment_one_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, first = tmp_path / "writer.lock", list[WriterLock]()
    sign_as_dead(path)

    def late(file: int) -> None:
        monkeypatch.setattr(writer_lock, "lock_file", lock_file)
        first.append(WriterLock(path))
        lock_file(file)

    monkeypatch.setattr(writer_lock, "lock_file", late)
    second = WriterLock(path, wait=lambda _: None)
    assert first[0].held
    assert not second.held
    assert second.other is not None
    assert second.other.pid == os.getpid(), "not the dead one"
    first[0].release()


@pytest.mark.parametrize("dead", [False, True])
def test_who_has_just_taken_the_lock_is_known_by_name_once_it_has_signed(tmp_path: Path, dead: bool) -> None:
    path, waits = tmp_path / "writer.lock", list[float]()
    path.touch()
    if dead:
        sign_as_dead(path)
    with path.open("r+") as file:
        writer_lock._locked(file.fileno())

        def wait(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 3:
                path.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "when": "now"}))

        lock = WriterLock(path, wait=wait)
    assert lock.other == Writer(os.getpid(), socket.gethostname(), "now")
    assert len(waits) == 3


def test_who_has_the_lock_and_never_signs_has_it_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "writer.lock"
    with path.open("w") as file:
        writer_lock._locked(file.fileno())
        lock = WriterLock(path, wait=lambda _: None)
    assert lock.other is not None
    assert path.exists()


def test_on_a_full_disk_a_project_is_opened_to_write_and_signed_when_there_is_room(
    folder: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.close()

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writer_lock.os, "write", full)
        again = ProjectFolder.open(folder.path)
    assert not again.read_only, "what is painted now is saved as soon as there is room"
    again.say_alive()
    assert f"process {os.getpid()}" in ProjectFolder.open(folder.path, read_only=False).told[0]


def test_who_cannot_sign_the_lock_does_not_keep_it(folder: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.close()

    def broken(*_: Any) -> int:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(writer_lock.os, "write", broken)
        assert ProjectFolder.open(folder.path).read_only
    assert not ProjectFolder.open(folder.path).read_only


def test_a_writer_on_another_computer_counts_until_it_has_been_silent_for_long(tmp_path: Path) -> None:
    clock = Clock()
    folder = ProjectFolder.create(tmp_path / "a", clock=clock)
    folder.close()
    lock = folder.path / "writer.lock"
    lock.write_text(json.dumps({"pid": 5, "host": "elsewhere", "when": "today"}))
    os.utime(lock, (clock.now - 60, clock.now - 60))
    assert "on elsewhere" in ProjectFolder.open(folder.path, clock=clock).told[0]
    os.utime(lock, (clock.now - 600, clock.now - 600))
    assert not ProjectFolder.open(folder.path, clock=clock).read_only


def test_a_lock_that_makes_no_sense_is_in_nobodys_way(folder: ProjectFolder) -> None:
    folder.close()
    (folder.path / "writer.lock").write_bytes(b"\xff" * 99)
    assert not ProjectFolder.open(folder.path).read_only


# -- what is not opened ----------------------------------------------------------------------------------------------


def test_a_newer_version_is_refused_and_not_touched(folder: ProjectFolder) -> None:
    folder.close()
    file = folder.path / "project.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "version": 2, "images": "of another kind"}))
    (folder.path / "left.partial").write_text("of the newer one")
    before = contents(folder.path)
    with pytest.raises(UserError, match=r"newer napari-unet \(version 2 .* Update"):
        ProjectFolder.open(folder.path)
    assert contents(folder.path) == before


@pytest.mark.parametrize("text", ['{"format": "another program"}', '{"format": ["napari-unet project"]}'])
def test_a_foreign_file_is_refused(folder: ProjectFolder, text: str) -> None:
    folder.close()
    (folder.path / "project.json").write_text(text)
    with pytest.raises(UserError, match="not written by napari-unet"):
        ProjectFolder.open(folder.path)


@pytest.mark.parametrize("damage", [
    b"", b'{"format": "napari-unet proj', b"[" * 100_000, b"\0" * 500, b"[]", b"NaN", b'{"a": 1' + b"0" * 9000 + b"}",
    b'{"format": "napari-unet project", "version": 1, "id": "../.."}',
    b'{"format": "napari-unet project", "version": 1.0}', b'{"format": "napari-unet project", "version": true}', None,
])
def test_a_damaged_project_is_opened_from_the_copy_before_and_says_so(
    folder: ProjectFolder, damage: bytes | None
) -> None:
    record = with_image(folder)
    folder.write_strokes(record.id, strokes((3, 4, 2)))
    folder.flush()
    folder.change(lambda state: state.replacing(settings={"newest": True}))
    folder.flush()
    folder.close()
    file = folder.path / "project.json"
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage)
    again = ProjectFolder.open(folder.path)
    assert "the copy from before the last change is used" in again.told[0]
    assert [one.id for one in again.state.images] == [record.id]
    assert again.read_strokes(record.id) is not None
    again.flush()
    assert reopened(again).told == ()


@given(st.data())
def test_whatever_stands_in_project_json_it_opens_or_says_why_not(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = ProjectFolder.create(tmp_path_factory.mktemp("fuzz") / "a")
    folder.store_image("drawn", Image(np.ones((4, 5))))
    folder.put_result("drawn")
    folder.close()
    (folder.path / "project.json.before").unlink()
    file = folder.path / "project.json"
    contents = json.loads(file.read_text())
    place = contents
    while True:  # down to any value in it
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not (isinstance(place[key], (dict, list)) and place[key] and data.draw(st.booleans())):
            break
        place = place[key]
    place[key] = data.draw(st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("../../x") | st.just("a\0"),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)))
    file.write_text(json.dumps(contents))
    try:
        again = ProjectFolder.open(folder.path)
    except UserError:
        return
    again.flush()
    again.close()
    ProjectFolder.open(folder.path).close()


def test_what_could_not_be_read_again_is_not_written(folder: ProjectFolder) -> None:
    record = with_image(folder)
    folder.flush()
    before = contents(folder.path)
    for wrong in ({"name": "x" * 10**6}, {"scale": (float("nan"),) * 3}, {"size": -1}, {"name": Path("a")}):
        folder.change(lambda state, wrong=wrong: state.replacing(dataclasses.replace(record, **wrong)))
        with pytest.raises(UserError):
            folder.flush()
    assert contents(folder.path) == before
    folder.change(lambda state: state.replacing(dataclasses.replace(record, shape=tuple(np.array([3, 700, 600])))))
    folder.flush()
    assert reopened(folder).state.images == (record,)


def test_a_folder_that_may_not_be_written_is_opened_to_read_only(
    folder: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.close()

    def refuse(*_args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(project_home, "WriterLock", refuse)
    again = ProjectFolder.open(folder.path)
    assert again.read_only
    assert "may not be written (Permission denied)" in again.told[0]
    with pytest.raises(UserError, match=r"could not be made \(Permission denied\)"):
        ProjectFolder.create(folder.path.with_name("b"))


def test_without_a_good_copy_it_says_where_the_strokes_are(folder: ProjectFolder) -> None:
    folder.close()
    for name in ("project.json", "project.json.before"):
        (folder.path / name).write_bytes(b"?")
    with pytest.raises(UserError, match=r"damaged .* strokes are in"):
        ProjectFolder.open(folder.path)


def test_a_folder_of_other_things_is_no_project(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.unet"):
        with pytest.raises(UserError, match="is no project"):
            ProjectFolder.open(path)


# -- what killed runs leave ------------------------------------------------------------------------------------------


def test_what_was_not_finished_is_cleared_away(folder: ProjectFolder) -> None:
    record = with_image(folder)
    folder.write_strokes(record.id, strokes((3, 4, 2)))
    folder.close()
    left = [folder.path / name for name in (
        "project.json.partial", f"strokes/{record.id}.zarr/1.0.0.partial", "thumbnails/a.png.partial",
        "images/.b.ome.zarr.0123abcd.partial/0/x", "strokes/c.zarr.partial/.zarray",
        "models/.0001.pt.0123abcd.partial")]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    again = ProjectFolder.open(folder.path)
    assert not [path for path in left if path.exists()]
    assert not list(folder.path.rglob("*.partial"))
    assert again.read_strokes(record.id) is not None


def test_strokes_whose_image_was_not_written_down_any_more_are_taken_up(folder: ProjectFolder) -> None:
    record = with_image(folder)
    folder.write_strokes(record.id, strokes((3, 4, 2)))  # and then it is killed, before project.json
    die(folder)
    again = ProjectFolder.open(folder.path)
    assert again.state.image(record.id) == record
    assert "are back" in again.told[-1]
    assert reopened(again).state.image(record.id) == record


def test_strokes_of_an_image_that_was_taken_out_stay_on_disk_and_away(folder: ProjectFolder) -> None:
    record = with_image(folder)
    folder.write_strokes(record.id, strokes((3, 4, 2)))
    folder.change(lambda state: state.without_image(record.id))
    again = reopened(folder)
    assert (again.state.images, again.told) == ((), ())
    again.change(lambda state: state.replacing(record))
    assert again.read_strokes(record.id) is not None


def test_strokes_without_a_usable_note_are_told_and_left(folder: ProjectFolder) -> None:
    record = with_image(folder)
    folder.write_strokes(record.id, strokes((3, 4, 2)))
    die(folder)
    place = folder.path / "strokes" / f"{record.id}.zarr"
    (place / ".zattrs").write_text('{"napari_unet": {"image": {"id": "other"}}}')
    again = ProjectFolder.open(folder.path)
    assert "belongs to no image" in again.told[-1]
    assert (place / "1.0.0").exists()


def test_a_damaged_block_is_told_and_kept_aside(folder: ProjectFolder) -> None:
    record = with_image(folder)
    folder.write_strokes(record.id, strokes((3, 4, 2), (690, 590, 1)))
    again = reopened(folder)
    block = again.path / "strokes" / f"{record.id}.zarr" / "1.0.0"
    block.write_bytes(b"?")
    found = again.read_strokes(record.id)
    assert found is not None
    assert found.same_paint(strokes((690, 590, 1)))
    assert "1 blocks of the strokes of 'cells' are damaged" in again.told[-1]
    again.write_strokes(record.id, strokes((9, 9, 2), (690, 590, 1)))
    assert block.with_name("1.0.0.damaged").read_bytes() == b"?"


# -- copies ----------------------------------------------------------------------------------------------------------


def test_strokes_that_cannot_be_read_are_told_and_never_taken_for_none(folder: ProjectFolder) -> None:
    record = with_image(folder)
    folder.write_strokes(record.id, strokes((3, 4, 1)))
    (folder.path / "strokes" / f"{record.id}.zarr" / ".zarray").unlink()
    again = reopened(folder)
    with pytest.raises(UserError, match=r"no description \(\.zarray\)"):
        again.read_strokes(record.id)
    (told,) = restore(again, Session()).told
    assert "no description" in told


def test_strokes_that_may_not_be_looked_at_are_told(folder: ProjectFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    record = with_image(folder)
    folder.write_strokes(record.id, strokes((3, 4, 1)))
    again, is_dir = reopened(folder), Path.is_dir

    def forbidden(path: Path) -> bool:
        if path.parent.name == "strokes":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return is_dir(path)

    monkeypatch.setattr(Path, "is_dir", forbidden)
    monkeypatch.setattr(Path, "is_file", forbidden)
    (told,) = restore(again, Session()).told
    assert "could not be read (Permission denied)" in told


def test_a_copy_holds_everything_and_finds_its_images(folder: ProjectFolder, tmp_path: Path) -> None:
    record = with_image(folder)
    folder.write_strokes(record.id, strokes((3, 4, 2)))
    folder.store_image("drawn", Image(np.arange(20, dtype=np.uint8).reshape(4, 5)))
    (tmp_path / "elsewhere").mkdir()
    place = folder.save_copy(tmp_path / "elsewhere" / "copy")
    assert sorted(one.name for one in place.parent.iterdir()) == ["copy.unet"]
    copy = ProjectFolder.open(place)
    assert not copy.read_only
    assert copy.id != folder.id
    assert copy.state.images[0].source.paths == ("../../cells.tif",)
    assert read_source(copy.state.images[0], copy.path).plane(0).shape == (1, 700, 600)
    assert read_source(copy.state.images[1], copy.path).plane(0)[0, 3, 4] == 19
    found = copy.read_strokes(record.id)
    assert found is not None
    assert found.same_paint(strokes((3, 4, 2)))
    folder.write_strokes(record.id, strokes((9, 9, 1)))  # the first goes on, and the copy stays as it is
    assert copy.read_strokes(record.id).same_paint(strokes((3, 4, 2)))  # type: ignore[union-attr]


def test_after_save_as_it_goes_on_in_the_new_folder(folder: ProjectFolder, tmp_path: Path) -> None:
    record = with_image(folder)
    folder.write_strokes(record.id, strokes((3, 4, 2)))
    old = folder.path
    folder.save_as(tmp_path / "new")
    assert folder.path == tmp_path / "new.unet"
    assert folder.write_strokes(record.id, strokes((3, 4, 2))) == 0  # what was copied is not written again
    folder.write_strokes(record.id, strokes((9, 9, 1)))
    folder.close()
    assert ProjectFolder.open(tmp_path / "new.unet").read_strokes(record.id).same_paint(  # type: ignore[union-attr]
        strokes((9, 9, 1)))
    first = ProjectFolder.open(old)
    assert not first.read_only
    assert first.read_strokes(record.id).same_paint(strokes((3, 4, 2)))  # type: ignore[union-attr]


def test_a_project_open_to_read_only_can_be_saved_elsewhere_and_written_there(
    folder: ProjectFolder, tmp_path: Path
) -> None:
    record = with_image(folder)
    folder.flush()
    second = ProjectFolder.open(folder.path)
    second.change(lambda state: state.replacing(settings={"mine": 1}))
    folder.write_strokes(record.id, strokes((600, 580, 1)))  # the first one goes on painting
    second.save_as(tmp_path / "second")
    assert not second.read_only
    second.write_strokes(record.id, strokes((3, 4, 2)))
    mine = reopened(second)
    assert mine.state.settings == {"mine": 1}
    assert mine.read_strokes(record.id).same_paint(strokes((3, 4, 2)))  # type: ignore[union-attr]
    assert not folder.read_only
    assert folder.read_strokes(record.id).same_paint(strokes((600, 580, 1)))  # type: ignore[union-attr]


def test_what_changes_while_it_is_copied_is_not_lost(
    folder: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_image(folder)

    def copy(*args: Any) -> Path:
        place = copy_project(*args)
        folder.change(lambda state: state.replacing(settings={"meanwhile": 1}))
        return place

    monkeypatch.setattr(project_folder, "copy_project", copy)
    (tmp_path / "deep").mkdir()
    folder.save_as(tmp_path / "deep" / "new")
    again = reopened(folder)
    assert again.state.settings == {"meanwhile": 1}
    assert again.state.images[0].source.paths == ("../../cells.tif",)


@pytest.mark.parametrize(("name", "said"), [("taken", "exists already"), ("no/where", "no folder"),
                                            ("cells.unet/in", "in the project itself")])
def test_a_copy_harms_nothing(folder: ProjectFolder, tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "taken.unet").mkdir()
    before = contents(folder.path)
    with pytest.raises(UserError, match=said):
        folder.save_copy(tmp_path / name)
    assert contents(folder.path) == before


# -- images and models -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("axes", "shape"), [
    ("YX", (5, 6)), ("YXC", (5, 6, 3)), ("CZYX", (2, 3, 5, 6)), ("ZTYX", (2, 3, 5, 6)), ("NCYX", (2, 3, 5, 6)),
    ("NTZCYX", (2, 1, 3, 2, 5, 6)),
])
def test_an_image_without_a_file_is_stored_as_it_is(folder: ProjectFolder, axes: str, shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    labels = len(axes.replace("C", ""))
    image = Image(pixels, axes, "drawn", tuple(np.arange(1, labels + 1) / 4), "micrometer", translate=(2.0,) * labels)
    record = folder.store_image("drawn", image, "drawn-strokes")
    assert record.size > pixels.nbytes // 2
    found = read_source(reopened(folder).state.images[0], folder.path)
    assert np.array_equal(np.asarray(found.data), pixels)
    assert (found.axes, found.scale, found.unit, found.translate) == (axes, image.scale, "micrometer", image.translate)
    for number in range(image.n_planes):
        assert np.array_equal(found.plane(number), image.plane(number))


def test_a_stored_image_keeps_its_pixels_where_they_are_when_its_axes_get_other_names(folder: ProjectFolder) -> None:
    pixels = np.random.default_rng(0).normal(size=(2, 3, 5, 6)).astype(np.float32)
    folder.store_image("drawn", Image(pixels, "ZTYX"))
    folder.change(lambda state: ProjectState.from_json(json.loads(json.dumps(state.to_json()).replace(
        '"axes": "ZTYX", "shape"', '"axes": "TZYX", "shape"'))))
    assert folder.state.images[0].axes == "TZYX"
    assert np.array_equal(np.asarray(read_source(folder.state.images[0], folder.path).data), pixels)


def test_stored_pixels_that_nobody_names_any_more_can_be_named_again(folder: ProjectFolder) -> None:
    first = folder.store_image("drawn", Image(np.ones((4, 5))))
    folder.change(lambda state: state.without_image("drawn"))
    assert folder.store_image("drawn", Image(np.ones((4, 5)))) == first


def tiny(step: int) -> NetworkModel:
    network = UNet(width=4, depth=1)
    module: nn.Module = network.build(1, 2)
    return NetworkModel(snapshot(module, network, "unet", 1, ClassTable.default(), step=step), "cpu")


def test_the_newest_models_stay_and_pinned_ones_and_files_go_after_project_json(folder: ProjectFolder) -> None:
    first = folder.put_model(tiny(1), name="step 1", step=1, training=1, pinned=True)
    for step in range(2, 13):
        folder.put_model(tiny(step), name=f"step {step}", step=step, training=1, dice=step / 100, shown=True)
    files = lambda: sorted(one.name for one in (folder.path / "models").iterdir())  # noqa: E731
    assert len(files()) == 12  # project.json names none of those that stay yet
    folder.flush()
    state = folder.state
    assert [one.step for one in state.models] == [12, *range(11, 3, -1), 1]
    assert [one.step for one in state.models if one.shown] == [12]
    assert files() == sorted(Path(one.file).name for one in state.models)
    again = reopened(folder)
    assert again.state.models == state.models
    assert again.load_model(first, "cpu").weights.step == 1  # type: ignore[union-attr]
    assert load_model(again.path / state.models[0].file, "cpu").weights.step == 12  # type: ignore[union-attr]
    last = again.put_model(tiny(12), name="step 12", step=12, training=1)
    assert last.file not in {one.file for one in state.models}
    assert sum(one.step == 12 for one in again.state.models) == 1


def test_a_prediction_names_the_file_of_its_model_saved_before_it_or_after(folder: ProjectFolder) -> None:
    early, late, other = (with_image(folder, name).id for name in ("early", "late", "other"))
    model, strokes = tiny(1), {early: "e" * 32, late: "f" * 32}
    folder.put_result(early, model)  # a window predicts with a model of a moment ago
    folder.put_result(other, tiny(9))
    assert folder.state.result(early).model == ""  # type: ignore[union-attr]
    record = folder.put_model(model, name="step 1", step=1, training=1, strokes=strokes)
    folder.put_result(late, model)
    again = reopened(folder)
    found = {one.image: (one.model, one.strokes) for one in again.state.results}
    assert found == {early: (record.file, "e" * 32), late: (record.file, "f" * 32), other: ("", "")}
    again.put_result(early, again.load_model(record, "cpu"))
    assert again.state.result(early).model == record.file  # type: ignore[union-attr]


def test_results_and_thumbnails_have_a_place(folder: ProjectFolder) -> None:
    record = with_image(folder)
    folder.put_result(record.id)
    assert reopened(folder).state.result(record.id).file == f"results/{record.id}.ome.zarr"  # type: ignore[union-attr]
    assert folder.result_path(record.id).parent.is_dir()
    assert folder.thumbnail_path(record.id).parent.is_dir()


# -- the log ---------------------------------------------------------------------------------------------------------


def test_events_are_lines_of_json_with_their_time(folder: ProjectFolder) -> None:
    folder.log("exported", image="a1", path=Path("x.tif"))
    lines = [json.loads(line) for line in (folder.path / "events.jsonl").read_text().splitlines()]
    assert [one["what"] for one in lines] == ["made", "exported"]
    assert lines[1]["path"] == "x.tif"
    assert lines[1]["time"].endswith("+00:00")


def test_the_log_is_bounded_tolerant_and_never_an_error(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl", Clock(), largest=2000)
    for number in range(200):
        log.add("stroke", number=number)
    assert sum(one.stat().st_size for one in tmp_path.iterdir()) <= 4000
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(b'{"torn')
    log = EventLog(tmp_path / "events.jsonl", Clock(), largest=2000)
    numbers = [one["number"] for one in log.events()]
    assert numbers == list(range(numbers[0], 200))
    EventLog(tmp_path / "no" / "events.jsonl").add("nothing")
    recursive: list[object] = []
    recursive.append(recursive)
    log.add("odd", value=recursive)
    log.add("odd", value={1, 2})
    assert list(log.events())[-1]["value"] == "{1, 2}"

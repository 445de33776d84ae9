"""Cuts, joins and corrections in a project: they come back, whatever happens while they are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saving_scene import STEPS, Clock, Disk, Killed, die, forbidden, full, strokes, use_disk, with_image  # noqa: F401

from napari_unet.core.errors import UserError
from napari_unet.objects.corrections import Pin
from napari_unet.objects.hints import Line
from napari_unet.project.noted_objects import notes_from_bytes, notes_to_bytes
from napari_unet.project.project_contents import open_project
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.saver import ProjectSaved, ProjectSaver, SaveFailed, Snapshot
from napari_unet.project.sitting import restore, snapshot_of
from napari_unet.session.annotation_session import Session
from napari_unet.session.object_notes import ObjectNotes, Place, PlaceNotes

SHAPE = (3, 700, 600)


def noted(count: int) -> ObjectNotes:
    """So many cuts, and as many pins, on two planes and in the volume."""
    mask = np.zeros((40, 30), bool)
    mask[3:30, 5:25] = np.random.default_rng(count).random((27, 20)) < 0.6
    pins = tuple(Pin((10 * number, 7), mask, 1 + number % 3) for number in range(count))
    lines = tuple(Line("cut" if number % 2 else "join", ((0.5, number), (10.25, number + 3)))
                  for number in range(count))
    solid = Pin((0, 5, 6), np.ones((2, 4, 3), bool), 2)
    return ObjectNotes(SHAPE, {
        Place(0): PlaceNotes(lines), Place(2): PlaceNotes((), pins),
        Place(0, True): PlaceNotes((Line("join", ((0, 1, 2), (2, 3, 4))),), (solid,))})


def plain(notes: ObjectNotes | None) -> Any:
    """The same to be compared."""
    return None if notes is None else (notes.shape, {
        place: (kept.lines, [(pin.start, pin.class_id, pin.mask.tolist()) for pin in kept.pins])
        for place, kept in notes.places.items()})


def test_what_is_noted_comes_back_with_its_project(tmp_path: Path) -> None:
    folder = ProjectFolder.create(tmp_path / "cells")
    record = with_image(folder, image_id="a1")
    session = Session()
    restore(folder, session, model=False)
    session.put_pair(record.pair_key, folder_image(folder))
    session.paint(record.pair_key, {0: strokes((3, 4, 2)).planes[1]})
    session.edit_objects("cut an object", "a1", SHAPE, Place(2), noted(3).at(Place(2)))
    session.edit_objects("cut an object", "elsewhere", (4, 4), Place(0), PlaceNotes((Line("cut", ((1, 1),)),)))
    session.put_settings({"objects": {"way": "parts", "parameters": {}, "areas": [3]}})
    saver = ProjectSaver(folder, clock=Clock())
    saver.offer(snapshot_of(session, folder))
    assert [type(one) for one in saver.run_once()] == [ProjectSaved]
    folder.close()
    assert [one.name for one in (tmp_path / "cells.unet" / "objects").iterdir()] == ["a1.json"]
    contents = open_project(tmp_path / "cells.unet")
    again = Session()
    restore(contents.folder, again, model=False)
    assert plain(again.object_notes("a1", SHAPE)) == plain(session.object_notes("a1", SHAPE))
    assert again.settings["objects"]["way"] == "parts"
    contents.folder.close()


def folder_image(folder: ProjectFolder) -> Any:
    from napari_unet.project.sources import read_source

    return read_source(folder.state.images[0], folder.path)


def test_only_what_has_changed_is_written_and_nothing_is_no_file(tmp_path: Path, use_disk: Any) -> None:
    folder = ProjectFolder.create(tmp_path / "cells")
    with_image(folder, image_id="a1")
    saver, notes = ProjectSaver(folder, clock=Clock()), noted(2)
    saver.offer(Snapshot({}, objects={"a1": notes}))
    saver.run_once()
    path = folder.path / "objects" / "a1.json"
    before = path.stat().st_mtime_ns
    disk = use_disk(Disk())
    saver.offer(Snapshot({}, objects={"a1": notes}))
    saver.run_once()
    assert not disk.done
    assert path.stat().st_mtime_ns == before
    saver.offer(Snapshot({}, objects={"a1": ObjectNotes(SHAPE)}))
    saver.run_once()
    assert not path.exists()
    assert folder.read_objects("a1") is None
    folder.close()


def sit(path: Path, done: list[int]) -> None:
    """Note more and more, and save each; ``done`` gets the number of what is saved."""
    try:
        folder = ProjectFolder.open(path)
    except UserError:
        folder = ProjectFolder.create(path)
    try:
        saver = ProjectSaver(folder, clock=Clock())
        if folder.state.image("a1") is None:
            with_image(folder, image_id="a1")
        for number in range(3):
            saver.offer(Snapshot({}, objects={"a1": noted(number + 1) if number < 2 else ObjectNotes(SHAPE)}))
            events = saver.run_once()
            assert [type(one) for one in events] == [ProjectSaved], events
            done.append(number)
    finally:
        die(folder)


def test_a_kill_at_any_step_leaves_what_was_saved_or_what_was_being_saved(
    tmp_path: Path, use_disk: Any
) -> None:
    disk = use_disk(Disk())
    sit(tmp_path / "whole.unet", [])
    total = len(disk.done)
    assert total > 20
    states = [None, *(plain(noted(number + 1)) for number in range(2)), None]
    for step in range(1, total + 1):
        path, done = tmp_path / f"{step}.unet", list[int]()
        use_disk(Disk(step))
        with pytest.raises(Killed):
            sit(path, done)
        use_disk(Disk())
        if not (path / "project.json").exists():
            continue
        folder = ProjectFolder.open(path)
        found = plain(folder.read_objects("a1"))
        assert found in states[len(done) : len(done) + 2]
        assert not list((path / "objects").glob("*.partial"))
        folder.close()


@pytest.mark.parametrize("error", [full, forbidden])
def test_a_disk_that_fails_loses_nothing(tmp_path: Path, use_disk: Any, error: Any) -> None:
    folder = ProjectFolder.create(tmp_path / "cells")
    with_image(folder, image_id="a1")
    clock = Clock()
    saver = ProjectSaver(folder, clock=clock)
    saver.offer(Snapshot({}, objects={"a1": noted(1)}))
    saver.run_once()
    use_disk(Disk(1, error))
    saver.offer(Snapshot({}, objects={"a1": noted(2)}))
    assert [type(one) for one in saver.run_once()] == [SaveFailed]
    assert not saver.all_saved
    use_disk(Disk())
    assert plain(folder.read_objects("a1")) == plain(noted(1))
    clock.now += 60
    assert type(saver.run_once()[0]) is ProjectSaved
    assert plain(folder.read_objects("a1")) == plain(noted(2))
    folder.close()


def spoilt(**values: Any) -> bytes:
    return json.dumps({**json.loads(notes_to_bytes(noted(1))), **values}).encode()


def with_pin(**values: Any) -> bytes:
    given = json.loads(notes_to_bytes(noted(1)))
    given["places"][-1]["pins"][0].update(values)
    return json.dumps(given).encode()


@pytest.mark.parametrize(("data", "words"), [
    (spoilt(version=2), "newer napari-unet"), (b"{", "cannot be read"), (b"[]", "no JSON object"),
    (spoilt(format="x"), "no file of objects"), (spoilt(shape=[3]), "shape"), (spoilt(places=[3]), "no JSON object"),
    (spoilt(places=[{"plane": 3}]), "plane"), (spoilt(places=[{"plane": 0, "lines": [{"kind": "x"}]}]), "line"),
    (spoilt(places=[{"plane": 0, "lines": [{"kind": "cut", "points": [["a", 1]]}]}]), "line"),
    (spoilt(places=[{"plane": 0, "lines": [{"kind": "cut", "points": [[1, 2], [1]]}]}]), "points"),
    (with_pin(start=[690, 0]), "outside"), (with_pin(start=[-1, 0]), "outside"), (with_pin(mask="####"), "damaged"),
    (with_pin(mask="eJw="), "damaged"), (with_pin(mask=3), "damaged"), (with_pin(**{"class": 256}), "class"),
    (with_pin(size=[2**39, 2**10]), "outside"), (with_pin(size=[2**39, 2**39]), "size"),
])
def test_what_makes_no_sense_is_told_and_put_aside_not_lost(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(UserError, match=words):
        notes_from_bytes(data, "a1.json")
    folder = ProjectFolder.create(tmp_path / "cells")
    with_image(folder, image_id="a1")
    path = folder.path / "objects" / "a1.json"
    path.write_bytes(data)
    session = Session()
    assert any(words in text for text in restore(folder, session, model=False).told)
    saver = ProjectSaver(folder, clock=Clock())
    saver.offer(snapshot_of(session, folder))
    saver.run_once()
    assert path.read_bytes() == data, "as long as nothing new is noted"
    session.edit_objects("cut an object", "a1", SHAPE, Place(0), noted(1).at(Place(0)))
    saver.offer(snapshot_of(session, folder))
    saver.run_once()
    assert path.with_name("a1.kept-1.json").read_bytes() == data
    assert plain(folder.read_objects("a1")) == plain(session.object_notes("a1", SHAPE))
    folder.close()


def test_a_copy_and_another_place_have_them_too(tmp_path: Path) -> None:
    folder = ProjectFolder.create(tmp_path / "cells")
    with_image(folder, image_id="a1")
    folder.write_objects("a1", noted(2))
    folder.save_as(tmp_path / "other.unet")
    folder.write_objects("a1", noted(1))
    assert plain(folder.read_objects("a1")) == plain(noted(1))
    folder.close()
    old = ProjectFolder.open(tmp_path / "cells.unet", read_only=True)
    assert plain(old.read_objects("a1")) == plain(noted(2))
    with pytest.raises(UserError, match="read only"):
        old.write_objects("a1", noted(1))
    old.close()

"""A disk that fails while a project is saved: nothing is lost, it is said, and it is made good again by itself."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from saving_scene import (  # noqa: F401
    STEPS,
    Clock,
    Disk,
    Killed,
    die,
    forbidden,
    full,
    no_files_open,
    strokes,
    use_disk,
    with_image,
)

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Scribbles
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.saver import Idle, ProjectSaved, ProjectSaver, Recovered, SaveFailed, Snapshot

UseDisk = Callable[[Disk], Disk]

STROKES = [
    {"a1": strokes((3, 4, 1))},
    {"a1": strokes((3, 4, 1), (600, 580, 2)), "b2": strokes((9, 9, 2))},
    {"a1": strokes((600, 580, 2)), "b2": strokes((9, 9, 2), (300, 580, 1))},
    {"a1": strokes((600, 580, 2), (40, 40, 3)), "b2": Scribbles.empty((3, 700, 600))},
]
"""What is painted in a sitting, moment by moment; some of it is wiped out again."""


def sit(path: Path, done: list[int]) -> None:
    """Make or open a project, add its images, paint and save; ``done`` gets the number of what is saved."""
    try:
        folder = ProjectFolder.open(path)
    except UserError:
        folder = ProjectFolder.create(path)
    try:
        saver = ProjectSaver(folder, clock=Clock())
        for number, painted in enumerate(STROKES):
            for image_id in painted:
                if folder.state.image(image_id) is None:
                    with_image(folder, image_id, image_id)
            folder.change(lambda state, number=number: state.replacing(settings={"moment": number}))
            saver.offer(Snapshot(painted))
            events = saver.run_once()
            assert [type(event) for event in events] == [ProjectSaved], (folder.told, events)
            done.append(number)
    finally:
        die(folder)


def steps_of(tmp_path: Path, use_disk: UseDisk) -> int:
    """How many steps on the disk a sitting takes."""
    disk = use_disk(Disk())
    sit(tmp_path / "whole.unet", [])
    assert set(disk.done) == set(STEPS)
    return len(disk.done)


def paint_of(painted: Scribbles | None) -> np.ndarray:
    return np.zeros((3, 700, 600), np.uint8) if painted is None else painted.to_array()


def blocks(array: np.ndarray) -> list[np.ndarray]:
    return [array[plane, row : row + 512, column : column + 512]
            for plane in range(3) for row in (0, 512) for column in (0, 512)]


def check_paint(folder: ProjectFolder, done: list[int]) -> None:
    """Every block is what was saved last, or what was being saved when it ended."""
    last = done[-1] if done else -1
    for image_id in ("a1", "b2"):
        found = blocks(paint_of(folder.read_strokes(image_id)))
        old = blocks(paint_of(STROKES[last].get(image_id) if last >= 0 else None))
        new = blocks(paint_of(STROKES[min(last + 1, len(STROKES) - 1)].get(image_id)))
        for number, block in enumerate(found):
            assert np.array_equal(block, old[number]) or np.array_equal(block, new[number])


def test_a_kill_at_any_step_costs_nothing_that_was_saved_and_never_the_project(
    tmp_path: Path, use_disk: UseDisk
) -> None:
    total = steps_of(tmp_path, use_disk)
    assert total > 60
    for step in range(1, total + 1):
        path = tmp_path / f"{step}.unet"
        done: list[int] = []
        use_disk(Disk(step))
        with pytest.raises(Killed):
            sit(path, done)
        use_disk(Disk())
        if (path / "project.json").exists():
            folder = ProjectFolder.open(path)
            assert not [text for text in folder.told if "damaged" in text]
            check_paint(folder, done)
            assert not list(path.rglob("*.partial"))
            die(folder)
        else:
            assert not done
        after: list[int] = []
        sit(path, after)  # and it can be gone on with
        assert after == [0, 1, 2, 3]
        check_paint(ProjectFolder.open(path), after)
        shutil.rmtree(path)


def test_two_kills_in_a_row_cost_no_more_than_one(tmp_path: Path, use_disk: UseDisk) -> None:
    """The second one while it is opened and put right again."""
    total = steps_of(tmp_path, use_disk)
    for step in range(30, total, 7):
        path, done = tmp_path / f"{step}.unet", []  # type: tuple[Path, list[int]]
        use_disk(Disk(step))
        with pytest.raises(Killed):
            sit(path, done)
        for second in range(1, 4):
            use_disk(Disk(second))
            try:
                folder = ProjectFolder.open(path)
                folder.change(lambda state: state.replacing(settings={}))
                folder.flush()
                die(folder)
            except Killed:
                pass  # the lock has gone with it
        use_disk(Disk())
        folder = ProjectFolder.open(path)
        check_paint(folder, done)
        die(folder)


@pytest.mark.parametrize(("error", "times"), [(full, 1), (full, 3), (forbidden, 1)])
def test_a_disk_that_fails_at_any_write_is_said_and_made_good(
    tmp_path: Path, use_disk: UseDisk, error: Callable[[], OSError], times: int
) -> None:
    """At each step of the saving in turn; what is painted meanwhile is not lost either."""
    step = 0
    while True:
        step += 1
        path = tmp_path / f"{step}.unet"
        folder, clock = ProjectFolder.create(path), Clock()
        for image_id in ("a1", "b2"):
            with_image(folder, image_id, image_id)
        saver = ProjectSaver(folder, clock=clock)
        saver.offer(Snapshot(STROKES[0]))
        saver.run_once()
        disk = use_disk(Disk(step, error, times))
        folder.change(lambda state: state.replacing(settings={"moment": 1}))
        saver.offer(Snapshot(STROKES[1]))
        events = saver.run_once()
        touched = disk.failing or len(disk.done) >= step
        if any(isinstance(event, SaveFailed) for event in events):
            assert len(events) == 1
            assert not saver.all_saved
            assert saver.failing
            saver.offer(Snapshot(STROKES[2]))
            assert saver.run_once() == []  # not before it is time
            heard = []
            for _ in range(10):
                clock.now += 40
                heard += saver.run_once()
            kinds = [type(event) for event in heard]
            assert kinds[-2:] == [ProjectSaved, Recovered]
            assert SaveFailed not in kinds  # the same reason is not said twice
            assert saver.all_saved
            assert not saver.failing
        else:
            use_disk(Disk())
            saver.offer(Snapshot(STROKES[2]))
            saver.run_once()
        use_disk(Disk())
        folder.close()
        again = ProjectFolder.open(path)
        check_paint(again, [2])
        assert paint_of(again.read_strokes("a1")).any()
        assert np.array_equal(paint_of(again.read_strokes("b2")), STROKES[2]["b2"].to_array())
        assert again.state.settings == {"moment": 1}
        assert not [*path.rglob("*.partial"), *path.rglob("*.kept-*")]
        die(again)
        shutil.rmtree(path)
        if not touched:
            return


@pytest.mark.parametrize(("error", "said"), [
    (full, "disk of .* is full. Make room"), (forbidden, "may not be written any more. Allow it"),
    (lambda: FileNotFoundError(errno.ENOENT, "gone"), "cannot be reached any more"),
    (lambda: OSError(errno.EINVAL, "something odd"), r"could not be written \(something odd\)"),
])
def test_each_failure_has_its_sentence(
    tmp_path: Path, use_disk: UseDisk, error: Callable[[], OSError], said: str
) -> None:
    folder = ProjectFolder.create(tmp_path / "a")
    with_image(folder, "a1", "a1")
    saver = ProjectSaver(folder, clock=Clock())
    saver.offer(Snapshot(STROKES[0]))
    use_disk(Disk(1, error))
    event, = saver.run_once()
    assert isinstance(event, SaveFailed)
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(event.reason)
    assert "in memory" in event.reason


def test_pauses_grow_to_half_a_minute_and_another_reason_is_said(tmp_path: Path, use_disk: UseDisk) -> None:
    folder, clock = ProjectFolder.create(tmp_path / "a"), Clock()
    with_image(folder, "a1", "a1")
    saver = ProjectSaver(folder, clock=clock)
    saver.offer(Snapshot(STROKES[0]))
    disk = use_disk(Disk(1, full))
    start, tries, steps = clock.now, [], 0
    while len(tries) < 9:
        saver.run_once()
        if len(disk.done) > steps:
            tries.append(clock.now - start)
            steps = len(disk.done)
        clock.now += 0.5
    assert np.diff(tries).tolist() == [1, 2, 4, 8, 16, 30, 30, 30]
    use_disk(Disk(1, forbidden))
    saver.try_now()
    event, = saver.run_once()
    assert isinstance(event, SaveFailed)
    use_disk(Disk())
    saver.try_now()
    assert [type(one) for one in saver.run_once()] == [ProjectSaved, Recovered]
    assert saver.run_once() == []
    assert "saved again" in (folder.path / "events.jsonl").read_text()


def test_a_folder_moved_away_and_back(tmp_path: Path) -> None:
    folder, clock = ProjectFolder.create(tmp_path / "a"), Clock()
    with_image(folder, "a1", "a1")
    saver = ProjectSaver(folder, clock=clock)
    saver.offer(Snapshot(STROKES[0]))
    saver.run_once()
    folder.path.rename(tmp_path / "away")
    saver.offer(Snapshot({"a1": STROKES[1]["a1"]}))
    event, = saver.run_once()
    assert isinstance(event, SaveFailed)
    assert "cannot be reached any more" in event.reason
    assert not folder.path.exists(), "nothing is made in its place"
    (tmp_path / "away").rename(folder.path)
    clock.now += 2
    assert [type(one) for one in saver.run_once()] == [ProjectSaved, Recovered]
    assert folder.read_strokes("a1").same_paint(STROKES[1]["a1"])  # type: ignore[union-attr]


def test_another_folder_in_its_place_is_not_written_into(tmp_path: Path) -> None:
    folder, clock = ProjectFolder.create(tmp_path / "a"), Clock()
    with_image(folder, "a1", "a1")
    saver = ProjectSaver(folder, clock=clock)
    folder.flush()
    folder.path.rename(tmp_path / "away")
    other = ProjectFolder.create(tmp_path / "a")
    other.close()
    saver.offer(Snapshot(STROKES[0]))
    assert [type(one) for one in saver.run_once()] == [SaveFailed]
    assert not list((tmp_path / "a.unet" / "strokes").iterdir())
    assert not ProjectFolder.open(tmp_path / "a.unet").state.images


def test_an_older_copy_put_back_in_its_place_gets_everything(tmp_path: Path) -> None:
    folder, clock = ProjectFolder.create(tmp_path / "a"), Clock()
    for image_id in ("a1", "b2"):
        with_image(folder, image_id, image_id)
    saver = ProjectSaver(folder, clock=clock)
    folder.flush()
    shutil.copytree(folder.path, tmp_path / "older")
    saver.offer(Snapshot(STROKES[1]))
    saver.run_once()
    shutil.rmtree(folder.path)
    (tmp_path / "older").rename(folder.path)
    saver.offer(Snapshot({**STROKES[1], "b2": STROKES[2]["b2"]}))
    assert [type(one) for one in saver.run_once()] == [ProjectSaved]
    assert folder.read_strokes("a1").same_paint(STROKES[1]["a1"])  # type: ignore[union-attr]
    assert folder.read_strokes("b2").same_paint(STROKES[2]["b2"])  # type: ignore[union-attr]


def test_a_project_open_to_read_only_says_so_and_is_saved_after_save_as(tmp_path: Path) -> None:
    first = ProjectFolder.create(tmp_path / "a")
    with_image(first, "a1", "a1")
    first.flush()
    folder, clock = ProjectFolder.open(first.path), Clock()
    saver = ProjectSaver(folder, clock=clock)
    saver.offer(Snapshot(STROKES[0]))
    event, = saver.run_once()
    assert isinstance(event, SaveFailed)
    assert "read only. Save a copy" in event.reason
    folder.save_as(tmp_path / "mine")
    saver.try_now()
    assert [type(one) for one in saver.run_once()] == [ProjectSaved, Recovered]
    assert folder.read_strokes("a1").same_paint(STROKES[0]["a1"])  # type: ignore[union-attr]
    assert first.read_strokes("a1") is None


def test_a_disk_full_while_an_image_is_stored_leaves_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_unet.io import _image_saving

    def fill(*_args: object) -> None:
        raise full()

    folder = ProjectFolder.create(tmp_path / "a")
    with monkeypatch.context() as patch:
        patch.setattr(_image_saving.PyramidSink, "__setitem__", fill)
        with pytest.raises(UserError, match="could not be written"):
            folder.store_image("drawn", Image(np.ones((4, 5))))
    assert not list((folder.path / "images").iterdir())
    assert not folder.state.images
    folder.store_image("drawn", Image(np.ones((4, 5))))


def test_renaming_over_an_open_file_is_tried_again_as_windows_needs_it(tmp_path: Path, use_disk: UseDisk) -> None:
    class Windows(Disk):
        name = "nt"

    folder = ProjectFolder.create(tmp_path / "a")
    folder.change(lambda state: state.replacing(settings={"a": 1}))
    disk = use_disk(Windows(4, forbidden, 3))
    assert folder.flush()
    assert disk.done.count("replace") == 5  # project.json.before three times in vain
    assert ProjectFolder.open(folder.path, read_only=True).state.settings == {"a": 1}


def test_the_saver_as_a_thread_runs_it(tmp_path: Path) -> None:
    folder = ProjectFolder.create(tmp_path / "a")
    with_image(folder, "a1", "a1")
    waited: list[float] = []
    saver = ProjectSaver(folder, clock=Clock(), wait=waited.append)
    running = saver.saving()
    assert isinstance(next(running), ProjectSaved)  # the state had changed
    assert isinstance(next(running), Idle)
    saver.offer(Snapshot(STROKES[0]))
    assert not saver.all_saved
    assert next(running) == ProjectSaved(1, ("a1",))
    assert saver.all_saved
    assert isinstance(next(running), Idle)
    folder.change(lambda state: state.replacing(settings={"b": 2}))
    saver.finish()
    assert next(running) == ProjectSaved(0, ())
    assert list(running) == []
    assert waited
    assert max(waited) <= 1
    assert ProjectFolder.open(folder.path, read_only=True).state.settings == {"b": 2}


def test_a_stroke_does_not_wait_for_strokes_on_many_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ProjectFolder.create(tmp_path / "a")
    many = {f"i{number}": strokes((3, number, 1)) for number in range(20)}
    for image_id in many:
        with_image(folder, image_id, image_id)  # the last one is looked at
    saver = ProjectSaver(folder, clock=Clock())
    order = []
    write = folder.write_strokes

    def write_and_paint(image_id: str, scribbles: Scribbles, axes: str = "") -> int:
        order.append(image_id)
        if len(order) == 5:  # somebody paints meanwhile
            saver.offer(Snapshot({**many, "i19": STROKES[0]["a1"]}))
        return write(image_id, scribbles, axes)

    monkeypatch.setattr(folder, "write_strokes", write_and_paint)
    saver.offer(Snapshot(many))
    event, = saver.run_once()
    assert isinstance(event, ProjectSaved)
    assert sorted(event.images) == sorted(many)
    assert [at for at, one in enumerate(order) if one == "i19"] == [0, 5]
    assert saver.all_saved


def test_many_blocks_of_one_image_are_whole_or_told(tmp_path: Path, use_disk: UseDisk) -> None:
    """They are written several at a time."""
    folder, clock = ProjectFolder.create(tmp_path / "a"), Clock()
    with_image(folder, "a1", "a1")
    plane = np.zeros((3000, 3000), np.uint8)
    plane[::100, ::100] = 1
    saver = ProjectSaver(folder, clock=clock)
    saver.offer(Snapshot({"a1": Scribbles(plane.shape, {0: plane})}, {"a1": "YX"}))
    use_disk(Disk(60, full, 5))
    event, = saver.run_once()
    assert isinstance(event, SaveFailed)
    found: list[object] = []
    for _ in range(5):  # threads share the five failures: those that are left spoil the next tries
        if not found:
            clock.now += 60
            found = list(saver.run_once())
    assert [type(one) for one in found] == [ProjectSaved, Recovered]
    die(folder)
    assert np.array_equal(ProjectFolder.open(folder.path).read_strokes("a1").to_array(), plane)  # type: ignore[union-attr]


def test_whatever_goes_wrong_the_next_strokes_are_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, clock = ProjectFolder.create(tmp_path / "a"), Clock()
    with_image(folder, "a1", "a1")
    saver = ProjectSaver(folder, clock=clock)
    saver.offer(Snapshot(STROKES[0]))
    with monkeypatch.context() as patch:
        patch.setattr(folder, "write_strokes", lambda *_args: 1 / 0)
        event, = saver.run_once()
    assert isinstance(event, SaveFailed)
    assert "ZeroDivisionError" in event.reason
    saver.offer(Snapshot({"a1": STROKES[1]["a1"]}))
    clock.now += 2
    assert [type(one) for one in saver.run_once()] == [ProjectSaved, Recovered]
    assert folder.read_strokes("a1").same_paint(STROKES[1]["a1"])  # type: ignore[union-attr]


def test_other_computers_see_that_it_lives_though_nobody_paints(tmp_path: Path) -> None:
    clock = Clock()
    folder = ProjectFolder.create(tmp_path / "a", clock=clock)
    saver = ProjectSaver(folder, clock=clock)
    for _ in range(200):
        clock.now += 1
        saver.run_once()
        assert clock.now - (folder.path / "writer.lock").stat().st_mtime <= 31


def test_at_the_end_a_failing_disk_is_tried_once_more(tmp_path: Path, use_disk: UseDisk) -> None:
    folder = ProjectFolder.create(tmp_path / "a")
    with_image(folder, "a1", "a1")
    saver = ProjectSaver(folder, clock=Clock(), wait=lambda _seconds: None)
    saver.offer(Snapshot(STROKES[0]))
    use_disk(Disk(1, full))
    running = saver.saving()
    assert isinstance(next(running), SaveFailed)
    use_disk(Disk())
    saver.finish()
    assert [type(event) for event in running if not isinstance(event, Idle)] == [ProjectSaved, Recovered]


def test_a_stroke_is_whole_or_not_there_for_whoever_reads_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second viewer opens it between any two steps of the disk."""
    folder = ProjectFolder.create(tmp_path / "a")
    for image_id in ("a1", "b2"):
        with_image(folder, image_id, image_id)
    saver = ProjectSaver(folder, clock=Clock())
    saver.offer(Snapshot(STROKES[0]))
    saver.run_once()
    seen = []

    class Watched(Disk):
        def __getattr__(self, name: str) -> object:
            if name in STEPS:
                second = ProjectFolder.open(folder.path, read_only=True)
                seen.append(second.state.settings)
                check_paint(second, [0])
                assert not [text for text in second.told if "damaged" in text]
            return super().__getattr__(name)

    from napari_unet.project import disk

    monkeypatch.setattr(disk, "os", Watched())
    folder.change(lambda state: state.replacing(settings={"moment": 1}))
    saver.offer(Snapshot(STROKES[1]))
    saver.run_once()
    assert {} in seen
    assert {"moment": 1} in [*seen, folder.state.settings]
    assert os.path.exists(folder.path)

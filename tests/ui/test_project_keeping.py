"""What is painted is on disk soon, said in one line, and comes back: by mouse, in the real window."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from keeping_scene import kept, open_and_paint, paint

from napari_unet.core.classes import ClassTable
from napari_unet.project import disk
from napari_unet.ui.layer_metadata import class_table, identity
from napari_unet.ui.projects.keeper import keeper_of
from napari_unet.ui.projects.project_line import ProjectLine


@pytest.fixture
def file(tmp_path: Path, squares: Any) -> Path:
    """An image in a file, in a folder of its own."""
    path = tmp_path / "data" / "cells.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, squares[0])
    return path


def line(hands: Any, dock: Any) -> str:
    """All that the project's line says."""
    (line,) = dock.findChildren(ProjectLine)
    return f"{line.text.text()} {line.more.text()} {dock.note_line.text()}"


def go_on(hands: Any, dock: Any) -> None:
    """Click on what is offered to go on with."""
    hands.wait(lambda: any(one.objectName() == "project_go_on_0" for one in dock.findChildren(type(dock.live_button))))
    hands.click(dock, "project_go_on_0")


def test_the_first_stroke_makes_a_project_and_a_line_says_where(hands: Any, viewer: Any, file: Path,
                                                                keeping: Path) -> None:
    dock, strokes = open_and_paint(hands, file)
    folder = kept(hands)
    assert folder.path == keeping / "cells.unet"
    hands.wait(lambda: f"Kept in {folder.path}" in line(hands, dock))
    (record,) = folder.state.images
    assert (record.name, record.source.paths) == ("cells", ("../../data/cells.tif",))
    on_disk = zarr.open(str(folder.path / "strokes" / f"{record.id}.zarr"), mode="r")[:]
    assert set(np.unique(strokes.data)) == {0, 1, 2}
    np.testing.assert_array_equal(on_disk, strokes.data)


def test_beside_the_image_where_that_may_be_written(hands: Any, viewer: Any, file: Path, keeping: Path) -> None:
    from napari_unet.ui.projects.preferences import change_preferences

    change_preferences(place="")
    open_and_paint(hands, file)
    assert kept(hands).path == file.parent / "cells.unet"


def test_nothing_is_made_where_that_is_turned_off(hands: Any, viewer: Any, file: Path, tmp_path: Path) -> None:
    dock, _ = open_and_paint(hands, file)
    hands.wait(lambda: "memory only" in line(hands, dock))
    assert keeper_of(viewer).folder is None
    assert [one.name for one in file.parent.iterdir()] == ["cells.tif"]
    hands.click(dock, "project_keep")
    assert kept(hands).path == file.parent / "cells.unet"


def test_a_project_that_was_closed_is_gone_on_with_by_one_click(hands: Any, viewer: Any, file: Path,
                                                                keeping: Path) -> None:
    dock, strokes = open_and_paint(hands, file)
    dock.session.set_classes(ClassTable.named({1: "ground", 2: "nucleus"}))
    painted, path = strokes.data.copy(), kept(hands).path
    keeper_of(viewer).close_project()
    assert not viewer.layers
    assert not dock.session.keys
    go_on(hands, dock)
    hands.wait(lambda: dock.controller.current is not None)
    again = dock.controller.current.strokes
    np.testing.assert_array_equal(again.data, painted)
    assert class_table(again) == ClassTable.named({1: "ground", 2: "nucleus"})
    paint(hands, again, 2, 50)
    hands.wait(lambda: keeper_of(viewer).all_saved)
    assert keeper_of(viewer).folder.path == path
    (record,) = keeper_of(viewer).folder.state.images
    on_disk = zarr.open(str(path / "strokes" / f"{record.id}.zarr"), mode="r")[:]
    assert on_disk[50, 10:41].any()
    np.testing.assert_array_equal(on_disk, again.data)


def test_an_image_beside_its_project_is_taken_up_where_it_is_open(hands: Any, viewer: Any, file: Path,
                                                                  keeping: Path, kept_elsewhere: Path) -> None:
    from napari_unet.ui.projects.preferences import change_preferences

    change_preferences(place="")
    dock, strokes = open_and_paint(hands, file)
    painted = strokes.data.copy()
    kept(hands)
    keeper_of(viewer).close_project()
    change_preferences(recent=())
    (layer,) = viewer.open(str(file), plugin="napari-unet-live")
    go_on(hands, dock)
    hands.wait(lambda: dock.controller.current is not None)
    assert dock.controller.current.image_layer is layer, "not opened twice"
    np.testing.assert_array_equal(dock.controller.current.strokes.data, painted)


def test_an_image_open_before_its_project_has_its_strokes_when_it_is_chosen(
    hands: Any, viewer: Any, file: Path, keeping: Path
) -> None:
    dock, strokes = open_and_paint(hands, file)
    painted = strokes.data.copy()
    second = file.with_name("second.tif")
    tifffile.imwrite(second, tifffile.imread(file)[::-1].copy())
    open_and_paint(hands, second, dock)
    folder = kept(hands)
    hands.wait(lambda: len(folder.state.images) == 2 and folder.state.current == folder.state.images[1].id)
    hands.wait(lambda: keeper_of(viewer).all_saved)
    keeper_of(viewer).close_project()
    (layer,) = viewer.open(str(file), plugin="napari-unet-live")
    go_on(hands, dock)
    hands.wait(lambda: "second strokes" in viewer.layers and keeper_of(viewer).folder is not None)
    viewer.layers.selection.active = layer
    hands.wait(lambda: dock.controller.current is not None and dock.controller.current.image_layer is layer)
    np.testing.assert_array_equal(dock.controller.current.strokes.data, painted)


def test_strokes_begun_anew_do_not_make_a_second_image(hands: Any, viewer: Any, file: Path, keeping: Path) -> None:
    dock, strokes = open_and_paint(hands, file)
    folder = kept(hands)
    image_id = folder.state.images[0].id
    viewer.layers.remove(strokes)
    hands.wait(lambda: dock.controller.current is None)
    hands.click(dock, "train_new_strokes")
    again = viewer.layers["cells strokes"]
    paint(hands, again, 2, 50)
    hands.wait(lambda: folder.state.pair_image(identity(again)) is not None and keeper_of(viewer).all_saved)
    assert [one.id for one in folder.state.images] == [image_id], "learnt, predicted and counted once"
    on_disk = zarr.open(str(folder.path / "strokes" / f"{image_id}.zarr"), mode="r")[:]
    np.testing.assert_array_equal(on_disk, again.data)
    kept_aside = zarr.open(str(folder.path / "strokes" / f"{image_id}.kept-1.zarr"), mode="r")[:]
    np.testing.assert_array_equal(kept_aside, strokes.data)


def test_a_killed_window_loses_nothing_that_was_kept(hands: Any, viewer: Any, file: Path, keeping: Path,
                                                     tmp_path: Path) -> None:
    """SIGKILL on POSIX, TerminateProcess on Windows: neither lets the program do anything."""
    noted = tmp_path / "noted.npy"
    script = Path(__file__).with_name("keeping_scene.py")
    child = subprocess.Popen([sys.executable, str(script), str(file), str(noted)], stdout=subprocess.PIPE, text=True,
                             env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert child.stdout is not None
    path = Path(next(text for text in child.stdout if text.startswith("kept: ")).strip()[6:])
    os.kill(child.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    child.stdout.close()
    child.wait()
    assert path == keeping / "cells.unet"
    viewer.open(str(path), plugin="napari-unet-live")  # with the dock closed
    hands.wait(lambda: keeper_of(viewer).folder is not None and "cells strokes" in viewer.layers)
    back, before = viewer.layers["cells strokes"].data, np.load(noted)
    np.testing.assert_array_equal(back[before > 0], before[before > 0])
    assert not keeper_of(viewer).folder.read_only, "whoever was killed holds nothing back"


def test_a_full_disk_is_said_and_painting_goes_on(hands: Any, viewer: Any, file: Path, keeping: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    dock, strokes = open_and_paint(hands, file)
    kept(hands)
    write, full = disk.os.write, [True]

    def no_room(file: int, data: Any) -> int:
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data)

    monkeypatch.setattr(disk.os, "write", no_room)
    paint(hands, strokes, 2, 50)
    hands.wait(lambda: "Not saved" in line(hands, dock) and "is full" in line(hands, dock))
    paint(hands, strokes, 2, 54)
    full[0] = False
    hands.wait(lambda: "saved again" in line(hands, dock))
    folder = kept(hands)
    on_disk = zarr.open(str(folder.path / "strokes" / f"{folder.state.images[0].id}.zarr"), mode="r")[:]
    np.testing.assert_array_equal(on_disk, strokes.data)


def test_a_sample_is_stored_once_and_comes_back(hands: Any, viewer: Any, keeping: Path) -> None:
    dock = hands.dock("Train U-Net")
    viewer.open_sample("napari-unet-live", "coins")
    hands.wait(lambda: dock.controller.current is not None)
    folder = kept(hands)
    hands.wait(lambda: all(one.size for one in folder.state.images))
    (record,) = folder.state.images
    assert record.source.stored
    hands.wait(lambda: "stored in the project" in line(hands, dock))
    pixels = np.asarray(dock.controller.current.image_layer.data).copy()
    painted = dock.controller.current.strokes.data.copy()
    keeper_of(viewer).close_project()
    go_on(hands, dock)
    hands.wait(lambda: dock.controller.current is not None)
    np.testing.assert_array_equal(np.asarray(dock.controller.current.image_layer.data), pixels)
    np.testing.assert_array_equal(dock.controller.current.strokes.data, painted)


def test_a_large_image_without_a_file_waits_for_a_click(hands: Any, viewer: Any, squares: Any, keeping: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_unet.ui.projects import image_intake

    monkeypatch.setattr(image_intake, "MOST_UNASKED", 100)
    dock = hands.dock("Train U-Net")
    viewer.add_image(squares[0], name="cells")
    hands.wait(lambda: dock.chooser.has_image)
    hands.click(dock, "train_new_strokes")
    paint(hands, viewer.layers["cells strokes"], 2, 12)
    hands.wait(lambda: "No file gives cells (5 kB)" in line(hands, dock))
    folder = kept(hands)
    assert not list((folder.path / "images").iterdir())
    hands.click(dock, "project_store")
    hands.wait(lambda: bool(folder.state.images[0].size))
    hands.wait(lambda: "No file gives" not in line(hands, dock))


def test_an_image_changed_in_the_window_is_no_reference(hands: Any, viewer: Any, file: Path, keeping: Path) -> None:
    """What other plugins made of a file is not in the file."""
    dock = hands.dock("Train U-Net")
    (layer,) = viewer.open(str(file), plugin="napari-unet-live")
    layer.data = 255 - np.asarray(layer.data)
    hands.wait(lambda: dock.chooser.has_image)
    hands.click(dock, "train_new_strokes")
    paint(hands, viewer.layers["cells strokes"], 2, 12)
    folder = kept(hands)
    hands.wait(lambda: bool(folder.state.images[0].size))
    assert folder.state.images[0].source.stored


def test_renamed_images_and_classes_are_written(hands: Any, viewer: Any, file: Path, keeping: Path) -> None:
    dock, _ = open_and_paint(hands, file)
    folder = kept(hands)
    viewer.layers["cells"].name = "day 3"  # told with the next stroke at the latest
    dock.session.set_classes(ClassTable.named({1: "ground", 2: "nucleus"}))
    hands.wait(lambda: folder.state.classes.name(2) == "nucleus")
    paint(hands, viewer.layers["day 3 strokes"], 2, 50)
    hands.wait(lambda: folder.state.images[0].name == "day 3" and keeper_of(viewer).all_saved)
    text = (folder.path / "project.json").read_text(encoding="utf-8")
    assert "day 3" in text
    assert "nucleus" in text

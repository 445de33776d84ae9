"""Where results go, and what is saved."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from io_scene import CLASSES, IDS

from napari_unet import io
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.io import _output, ome_zarr

MASK = np.array([[0, 0, 1], [1, 1, 0]], np.uint8)
ENDINGS = ("m.tif", "m.tiff", "m.zarr", "m.ome.zarr", "M.TIF")


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("name", ENDINGS)
def test_every_ending_is_saved_and_read(tmp_path: Path, name: str) -> None:
    path = io.save_mask(tmp_path / name, IDS, classes=CLASSES, axes="YX", scale=(0.5, 0.25), unit="um")
    assert path == tmp_path / name
    labels, classes = io.read_labels(path)
    np.testing.assert_array_equal(labels, MASK)
    assert classes == CLASSES
    assert io.read_image(path).scale == (0.5, 0.25)


@pytest.mark.parametrize("name", ["m.png", "m", "m.tif.txt", ".zarr", ".tif"])
def test_other_endings_are_refused(tmp_path: Path, name: str) -> None:
    for call in (io.check_output, lambda path: io.save_mask(path, IDS, classes=CLASSES)):
        with pytest.raises(UserError, match=r"not saved. Allowed: .ome.tif, .ome.tiff, .ome.zarr, .tif, .tiff, .zarr"):
            call(tmp_path / name)
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ENDINGS)
def test_what_is_there_stays_unless_told_otherwise(tmp_path: Path, name: str) -> None:
    io.save_mask(tmp_path / name, IDS, classes=CLASSES)
    for call in (io.check_output, lambda path: io.save_mask(path, 3 - IDS, classes=CLASSES)):
        with pytest.raises(UserError, match=f"{name} exists already and is not overwritten. Choose another name"):
            call(tmp_path / name)
    np.testing.assert_array_equal(io.read_labels(tmp_path / name)[0], MASK)
    io.check_output(tmp_path / name, overwrite=True)
    io.save_mask(tmp_path / name, np.full((5, 5), 2), classes=CLASSES, overwrite=True)
    assert (io.read_labels(tmp_path / name)[0] == np.ones((5, 5))).all()
    assert names(tmp_path) == [name]


def test_an_old_preview_stays_too(tmp_path: Path) -> None:
    (tmp_path / "m_preview.tif").write_text("mine")
    with pytest.raises(UserError, match=r"m_preview.tif exists already"):
        io.check_output(tmp_path / "m.tif", preview=True)
    with pytest.raises(UserError, match=r"m_preview.tif exists already"):
        io.save_mask(tmp_path / "m.tif", IDS, classes=CLASSES, preview=True)
    assert names(tmp_path) == ["m_preview.tif"]


def test_a_folder_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "m.tif").mkdir()
    with pytest.raises(UserError, match=r"m.tif is not overwritten: it is not a file"):
        io.save_mask(tmp_path / "m.tif", IDS, classes=CLASSES, overwrite=True)
    assert (tmp_path / "m.tif").is_dir()


@pytest.mark.parametrize("name", ENDINGS)
def test_a_missing_folder_is_not_made(tmp_path: Path, name: str) -> None:
    for call in (io.check_output, lambda path: io.save_mask(path, IDS, classes=CLASSES)):
        with pytest.raises(UserError, match=r"There is no folder .*nowhere to save .* in. Make it, or choose another"):
            call(tmp_path / "nowhere" / name)


@pytest.mark.parametrize("name", ENDINGS)
def test_a_folder_that_cannot_be_written(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated, because whoever runs the tests may be allowed everything."""

    def refuse(self: Path, *_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "touch", refuse)
    for call in (io.check_output, lambda path: io.save_mask(path, IDS, classes=CLASSES)):
        with pytest.raises(UserError, match=f"{name} could not be written .Permission denied.*Choose a folder"):
            call(tmp_path / name)
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["m.tif", "m.zarr"])
def test_a_full_disk_loses_nothing(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    io.save_mask(tmp_path / name, IDS, classes=CLASSES)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tifffile, "imwrite", full)
    monkeypatch.setattr(ome_zarr, "group_attributes", full)
    with pytest.raises(UserError, match=r"No space left on device.*What was there before is untouched"):
        io.save_mask(tmp_path / name, np.full((9, 9), 2), classes=CLASSES, overwrite=True)
    np.testing.assert_array_equal(io.read_labels(tmp_path / name)[0], MASK)
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("name", ["m.tif", "m.zarr", "p.tif"])
def test_an_interrupted_result_leaves_nothing(tmp_path: Path, name: str) -> None:
    def start() -> io.Output:
        if name == "p.tif":
            return io.create_probabilities(tmp_path / name, (1, 2, 2, 3), classes=CLASSES)
        return io.create_mask(tmp_path / name, (2, 3), classes=CLASSES)

    def interrupted() -> None:
        with start() as out:
            out[...] = 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert names(tmp_path) == []


def test_a_name_taken_meanwhile_loses_neither(tmp_path: Path) -> None:
    path = tmp_path / "m.tif"
    out = io.create_mask(path, (2, 3), classes=CLASSES)
    out[...] = IDS
    path.write_text("theirs")
    with pytest.raises(UserError, match=r"Something else was saved as .*m.tif meanwhile. The finished result is kept"):
        out.finish()
    assert path.read_text() == "theirs"
    (kept,) = (tmp_path / name for name in names(tmp_path) if name != "m.tif")
    np.testing.assert_array_equal(tifffile.imread(kept), MASK)


def test_a_folder_goes_back_if_it_cannot_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    io.save_mask(tmp_path / "m.zarr", IDS, classes=CLASSES)
    replace, calls = os.replace, []

    def second_fails(*paths: Any) -> None:
        calls.append(paths)
        if len(calls) == 2:
            raise OSError(errno.EBUSY, "Device or resource busy")
        replace(*paths)

    monkeypatch.setattr(_output.os, "replace", second_fails)
    with pytest.raises(UserError, match="resource busy"):
        io.save_mask(tmp_path / "m.zarr", 3 - IDS, classes=CLASSES, overwrite=True)
    np.testing.assert_array_equal(io.read_labels(tmp_path / "m.zarr")[0], MASK)


def test_a_link_is_followed(tmp_path: Path) -> None:
    target = tmp_path / "real.tif"
    target.write_text("old")
    (tmp_path / "m.tif").symlink_to(target)
    io.save_mask(tmp_path / "m.tif", IDS, classes=CLASSES, overwrite=True)
    assert (tmp_path / "m.tif").is_symlink()
    np.testing.assert_array_equal(tifffile.imread(target), MASK)


def test_results_can_be_read_by_others_as_the_system_says(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    path = io.save_mask(tmp_path / "m.tif", IDS, classes=CLASSES)
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axes": "NYX"}, r"shape \(2, 3\) do not fit axes 'NYX'"),
        ({"axes": "XY"}, "Y and X last"),
        ({"scale": (1, 2, 3)}, "3 step sizes"),
        ({"painted": np.zeros((0, 3), np.uint8)}, r"labels are empty \(shape \(0, 3\)\)"),
        ({"painted": np.zeros(3, np.uint8)}, "do not fit axes"),
        ({"painted": IDS - 0.5}, "'labels' holds fractions"),
        ({"painted": IDS.astype(int) + 300}, "ids from 300 to 302; allowed are 0"),
    ],
)
@pytest.mark.parametrize("name", ["m.tif", "m.zarr"])
def test_labels_that_are_no_ids_are_not_saved(tmp_path: Path, name: str, changes: dict[str, Any], message: str) -> None:
    options = {"painted": IDS, "classes": CLASSES, **changes}
    with pytest.raises(UserError, match=message):
        io.save_mask(tmp_path / name, options.pop("painted"), **options)
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["m.tif", "m.zarr"])
@pytest.mark.parametrize("step", [0.0, float("nan"), float("inf"), -0.5])
def test_steps_that_make_no_sense_are_mended(tmp_path: Path, name: str, step: float) -> None:
    path = io.save_mask(tmp_path / name, IDS, classes=CLASSES, scale=(step, 0.25), unit="furlong")
    image = io.read_image(path)
    assert image.scale == (0.5 if step == -0.5 else 1, 0.25)
    assert image.unit == "pixel"


@pytest.mark.parametrize("name", ["m.tif", "m.zarr"])
def test_labels_are_not_changed_by_saving(tmp_path: Path, name: str) -> None:
    ids = IDS.astype(">i4")
    ids.flags.writeable = False
    io.save_mask(tmp_path / name, ids, classes=CLASSES)
    np.testing.assert_array_equal(ids, IDS)


def test_names_nobody_can_do_without_are_found_in_the_mask(tmp_path: Path) -> None:
    """A class without pixels keeps its name; a pixel without a class keeps its number."""
    table = ClassTable.named({1: "background", 2: "a", 3: "b", 9: 'quote " and \\ and\nline'})
    for name in ("m.tif", "m.zarr"):
        io.save_mask(tmp_path / name, np.array([[5, 2]]), classes=table)
        labels, classes = io.read_labels(tmp_path / name)
        np.testing.assert_array_equal(labels, [[4, 1]])
        assert classes == table

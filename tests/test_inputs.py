"""What a user may hand over by mistake, and what may go wrong on the way to the disk."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st

from napari_unet import io
from napari_unet.core import parameters
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.io import _contents, _ngff, _output, _units

CLASSES = ClassTable.named({1: "background", 2: "nucleus"})
IDS = np.array([[0, 1, 2], [2, 2, 1]], np.uint8)
MASK = np.array([[0, 0, 1], [1, 1, 0]], np.uint8)
ENDINGS = ("m.tif", "m.tiff", "m.zarr", "m.ome.zarr", "M.TIF")


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


# what cannot be read


@pytest.mark.parametrize("read", [io.read_image, io.read_labels])
@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("a.tif", b"", r"a.tif is empty \(0 bytes\). Allowed are TIFF files"),
        ("a.tif", b"this is a text file", "a.tif could not be read as TIFF: .*Save or copy the file again"),
        ("a.TIFF", b"\x89PNG\r\n\x1a\n" + bytes(50), "a.TIFF could not be read as TIFF"),
        ("a.tif", b"II*\0" + bytes(40), "a.tif could not be read as TIFF"),
        ("a.tif", b"II*\0\xff\xff\xff\x7f", "a.tif"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "a.png is of a kind that is not read. Allowed: TIFF files and OME-Zarr"),
        ("a", b"", "a is of a kind that is not read"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path: Path, read: Any, name: str, contents: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(contents)
    with pytest.raises(UserError, match=message):
        read(tmp_path / name)


def test_missing_and_foreign_folders(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no file or folder .*nothing.tif. Check the name"):
        io.read_image(tmp_path / "nothing.tif")
    with pytest.raises(UserError, match=r"is a folder without zarr metadata. Allowed: TIFF files and OME-Zarr"):
        io.read_image(tmp_path)
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(UserError, match=r"a.zarr is a folder without zarr metadata. Give the folder of an OME-Zarr"):
        io.read_image(tmp_path / "a.zarr")
    (tmp_path / "b.tif").mkdir()
    with pytest.raises(UserError, match=r"b.tif is a folder without zarr metadata"):
        io.read_image(tmp_path / "b.tif")


@given(st.binary(max_size=300))
def test_any_bytes_are_a_tiff_or_a_message(tmp_path_factory: pytest.TempPathFactory, tail: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.tif"
    path.write_bytes(b"II*\0\x08\0\0\0" + tail)
    with pytest.raises(UserError, match=r"noise\.tif"):
        io.read_image(path)


def test_pixels_that_are_no_real_numbers(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 4), np.complex64))
    with pytest.raises(UserError, match=r"complex64. Allowed: bool, integer or real numbers"):
        io.read_image(tmp_path / "a.tif")
    zarr.create_array(str(tmp_path / "a.zarr"), data=np.array([["a", "b"]]), zarr_format=2)
    with pytest.raises(UserError, match=r"a.zarr are .*Allowed: bool, integer or real numbers"):
        io.read_image(tmp_path / "a.zarr")


def test_empty_arrays(tmp_path: Path) -> None:
    zarr.create_array(str(tmp_path / "a.zarr"), shape=(0, 4), dtype="u1")
    with pytest.raises(UserError, match=r"a.zarr is empty \(shape \(0, 4\)\)"):
        io.read_image(tmp_path / "a.zarr")
    zarr.create_array(str(tmp_path / "b.zarr"), shape=(4,), dtype="u1")
    with pytest.raises(UserError, match=r"b.zarr: .*needs rows and columns"):
        io.read_image(tmp_path / "b.zarr")


@pytest.mark.parametrize("name", ["a.tif", "a.zarr"])
def test_axes_that_do_not_fit_name_the_file(tmp_path: Path, name: str) -> None:
    io.save_mask(tmp_path / name, IDS, classes=CLASSES)
    for axes in ("NYX", "XY", "Y", "YY"):
        with pytest.raises(UserError, match=rf"{name}: '{axes}' \(the axes given\) does not fit an array of shape"):
            io.read_image(tmp_path / name, axes)


@pytest.mark.parametrize(
    ("path", "name"),
    [("x/cells.tif", "cells"), ("cells.ome.tiff", "cells"), ("a.b.ome.zarr", "a.b"), ("a.zarr/labels/n", "n"),
     (".tif", ".tif")],
)
def test_names_of_images(path: str, name: str) -> None:
    assert io.file_stem(path) == name


# where results go


@pytest.mark.parametrize("name", ENDINGS)
def test_every_ending_is_saved_and_read(tmp_path: Path, name: str) -> None:
    path = io.save_mask(tmp_path / name, IDS, classes=CLASSES, axes="YX", scale=(0.5, 0.25), unit="um")
    assert path == tmp_path / name
    labels, classes = io.read_labels(path)
    np.testing.assert_array_equal(labels, MASK)
    assert classes == CLASSES
    assert io.read_image(path).scale == (0.5, 0.25)


@pytest.mark.parametrize("name", ["m.png", "m", "m.tif.txt", ".zarr", ".tif", "m.ome.tif", "m.ome.tiff"])
def test_other_endings_are_refused(tmp_path: Path, name: str) -> None:
    for call in (io.check_output, lambda path: io.save_mask(path, IDS, classes=CLASSES)):
        with pytest.raises(UserError, match=r"an ending that is not saved. Allowed: .ome.zarr, .tif, .tiff, .zarr"):
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
    monkeypatch.setattr(_ngff, "label_attributes", full)
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


# what is saved


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


# the registry


def test_formats_are_listed_with_their_parameters() -> None:
    listed = {entry.name: entry for entry in io.REGISTRY}
    assert {"tiff", "ome_zarr"} <= set(listed)
    for name in ("tiff", "ome_zarr"):
        entry = listed[name]
        assert isinstance(entry.item(), io.Format)
        assert entry.summary
        for field in parameters.fields(entry.item):
            assert field.parameter.help
            field.check(field.default)
    assert [field.name for field in parameters.fields(listed["ome_zarr"].item)] == ["version", "chunk"]
    assert listed["ome_zarr"].item().version == "0.4"


# units and records


@pytest.mark.parametrize(
    ("text", "name"),
    [("um", "micrometer"), ("µm", "micrometer"), ("μm", "micrometer"), (" Micron ", "micrometer"), ("nm", "nanometer"),
     ("Å", "angstrom"), ("mm", "millimeter"), ("parsec", "pixel"), (None, "pixel"), ("", "pixel"), ("pixels", "pixel")],
)
def test_spellings_of_units(text: Any, name: str) -> None:
    assert _units.unit_name(text) == name
    assert _units.unit_name(_units.unit_short(name)) == name


def test_steps_are_converted_or_unknown() -> None:
    assert _units.in_unit(0.3, "micrometer", "nanometer") == pytest.approx(300)
    assert _units.in_unit("0.5", "pixel", "pixel") == 0.5
    for nonsense in (None, "wide", 0, -1, float("nan"), float("inf"), [2]):
        assert _units.in_unit(nonsense, "meter", "meter") == 1
    assert _units.in_unit(3, "pixel", "meter") == 1


@pytest.mark.parametrize(
    "record",
    [None, 3, [], {}, {"classes": 3}, {"classes": [{"id": 1}]}, {"classes": [{"id": "x", "name": "a", "color": "b"}]},
     {"classes": [{"id": 999, "name": "a", "color": "#000000"}]}, {"code": "other", "axes": 3, "classes": [3]}],
)
def test_a_strange_record_is_left_out(record: Any) -> None:
    assert _contents.read_record(record) == (None, None, "")

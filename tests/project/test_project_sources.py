"""Images by reference: found again wherever they go, told when they changed, read when they are needed."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from saving_scene import image_file, no_files_open, with_image  # noqa: F401

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.io import read_image, save_image
from napari_unet.project import lazy_pixels, sources
from napari_unet.project.lazy_pixels import ChannelFiles, LazyPixels, RecentlyRead
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.records import ImageSource


@pytest.fixture
def folder(tmp_path: Path) -> ProjectFolder:
    (tmp_path / "work").mkdir()
    return ProjectFolder.create(tmp_path / "work" / "cells")


def test_paths_are_relative_with_slashes_and_lead_back(folder: ProjectFolder, tmp_path: Path) -> None:
    for path in (tmp_path / "work" / "a.tif", tmp_path / "deep" / "er" / "b c.tif", folder.path / "images" / "x"):
        text = sources.path_text(path, folder.path)
        assert not os.path.isabs(text)
        assert "\\" not in text
        assert sources.file_of(text, folder.path) == path
    assert sources.path_text(tmp_path / "work" / "a.tif", folder.path) == "../a.tif"


def test_a_record_knows_the_file_again(folder: ProjectFolder) -> None:
    record = with_image(folder)
    file = folder.path.parent / "cells.tif"
    assert record.size == file.stat().st_size
    assert (record.axes, record.shape, record.dtype) == ("NYX", (3, 700, 600), "uint8")
    assert sources.locate(record, folder.path) == file
    assert sources.what_changed(record, folder.path) == ""
    tifffile.imwrite(file, np.zeros((3, 700, 600), np.uint8), photometric="minisblack")
    assert "has changed since it was painted" in sources.what_changed(record, folder.path)
    file.unlink()
    assert sources.what_changed(record, folder.path) == ""
    assert sources.locate(record, folder.path) is None


@pytest.mark.parametrize("place", [0, 200_000, 399_990])
def test_the_quick_hash_sees_beginning_middle_and_end(tmp_path: Path, place: int) -> None:
    file = tmp_path / "a"
    data = bytearray(400_000)
    file.write_bytes(data)
    before = sources.quick_hash(file)
    data[place] = 1
    file.write_bytes(data)
    assert sources.quick_hash(file) != before
    file.write_bytes(bytes(400_001))
    assert sources.quick_hash(file) != before


def test_the_quick_hash_of_a_folder_is_that_of_its_descriptions(tmp_path: Path) -> None:
    one = save_image(tmp_path / "a.ome.zarr", Image(np.zeros((20, 30), np.uint8)))
    two = save_image(tmp_path / "b.ome.zarr", Image(np.zeros((20, 31), np.uint8)))
    shutil.copytree(one, tmp_path / "copy")
    assert sources.quick_hash(one) == sources.quick_hash(tmp_path / "copy") != sources.quick_hash(two)


def test_missing_images_are_listed_by_folder_and_found_in_another(folder: ProjectFolder, tmp_path: Path) -> None:
    for name in ("a", "b"):
        with_image(folder, name)
    with_image(folder, "c")
    (tmp_path / "moved").mkdir()
    for name in ("a", "b"):
        (tmp_path / "work" / f"{name}.tif").rename(tmp_path / "moved" / f"{name}.tif")
    lost = sources.missing(folder.state, folder.path)
    assert {place: [one.name for one in records] for place, records in lost.items()} == {tmp_path / "work": ["a", "b"]}
    moved = {str(tmp_path / "work"): str(tmp_path / "moved")}
    assert sources.read_source(folder.state.images[0], folder.path, moved).plane(0).any()
    state = sources.relocate(folder.state, folder.path, tmp_path / "work", tmp_path / "moved")
    assert [one.source.paths for one in state.images] == [("../../moved/a.tif",), ("../../moved/b.tif",), ("../c.tif",)]
    assert not sources.missing(state, folder.path)
    assert sources.relocate(state, folder.path, tmp_path / "work", tmp_path / "nowhere") == state


def test_a_project_that_was_moved_alone_finds_its_images_where_they_were(folder: ProjectFolder, tmp_path: Path) -> None:
    with_image(folder)
    folder.close()
    (tmp_path / "far" / "away").mkdir(parents=True)
    place = tmp_path / "far" / "away" / "cells.unet"
    folder.path.rename(place)
    again = ProjectFolder.open(place)
    assert "1 of its images were found" in again.told[0]
    assert again.state.images[0].source.paths == ("../../../work/cells.tif",)
    again.close()
    assert ProjectFolder.open(place).told == ()


def test_a_project_that_was_moved_with_its_images_finds_them(folder: ProjectFolder, tmp_path: Path) -> None:
    with_image(folder)
    folder.close()
    (tmp_path / "work").rename(tmp_path / "other")
    again = ProjectFolder.open(tmp_path / "other" / "cells.unet")
    assert again.told == ()
    assert not sources.missing(again.state, again.path)


def test_a_missing_image_says_where_it_was(folder: ProjectFolder, tmp_path: Path) -> None:
    record = with_image(folder)
    (tmp_path / "work" / "cells.tif").unlink()
    with pytest.raises(UserError, match=r"'cells' is not where it was .*cells.tif.* strokes are kept"):
        sources.read_source(record, folder.path)


# -- pixels ----------------------------------------------------------------------------------------------------------


def test_a_file_is_opened_when_pixels_are_asked_for_and_once(
    folder: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = with_image(folder)
    opened = []
    monkeypatch.setattr(lazy_pixels, "read_image", lambda *args: opened.append(args) or read_image(*args))
    image = sources.read_source(record, folder.path)
    assert (image.shape, image.n_planes, opened) == ((3, 700, 600), 3, [])
    expected = tifffile.imread(folder.path.parent / "cells.tif")
    for number in range(3):
        assert np.array_equal(image.plane(number)[0], expected[number])
    assert len(opened) == 1
    assert np.array_equal(np.asarray(image.data), expected)


def test_a_file_of_another_shape_is_not_taken_for_the_old_one(folder: ProjectFolder, tmp_path: Path) -> None:
    record = with_image(folder)
    image = sources.read_source(record, folder.path)
    tifffile.imwrite(tmp_path / "work" / "cells.tif", np.zeros((3, 60, 60), np.uint8), photometric="minisblack")
    with pytest.raises(UserError, match="another shape now"):
        image.plane(0)


def test_scale_and_axes_are_those_of_the_project(folder: ProjectFolder) -> None:
    record = dataclasses.replace(with_image(folder), axes="ZYX", scale=(2.0, 0.5, 0.5), unit="micrometer",
                                 name="renamed", no_data=(7.0,))
    image = sources.read_source(record, folder.path)
    assert (image.axes, image.scale, image.unit, image.name) == ("ZYX", (2.0, 0.5, 0.5), "micrometer", "renamed")
    assert np.isnan(image.plane(0)).any()  # the number that stands for no data


def test_an_image_without_axes_is_as_its_file_says(folder: ProjectFolder) -> None:
    record = dataclasses.replace(with_image(folder), axes="", scale=(), translate=())
    assert sources.read_source(record, folder.path).axes == "NYX"


def test_channels_in_files_of_their_own_are_one_image(folder: ProjectFolder, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.tif" for name in ("red", "green")]
    parts = [np.asarray(image_file(path, seed).data) for seed, path in enumerate(paths)]
    whole = Image(np.stack(parts), "CNYX", "both")
    record = sources.image_record(whole, paths, folder.path, channels=("red", "green"))
    image = sources.read_source(record, folder.path)
    assert np.array_equal(np.asarray(image.data), whole.data)
    assert np.array_equal(image.plane(2), whole.plane(2))
    assert image.data[1, 2, 5:7, 3:4].shape == (2, 1)
    paths[1].unlink()
    assert sources.locate(record, folder.path) is None


@pytest.mark.parametrize("axis", [0, 1, 3])
@pytest.mark.parametrize("index", [
    ..., 0, (slice(None), 1), (..., 1), (1, ..., slice(0, 2)), (slice(0, 1), slice(None), 2, 1), (1, 1, 1, 1)])
def test_joined_channels_are_indexed_like_an_array(axis: int, index: object) -> None:
    parts = [np.arange(24).reshape(2, 3, 4), np.arange(100, 124).reshape(2, 3, 4)]
    assert np.array_equal(ChannelFiles(parts, axis)[index], np.stack(parts, axis)[index])


def test_one_of_several_pictures_in_a_file_is_read_again(folder: ProjectFolder) -> None:
    path = folder.path.parent / "many.tif"
    pictures = [np.random.default_rng(n).integers(0, 255, (30 + n, 40), np.uint8) for n in range(3)]
    with tifffile.TiffWriter(path) as file:
        for one in pictures:
            file.write(one, photometric="minisblack")
    for number in (1, 2):
        image = read_image(path, series=number)
        assert np.array_equal(image.data, pictures[number])
        record = sources.image_record(image, [path], folder.path, series=number)
        found = sources.read_source(record, folder.path)
        assert found.plane_shape == (30 + number, 40)
        assert np.array_equal(found.data, pictures[number])
    record = dataclasses.replace(record, source=ImageSource(record.source.paths, series=3))
    with pytest.raises(UserError, match=r"holds 3 pictures now, and the one asked for is number 4"):
        np.asarray(sources.read_source(record, folder.path).data)


def test_a_format_of_one_picture_has_no_others(folder: ProjectFolder) -> None:
    path = folder.path.parent / "one.ome.zarr"
    save_image(path, Image(np.zeros((30, 40), np.uint8), "YX"))
    with pytest.raises(UserError, match="only the first is read; number 2 is asked for"):
        read_image(path, series=1)


@pytest.mark.parametrize("name", ["object", "complex64", "U5", "(2,3)i4", "nothing", "[('a','u1')]"])
def test_pixels_are_numbers(name: str) -> None:
    with pytest.raises(UserError, match="no type of pixels"):
        LazyPixels(Path("a.tif"), "YX", (3, 3), name)


def test_files_read_last_stay_open_within_bounds() -> None:
    recent = RecentlyRead(most=1000, files=3)
    read = []

    def get(name: str, size: int) -> None:
        recent.get((name,), lambda: read.append(name) or np.zeros(size, np.uint8))

    get("a", 400), get("b", 400), get("a", 400)
    assert read == ["a", "b"]
    get("c", 400)  # b is the one longest not used
    get("a", 400)
    get("b", 400)
    assert read == ["a", "b", "c", "b"]
    get("large", 5000)
    get("large", 5000)
    assert read[-1] == "large"
    for name in "wxyz":
        get(name, 1)
    get("large", 5000)
    assert read.count("large") == 2


def test_a_file_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    path, before, after = tmp_path / "a.tif", np.zeros((30, 40), np.uint8), np.ones((30, 40), np.uint8)
    tifffile.imwrite(path, before, description="longer than the next, so that the file becomes shorter " * 20)
    pixels = LazyPixels(path, "YX", before.shape, "uint8")
    assert not pixels[...].any()
    tifffile.imwrite(path, after)
    assert pixels[...].all()


def test_a_project_that_was_moved_while_its_images_were_away_finds_them_when_they_are_back(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    project = ProjectFolder.create(tmp_path / "cells")
    record = with_image(project)
    away = tmp_path / "disk" / "cells.tif"
    (tmp_path / "cells.tif").rename(away)
    project.change(lambda state: sources.relocate(state, project.path, tmp_path, tmp_path / "disk"))
    project.close()
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    (tmp_path / "else" / "where").mkdir(parents=True)
    (tmp_path / "cells.unet").rename(tmp_path / "else" / "where" / "c.unet")
    for number in range(2):  # each writes project.json where it is now
        moved = ProjectFolder.open(tmp_path / "else" / "where" / "c.unet")
        moved.change(lambda state, number=number: state.replacing(settings={"n": number}))
        assert sources.missing(moved.state, moved.path)
        copy = moved.save_copy(tmp_path / f"copy {number}")
        moved.close()
    (tmp_path / "unplugged").rename(tmp_path / "disk")
    for path in (tmp_path / "else" / "where" / "c.unet", copy):
        found = ProjectFolder.open(path)
        assert sources.locate(found.state.image(record.id), found.path) == away  # type: ignore[arg-type]
        found.close()
    settled = ProjectFolder.open(tmp_path / "else" / "where" / "c.unet", read_only=True)
    assert settled.seen_from == settled.path

"""Names of many masks, images found in folders, small pictures: what needs no window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.work import run_to_end
from napari_unet.io import save_mask
from napari_unet.project.mask_names import mask_places, settled
from napari_unet.project.records import ImageRecord, ImageSource
from napari_unet.ui.projects.add_images import find_files, records_of
from napari_unet.ui.projects.image_lines import short_names
from napari_unet.ui.projects.thumbnails import SIZE, small_picture


def records(*names: str) -> list[ImageRecord]:
    return [ImageRecord(f"id{at}", name, ImageSource((f"../{at}.tif",)), "YX", (4, 5), "uint8")
            for at, name in enumerate(names)]


def test_images_of_one_name_get_a_number(tmp_path: Path) -> None:
    places = mask_places(records("a b", "cells", "Cells", "../x"), tmp_path, "{name}_mask.tif")
    assert [one.path.name for one in places] == ["a_b_mask.tif", "cells_mask.tif", "Cells_mask_2.tif", "x_mask.tif"]
    assert {one.path.parent for one in places} == {tmp_path}
    numbered = mask_places(records(*"abcdefghijk"), tmp_path, "{number}.ome.zarr")
    assert [one.path.name for one in numbered][:2] == ["01.ome.zarr", "02.ome.zarr"]


def test_what_is_there_is_seen_before_anything_is_written(tmp_path: Path) -> None:
    for name in ("a_mask.tif", "b_mask_2.tif"):
        (tmp_path / name).write_bytes(b"")
    places = mask_places(records("a", "b", "a"), tmp_path, "{name}_mask.tif")
    assert [(one.path.name, one.taken) for one in places] == [
        ("a_mask.tif", True), ("b_mask.tif", False), ("a_mask_2.tif", False)]
    assert [one.path.name for one in settled(places, "skip")] == ["b_mask.tif", "a_mask_2.tif"]
    assert [one.taken for one in settled(places, "replace")] == [True, False, False]
    assert [(one.path.name, one.taken) for one in settled(places, "number")] == [
        ("a_mask_3.tif", False), ("b_mask.tif", False), ("a_mask_2.tif", False)]


@pytest.mark.parametrize(("pattern", "said"), [
    ("", "is no name for masks"), ("{name}.png", "ends with one of"), ("x/{name}.tif", "no folder in it"),
    ("mask.tif", "one name"), ("{nam}.tif", "nothing else"),
])
def test_a_pattern_that_cannot_be_used_is_said(pattern: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        mask_places(records("a", "b"), tmp_path, pattern)


def test_a_folder_is_searched_by_patterns(tmp_path: Path) -> None:
    for name in ("b.tif", "a.TIFF", "c.png", "in/d.tif", "p.unet/results/e.tif", "z.zarr/f.tif", ".hidden.tif"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")

    def found(patterns: str = "", below: bool = False) -> list[str]:
        return [one.relative_to(tmp_path).as_posix() for one in find_files(tmp_path, patterns, below)]

    assert found() == ["a.TIFF", "b.tif", "z.zarr"]
    assert found("*.tif", below=True) == ["b.tif", "in/d.tif"]
    assert found("B* *.png") == ["b.tif", "c.png"]


def test_masks_and_what_is_known_are_left_out_and_what_is_broken_is_said(tmp_path: Path) -> None:
    pixels = np.arange(20, dtype=np.uint16).reshape(4, 5)
    for name in ("a", "b"):
        tifffile.imwrite(tmp_path / f"{name}.tif", pixels)
    save_mask(tmp_path / "a_mask.tif", np.ones((4, 5), np.uint8), classes=ClassTable.default((1, 2)))
    (tmp_path / "broken.tif").write_bytes(b"II*\0")
    files = sorted(tmp_path.glob("*.tif"))
    found = run_to_end(records_of(files, tmp_path / "p.unet", [tmp_path / "b.tif"]))
    assert [(one.name, one.axes, one.shape, one.dtype, one.source.paths) for one in found.records] == [
        ("a", "YX", (4, 5), "uint16", ("../a.tif",))]
    assert (found.masks, found.known, [path.name for path, _ in found.failed]) == (1, 1, ["broken.tif"])
    for part in ("Added 1 image.", "1 was there already", "1 left out", "1 could not be read", "broken.tif"):
        assert part in found.sentence
    assert found.records[0].pair_key != found.records[0].id, "image and strokes are told apart"


def test_a_small_picture_shows_the_middle_plane_stretched() -> None:
    stack = np.zeros((3, 300, 200), np.uint16)
    stack[1, 100:200] = 5000
    made = small_picture(Image(stack, "ZYX"))
    assert made.shape == (60, 40, 3)
    assert max(made.shape) <= SIZE
    assert (made[30, 20].tolist(), made[2, 2].tolist()) == ([255, 255, 255], [0, 0, 0])
    colour = np.zeros((20, 30, 3), np.uint8)
    colour[..., 1] = 77
    np.testing.assert_array_equal(small_picture(Image(colour, "YXC")), colour)
    assert small_picture(Image(np.full((8, 8), np.nan), "YX")).max() == 0


def test_what_all_names_begin_with_does_not_hide_what_they_differ_in() -> None:
    names = [f"plate_A_well_{end}" for end in ("01", "02", "10")]
    assert short_names(names) == ["\u202601", "\u202602", "\u202610"]
    assert short_names(["cells_1", "cells_2", "cells_3"]) == ["cells_1", "cells_2", "cells_3"]
    assert short_names(["a"]) == ["a"]
    assert short_names([]) == []

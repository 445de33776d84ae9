"""Strokes and masks from files, as paint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_unet.comparison.reference_values import UnclearReferenceError
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, Scribbles
from napari_unet.io import save_mask, save_objects
from napari_unet.objects.object_map import ObjectMap
from napari_unet.workflows.strokes_import import strokes_from_file

NAMED = ClassTable.named({1: "background", 2: "nucleus", 3: "axon"})


def pair(shape: tuple[int, ...] = (3, 12, 16)) -> Pair:
    return Pair(Image(np.zeros(shape, np.uint8), "ZYX"[-len(shape):], "cells"), Scribbles.empty(shape))


def truth(shape: tuple[int, ...] = (3, 12, 16)) -> np.ndarray:
    made = np.ones(shape, np.uint8)
    made[..., 2:6, 2:6] = 2
    made[..., 7:10, 7:10] = 3
    return made


def test_a_mask_of_ours_comes_back_with_its_classes(tmp_path: Path) -> None:
    path = save_mask(tmp_path / "mask.tif", truth(), classes=NAMED)
    found = strokes_from_file(path, pair())
    assert found.code == "mask"
    assert np.array_equal(found.painted, truth())
    assert found.classes is not None
    assert found.classes.name(3) == "axon"


def test_strokes_of_ours_leave_the_rest_unpainted(tmp_path: Path) -> None:
    strokes = np.where(truth() == 1, np.uint8(0), truth())
    path = save_mask(tmp_path / "strokes.tif", strokes, classes=NAMED, code="painted", role="strokes",
                     geometry=Geometry("ZYX"))
    found = strokes_from_file(path, pair())
    assert found.code == "painted"
    assert np.array_equal(found.painted, strokes)


def test_numbers_of_another_program_are_recognised_or_asked(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.tif"
    tifffile.imwrite(foreign, np.where(truth((12, 16)) == 2, 255, 0).astype(np.uint8))
    found = strokes_from_file(foreign, pair((12, 16)))
    assert set(np.unique(found.painted).tolist()) == {1, 2}
    blocks = np.kron(np.arange(1, 13).reshape(3, 4), np.ones((4, 4), int)).astype(np.uint16)
    tifffile.imwrite(foreign, blocks)
    painted = np.zeros((12, 16), np.uint8)
    painted[0], painted[5, 5] = 1, 2
    there = Pair(pair((12, 16)).image, Scribbles.from_array(painted))
    with pytest.raises(UnclearReferenceError):
        strokes_from_file(foreign, there)
    assert (strokes_from_file(foreign, there, "objects").painted == 2).all()


def test_a_file_of_another_shape_is_refused(tmp_path: Path) -> None:
    path = save_mask(tmp_path / "mask.tif", truth((12, 12)), classes=NAMED)
    with pytest.raises(UserError, match=r"'cells' need \(3, 12, 16\) \(axes ZYX\)"):
        strokes_from_file(path, pair())


@pytest.mark.parametrize("name", ["o.tif", "o.zip", "o.geojson"])
def test_of_objects_the_insides_are_painted(tmp_path: Path, name: str) -> None:
    numbers = np.zeros((1, 12, 16), np.uint32)
    numbers[0, 2:6, 2:6], numbers[0, 2:6, 6:10], numbers[0, 9, 14] = 1, 2, 3
    path = save_objects(tmp_path / name, ObjectMap.of(numbers), classes=ClassTable.named({1: "background", 2: "cell"}),
                        geometry=Geometry("ZYX"))
    found = strokes_from_file(path, pair((1, 12, 16)))
    painted = found.painted[0]
    assert np.argwhere(painted == 2).tolist() == [
        [3, 3], [3, 4], [3, 7], [3, 8], [4, 3], [4, 4], [4, 7], [4, 8], [9, 14]], "touching rims are left out"
    assert painted[11, 0] == 1
    assert painted[6, 3] == 0, "near an object nothing is sure"
    assert found.classes is not None
    assert found.classes.name(2) == "cell"
    strokes = np.zeros((1, 12, 16), np.uint8)
    strokes[0, 0, 0] = 4
    painted_already = Pair(pair((1, 12, 16)).image, Scribbles.from_array(strokes))
    again = strokes_from_file(path, painted_already)
    assert set(np.unique(again.painted)) == {0, 1, 4}, "the one class that is painted"

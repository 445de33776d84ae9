"""What objects are found in: numbers are recognised, said, or asked for, in whatever file they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from cli_scene import run

import napari_unet
from napari_unet.comparison.reference_values import UnclearReferenceError
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import InputWarning, UserError
from napari_unet.io import load_objects, save_mask, save_objects
from napari_unet.objects.object_map import ObjectMap
from napari_unet.workflows.class_images import as_class_image, hint_of_objects
from napari_unet.workflows.class_store import open_class_store
from napari_unet.workflows.object_finding import AS_THEY_ARE
from napari_unet.workflows.store_counts import count_store

TABLE = ClassTable.named({1: "background", 2: "nucleus", 3: "tissue"})


def instances(count: int = 9) -> np.ndarray:
    """Touching squares in rows, each with its number."""
    numbers = np.zeros((60, 60), np.uint16)
    for number in range(count):
        y, x = divmod(number, 3)
        numbers[4 + 16 * y: 20 + 16 * y, 4 + 16 * x: 20 + 16 * x] = number + 1
    return numbers


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float32])
def test_single_objects_are_taken_as_they_are_and_said(kind: Any, tmp_path: Path) -> None:
    numbers = instances().astype(kind)
    with pytest.warns(InputWarning, match="taken for single objects"):
        found = napari_unet.objects_of(numbers).result()
    np.testing.assert_array_equal(found.found.numbers, instances())
    assert found.found.note == AS_THEY_ARE
    told = napari_unet.objects_of(numbers, code="objects").result()
    assert told.found.count == 9
    classes = napari_unet.objects_of(numbers, code="mask", way="parts").result()
    assert set(classes.found.classes) == {0, *range(2, 11)}, "told that they are classes"


def test_numbers_that_recur_in_several_planes_are_said() -> None:
    stack = np.stack([instances(), instances()[::-1]])
    found = napari_unet.objects_of(stack, code="objects", axes="TYX").result()
    assert "Numbers recur: 9 of them, 18 objects if each plane or volume" in found.found.note
    assert len(napari_unet.measure_objects(found)) == 18
    assert napari_unet.objects_of(stack, code="objects", axes="ZYX").result().found.note == AS_THEY_ARE


def test_what_can_be_either_is_asked_and_a_plain_mask_is_not() -> None:
    three = np.zeros((60, 60), np.uint16)
    three[5:20, 5:20], three[5:20, 30:50], three[40:50, 5:20] = 300, 301, 302
    with pytest.raises(UnclearReferenceError, match=r"Say which: --values objects"):
        napari_unet.objects_of(three[:35]).result()
    mask = (instances() > 0).astype(np.uint8)
    for one in (mask, mask.astype(bool), mask.astype(np.float64), mask[None], mask.astype(np.int64)):
        assert as_class_image(one).labels.max() == 2
    with pytest.warns(InputWarning, match="holds 0 and 255, and is used as a mask of one class"):
        assert napari_unet.objects_of(mask * 255, way="parts").result().found.count == 1
    assert as_class_image(np.where(mask > 0, 2, 1).astype(np.uint8)).labels.min() == 1, "painted ids"
    two = np.where(np.arange(60) < 30, 1, 2) * mask
    assert as_class_image(two, classes=TABLE).classes.name(3) == "tissue"


def test_decimal_numbers() -> None:
    soft = np.where(instances() > 0, 0.8, 0.1)
    assert as_class_image(soft).probabilities is not None, "of the one class there is"
    stack = np.stack([soft > 0.5] * 3).astype(np.float32)
    assert as_class_image(stack).labels.shape == (3, 60, 60), "a stack of masks, no classes of one plane"
    assert as_class_image(np.stack([soft > 0.5, soft < 0.5]).astype(np.float32)).labels.shape == (60, 60)
    assert as_class_image(np.stack([1 - soft, soft])).labels.max() == 2
    with pytest.raises(UserError, match="no probabilities"):
        as_class_image(np.stack([soft, soft]) * 300.5)
    with pytest.raises(UserError, match="fractions or NaN"):
        napari_unet.objects_of(instances() + 0.5, code="objects").result()


def test_probabilities_without_axes_are_told_what_is_missing(tmp_path: Path) -> None:
    part = np.random.default_rng(0).random((30, 40), np.float32)
    tifffile.imwrite(path := tmp_path / "p.tif", np.stack([part, 1 - part]), photometric="minisblack")
    with pytest.raises(UserError, match=r"holds fractions, .*say which axis holds the classes: --axes CYX, or YXC"):
        as_class_image(path)
    assert as_class_image(path, "CYX").labels.shape == (30, 40)


@pytest.mark.parametrize(("kind", "sure"), [(np.uint8, 255), (np.uint16, 65535), (np.uint8, 100), (np.int32, 1)])
@pytest.mark.parametrize("axes", ["CYX", "YXC"])
def test_probabilities_in_whole_numbers(tmp_path: Path, kind: Any, sure: int, axes: str) -> None:
    """As other programs save them, each channel rounded by itself."""
    part = np.random.default_rng(0).random((30, 40)) if sure > 1 else (instances()[:30, :40] > 0).astype(float)
    soft = np.stack([part * 0.7, part * 0.3, 1 - part])
    whole = (sure * soft if sure > 1 else np.stack([part, 0 * part, 1 - part])).astype(kind)
    stored = whole if axes == "CYX" else np.moveaxis(whole, 0, -1)
    tifffile.imwrite(path := tmp_path / "p.tif", stored, photometric="minisblack")
    for given in (path, stored):
        with pytest.warns(InputWarning, match="whole numbers that sum up to .* they are taken for probabilities"):
            found = as_class_image(given, axes)
        assert found.probabilities is not None
        np.testing.assert_array_equal(found.labels, 1 + np.argmax(whole, 0))
        np.testing.assert_allclose(found.probabilities.sum(0), 1, atol=1e-6)
    with pytest.warns(InputWarning, match="they are taken for probabilities"):
        store = open_class_store(path, axes)
    labels, maps = store.read((slice(3, 20), slice(5, 40)))
    np.testing.assert_array_equal(labels, found.labels[3:20, 5:])
    np.testing.assert_array_equal(maps, found.probabilities[:, 3:20, 5:])
    other = stored + np.arange(stored.shape[1], dtype=kind)[None, :, None]
    tifffile.imwrite(path, other, photometric="minisblack")
    for read, given in ((as_class_image, path), (as_class_image, other), (open_class_store, path)):
        with pytest.raises(UserError, match=r"3 channels \(axis C\) of whole numbers that do not sum up"):
            read(given, axes)


def test_a_grey_picture_stays_labels_where_its_axes_are_given(tmp_path: Path) -> None:
    mask = (instances() > 0).astype(np.uint8)
    tifffile.imwrite(path := tmp_path / "m.tif", np.repeat(mask[..., None], 3, axis=2), photometric="rgb")
    with pytest.warns(InputWarning, match="whose channels are all the same"):
        np.testing.assert_array_equal(as_class_image(path, "YXC").labels, mask + 1)
    with pytest.warns(InputWarning, match="whose channels are all the same"):
        np.testing.assert_array_equal(open_class_store(path, "YXC").read((slice(None), slice(None)))[0], mask + 1)


def test_files_of_objects_are_converted_and_measured(tmp_path: Path, capsys: Any) -> None:
    found = ObjectMap.of(instances(), {one: 2 + one % 2 for one in range(1, 10)})
    path = save_objects(tmp_path / "ä o.zarr", found, classes=TABLE)
    assert run("objects", path, "-o", tmp_path / "r.zip", "--table", tmp_path / "t.csv", "--countable", "nucleus") == 0
    assert "4 nucleus" in capsys.readouterr().err
    again = load_objects(tmp_path / "r.zip", (60, 60))
    np.testing.assert_array_equal(again.found.numbers, np.where(instances() % 2, 0, instances()))
    tifffile.imwrite(tmp_path / "n.tif", instances().astype(np.uint8))
    assert run("objects", tmp_path / "n.tif", "--values", "objects", "-o", tmp_path / "n.geojson") == 0


def test_counting_what_looks_like_objects_gives_a_hint(tmp_path: Path) -> None:
    np.save(tmp_path / "n.npy", instances())
    with pytest.warns(InputWarning, match=r"If these are single objects, count and measure them: napari-unet objects"):
        rows = list(count_store(tmp_path / "n.npy"))
    assert len(rows) == 9
    assert hint_of_objects((instances() > 0).astype(np.uint8), "m") == ""
    assert hint_of_objects(np.zeros((1, 5), np.uint8), "m") == ""


def test_folders_patterns_and_files_that_cannot_be_done(tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "in here"
    folder.mkdir()
    for name in ("b", "a"):
        save_mask(folder / f"{name}.tif", np.where(instances() % 2, 2, 1).astype(np.uint8), classes=TABLE)
    (folder / "c.tif").write_bytes(b"no picture")
    assert run("objects", folder, "-o", folder, "--way", "parts", "--table", tmp_path / "t.csv") == 1
    said = capsys.readouterr()
    assert "1 of 3 could not be done, the others are" in said.err
    assert (tmp_path / "t.csv").read_text("utf-8-sig").count("a.tif") == 1
    assert {one.name for one in folder.glob("*_objects.tif")} == {"a_objects.tif", "b_objects.tif"}
    (folder / "c.tif").unlink()
    assert run("objects", str(folder / "*.tif"), "-o", folder, "--way", "parts", "--overwrite") == 0
    assert {one.name for one in folder.glob("*_objects.tif")} == {"a_objects.tif", "b_objects.tif"}
    assert run("objects", str(folder / "*.png"), "-o", tmp_path / "x") == 1
    assert "No file matches" in capsys.readouterr().err
    assert run("objects", folder, "-o", tmp_path / "one.tif") == 2

"""Labels saved inside an OME-Zarr image: listed, linked, valid, and nothing of the image changed."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from ome_zarr_scene import VERSIONS, axis, image_group

from napari_unet import io
from napari_unet.core.classes import ClassTable, to_mask
from napari_unet.core.errors import InputWarning, UserError

CLASSES = ClassTable.named({1: "background", 2: "nucleus"})
RNG = np.random.default_rng(0)


def image(path: Path, version: str = "0.4", shape: tuple[int, ...] = (2, 3, 4, 20, 31), **more: Any) -> Path:
    return image_group(path, RNG.integers(0, 999, shape, dtype=np.uint16), version, **more)


def bytes_of(path: Path) -> dict[str, bytes]:
    return {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()}


def ids(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).choice(np.array([1, 2], np.uint8), size=shape)


def listed(path: Path) -> list[str]:
    attributes = zarr.open_group(str(path / "labels"), mode="r").attrs.asdict()
    names: list[str] = attributes.get("ome", attributes)["labels"]
    return names


@pytest.mark.parametrize("version", VERSIONS)
def test_the_image_is_untouched_and_the_list_grows(tmp_path: Path, version: str) -> None:
    path = image(tmp_path / "i.ome.zarr", version, scale=(30, 1, 2.5, 0.5, 0.25))
    before = bytes_of(path)
    place = io.read_image(path).geometry
    for number, name in enumerate(["nuclei", "cells"]):
        made = io.save_mask(path / "labels" / name, ids(2, 4, 20, 31), classes=CLASSES, geometry=place)
        assert made == path / "labels" / name
        assert listed(path) == ["nuclei", "cells"][: number + 1]
    after = bytes_of(path)
    assert {name: after[name] for name in before} == before
    assert all(name.startswith("labels/") for name in set(after) - set(before))
    group = zarr.open_group(str(path / "labels" / "nuclei"), mode="r")
    assert group.metadata.zarr_format == (2 if version == "0.4" else 3)
    attributes = group.attrs.asdict()
    label = attributes.get("ome", attributes)["image-label"]
    assert label["source"] == {"image": "../../"}
    np.testing.assert_array_equal(group["0"][...], to_mask(ids(2, 4, 20, 31)))
    np.testing.assert_array_equal(group["1"][...], to_mask(ids(2, 4, 20, 31))[..., ::2, ::2])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_list_of_another_program_is_extended(tmp_path: Path, version: str) -> None:
    path = image(tmp_path / "i.zarr", version)
    group = zarr.open_group(str(path / "labels"), mode="w", zarr_format=2 if version == "0.4" else 3)
    group.attrs.update({"labels": ["old"], "mine": 1} if version == "0.4" else
                       {"ome": {"version": "0.5", "labels": ["old"]}, "mine": 1})
    io.save_mask(path / "labels" / "new", ids(2, 4, 20, 31), classes=CLASSES, axes="TZYX")
    assert listed(path) == ["old", "new"]
    assert zarr.open_group(str(path / "labels"), mode="r").attrs["mine"] == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_several_runs_at_once_are_all_listed(tmp_path: Path, version: str) -> None:
    path = image(tmp_path / "i.zarr", version)
    names = [f"n{number}" for number in range(12)]

    def save(name: str) -> None:
        io.save_mask(path / "labels" / name, ids(2, 4, 20, 31), classes=CLASSES, axes="TZYX")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(save, names))
    assert sorted(listed(path)) == sorted(names)
    assert {one.name for one in (path / "labels").iterdir() if one.is_dir()} == set(names)
    assert not list(path.rglob("*.lock"))


@pytest.mark.parametrize("version", VERSIONS)
def test_labels_that_are_there_stay_unless_allowed(tmp_path: Path, version: str) -> None:
    path = image(tmp_path / "i.zarr", version)
    io.save_mask(path / "labels" / "a", ids(2, 4, 20, 31), classes=CLASSES, axes="TZYX")
    before = bytes_of(path)
    with pytest.raises(UserError, match=r"labels/a exists already and is not overwritten"):
        io.save_mask(path / "labels" / "a", np.ones((2, 4, 20, 31)), classes=CLASSES, axes="TZYX")
    assert bytes_of(path) == before
    io.save_mask(path / "labels" / "a", np.ones((2, 4, 20, 31)), classes=CLASSES, axes="TZYX", overwrite=True)
    assert not io.read_labels(path / "labels" / "a")[0].any()
    assert listed(path) == ["a"]


def test_what_is_interrupted_leaves_the_image_as_it_was(tmp_path: Path) -> None:
    path = image(tmp_path / "i.zarr")
    before = bytes_of(path)
    out = io.create_mask(path / "labels" / "a", (2, 4, 20, 31), classes=CLASSES, axes="TZYX")
    out[0] = 2
    out.abandon()
    assert bytes_of(path) == before
    assert sorted(one.name for one in path.iterdir() if one.is_dir()) == ["0", "1"]


@pytest.mark.parametrize(
    ("shape", "letters"),
    [((4, 20, 31), "ZYX"), ((4, 20, 31), "NYX"), ((1, 4, 20, 31), "TZYX"), ((1, 4, 20, 31), "NZYX")],
)
def test_axes_of_size_one_are_put_back(tmp_path: Path, shape: tuple[int, ...], letters: str) -> None:
    """Reading an image drops them; labels have all axes of the image but the channels."""
    path = image(tmp_path / "i.zarr", shape=(1, 3, 4, 20, 31))
    io.save_mask(path / "labels" / "a", ids(*shape), classes=CLASSES, axes=letters)
    group = zarr.open_group(str(path / "labels" / "a"), mode="r")
    np.testing.assert_array_equal(group["0"][...], to_mask(ids(*shape)).reshape(1, 4, 20, 31))
    assert [one["name"] for one in group.attrs["multiscales"][0]["axes"]] == list("tzyx")
    labels, _ = io.read_labels(path / "labels" / "a")
    np.testing.assert_array_equal(np.squeeze(labels), np.squeeze(to_mask(ids(*shape))))


def test_levels_follow_those_of_the_image(tmp_path: Path) -> None:
    """Whatever the image's levels are: here every third column, offset by one, as averaging programs write it."""
    data = np.zeros((12, 18), np.uint8)
    path = tmp_path / "i.zarr"
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    group.create_array("full", data=data)
    group.create_array("third", data=data[1::3, 1::3])
    transforms = [[{"type": "scale", "scale": [2.0, 2.0]}],
                  [{"type": "scale", "scale": [6.0, 6.0]}, {"type": "translation", "translation": [2.0, 2.0]}]]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": [axis("y"), axis("x")], "datasets": [
        {"path": name, "coordinateTransformations": one}
        for name, one in zip(("full", "third"), transforms, strict=True)]}]
    io.save_mask(path / "labels" / "a", ids(12, 18), classes=CLASSES, axes="YX")
    saved = zarr.open_group(str(path / "labels" / "a"), mode="r")
    np.testing.assert_array_equal(saved["1"][...], to_mask(ids(12, 18))[1::3, 1::3])
    assert [one["coordinateTransformations"] for one in saved.attrs["multiscales"][0]["datasets"]] == transforms


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    path = image(tmp_path / "i.zarr")
    plain = tmp_path / "plain.zarr"
    zarr.open_group(str(plain), mode="w")
    broken = image(tmp_path / "broken.zarr")
    (broken / "labels").mkdir()
    (broken / "labels" / ".zattrs").write_text('{"labels": 3}')
    for place, shape, message in (
        (path / "labels" / "a", (2, 4, 20, 30), r"do not fit the image .*i.zarr, which has \(2, 4, 20, 31\) .*TZYX"),
        (path / "labels" / ".a", (2, 4, 20, 31), r"cannot be called '.a'"),
        (tmp_path / "missing.zarr" / "labels" / "a", (2, 4, 20, 31), r"no OME-Zarr image .*missing.zarr"),
        (plain / "labels" / "a", (2, 4, 20, 31), r"describes no image.*plain.zarr/0/labels/a"),
        (path / "0" / "labels" / "a", (2, 4, 20, 31), r"is one resolution of an image.*i.zarr/labels/a"),
        (broken / "labels" / "a", (2, 4, 20, 31), r"list of labels in .* is damaged"),
    ):
        with pytest.raises(UserError, match=message):
            io.save_mask(place, ids(*shape), classes=CLASSES, axes="TZYX")
    assert not (path / "labels").exists()


def test_an_image_with_a_list_of_its_parts_is_named(tmp_path: Path) -> None:
    path = image(tmp_path / "i.zarr")
    (path / ".zmetadata").write_text(json.dumps({"zarr_consolidated_format": 1, "metadata": {}}))
    with pytest.warns(InputWarning, match=r"i.zarr has a list of all its parts \(consolidated metadata\)"):
        io.save_mask(path / "labels" / "a", ids(2, 4, 20, 31), classes=CLASSES, axes="TZYX")
    assert json.loads((path / ".zmetadata").read_text())["metadata"] == {}


def test_only_labels_may_lie_in_an_input(tmp_path: Path) -> None:
    path = image(tmp_path / "i.zarr")
    io.clear_of_inputs(path / "labels" / "a", [path])
    for place in (path, path / "a.zarr", path / "labels" / "a" / "b.tif", path / "labels" / "a.tif"):
        with pytest.raises(UserError, match=r"is an input of this command|inside an input of this command"):
            io.clear_of_inputs(place, [path])
    with pytest.raises(UserError, match="never overwritten"):
        io.clear_of_inputs(path / "labels" / "a", [path / "labels" / "a"])


def test_the_preview_lies_beside_the_image(tmp_path: Path) -> None:
    path = image(tmp_path / "i.zarr")
    io.save_mask(path / "labels" / "a", ids(2, 4, 20, 31), classes=CLASSES, axes="TZYX", preview=True)
    assert (tmp_path / "a_preview.tif").is_file()

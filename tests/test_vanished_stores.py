"""What is removed, damaged, locked or changed while a run by blocks goes on, or between two: said, and nothing lost."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from test_block_runs import FORMAT, ONE, network, picture, small  # noqa: F401 (a fixture)
from test_far_masks import fsspec, place  # noqa: F401 (a fixture)
from test_objects_by_blocks import FORMAT as SMALL
from test_objects_by_blocks import TABLE, discs
from test_run_locks import raced

from napari_unet import io
from napari_unet.cli import main
from napari_unet.core.classes import to_mask
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.io._lock_owner import LockOwner
from napari_unet.io._object_scratch import ObjectScratch
from napari_unet.io._remote_errors import far_read
from napari_unet.io.model_file import save_model
from napari_unet.objects.image_objects import ObjectSearch
from napari_unet.workflows import block_search
from napari_unet.workflows.class_store import open_class_store
from napari_unet.workflows.object_store import objects_to_store
from napari_unet.workflows.store_run import predict_store

MEMORY = "memory:/"


def half_done(image: Image, output: Any, **options: Any) -> Any:
    run = predict_store(image, network(), output, format=FORMAT, engine=ONE, **options)
    for event in run:
        if event.done == 5:
            return run
    raise AssertionError


@pytest.mark.parametrize("name", ["m.zarr", "m.tif"])
def test_a_result_that_is_removed_midway_is_no_empty_mask(name: str, tmp_path: Path, small: None) -> None:
    image = Image(picture(2, 150, 133), "NYX")
    before = predict_store(image, network("shallow"), tmp_path / name, format=FORMAT).result().stat().st_ino
    run = half_done(image, tmp_path / name, overwrite=True)
    unfinished = tmp_path / f".{name}.unfinished"
    while (unfinished / "0" / ".zarray").exists():
        shutil.rmtree(unfinished, ignore_errors=True)  # a block that is being written meanwhile stands in the way
    with pytest.raises(UserError, match="was removed or damaged"):
        run.result()
    assert (tmp_path / name).stat().st_ino == before, "the old mask is untouched"
    events = list(again := predict_store(image, network(), tmp_path / name, format=FORMAT, overwrite=True))
    assert events[0].before == 0
    expected = to_mask(assemble(image, network().segment(image)))
    np.testing.assert_array_equal(io.read_labels(again.result())[0], expected)


def test_a_result_at_an_address_that_is_removed_midway(place: str, small: None) -> None:
    run = half_done(Image(picture(2, 150, 133), "NYX"), f"{place}/m.zarr")
    fsspec.filesystem("memory").rm(f"{place}/m.zarr".removeprefix(MEMORY), recursive=True)
    with pytest.raises(UserError, match="was removed or damaged"):
        run.result()


def test_an_image_at_an_address_that_disappears_is_no_black_picture(
    place: str, tmp_path: Path, small: None
) -> None:
    data = picture(2, 150, 133)
    store = zarr.storage.FsspecStore.from_url(f"{place}/i.zarr")
    zarr.create_array(store=store, data=data, chunks=(1, 32, 32))
    run = half_done(io.read_image(f"{place}/i.zarr", "NYX"), tmp_path / "m.zarr")
    fsspec.filesystem("memory").rm(f"{place}/i.zarr".removeprefix(MEMORY), recursive=True)
    with pytest.raises(UserError, match="nothing is there"):
        run.result()


def test_what_cannot_take_its_name_is_kept(tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    image, path = Image(picture(2, 150, 133), "NYX"), tmp_path / "m.zarr"
    predict_store(image, network("shallow"), path, format=FORMAT).result()
    rename = os.replace

    def busy(source: Any, target: Any) -> None:
        if str(target).endswith(".old"):  # as on Windows, while somebody has a file of it open
            raise PermissionError(13, "in use")
        rename(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", busy)
        with pytest.raises(UserError, match="in use"):
            predict_store(image, network(), path, format=FORMAT, overwrite=True).result()
    assert not list(predict_store(image, network(), path, format=FORMAT, overwrite=True)), "no block is done again"
    np.testing.assert_array_equal(io.read_labels(path)[0], to_mask(assemble(image, network().segment(image))))


def test_a_run_that_wakes_looks_before_it_writes(tmp_path: Path, small: None) -> None:
    run = half_done(Image(picture(2, 150, 133), "NYX"), tmp_path / "m.zarr")
    journal = (tmp_path / ".m.zarr.unfinished.blocks").read_text()
    other = dataclasses.replace(LockOwner.here(), host="elsewhere")
    (tmp_path / ".m.zarr.unfinished.lock").write_text(other.text)
    with pytest.raises(UserError, match=r"Another run has taken .* over"):
        run.result()
    assert (tmp_path / ".m.zarr.unfinished.blocks").read_text() == journal


def test_of_two_searches_for_objects_that_begin_in_one_moment_one_goes_on(tmp_path: Path) -> None:
    got, refused = raced(lambda: ObjectScratch(tmp_path / "o.zarr", (8, 8), (4, 4), {}))
    assert len(got) == 1
    assert all("Another run is writing" in str(one) for one in refused)
    got[0].release()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["m.tif", "m.zarr"])
def test_objects_of_a_mask_that_was_corrected_meanwhile_are_not_mixed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_search, "SIDE", 16)
    painted = discs((60, 70))
    path = io.save_mask(tmp_path / name, painted, classes=TABLE)
    run = objects_to_store(open_class_store(path), tmp_path / "o.zarr", ObjectSearch(), format=SMALL)
    next(run)
    run.close()
    io.save_mask(path, painted, classes=TABLE, overwrite=True)  # the same once more
    run = objects_to_store(open_class_store(path), tmp_path / "o.zarr", ObjectSearch(), format=SMALL)
    assert next(run).before == 1
    run.close()
    painted[2:12, 2:12] = 1
    io.save_mask(path, painted, classes=TABLE, overwrite=True)
    with pytest.raises(UserError, match="another mask"):
        next(objects_to_store(open_class_store(path), tmp_path / "o.zarr", ObjectSearch(), format=SMALL))


@pytest.mark.parametrize(("error", "said"), [
    (FileNotFoundError("bucket/img_401.tif"), "nothing is there"), (OSError(28, "No space left"), "disk is full")])
def test_the_cause_is_not_taken_from_a_name(error: Exception, said: str) -> None:
    def fails() -> None:
        raise error

    with pytest.raises(UserError, match=said):
        far_read(fails, "s3://bucket/img_401.tif at [0:3, 5]")


def test_what_is_not_done_at_addresses_or_in_shards_is_said(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(tmp_path / "m.pt", network())
    tifffile.imwrite(tmp_path / "a.tif", picture(40, 50), photometric="minisblack")
    words = ["predict", str(tmp_path / "a.tif"), "--model", str(tmp_path / "m.pt"), "--device", "cpu", "-o"]
    for more, said in (
        ([f"{place}/a.tif"], "only OME-Zarr is"), ([f"{place}/b.zarr", "--halo", "9"], "--halo: of objects"),
        ([f"file://{tmp_path}/a.zarr"], "lies on this computer"), ([f"{place}/i.zarr/labels/m.zarr"], "lie inside it"),
        ([f"{place}/i.zarr", "--overwrite"], "would replace"),
        ([str(tmp_path / "b.zarr"), "--shard", "1024"], "needs --zarr-version 0.5"),
        ([str(tmp_path / "b.zarr"), "--zarr-version", "0.5", "--shard", "300"], "no multiple of 512"),
    ):
        image = f"{place}/i.zarr" if "i.zarr" in more[0] else words[1]
        assert main([words[0], image, *words[2:], *more]) in (1, 2)
        assert said in capsys.readouterr().err
    assert not (tmp_path / "b.zarr").exists()


def test_a_value_that_is_no_class_is_told_from_classes_in_other_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_search, "SIDE", 16)
    mask = np.zeros((70, 60), np.uint8)
    mask[2:5, 2:5], mask[60:64, 50:54] = 1, 255  # 255: not annotated, say
    path = io.save_mask(tmp_path / "m.tif", mask * 0 + 1, classes=TABLE)
    store = dataclasses.replace(open_class_store(path), data=mask)
    with pytest.raises(UserError, match="holds 1 in one place and 255 in another"):
        objects_to_store(store, tmp_path / "o.zarr", ObjectSearch("parts"), format=SMALL).result()
    store = dataclasses.replace(store, data=np.where(mask == 1, np.uint8(255), mask), met=set())
    assert objects_to_store(store, tmp_path / "p.zarr", ObjectSearch("parts"), format=SMALL).result().count_of(2) == 2

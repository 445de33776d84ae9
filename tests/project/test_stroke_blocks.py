"""Strokes on disk: any reader of zarr opens them, and a stroke touches the blocks it lies in."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st
from saving_scene import COLUMNS, ROWS, no_files_open, plane, strokes  # noqa: F401

from napari_unet.core.errors import UserError
from napari_unet.core.scribbles import Scribbles
from napari_unet.io import read_labels
from napari_unet.project import block_store
from napari_unet.project.block_store import BlockStore


@pytest.fixture
def store(tmp_path: Path) -> BlockStore:
    return BlockStore(tmp_path / "a.zarr")


def blocks(path: Path) -> dict[str, int]:
    """Names of the blocks, and what tells a file from one that was written anew."""
    return {one.name: one.stat().st_mtime_ns for one in path.iterdir() if one.name[0].isdigit()}


def test_zarr_opens_them_and_only_painted_blocks_exist(store: BlockStore, tmp_path: Path) -> None:
    painted = strokes((3, 4, 2), (690, 590, 1))
    assert store.write(painted, "ZYX") == 2
    assert set(blocks(tmp_path / "a.zarr")) == {"1.0.0", "1.1.1"}
    array = zarr.open(str(tmp_path / "a.zarr"), mode="r")
    assert (array.dtype, array.shape, array.chunks) == (np.uint8, (3, ROWS, COLUMNS), (1, 512, 512))
    assert np.array_equal(array[...], painted.to_array())
    assert array.attrs["axes"] == ["z", "y", "x"]
    assert np.array_equal(read_labels(tmp_path / "a.zarr")[0], painted.to_array())


def test_a_stroke_writes_the_blocks_it_lies_in_and_no_others(store: BlockStore, tmp_path: Path) -> None:
    store.write(strokes((3, 4, 2), (690, 590, 1)), "NYX")
    before = blocks(tmp_path / "a.zarr")
    assert store.write(strokes((3, 4, 2), (690, 590, 1), (10, 550, 2)), "NYX") == 1
    after = blocks(tmp_path / "a.zarr")
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"1.0.1"}
    assert store.write(strokes((3, 4, 2)), "NYX") == 2  # what is wiped out goes from the disk
    assert set(blocks(tmp_path / "a.zarr")) == {"1.0.0"}


def test_blocks_that_are_the_same_objects_are_not_looked_at(store: BlockStore, monkeypatch: pytest.MonkeyPatch) -> None:
    painted = Scribbles((4, ROWS, COLUMNS), {0: plane((1, 1, 1)), 2: plane((9, 9, 2), (600, 9, 1))})
    store.write(painted, "NYX")
    compared = []
    monkeypatch.setattr(block_store, "_same", lambda *_blocks: compared.append(1))
    assert store.write(painted.replacing({2: plane((9, 9, 1), (600, 9, 1))}, 5), "NYX") == 1
    assert len(compared) == 1


def test_a_stroke_on_a_large_plane_writes_one_block(tmp_path: Path) -> None:
    store = BlockStore(tmp_path / "a.zarr")
    big = np.zeros((16_384, 16_384), np.uint8)
    big[:5, :5] = 1
    store.write(Scribbles(big.shape, {0: big}), "YX")
    more = big.copy()
    more[9000:9010, 9000:9010] = 2
    assert store.write(Scribbles(big.shape, {0: more}), "YX") == 1
    assert set(blocks(tmp_path / "a.zarr")) == {"0.0", "17.17"}


SHAPES = st.sampled_from([(8, 8), (513, 3), (2, 5, 7), (2, 2, 4, 600), (1, 1024, 512)])


@given(st.data())
def test_what_is_written_is_read_back_whatever_was_there_before(tmp_path_factory: pytest.TempPathFactory,
                                                                data: st.DataObject) -> None:
    shape = data.draw(SHAPES)
    path = tmp_path_factory.mktemp("strokes") / "a.zarr"
    store = BlockStore(path)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    for _ in range(data.draw(st.integers(1, 3))):
        if data.draw(st.booleans()):
            store = BlockStore(path)  # another process
            store.read()
        array = (rng.random(shape) < data.draw(st.sampled_from([0, 0.001, 0.5]))) * rng.integers(1, 255, shape)
        painted = Scribbles.from_array(array)
        store.write(painted, "NTYX"[4 - len(shape):])
    found = BlockStore(path).read()
    assert found is not None
    assert found.scribbles.same_paint(painted)
    assert np.array_equal(zarr.open(str(path), mode="r")[...], painted.to_array())


def test_paint_of_another_shape_is_put_aside_and_never_removed(store: BlockStore, tmp_path: Path) -> None:
    old = strokes((3, 4, 2))
    store.write(old, "NYX")
    for number in (1, 2):
        store.write(Scribbles((number, 20, 20), {0: plane((1, 1, 1), shape=(20, 20))}), "NYX")
    found = BlockStore(tmp_path / "a.kept-1.zarr").read()
    assert found is not None
    assert found.scribbles.same_paint(old)
    assert (tmp_path / "a.kept-2.zarr").is_dir()


@pytest.mark.parametrize("read", [False, True])
def test_paint_that_new_strokes_know_nothing_of_is_put_aside(store: BlockStore, tmp_path: Path, read: bool) -> None:
    """In another sitting: the image was missing when it began, say, and was opened by hand."""
    old = strokes((3, 4, 2))
    store.write(old, "NYX")
    other = BlockStore(tmp_path / "a.zarr")
    if read:
        other.read()
    other.write(Scribbles.empty(old.shape), "NYX")
    other.write(strokes((9, 9, 1)), "NYX")
    found, kept = (BlockStore(tmp_path / name).read() for name in ("a.zarr", "a.kept-1.zarr"))
    assert found is not None
    assert kept is not None
    assert found.scribbles.same_paint(strokes((9, 9, 1)))
    assert kept.scribbles.same_paint(old)
    assert not (tmp_path / "a.kept-2.zarr").exists()


def test_paint_that_strokes_go_on_from_is_replaced(store: BlockStore, tmp_path: Path) -> None:
    store.write(strokes((3, 4, 2), (690, 590, 1)), "NYX")
    other = BlockStore(tmp_path / "a.zarr")
    other.read()
    assert other.write(strokes((3, 4, 1)), "NYX") == 2
    assert other.write(Scribbles.empty((3, ROWS, COLUMNS)), "NYX") == 1
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.zarr"]


def test_other_names_of_the_axes_change_the_description_alone(store: BlockStore, tmp_path: Path) -> None:
    store.write(strokes((3, 4, 2)), "NYX")
    before = blocks(tmp_path / "a.zarr")
    assert store.write(strokes((3, 4, 2)), "ZYX") == 0
    assert json.loads((tmp_path / "a.zarr" / ".zattrs").read_text())["axes"] == ["z", "y", "x"]
    assert blocks(tmp_path / "a.zarr") == before
    found = store.read()
    assert found is not None
    assert found.axes == "ZYX"


@pytest.mark.parametrize("damage", [b"", b"no zlib", b"\0" * 300])
def test_a_damaged_block_costs_its_own_paint_and_no_other(store: BlockStore, tmp_path: Path, damage: bytes) -> None:
    store.write(strokes((3, 4, 2), (690, 590, 1)), "NYX")
    (tmp_path / "a.zarr" / "1.0.0").write_bytes(damage)
    found = BlockStore(tmp_path / "a.zarr").read()
    assert found is not None
    assert found.damaged == ("1.0.0",)
    assert found.scribbles.same_paint(strokes((690, 590, 1)))


def test_blocks_that_unpack_to_more_than_they_should_are_not_unpacked(store: BlockStore, tmp_path: Path) -> None:
    import zlib

    store.write(strokes((3, 4, 2)), "NYX")
    (tmp_path / "a.zarr" / "1.0.0").write_bytes(zlib.compress(b"\0" * 10**8))
    (tmp_path / "a.zarr" / "7.0.0").write_bytes(b"x")
    (tmp_path / "a.zarr" / "1.9").write_bytes(b"x")
    found = store.read()
    assert found is not None
    assert found.damaged == ("1.0.0", "1.9", "7.0.0")


@pytest.mark.parametrize(("key", "value"), [
    ("shape", [3, 2**35, 2**35]), ("dtype", "|O"), ("zarr_format", 3), ("chunks", [1, 9, 9]), ("order", "F"),
    ("compressor", {"id": "blosc"}), ("shape", "x"), ("dimension_separator", "/"),
])
def test_a_foreign_array_is_refused(store: BlockStore, tmp_path: Path, key: str, value: object) -> None:
    store.write(strokes((3, 4, 2)), "NYX")
    meta = tmp_path / "a.zarr" / ".zarray"
    meta.write_text(json.dumps({**json.loads(meta.read_text()), key: value}))
    with pytest.raises(UserError):
        store.read()


def test_nothing_is_nothing(store: BlockStore) -> None:
    assert store.read() is None
    assert store.set_aside() is None

"""Counts by blocks are those of the whole."""

from __future__ import annotations

import numpy as np
import pytest

import napari_unet.metrics._block_counts as module
from napari_unet import io
from napari_unet.core.classes import ClassTable
from napari_unet.core.components import label_components
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.metrics._block_counts import count_by_blocks
from napari_unet.metrics.topology import betti_numbers
from napari_unet.workflows import store_counts
from napari_unet.workflows.counts import count_mask
from napari_unet.workflows.store_counts import count_store


@pytest.mark.parametrize("seed", range(60))
def test_parts_holes_and_areas_of_any_blocks(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAYER_ON_DISK", 20 if seed % 5 == 0 else 2**22)
    rng = np.random.default_rng(seed)
    ndim = 2 + seed % 2
    shape, sides = tuple(rng.integers(1, 14, ndim)), tuple(map(int, rng.integers(1, 8, ndim)))
    labels = np.where(rng.random(shape) < rng.random(), rng.integers(1, 2 + seed % 3, shape), 0).astype(np.uint8)
    found = count_by_blocks(lambda box: labels[box], shape, sides)
    assert set(found) == set(np.unique(labels)) - {0}
    for value, count in found.items():
        assert count.betti == betti_numbers(labels == value)
        whole = np.bincount(label_components(labels == value).ravel())[1:]
        np.testing.assert_array_equal(np.sort(count.areas), np.sort(whole))
        assert count.pixels == np.count_nonzero(labels == value)


@pytest.mark.parametrize("code", ["mask", "painted"])
def test_rows_of_a_stored_mask(tmp_path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_counts, "SIDE", 16)
    monkeypatch.setattr(store_counts, "DEPTH", 2)
    rng = np.random.default_rng(0)
    painted = (1 + (rng.random((2, 5, 40, 30)) < 0.4) * rng.integers(1, 3, (2, 5, 40, 30))).astype(np.uint8)
    classes, place = ClassTable.default((1, 2, 3, 4)), Geometry("TZYX", (1, 2, 0.5, 0.5), "micrometer")
    path = io.save_mask(tmp_path / "m.zarr", painted, classes=classes, geometry=place, code=code)
    assert list(count_store(path, name="m")) == list(count_mask(painted, classes, place, "m"))


def test_what_is_no_mask_is_refused(tmp_path) -> None:
    path = io.save_mask(tmp_path / "m.zarr", np.full((20, 20), 300), classes=ClassTable(()), code="objects",
                        dtype="uint16")
    with pytest.raises(UserError, match="holds single objects, not classes"):
        list(count_store(path))
    np.save(path := tmp_path / "m.npy", np.full((20, 20), 300, np.uint16))
    with pytest.raises(UserError, match="other numbers than classes"):
        list(count_store(path))


def test_the_command_line_counts_a_mask(tmp_path) -> None:
    from cli_scene import run, table

    painted = np.ones((40, 30), np.uint8)
    painted[5:20, 5:20] = 2
    painted[10:12, 10:12] = 1
    io.save_mask(tmp_path / "m.zarr", painted, classes=ClassTable.named({1: "background", 2: "nucleus"}))
    assert run("counts", tmp_path / "m.zarr", "-o", tmp_path / "c.csv") == 0
    (row,) = table(tmp_path / "c.csv")
    assert [row[name] for name in ("image", "class", "parts", "holes", "pixels")] == ["m", "nucleus", "1", "1", "221"]
    assert run("counts", tmp_path / "missing.zarr", "-o", tmp_path / "d.csv") == 2

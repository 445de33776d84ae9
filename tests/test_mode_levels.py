"""Smaller levels of masks hold the most frequent class."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import zarr

import napari_unet.io._mode_levels as module
from napari_unet import io
from napari_unet.core.classes import ClassTable, to_mask
from napari_unet.core.geometry import Geometry
from napari_unet.io._mode_levels import most_frequent


@pytest.mark.parametrize(("shape", "factors"), [((9, 12), (2, 2)), ((3, 7, 5), (2, 2, 2)), ((1, 1), (2, 2)),
                                                ((4, 6, 6), (1, 2, 2))])
def test_the_most_frequent_value_and_of_several_the_largest(shape: tuple[int, ...], factors: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 4, shape).astype(np.uint8)
    found = most_frequent(values, factors)
    padded = np.pad(values, [(0, -size % factor) for size, factor in zip(shape, factors, strict=True)], mode="edge")
    for place in np.ndindex(*found.shape):
        block = padded[tuple(slice(at * factor, (at + 1) * factor) for at, factor in zip(place, factors, strict=True))]
        counts = np.bincount(block.ravel())
        assert found[place] == np.flatnonzero(counts == counts.max())[-1]


def test_a_line_of_one_pixel_stays() -> None:
    line = np.zeros((32, 32), np.uint8)
    line[7], line[:, 20] = 1, 2
    for _ in range(3):
        line = most_frequent(line, (2, 2))
        assert (line == 1).any()
        assert (line == 2).any()


@pytest.mark.parametrize(("version", "shard"), [("0.4", 0), ("0.5", 0), ("0.5", 64)])
def test_levels_are_halved_in_z_too_where_voxels_are_thin_there(
    tmp_path: Path, version: str, shard: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK", 48 if not shard else 64)
    ids = np.random.default_rng(0).integers(1, 4, (5, 150, 130)).astype(np.uint8)
    place = Geometry("ZYX", (1.0, 0.5, 0.5), "micrometer", (4.0, 0.0, 2.0))
    path = io.save_mask(tmp_path / "m.zarr", ids, classes=ClassTable.default((1, 2, 3)), geometry=place, chunk=32,
                        version=version, **({"shard": shard} if shard else {}))
    group = zarr.open_group(str(path), mode="r")
    told = group.attrs["multiscales"] if version == "0.4" else group.attrs["ome"]["multiscales"]
    assert told[0]["type"] == "mode"
    expected = to_mask(ids)
    for level, factors in enumerate([(1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 2, 2)]):
        expected = most_frequent(expected, factors)
        array = group[str(level)]
        np.testing.assert_array_equal(array[...], expected)
        if shard:
            assert array.shards[-1] >= array.chunks[-1]
    # the middle of an element is the middle of all it stands for
    for one, factors in zip(told[0]["datasets"], itertools.accumulate(
            [(1, 1, 1), (1, 2, 2), (2, 2, 2), (2, 2, 2)], lambda a, b: tuple(np.multiply(a, b))), strict=True):
        steps = one["coordinateTransformations"][0]["scale"]
        offset = (one["coordinateTransformations"] + [{"translation": [0, 0, 0]}])[1]["translation"]
        assert steps == [step * factor for step, factor in zip(place.scale, factors, strict=True)]
        middle = [start + step * (factor - 1) / 2
                  for start, step, factor in zip(place.translate, place.scale, factors, strict=True)]
        np.testing.assert_allclose(offset, middle)

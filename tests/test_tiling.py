"""Tiles: who writes what, what is read for it, and where it starts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.predicting.tiling import Box, Tiling, mirror_indices, tiles

tilings = st.builds(
    lambda shape, stride, reach, beyond: Tiling(shape, stride, None if reach is None else reach * stride, beyond),
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.sampled_from((1, 2, 4, 16)),
    st.one_of(st.none(), st.integers(0, 7)),
    st.booleans(),
)


@given(tilings, st.one_of(st.none(), st.integers(1, 100)))
def test_write_boxes_partition_the_plane(tiling: Tiling, size: int | None) -> None:
    written = np.zeros(tiling.shape, int)
    for tile in tiling.tiles(size):
        assert min(tile.write.shape) > 0
        written[tile.write.slices] += 1
    assert (written == 1).all()


@given(tilings, st.one_of(st.none(), st.integers(1, 100)))
def test_tiles_read_aligned_boxes_with_the_whole_halo(tiling: Tiling, size: int | None) -> None:
    height, width = (axis.whole for axis in tiling.axes)
    halo = tiling.halo
    for tile in tiling.tiles(size):
        read, write, keep = tile.read, tile.write, tile.keep
        assert not any(number % tiling.stride for number in (read.y0, read.y1, read.x0, read.x1))
        assert keep.shape == write.shape
        assert (read.y0 + keep.y0, read.x0 + keep.x0) == (write.y0, write.x0)
        if halo is None:
            assert read == Box(0, height, 0, width)
        elif tiling.beyond:
            assert write.y0 - read.y0 == write.x0 - read.x0 == halo
            assert read.y1 - write.y1 >= halo
            assert read.x1 - write.x1 >= halo
        else:
            assert (read.y0, read.x0) == (max(0, write.y0 - halo), max(0, write.x0 - halo))
            assert min(height, write.y1 + halo) <= read.y1 <= height
            assert min(width, write.x1 + halo) <= read.x1 <= width


@given(tilings, st.integers(1, 100))
def test_tiles_are_not_larger_than_asked(tiling: Tiling, size: int) -> None:
    most = -(-size // tiling.stride) * tiling.stride
    if tiling.halo is None:
        assert len(tiling.tiles(size)) == 1
    else:
        assert all(max(tile.write.shape) <= most for tile in tiling.tiles(size))


@given(tilings)
def test_halves_write_what_the_tile_wrote(tiling: Tiling) -> None:
    (whole,) = tiling.tiles(None)
    parts = tiling.halves(whole)
    if len(parts) == 1:
        assert tiling.halo is None or max(tiling.shape) <= tiling.stride
        assert parts == (whole,)
        return
    written = np.zeros(tiling.shape, int)
    for part in parts:
        assert part == tiling.tile(part.write)
        assert part.write.shape != whole.write.shape
        written[part.write.slices] += 1
    assert (written == 1).all()


def test_a_plane_cut_by_hand() -> None:
    # 40 rows make one tile of 48 (stride 16); 100 columns make 112, cut in half at the stride: 4 + 3 strides
    first, second = tiles((40, 100), tile=64, halo=16, stride=16)
    assert (first.write, first.read) == (Box(0, 40, 0, 64), Box(0, 48, 0, 80))
    assert (second.write, second.read) == (Box(0, 40, 64, 100), Box(0, 48, 48, 112))
    assert second.keep == Box(0, 40, 16, 52)
    first, second = tiles((40, 100), tile=64, halo=16, stride=16, beyond=True)
    assert first.read == Box(-16, 64, -16, 80)
    assert second.read == Box(-16, 64, 48, 128)


@given(st.integers(-70, 70), st.integers(0, 90), st.integers(2, 40))
def test_mirroring_is_what_numpy_pads_with(start: int, count: int, length: int) -> None:
    line = np.arange(length)
    padded = np.pad(line, 200, mode="reflect")  # for as far as wanted: numpy reflects again and again
    assert np.array_equal(mirror_indices(start, start + count, length), padded[200 + start:200 + start + count])


def test_a_single_pixel_is_its_own_mirror_image() -> None:
    assert mirror_indices(-3, 5, 1).tolist() == [0] * 8


@pytest.mark.parametrize(("rows", "columns", "touched"), [
    (slice(0, 10), slice(0, 10), False),
    (slice(0, 11), slice(19, 99), True),
    (slice(19, 30), slice(None), True),
    (slice(20, 30), slice(None), False),
    (slice(None, 10), slice(None), False),
])
def test_a_box_knows_what_it_touches(rows: slice, columns: slice, touched: bool) -> None:
    assert Box(10, 20, 10, 20).touches(rows, columns) is touched

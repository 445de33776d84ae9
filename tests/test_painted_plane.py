"""Painted planes as blocks that snapshots share: what a stroke touches, not how large the image is."""

import numpy as np
import pytest

from napari_unet.core.image import Image
from napari_unet.core.painted_plane import BLOCK, PaintedPlane, blocks_in, blocks_of, box_of
from napari_unet.core.scribbles import Scribbles
from napari_unet.session.annotation_session import Session


def painted(shape=(1100, 1300)):
    plane = np.zeros(shape, np.uint8)
    plane[10:20, 10:20] = 1
    plane[1090:, 1290:] = 2
    return plane


def test_a_plane_is_the_same_as_a_whole_and_as_blocks():
    whole = painted()
    plane = PaintedPlane.of(whole)
    assert set(plane.blocks) == {(0, 0), (2, 2)}
    assert plane.blocks[2, 2].shape == (1100 - 2 * BLOCK, 1300 - 2 * BLOCK)
    again = PaintedPlane(whole.shape, blocks=plane.blocks)
    assert np.array_equal(again.whole, whole)
    assert again.whole is again.whole
    assert again.counts(256)[[1, 2]].tolist() == [100, 100]
    assert not PaintedPlane.of(np.zeros((4, 4)))


def test_nobody_can_write_to_a_plane():
    source = painted()
    scribbles = Scribbles((1100, 1300), {0: source})
    source[:] = 9
    assert scribbles.planes[0].max() == 2
    made = scribbles.repainting({0: {(0, 0): source[:BLOCK, :BLOCK]}}, 2)
    source[:] = 7
    assert made.planes[0][0, 0] == 9
    for array in (scribbles.planes[0], made.planes[0], *made.blocks(0).values()):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1


def test_a_stroke_makes_anew_only_the_blocks_it_touches():
    before = Scribbles((1100, 1300), {0: painted()}, 1)
    now = painted()
    now[15, 15] = 2
    assert set(before.differing(0, now, blocks_of(now.shape))) == {(0, 0)}
    after = before.replacing({0: now}, 2)
    assert after.blocks(0)[2, 2] is before.blocks(0)[2, 2]
    assert after.blocks(0)[0, 0] is not before.blocks(0)[0, 0]
    assert np.array_equal(after.planes[0], now)
    assert after.counts() == {1: 99, 2: 101}
    assert before.counts() == {1: 100, 2: 100}


def test_a_block_that_is_wiped_is_gone_and_so_is_a_plane():
    scribbles = Scribbles((1100, 1300), {0: painted()}, 1)
    empty = np.zeros((1100, 1300), np.uint8)
    one = scribbles.repainting({0: scribbles.differing(0, empty, {(0, 0)})}, 2)
    assert set(one.blocks(0)) == {(2, 2)}
    assert not one.repainting({0: one.differing(0, empty, {(2, 2)})}, 3).planes


def test_boxes_know_their_blocks():
    assert blocks_in(slice(511, 513), slice(0, 1)) == {(0, 0), (1, 0)}
    assert box_of((1, 2), (1100, 1300)) == (slice(512, 1024), slice(1024, 1300))
    assert len(blocks_of((16384, 16384))) == 1024


class Counted(np.ndarray):
    """An array that counts the pixels that are read from it."""

    read = 0

    def __getitem__(self, index):
        part = np.asarray(super().__getitem__(index))
        Counted.read += part.size
        return part


def test_work_of_a_stroke_does_not_grow_with_the_image():
    read = {}
    for side in (1024, 8192):
        session = Session()
        session.put_pair("a", Image(np.zeros((side, side), np.uint8)))
        plane = np.zeros((side, side), np.uint8).view(Counted)
        np.asarray(plane)[40:50, 40:90] = 1
        Counted.read = 0
        assert session.paint_blocks("a", 0, plane, {(0, 0)})
        assert not session.paint_blocks("a", 0, plane, {(0, 0)})
        read[side] = Counted.read
        scribbles = session.pair("a").scribbles
        assert scribbles.counts() == {1: 500}
        assert sum(block.nbytes for block in scribbles.blocks(0).values()) == BLOCK * BLOCK
    assert read[1024] == read[8192] > 0

"""Levels that are made for looking: the window waits for none of them, they come, are cancelled, fail and go."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import zarr
from napari._qt.widgets.qt_progress_bar import QtLabeledProgressBar
from napari.layers import Image
from napari.utils import cancelable_progress
from napari.utils.notifications import notification_manager

from napari_unet.core import made_levels as made
from napari_unet.core.classes import to_painted
from napari_unet.core.errors import UserError
from napari_unet.core.level_making import MakingShare
from napari_unet.core.made_levels import made_levels
from napari_unet.ui import large_images, level_work
from napari_unet.ui.files.layer_reader import get_reader, read_layers
from napari_unet.ui.level_work import LEVEL_NEWS
from napari_unet.ui.plain_errors import PLAIN_ERRORS
from napari_unet.ui.seen_levels import SeenLevel, seen_levels
from napari_unet.ui.train.viewport import camera_of

SIDE = 2048


class Gated:
    """An array of which nothing is read before it may be; says who has read, and what."""

    def __init__(self, data: np.ndarray, broken: bool = False) -> None:
        self._data, self.broken = data, broken
        self.shape, self.dtype, self.ndim, self.size = data.shape, data.dtype, data.ndim, data.size
        self.chunks = (256,) * data.ndim
        self.open, self.permits, self.read, self.by_window = threading.Event(), threading.Semaphore(0), 0, 0

    def __getitem__(self, index: Any) -> np.ndarray:
        if threading.current_thread() is threading.main_thread():
            self.by_window += 1
        elif not self.open.is_set():
            self.permits.acquire()
        if self.broken:
            raise UserError("cells.tif is damaged. Copy it again.")
        found = self._data[index]
        self.read += found.size
        return found

    def let(self, blocks: int) -> None:
        """Let so many reads go on."""
        self.permits.release(blocks)

    def let_all(self) -> None:
        """Let every read go on."""
        self.open.set()
        self.permits.release(100)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks, and what counts as large, are small."""
    monkeypatch.setattr(large_images, "LARGEST_LAZY", 2**16)
    monkeypatch.setattr(made, "SMALLEST", 300)
    monkeypatch.setattr(made, "FITS", 2**20)
    monkeypatch.setattr(made, "KEPT", 2**22)
    monkeypatch.setattr(made, "_BLOCK", 256)


@pytest.fixture
def gated() -> Iterator[Gated]:
    made = Gated((np.add.outer(np.arange(SIDE), np.arange(SIDE)) % 200 + 20).astype(np.uint8))
    yield made
    made.let_all()  # no thread is left waiting


def shown(viewer: Any, gated: Gated) -> Any:
    """Show the whole of an image with made levels."""
    levels = [gated, *seen_levels(made_levels(gated, "YX"), (0, 1), "cells")]
    camera_of(viewer).zoom = 0.1  # from afar
    viewer.layers.append(layer := Image(levels, multiscale=True, name="cells", contrast_limits=(0, 255)))
    camera_of(viewer).zoom = 0.1
    return layer


def left(hands: Any, work: Any, gated: Gated) -> None:
    """Wait until the thread is told to stop, let it end what it reads, and wait until it has stopped."""
    hands.wait(work._worker._left.is_set)
    gated.let(2)
    hands.wait(lambda: not work.running)


def drawn(layer: Any) -> np.ndarray:
    return np.asarray(layer._slice.image.raw)


def test_the_window_does_not_wait_and_parts_come_as_they_are_made(viewer: Any, hands: Any, gated: Gated) -> None:
    told: list[str] = []
    LEVEL_NEWS.told.connect(told.append)
    try:
        layer = shown(viewer, gated)
        work = layer.data[1].work
        hands.wait(lambda: work.running)
        hands.wait(lambda: layer.data_level >= 2)
        layer.refresh()
        assert not drawn(layer).any()
        gated.let(8)
        hands.wait(lambda: sum("parts" in one for one in told) > 5)
        layer.refresh()
        part = drawn(layer)
        assert part.any()
        assert not part.all()
        gated.let_all()
        hands.wait(lambda: not work.running)
    finally:
        LEVEL_NEWS.told.disconnect(told.append)
    assert told[-1] == ""
    assert drawn(layer).all()
    assert gated.by_window == 0, "the window itself has read nothing"
    assert gated.read < 2 * SIDE * SIDE, "about once: two threads may want the same block at the same time"
    exact = large_images.levels_of(layer).levels[-1].image.data
    np.testing.assert_array_equal(np.asarray(layer.data[-1]), np.asarray(exact))
    np.testing.assert_array_equal(layer.data[-1][10:20, 30], np.asarray(layer.data[-1])[10:20, 30])


def test_what_ends_while_its_bar_is_drawn_says_nothing_more(
    viewer: Any, gated: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bar lets the window live: all that is left may come, and end, while it notes a share."""
    layer = shown(viewer, gated)
    work = layer.data[1].work
    told: list[str] = []
    monkeypatch.setattr(work, "_begin", lambda: None)
    monkeypatch.setattr(work, "_bar", Mock(is_canceled=False, n=0, update=lambda _: work._on_end()))
    LEVEL_NEWS.told.connect(told.append)
    try:
        work._on_share(MakingShare(1, 2))
    finally:
        LEVEL_NEWS.told.disconnect(told.append)
    assert told[-1] == ""
    assert len(told) == 2


def test_what_is_asked_for_while_a_bar_is_made_begins_once(
    viewer: Any, hands: Any, gated: Gated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs at once would make the same, and the first to end would count as the end of both."""
    work = shown(viewer, gated).data[1].work
    bars: list[Any] = []

    def bar(**wanted: Any) -> Any:
        bars.append(cancelable_progress(**wanted))
        if len(bars) == 1:
            work._begin()  # as by an event of the window
        return bars[-1]

    monkeypatch.setattr(level_work, "cancelable_progress", bar)
    gated.let_all()
    hands.wait(lambda: bool(bars))
    hands.wait(lambda: not work.running)
    assert len(bars) == 1


def test_who_reads_a_level_gets_all_of_it(viewer: Any, hands: Any, gated: Gated) -> None:
    layer = shown(viewer, gated)
    gated.let_all()
    found = np.asarray(layer.data[-1])  # a program, or another plugin
    assert found.all()
    assert found.shape == (256, 256)
    assert gated.by_window == 0
    hands.wait(lambda: not layer.data[-1].work.running)


def test_cancelled_it_goes_on_where_one_looks_next_and_ends_with_the_layer(
    viewer: Any, hands: Any, gated: Gated, qtbot: Any
) -> None:
    layer = shown(viewer, gated)
    work = layer.data[1].work
    hands.wait(lambda: work.running)
    bars = viewer.window._qt_window._activity_dialog.findChildren(QtLabeledProgressBar)
    next(one for one in bars if one.progress is work._bar).cancel_button.click()
    gated.let(1)
    left(hands, work, gated)
    missing = int((drawn(layer) == 0).sum())
    assert missing > 0
    layer.refresh()
    qtbot.wait(1)
    assert not work.running, "the same view asks for nothing again"
    gated.let_all()
    camera = camera_of(viewer)
    camera.zoom, camera.center = 0.3, (0, 500, 500)
    hands.wait(lambda: bool(drawn(layer).all()) and not work.running)
    closed = Gated(np.ones((SIDE, SIDE), np.uint8))
    other = shown(viewer, closed)
    work = other.data[1].work
    hands.wait(lambda: work.running)
    viewer.layers.remove(other)
    closed.let(1)
    left(hands, work, closed)
    assert closed.read <= 6 * 256 * 256


def test_a_window_that_is_closed_stops_it(viewer: Any, hands: Any, gated: Gated) -> None:
    work = shown(viewer, gated).data[1].work
    hands.wait(lambda: work.running)
    worker = work._worker
    threading.Thread(target=lambda: [worker._left.wait(), gated.let(2)], daemon=True).start()
    viewer.close()
    assert not worker.busy
    assert work._worker is worker, "no other was started in a window that closes"
    assert gated.read < SIDE * SIDE


def test_what_cannot_be_read_is_told_and_not_tried_for_ever(viewer: Any, hands: Any, gated: Gated) -> None:
    gated.broken = True
    gated.let_all()
    PLAIN_ERRORS.listen()
    said: list[Any] = []
    with notification_manager:
        notification_manager.notification_ready.connect(said.append)
        layer = shown(viewer, gated)
        work = layer.data[1].work
        hands.wait(lambda: bool(said))
        hands.wait(lambda: not work.running)
        for _ in range(10):  # each view is tried once, here two: what is looked at, and a small picture of all
            layer.refresh()
            hands.qtbot.wait(1)
            hands.wait(lambda: not work.running)
        notification_manager.notification_ready.disconnect(said.append)
    assert {one.message for one in said} == {"cells.tif is damaged. Copy it again."}
    assert len(said) <= 3


def test_an_array_with_four_axes_and_no_names_is_ours_and_its_range_is_sampled(
    viewer: Any, hands: Any, tmp_path: Any
) -> None:
    data = np.random.default_rng(0).integers(300, 4000, (2, 2, 700, 600)).astype(np.uint16)
    zarr.create_array(str(tmp_path / "a.zarr"), data=data, chunks=(1, 1, 128, 128))
    zarr.create_array(str(tmp_path / "small.zarr"), data=data[..., :20, :20])
    assert get_reader(str(tmp_path / "small.zarr")) is None
    assert get_reader(str(tmp_path / "a.zarr")) is not None
    ((levels, options, kind),) = read_layers(str(tmp_path / "a.zarr"))
    assert (kind, [one.shape for one in levels]) == ("image", [(2, 2, 700, 600), (2, 2, 350, 300), (2, 2, 175, 150)])
    assert not {"axis_labels", "scale", "units"} & set(options)
    assert 300 <= options["contrast_limits"][0] < options["contrast_limits"][1] < 4000
    layer = viewer.add_image(levels, **options)
    viewer.dims.set_point(0, 1)
    work = levels[1].work
    hands.wait(lambda: not work.running and bool(drawn(layer).all()))
    np.testing.assert_array_equal(np.asarray(levels[-1])[1, 0].mean(), np.asarray(levels[-1][1, 0]).mean())
    dock = hands.dock("Train U-Net")
    hands.wait(lambda: dock.chooser.has_image)
    assert large_images.is_painted_in_fields(layer)
    assert [one.factor for one in large_images.levels_of(layer).levels] == [(1, 1), (2, 2), (4, 4)]


def test_class_numbers_are_seen_as_they_are_painted() -> None:
    data = np.random.default_rng(0).integers(0, 3, (600, 500)).astype(np.uint8)
    (level, *_) = seen_levels(made_levels(data, "YX", mean=False), (1, 0), "mask", to_painted)
    assert isinstance(level, SeenLevel)
    assert (level.shape, level.dtype) == ((250, 300), np.dtype(np.uint8))
    np.testing.assert_array_equal(level[...], data[::2, ::2].T + 1)
    np.testing.assert_array_equal(level.exact[5:9, 3], data[::2, ::2].T[5:9, 3] + 1)


_CUT = """
def cut(level, index, plane):
    return np.asarray(level[index][plane])
"""


@pytest.mark.parametrize("module", ["napari.layers.image._slice", "napari.layers._scalar_field._slice"])
def test_of_a_stack_only_the_plane_is_read_whichever_napari_and_thread_cuts_it_out(
    module: str, viewer: Any, hands: Any
) -> None:
    space: dict[str, Any] = {"__name__": module, "np": np}
    exec(_CUT, space)  # as the napari of that time: rows and columns of all planes first, then one plane
    gated = Gated(np.ones((5, SIDE, SIDE), np.uint8))
    (level, *_) = seen_levels(made_levels(gated, "TYX"), (0, 1, 2), "cells")
    wanted = (level, (slice(None), slice(0, 200), slice(0, 200)), (3, slice(None), slice(None)))
    assert not space["cut"](*wanted).any()
    assert gated.read == gated.by_window == 0
    found: list[np.ndarray] = []
    thread = threading.Thread(target=lambda: found.append(space["cut"](*wanted)))  # asynchronous slicing
    gated.let_all()
    thread.start()
    thread.join()
    assert found[0].all()
    assert gated.read < SIDE * SIDE


def test_a_layer_that_is_duplicated_shares_its_levels(viewer: Any, hands: Any, gated: Gated) -> None:
    layer = shown(viewer, gated)
    gated.let_all()
    copied = copy.deepcopy(layer.data[1:])
    assert all(one is other for one, other in zip(copied, layer.data[1:], strict=True))
    hands.wait(lambda: not layer.data[1].work.running)

"""A large image painted on in the real window: xvfb-run python benchmarks/large_window.py [--side 50000].

Two rows, each in a process of its own: ``stored``, a pyramid of soft discs as OME-Zarr made on the fly (its chunks are
hard links of a few, so that it takes no room), and ``made``, the same picture as a compressed TIFF in tiles without a
pyramid, whose smaller levels are made when it is shown. Each is opened in the real window, painted far out and close
up, and a line of JSON says: seconds until the window has it and until all of it is seen, the longest that the window
stood still meanwhile; seconds from the first stroke of the second class to the first tile of an answer that is seen, at
both levels; the work in the window's thread for a stroke; the peak of memory above the window alone; what the store of
the whole costs, with ``--store``.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import napari
import numpy as np
import tifffile
import zarr
from _apart import keep_projects_apart
from _mouse import Mouse, rest
from numpy.typing import NDArray
from qtpy.QtCore import QEventLoop, QTimer

CHUNK = 1024
PATTERN = 2 * CHUNK
"""Rows and columns of the picture that is repeated."""


def pattern(seed: int = 0) -> NDArray[np.uint8]:
    """Return a grey picture of soft, uneven discs."""
    chance = np.random.default_rng(seed)
    image = np.full((PATTERN, PATTERN), 60.0, np.float32)
    for _ in range(700):
        row, column, radius = *chance.uniform(30, PATTERN - 30, 2).astype(int), chance.uniform(8, 24)
        box = slice(row - 30, row + 30), slice(column - 30, column + 30)
        down, right = np.mgrid[-30:30, -30:30]
        image[box] += chance.uniform(40, 90) / (1 + np.exp((np.hypot(down, right) - radius) / 2))
    rows, columns = np.mgrid[:PATTERN, :PATTERN]
    image += 30 * (np.sin(rows * 2 * np.pi / PATTERN) * np.sin(columns * 2 * np.pi / PATTERN))
    return np.clip(image + chance.normal(0, 8, image.shape), 0, 255).astype(np.uint8)


def make_pyramid(path: Path, side: int) -> Path:
    """Write an OME-Zarr image (0.4) of ``side`` x ``side`` pixels with levels halved down to about 1000."""
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    level, tile = 0, pattern()
    datasets: list[Any] = []
    while True:
        size = -(-side // 2**level)
        array = group.create_array(str(level), shape=(size, size), chunks=(CHUNK, CHUNK), dtype=np.uint8, fill_value=0,
                                   chunk_key_encoding={"name": "v2", "separator": "/"})
        whole = np.tile(tile, (-(-PATTERN // len(tile)),) * 2)
        grid, there = -(-size // CHUNK), {}
        for row, column in itertools.product(range(grid), repeat=2):
            kind = row % 2, column % 2
            if kind not in there:
                box = [slice(at * CHUNK, min((at + 1) * CHUNK, size)) for at in (row, column)]
                part = whole[kind[0] * CHUNK :, kind[1] * CHUNK :][: box[0].stop - box[0].start,
                                                                   : box[1].stop - box[1].start]
                array[tuple(box)] = part
                if all(one.stop - one.start == CHUNK for one in box):
                    there[kind] = path / str(level) / str(row) / str(column)
            else:
                target = path / str(level) / str(row) / str(column)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(there[kind], target)
        datasets.append({"path": str(level), "coordinateTransformations": [
            {"type": "scale", "scale": [2.0**level] * 2}]})
        if size <= CHUNK:
            break
        tile = tile.reshape(len(tile) // 2, 2, len(tile) // 2, 2).mean((1, 3)).round().astype(np.uint8)
        level += 1
    group.attrs["multiscales"] = [{"version": "0.4", "name": path.name, "datasets": datasets, "axes": [
        {"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]}]
    return path


def make_plain(path: Path, side: int) -> Path:
    """Write the same picture as a TIFF in compressed tiles, without smaller levels."""
    tile = pattern()
    half = PATTERN // 2

    def tiles() -> Iterator[NDArray[np.uint8]]:
        for row, column in itertools.product(range(-(-side // half)), repeat=2):
            yield tile[row % 2 * half :, column % 2 * half :][:half, :half]

    tifffile.imwrite(path, tiles(), shape=(side, side), dtype=np.uint8, tile=(half, half), compression="zlib",
                     photometric="minisblack", bigtiff=True)
    return path


class Stillness:
    """The longest time that the window did nothing, from the making of this on."""

    def __init__(self) -> None:
        self.longest, self._last = 0.0, time.perf_counter()
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)
        self._timer.start(10)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last), now


def memory(what: str) -> float:
    """Return what the process takes in MB: ``VmRSS`` now, ``VmHWM`` at most so far."""
    text = Path("/proc/self/status").read_text()
    return int(text.split(f"{what}:")[1].split()[0]) / 1024


def waited(until: Callable[[], bool], seconds: float = 120.0) -> float:
    """Let the window live as it does by itself, until something is true; return how long that took.

    It is looked at every 20 ms: who looks at a whole layer all the time takes Python away from what is waited for.
    """
    begun = time.perf_counter()
    while not until():
        if time.perf_counter() - begun > seconds:
            raise SystemExit(f"nothing came within {seconds:.0f} s")
        loop = QEventLoop()
        QTimer.singleShot(20, loop.quit)
        loop.exec_()
    return time.perf_counter() - begun


class LargeWindow:
    """The window with a large image, and hands.

    Parameters
    ----------
    source : Path or ndarray
        A file, or a plain image in memory.
    size : (int, int)
        Of the window.
    """

    def __init__(self, source: Path | NDArray[np.uint8], size: tuple[int, int] = (1366, 768)) -> None:
        self.viewer = napari.Viewer()
        self.viewer.window._qt_window.resize(*size)
        self._mouse = Mouse(self.viewer)
        for name in ("dask.array", "napari_unet.ui.files"):  # once for a window, whatever is opened in it
            importlib.import_module(name)
        rest(2)
        before, still, begun = memory("VmRSS"), Stillness(), time.perf_counter()
        if isinstance(source, Path):
            self.viewer.open(str(source), plugin="napari-unet-live")
            self.opened = time.perf_counter() - begun
            rest(0.1)  # what is missing is asked for by the first drawing
            works = {getattr(one, "work", None) for one in self.viewer.layers[0].data} - {None}
            waited(lambda: not any(one.running or one.maker.has_wishes for one in works), 600)
        else:
            self.viewer.add_image(source, name="plain")
        self.seen, self.still = time.perf_counter() - begun, still.longest
        self.took = memory("VmHWM") - before
        self.dock: Any = self.viewer.window.add_plugin_dock_widget("napari-unet-live", "Train U-Net")[1]
        waited(lambda: self.dock.chooser.has_image)
        self.camera = self.viewer.scene.camera

    def go(self, row: float, column: float, zoom: float) -> None:
        """Look at a place (world), with so many pixels of the screen to a unit."""
        self.camera.center, self.camera.zoom = (0.0, row, column), zoom
        rest(0.4)

    def stroke(self, points: Sequence[tuple[float, float]]) -> float:
        """Draw with the mouse along points (row, column), in pixels from the middle of the canvas.

        Returns
        -------
        float
            Seconds that the window's thread was busy from the release to rest.
        """
        places = [self._mouse.middle(*point) for point in points]
        self._mouse.go(places[0])
        self._mouse.press(places[0])
        for place in places[1:]:
            self._mouse.go(place)
        begun = time.process_time()
        self._mouse.release(places[-1])
        binding = self.dock.controller.current
        binding.flush()
        return time.process_time() - begun

    def answer(self, far: bool) -> float:
        """Paint background and a disc where one is looked at; return seconds to the first tile that is seen."""
        layers, dock = self.viewer.layers, self.dock
        dock.hold_class(1)
        self.stroke([(60, -220), (60, -120)])
        dock.hold_class(2)
        name = next(one.name for one in dock.controller.ties.images) + " prediction"
        before = layers[name].data.copy() if name in layers else None
        self.stroke([(-40, 80), (-40, 110)] if not far else [(-60, 60), (-60, 160)])
        released = time.perf_counter()
        waited(lambda: name in layers and layers[name].data.any() and (
            before is None or before.shape != layers[name].data.shape or not np.array_equal(before, layers[name].data)))
        return time.perf_counter() - released

    def close(self) -> None:
        """Close."""
        self.viewer.close()


def plain(side: int) -> dict[str, Any]:
    """Measure the first answer on a plain image of which all is seen, and until all of the view is refined."""
    window = LargeWindow(np.tile(pattern(), (-(-side // PATTERN),) * 2)[:side, :side].copy())
    window.dock.chooser.make_strokes()
    waited(lambda: window.dock.controller.current is not None)
    rest(6)
    said: list[str] = []
    window.dock.controller.prediction.said.connect(said.append)
    seconds = window.answer(far=True)
    found = {"plain": side, "first_answer_s": round(seconds, 2), "from_afar": any("resolution" in one for one in said)}
    window.close()
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=16384)
    parser.add_argument("--keep", type=Path, help="folder for the image; by default it is removed")
    parser.add_argument("--picture", type=Path, help="folder for pictures of the window")
    parser.add_argument("--store", action="store_true", help="also segment the whole image")
    parser.add_argument("--plain", type=int, help="instead: the first answer on a plain image with so many rows")
    parser.add_argument("--row", choices=("stored", "made"), help="this one alone")
    given = parser.parse_args()
    if not given.plain and not given.row:
        for row in ("stored", "made"):
            subprocess.run([sys.executable, *sys.argv, "--row", row], check=True)
        return
    keep_projects_apart()
    if given.plain:
        print(json.dumps(plain(given.plain)))
        return
    with tempfile.TemporaryDirectory() as folder:
        place = given.keep or Path(folder)
        path = (make_pyramid(place / f"large_{given.side}.ome.zarr", given.side) if given.row == "stored" else
                make_plain(place / f"large_{given.side}.tif", given.side))
        window = LargeWindow(path)
        found: dict[str, Any] = {
            "levels": given.row, "side": given.side, "opened_s": round(window.opened, 2),
            "all_seen_s": round(window.seen, 2), "stood_still_s": round(window.still, 2),
            "opening_mb": round(window.took)}
        window.dock.chooser.make_strokes()
        waited(lambda: window.dock.controller.current is not None)
        window.go(given.side / 2, given.side / 2, 500 / given.side)
        rest(6)  # torch comes with the first look at an image
        alone = memory("VmRSS")
        for what, zoom in (("far", 500 / given.side), ("close", 1.0)):
            window.go(given.side / 2 + 130, given.side / 2 - 210, zoom)
            found[f"{what}_level"] = window.dock.controller.current.level.number
            found[f"{what}_first_tile_s"] = round(window.answer(what == "far"), 2)
            rest(8)
            if given.picture:
                name = f"{given.side}_{given.row}_{what}.png"
                window.viewer.window.screenshot(str(given.picture / name), canvas_only=False)
        work = [window.stroke([(row, -150), (row, -100)]) for row in range(-120, 121, 40)]
        found["stroke_ms"] = round(1000 * statistics.median(work), 1)
        found["peak_above_window_mb"] = round(memory("VmHWM") - alone)
        found["window_alone_mb"] = round(alone)
        if given.store:
            before, begun = memory("VmRSS"), time.perf_counter()
            window.dock.predicting._ask = lambda _: str(Path(folder) / "mask.ome.zarr")
            window.dock.predict_button.click()
            waited(lambda: window.dock.predicting.filler.busy)
            waited(lambda: not window.dock.predicting.filler.busy, 3600)
            found["store_s"] = round(time.perf_counter() - begun, 1)
            found["store_level"] = window.dock.controller.current.level.number
            found["store_above_mb"] = round(memory("VmHWM") - before)
        print(json.dumps(found))
        window.close()


if __name__ == "__main__":
    main()

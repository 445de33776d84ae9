"""Time from mouse release to the changed prediction layer, in the real window: xvfb-run python benchmarks/window.py.

Opens a 512 x 512 grey image, paints with the mouse as a person does, presses no button, and prints the median. A stroke
counts from the release of the mouse to the first and to the last redraw of the prediction layer that brought other
labels, in the two seconds after it (the first is the answer, the last what trees make of it); strokes that changed
nothing are left out.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from typing import Any

import napari
import numpy as np
from _apart import keep_projects_apart
from _mouse import Mouse, rest, wait

SIDE = 512
LOOK = 2.0
"""Seconds between strokes."""


def scene(seed: int = 0) -> np.ndarray:
    """Return a grey image of soft, uneven discs, (512, 512) uint8."""
    chance = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    image = 60 + 25 * columns / SIDE
    for _ in range(60):
        row, column, radius = *chance.uniform(20, SIDE - 20, 2), chance.uniform(8, 22)
        distance = np.hypot(rows - row, columns - column)
        image += chance.uniform(30, 80) / (1 + np.exp((distance - radius) / 2))
    return np.clip(image + chance.normal(0, 9, image.shape), 0, 255).astype(np.uint8)


class Window:
    """The window with a first answer in it.

    Parameters
    ----------
    live : bool
        Whether the network learns, too.
    """

    def __init__(self, live: bool) -> None:
        self.viewer = napari.Viewer()
        self.viewer.window._qt_window.resize(1366, 768)
        self._mouse = Mouse(self.viewer)
        self.image = scene()
        self.viewer.add_image(self.image, name="cells")
        self.dock: Any = self.viewer.window.add_plugin_dock_widget("napari-unet-live", "Train U-Net")[1]
        wait(lambda: self.dock.chooser.has_image)
        self.dock.chooser.make_strokes()
        rest(8.0)  # imports aside: torch comes with the first look at the image
        self._chance = np.random.default_rng(0)
        while len(self.dock.session.snapshots.get().painted_ids) < 2:
            self._paint()
            released = time.perf_counter()
            wait(lambda: len(self.dock.session.snapshots.get().painted_ids) > 1, 0.2)
        wait(lambda: "cells prediction" in self.viewer.layers and self.viewer.layers["cells prediction"].data.any())
        self.first = time.perf_counter() - released
        self._layer = self.viewer.layers["cells prediction"]
        self._labels = self._layer.data.copy()
        self._changes: list[float] = []
        for drawn in (self._layer.events.set_data, self._layer.events.labels_update):
            drawn.connect(self._on_drawn)
        if live:
            self.dock.start_live()
            wait(lambda: bool(self.dock.session.learning_curve))

    def _on_drawn(self, _event: Any = None) -> None:
        if not np.array_equal(self._layer.data, self._labels):
            self._labels = self._layer.data.copy()
            self._changes.append(time.perf_counter())

    def _paint(self) -> None:
        row, column = self._chance.uniform(40, SIDE - 40, 2)
        bright = self.image[int(row) - 3 : int(row) + 4, int(column) - 3 : int(column) + 4].mean() > 110
        self.dock.hold_class(2 if bright else 1)
        self._mouse.drag([self._mouse.place((row, side)) for side in (column - 8, column + 8)])

    def answer(self) -> tuple[float, float] | None:
        """Paint a stroke; return the seconds until the prediction changed first and last, None if it did not."""
        self._paint()
        released = time.perf_counter()
        rest(LOOK)  # a person looks at it
        after = [one - released for one in self._changes if one > released]
        self._changes.clear()
        return (after[0], after[-1]) if after else None

    def close(self) -> None:
        """Stop and close."""
        self.dock.controller.stop()
        self.viewer.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strokes", type=int, default=20, help="strokes that change something")
    parser.add_argument("--live", action="store_true", help="while the network learns, too")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    keep_projects_apart()
    window = Window(asked.live)
    took: list[tuple[float, float]] = []
    for _ in range(5 * asked.strokes):
        seconds = window.answer()
        if seconds is not None:
            took.append(seconds)
        if len(took) == asked.strokes:
            break
    window.close()
    print(f"first answer: {1000 * window.first:.0f} ms")
    if not took:
        raise SystemExit("No stroke changed the prediction.")
    first, last = zip(*took, strict=True)
    print(f"release to changed layer, median of {len(took)} strokes: {1000 * statistics.median(first):.0f} ms "
          f"(fastest {1000 * min(first):.0f}, slowest {1000 * max(first):.0f}; target 200); "
          f"last change {1000 * statistics.median(last):.0f} ms")


if __name__ == "__main__":
    main()

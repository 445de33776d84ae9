"""Whether the window is ever frozen: gaps between ticks of its event loop, in the real window under software rendering.

    xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/responsiveness.py --seconds 60 --rounds 3

A timer of 10 ms ticks in the window; a gap is the time between two ticks. Five conditions on one image, in every round
in turn, each round in a process of its own: napari alone, napari alone while somebody paints, instant answers while
somebody paints, live training without painting, live training while somebody paints. Printed are the medians over the
rounds, and how many times as long they are as those of napari alone while somebody paints. Then, once: seconds to the
first answers, from *Live* to the first step, of a fast stroke, and from closing the window to the end of the process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
from _apart import keep_projects_apart
from _mouse import Mouse, rest, wait
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import QApplication

TICK_MS, MOVE_MS = 10, 16
SIDE = 1024
REFERENCE = "napari alone, painting"
LIMITS = {"p99": 1.25, "max": 1.5}
"""How many times as long a gap may be while a network learns and somebody paints."""


def scene(height: int = SIDE, width: int = SIDE, channels: int = 0) -> NDArray[np.uint8]:
    """Return an image of soft discs on uneven ground, (Y, X) or (Y, X, C)."""
    chance = np.random.default_rng(0)
    image = np.tile(60 + 25 * np.arange(width) / width, (height, 1))
    for _ in range(height * width // 5000):
        row, column, radius = chance.integers(30, height - 30), chance.integers(30, width - 30), chance.uniform(8, 22)
        rows, columns = np.mgrid[row - 30 : row + 30, column - 30 : column + 30]
        edge = (np.hypot(rows - row, columns - column) - radius) / 2
        image[row - 30 : row + 30, column - 30 : column + 30] += chance.uniform(30, 80) / (1 + np.exp(edge))
    grey = np.clip(image + chance.normal(0, 9, image.shape), 0, 255).astype(np.uint8)
    return np.stack([grey // (number + 1) for number in range(channels)], -1) if channels else grey


class Person:
    """Paints with the mouse: a second of a curved stroke, half a second of rest, background and class in turn.

    Where the mouse is depends on the clock alone: a window that is busy sees fewer and longer moves.
    """

    def __init__(self, viewer: napari.Viewer, choose: Callable[[int], None]) -> None:
        self._mouse, self._choose = Mouse(viewer), choose
        self._chance = np.random.default_rng(1)
        self._down, self._number = False, 0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(MOVE_MS)
        self._timer.timeout.connect(self._on_move)

    def start(self) -> None:
        """Begin to paint."""
        self._begun = time.perf_counter()
        self._aim()
        self._timer.start()

    def stop(self) -> None:
        """Lift the mouse."""
        self._timer.stop()
        if self._down:
            self.send(QEvent.Type.MouseButtonRelease, self._place(1.0))
            self._down = False

    def _aim(self) -> None:
        self._from, self._way = self._chance.uniform(200, SIDE - 200, 2), self._chance.uniform(-150, 150, 2)
        self._choose(1 + self._number % 2)
        self._number += 1

    def _place(self, part: float) -> tuple[float, float]:
        row, column = self._from + part * self._way + 12 * np.sin(9 * part)
        return float(row), float(column)

    def _on_move(self) -> None:
        now = time.perf_counter() - self._begun
        if now > 1.5:
            self._begun += now
            self._aim()
        elif now > 1.0:
            if self._down:
                self._down = False
                self.send(QEvent.Type.MouseButtonRelease, self._place(1.0))
        elif not self._down:
            self._down = True
            self.send(QEvent.Type.MouseMove, self._place(0.0), held=False)
            self.send(QEvent.Type.MouseButtonPress, self._place(0.0))
        else:
            self.send(QEvent.Type.MouseMove, self._place(now))

    def send(self, kind: QEvent.Type, place: tuple[float, float], held: bool = True) -> None:
        """Put an event of the mouse at a place (row, column) of the image into the queue."""
        self._mouse.post(kind, self._mouse.place(place), held)


def gaps(seconds: float, person: Person | None = None) -> dict[str, float]:
    """Watch the event loop for so long; return p50, p99 and max of the gaps in ms."""
    ticks: list[float] = []
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.setInterval(TICK_MS)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    timer.start()
    if person is not None:
        person.start()
    QTimer.singleShot(int(1000 * seconds), QApplication.instance().quit)  # type: ignore[union-attr]
    QApplication.exec_() if hasattr(QApplication, "exec_") else QApplication.exec()
    if person is not None:
        person.stop()
        rest(0.3)
    timer.stop()
    found = 1000 * np.diff(ticks)
    return {"p50": float(np.median(found)), "p99": float(np.percentile(found, 99)), "max": float(found.max())}


def opened(image: NDArray[np.uint8]) -> tuple[napari.Viewer, Any]:
    """Return a window with an image in it, and a function that opens the dock."""
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(1366, 768)
    viewer.add_image(image, name="cells")

    def dock() -> Any:
        made = viewer.window.add_plugin_dock_widget("napari-unet-live", "Train U-Net")[1]
        wait(lambda: made.chooser.has_image)
        made.chooser.make_strokes()
        return made

    return viewer, dock


def round_of_gaps(seconds: float) -> dict[str, dict[str, float]]:
    """Measure all conditions once."""
    found: dict[str, dict[str, float]] = {}
    viewer, open_dock = opened(scene())
    rest(3.0)
    found["napari alone"] = gaps(seconds)
    plain = viewer.add_labels(np.zeros((SIDE, SIDE), np.uint8), name="plain")
    plain.mode, plain.brush_size = "paint", 10
    person = Person(viewer, lambda number: setattr(plain, "selected_label", number))
    rest(1.0)
    gaps(2.0, person)
    found[REFERENCE] = gaps(seconds, person)
    viewer.layers.remove(plain)
    dock = open_dock()
    strokes = dock.controller.current.strokes
    strokes.brush_size = 10
    person = Person(viewer, dock.hold_class)
    gaps(4.0, person)
    wait(lambda: "cells prediction" in viewer.layers and viewer.layers["cells prediction"].data.any())
    found["instant, painting"] = gaps(seconds, person)
    dock.start_live()
    wait(lambda: bool(dock.session.learning_curve))
    found["live"] = gaps(seconds)
    first = dock.session.learning_curve[-1].step
    found["live, painting"] = gaps(seconds, person)
    found["steps a second"] = {"live, painting": (dock.session.learning_curve[-1].step - first) / seconds}
    dock.controller.stop()
    viewer.close()
    return found


def once(what: str) -> dict[str, float]:
    """Measure one of the single times; a process of its own each."""
    big = what == "first visible tile of 4000 x 4000"
    viewer, open_dock = opened(scene(4000, 4000) if big else scene(960, 999, 3))
    dock = open_dock()
    dock.controller.current.strokes.brush_size = 10
    if big:
        viewer.scene.camera.zoom = 1.0
    rest(6.0)  # a person looks at the image first
    person = Person(viewer, dock.hold_class)
    painted = dock.session.snapshots.get
    for number, row in ((1, 400.0), (2, 500.0)):
        if big:
            row += viewer.scene.camera.center[-2] - 450
        column = float(viewer.scene.camera.center[-1])
        dock.hold_class(number)
        released = _stroke(person, (row, column - 30), (row, column + 30), 0.3)
    wait(lambda: "cells prediction" in viewer.layers and viewer.layers["cells prediction"].data.any())
    found = {what: time.perf_counter() - released}
    if not big:
        pressed = time.perf_counter()
        dock.start_live()
        wait(lambda: bool(dock.session.learning_curve))
        found["from Live to the first step"] = time.perf_counter() - pressed
        before = int(painted().pairs[0].scribbles.planes[0].astype(bool).sum())
        _stroke(person, (700.0, 300.0), (700.0, 600.0), 0.15)
        wait(lambda: int(painted().pairs[0].scribbles.planes[0].astype(bool).sum()) > before, 5.0)
        rest(1.0)
        row = dock.controller.current.strokes.data[700, 300:601]
        found["part of a fast stroke that is painted"] = float(np.count_nonzero(row) / row.size)
    found["closing at"] = time.time()
    viewer.close()
    return found


def _stroke(person: Person, start: tuple[float, float], end: tuple[float, float], seconds: float) -> float:
    """Paint a straight stroke in so many seconds; return when the mouse was released."""
    person.send(QEvent.Type.MouseMove, start, held=False)
    person.send(QEvent.Type.MouseButtonPress, start)
    begun = time.perf_counter()
    while (part := (time.perf_counter() - begun) / seconds) < 1:
        row, column = (1 - part) * np.array(start) + part * np.array(end)
        person.send(QEvent.Type.MouseMove, (float(row), float(column)))
        rest(MOVE_MS / 1000)
    person.send(QEvent.Type.MouseMove, end)
    person.send(QEvent.Type.MouseButtonRelease, end)
    released = time.perf_counter()
    rest(0.2)
    return released


def _in_a_process(*arguments: str) -> tuple[dict[str, Any], float]:
    """Run this script with a task; return what it found and when it had ended."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        # its status is not 0 if a thread had to be left behind; if it found nothing, there is no file to read
        subprocess.run([sys.executable, __file__, *arguments, "--out", str(out)], check=False)
        ended = time.time()
        return json.loads(out.read_text("utf-8")), ended


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each condition in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("gaps", "times"), help="one half of it")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    parser.add_argument("--out", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.task:
        warnings.simplefilter("ignore")
        keep_projects_apart()
        found: Any = round_of_gaps(asked.seconds) if asked.task == "gaps" else once(asked.task)
        Path(asked.out).write_text(json.dumps(found), "utf-8")
        return
    if asked.only != "times":
        rounds = [_in_a_process("--task", "gaps", "--seconds", str(asked.seconds))[0] for _ in range(asked.rounds)]
        _print_gaps(rounds)
    if asked.only != "gaps":
        for what in ("first answer, 960 x 999 RGB", "first visible tile of 4000 x 4000"):
            found, ended = _in_a_process("--task", what)
            found["from closing the window to the end of the process"] = ended - found.pop("closing at")
            for name, value in found.items():
                print(f"{name}: {value:.2f}")


def _print_gaps(rounds: list[dict[str, dict[str, float]]]) -> None:
    steps = [one.pop("steps a second")["live, painting"] for one in rounds]
    medians = {name: {kind: statistics.median(one[name][kind] for one in rounds) for kind in ("p50", "p99", "max")}
               for name in rounds[0]}
    print(f"{'gaps between ticks in ms':28}{'p50':>8}{'p99':>8}{'max':>8}   times {REFERENCE!r}")
    for name, row in medians.items():
        times = [f"{kind} {row[kind] / medians[REFERENCE][kind]:.2f}" for kind in row]
        print(f"{name:28}" + "".join(f"{value:8.0f}" for value in row.values()) + "   " + ", ".join(times))
    print(f"steps a second while painting: {statistics.median(steps):.1f}")
    over = [f"{kind} {medians['live, painting'][kind] / medians[REFERENCE][kind]:.2f} (at most {limit})"
            for kind, limit in LIMITS.items()
            if medians["live, painting"][kind] > limit * medians[REFERENCE][kind]]
    print("live, painting: " + ("within the limits" if not over else "over the limits: " + ", ".join(over)))


if __name__ == "__main__":
    main()

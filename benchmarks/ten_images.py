"""A session of ten images by mouse, from opening the folder to ten exported masks and the table of counts.

    python benchmarks/ten_images.py FOLDER --truth TRUTH.tif --shots SHOTS

FOLDER holds the images as TIFF files (or is one TIFF stack, whose planes are taken for images), TRUTH.tif their labels,
coded like strokes. A simulated person paints on the first images, predicts and looks at all, and exports. Every click,
key and stroke is made by mouse and keyboard in a real window (on a machine without one, under ``xvfb-run -a``), and
counted; the two docks are opened from the menu, of which three clicks each are counted, too. The masks are scored.
Nothing is written into FOLDER.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

MENU_CLICKS = 3


class Person:
    """Clicks, types and paints, and counts it.

    Parameters
    ----------
    viewer : napari Viewer
    shots : Path or None
        Folder for pictures.
    """

    def __init__(self, viewer: Any, shots: Path | None) -> None:
        from _mouse import Mouse

        self.viewer, self.shots, self.mouse = viewer, shots, Mouse(viewer)
        self.clicks = self.strokes = self.keys = self.texts = self.pictures = 0
        self.began, self.resting = time.perf_counter(), 0.0

    @property
    def seconds(self) -> float:
        """Seconds since it began, without those that pictures take."""
        return time.perf_counter() - self.began - self.resting

    def wait(self, until: Callable[[], bool], what: str) -> None:
        """Let the window live until something is so."""
        from _mouse import wait

        if not wait(until):
            raise SystemExit(f"Waited in vain: {what}.")

    def click(self, widget: Any) -> None:
        """Click a control with the mouse."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest
        from qtpy.QtWidgets import QApplication

        self.wait(lambda: widget.isVisible() and widget.isEnabled(), f"{widget.objectName()} can be clicked")
        self.clicks += 1
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=widget.rect().center())
        QApplication.processEvents()

    def open_dock(self, name: str) -> Any:
        """Open a dock from the menu."""
        self.clicks += MENU_CLICKS
        return self.viewer.window.add_plugin_dock_widget("napari-unet-live", name)[1]

    def dialog(self, dock: Any, name: str) -> Any:
        """Return a dialog that has come."""
        found: list[Any] = []

        def there() -> bool:
            found[:] = [one for one in dock.children() if one.objectName() == name and one.isVisible()]
            return bool(found)

        self.wait(there, f"the dialog {name}")
        return found[0]

    def type(self, box: Any, text: str) -> None:
        """Write a text into a line in place of what is there."""
        from qtpy.QtTest import QTest

        self.texts += 1
        box.selectAll()
        QTest.keyClicks(box, text)

    def press(self, key: str) -> None:
        """Press a key while the pointer is over the image."""
        from qtpy.QtGui import QKeySequence
        from qtpy.QtTest import QTest
        from qtpy.QtWidgets import QApplication

        self.keys += 1
        QTest.keySequence(self.viewer.window._qt_viewer.canvas.native, QKeySequence(key))
        QApplication.processEvents()

    def stroke(self, layer: Any, points: np.ndarray) -> None:
        """Paint along points (row, column) with the mouse held down."""
        self.mouse.drag([self.mouse.place(point, layer) for point in points], steps=4)
        self.strokes += 1

    def picture(self, name: str, of: Any = None) -> None:
        """Take a picture of the window, or of a dialog, when it has been drawn."""
        if self.shots is None:
            return
        from _mouse import rest

        begun = time.perf_counter()
        self.pictures += 1
        rest(0.7)
        shown = self.viewer.window._qt_window if of is None else of
        shown.grab().save(str(self.shots / f"{self.pictures:02}_{name}.png"))
        self.resting += time.perf_counter() - begun


def lines_inside(region: np.ndarray, count: int, half: int, radius: float) -> list[np.ndarray]:
    """Return short lines, ends as (row, column), along which a brush stays inside of a region, far from each other."""
    from scipy.ndimage import distance_transform_edt

    room = distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    free, found = room.copy(), []
    turns = [np.array([np.sin(turn), np.cos(turn)]) for turn in np.linspace(0, np.pi, 8, endpoint=False)]
    while len(found) < count and free.max() > radius:
        middle = np.array(np.unravel_index(free.argmax(), free.shape), float)
        ends = []
        for way in turns:
            reach = [step for step in range(half + 1) if all(
                _at(room, middle + sign * step * way) > radius for sign in (-1, 1))]
            ends.append((max(reach, default=0), way))
        length, way = max(ends, key=lambda one: one[0])
        found.append(np.array([middle - length * way, middle + length * way]))
        rows, columns = np.indices(free.shape)
        free[(rows - middle[0]) ** 2 + (columns - middle[1]) ** 2 < (4 * half) ** 2] = 0
    return found


def _at(room: np.ndarray, point: np.ndarray) -> float:
    row, column = point.round().astype(int)
    return float(room[row, column]) if 0 <= row < room.shape[0] and 0 <= column < room.shape[1] else 0.0


def arrive(person: Person, dock: Any, at: int) -> Any:
    """Wait until an image is in the window; return its strokes."""
    record = dock.images.records[at]
    name = f"{record.name} strokes"
    person.wait(lambda: dock.session.images.current == record.id and name in person.viewer.layers, record.name)
    return person.viewer.layers[name]


def paint(person: Person, dock: Any, truth: np.ndarray, count: int) -> None:
    """Paint on the first images, one after the other: so many strokes of each class, inside of what is there."""
    for at, labels in enumerate(truth):
        if at:
            person.press("PgDown")
        layer = arrive(person, dock, at)
        key = dock.images.records[at].id
        for number in sorted(set(np.unique(labels)) - {0}):
            person.press(f"Ctrl+{number}")
            person.wait(lambda number=number, layer=layer: layer.selected_label == number, f"brush {number}")
            lines = lines_inside(labels == number, count, 20, layer.brush_size / 2)
            while len(lines) < count and layer.brush_size > 2:  # as a person takes a smaller brush for small things
                person.press("[")
                lines = lines_inside(labels == number, count, 20, layer.brush_size / 2)
            for line in lines:
                person.stroke(layer, line)
        person.wait(lambda key=key: dock.images.is_painted(key) and dock.session.model is not None, "the answer")
        person.picture(f"painted_{at + 1}")


def session(folder: Path, truth: np.ndarray, out: Path, arguments: argparse.Namespace) -> None:
    """Do it all and print what it took."""
    import napari

    viewer = napari.Viewer(show=True)
    viewer.theme = arguments.theme
    viewer.window._qt_window.resize(*arguments.size)
    person = Person(viewer, arguments.shots)
    train = person.open_dock("Train U-Net")
    dock = person.open_dock("Images")
    person.picture("empty")
    person.click(dock.folder_button)
    dialog = person.dialog(dock, "add_folder")
    person.type(dialog.folder_box, str(folder))
    person.wait(dialog.add.isEnabled, "the folder is looked at")
    person.picture("add_folder", dialog)
    person.click(dialog.add)
    person.wait(lambda: not dock.jobs.busy and dock.session.images.current is not None, "the first image")
    person.picture("opened")
    paint(person, dock, truth[:arguments.painted], arguments.count)
    person.click(dock.predict_button)
    person.picture("predicting")
    person.wait(lambda: not dock.jobs.busy, "all predictions")
    person.picture("predicted")
    for at in range(arguments.painted, len(dock.images.records)):
        person.press("PgDown")
        arrive(person, dock, at)
        if at in (arguments.painted, len(dock.images.records) - 1):
            person.picture(f"looked_at_{at + 1}")
    person.click(dock.export_button)
    dialog = person.dialog(dock, "export_all")
    person.type(dialog.folder_box, str(out))
    person.picture("export_all", dialog)
    person.click(dialog.export)
    person.wait(lambda: not dock.jobs.busy and (out / "counts.csv").is_file(), "masks and counts")
    seconds = person.seconds
    person.picture("exported")
    train.parentWidget().raise_()
    person.picture("train_dock")
    print(f"{len(list(out.glob('*_mask.tif')))} masks and the table: {person.clicks} clicks, {person.keys} keys, "
          f"{person.texts} texts, {person.strokes} strokes, {seconds:.1f} s")
    viewer.close()


def score(out: Path, truth: np.ndarray, painted: int) -> None:
    """Print Dice of the first class of each mask, and their means on images that were painted and on others."""
    dice = []
    for path, wanted in zip(sorted(out.glob("*_mask.tif")), truth, strict=True):
        found, known = tifffile.imread(path) > 0, wanted > 0
        both = 2 * np.sum(found & (wanted > 1) & known)
        dice.append(float(both / max(1, np.sum(found & known) + np.sum(wanted > 1))))
        print(f"{path.name}  Dice {dice[-1]:.3f}")
    print(f"Dice: {np.mean(dice[:painted]):.3f} on the {painted} painted images, {np.mean(dice[painted:]):.3f} on the "
          f"{len(dice) - painted} others")


def main() -> None:
    """Read the arguments and go."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="folder of TIFF files, or one TIFF stack")
    parser.add_argument("--truth", type=Path, required=True, help="stack of labels, by plane, coded like strokes")
    parser.add_argument("--painted", type=int, default=2, help="on so many images, the first ones, one paints")
    parser.add_argument("--count", type=int, default=4, help="strokes of each class on each of them")
    parser.add_argument("--shots", type=Path, help="folder for pictures of the window")
    parser.add_argument("--size", type=int, nargs=2, default=(1366, 768), help="of the window")
    parser.add_argument("--theme", default="dark", choices=("dark", "light"))
    arguments = parser.parse_args()
    if arguments.shots is not None:
        arguments.shots.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")  # what others warn of is no result
    truth = tifffile.imread(arguments.truth)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        os.environ["NAPARI_UNET_CONFIG"] = str(work / "config")
        (work / "images").mkdir()
        if arguments.folder.is_dir():
            planes = [tifffile.imread(one) for one in sorted(arguments.folder.glob("*.tif*"))]
        else:
            planes = list(tifffile.imread(arguments.folder))
        for number, plane in enumerate(planes):
            tifffile.imwrite(work / "images" / f"image_{number:02}.tif", plane)
        out = work / "exports"
        session(work / "images", truth, out, arguments)
        print((out / "counts.csv").read_text(encoding="utf-8-sig"))
        score(out, truth, arguments.painted)


if __name__ == "__main__":
    main()

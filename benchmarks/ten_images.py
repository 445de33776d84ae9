"""A session of ten images by mouse, from opening the folder to ten exported masks and the table of counts.

    python benchmarks/ten_images.py FOLDER --strokes STROKES.tif --truth TRUTH.tif --shots SHOTS

FOLDER holds the images as TIFF files (or is one TIFF stack, whose planes are taken for images). What is painted on the
first images is taken from a stack of strokes, by plane. Every click, key and stroke is made by mouse and keyboard in a
real window (on a machine without one, under ``xvfb-run -a``), and counted; the two docks are opened from the menu, of
which three clicks each are counted, too. The masks are scored against TRUTH, which is painted like the strokes. Nothing
is written into FOLDER.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

SLOW = 300.0
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
        self.viewer, self.shots = viewer, shots
        self.clicks = self.strokes = self.keys = self.texts = self.pictures = 0
        self.began, self.resting = time.perf_counter(), 0.0

    @property
    def seconds(self) -> float:
        """Seconds since it began, without those that pictures take."""
        return time.perf_counter() - self.began - self.resting

    def wait(self, until: Callable[[], bool], what: str) -> None:
        """Turn the event loop until something is so."""
        from qtpy.QtWidgets import QApplication

        end = time.perf_counter() + SLOW
        while not until():
            QApplication.processEvents()
            time.sleep(0.001)
            if time.perf_counter() > end:
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
        from qtpy.QtCore import QPoint, Qt
        from qtpy.QtTest import QTest
        from qtpy.QtWidgets import QApplication

        from napari_unet.ui.train.viewport import camera_of

        native, camera = self.viewer.window._qt_viewer.canvas.native, camera_of(self.viewer)

        def place(point: np.ndarray) -> Any:
            world = layer.data_to_world(tuple(point))
            return QPoint(round(native.width() / 2 + (world[-1] - camera.center[-1]) * camera.zoom),
                          round(native.height() / 2 + (world[-2] - camera.center[-2]) * camera.zoom))

        left = Qt.MouseButton.LeftButton
        QTest.mouseMove(native, place(points[0]))
        QTest.mousePress(native, left, Qt.KeyboardModifier.NoModifier, place(points[0]))
        for start, stop in itertools.pairwise(points):
            for part in np.linspace(0, 1, 5):
                QTest.mouseMove(native, place((1 - part) * start + part * stop))
                QApplication.processEvents()
        QTest.mouseRelease(native, left, Qt.KeyboardModifier.NoModifier, place(points[-1]))
        QApplication.processEvents()
        self.strokes += 1

    def picture(self, name: str, of: Any = None) -> None:
        """Take a picture of the window, or of a dialog, when it has been drawn."""
        if self.shots is None:
            return
        begun = time.perf_counter()
        self.pictures += 1
        self.wait(lambda: time.perf_counter() > begun + 0.7, "a moment")
        shown = self.viewer.window._qt_window if of is None else of
        shown.grab().save(str(self.shots / f"{self.pictures:02}_{name}.png"))
        self.resting += time.perf_counter() - begun


def paths_of(strokes: np.ndarray, number: int, count: int) -> list[np.ndarray]:
    """Return a few short paths through the largest painted parts of a class."""
    from skimage.measure import label, regionprops

    parts = sorted(regionprops(label(strokes == number)), key=lambda one: -one.area)[:count]
    found = []
    for part in parts:
        order = part.coords[np.argsort(part.coords @ np.array([1, 1.01]))]
        found.append(order[np.linspace(0, len(order) - 1, 4).astype(int)].astype(float))
    return found


def arrive(person: Person, dock: Any, at: int) -> Any:
    """Wait until an image is in the window; return its strokes."""
    record = dock.images.records[at]
    name = f"{record.name} strokes"
    person.wait(lambda: dock.session.images.current == record.id and name in person.viewer.layers, record.name)
    return person.viewer.layers[name]


def paint(person: Person, dock: Any, strokes: np.ndarray) -> None:
    """Paint on the first images, one after the other."""
    for at, painted in enumerate(strokes):
        if at:
            person.press("PgDown")
        layer = arrive(person, dock, at)
        key = dock.images.records[at].id
        for number in (1, 2):
            person.press(f"Ctrl+{number}")
            person.wait(lambda number=number, layer=layer: layer.selected_label == number, f"brush {number}")
            for path in paths_of(painted, number, 3):
                person.stroke(layer, path)
        person.wait(lambda key=key: dock.images.is_painted(key) and dock.session.model is not None, "the answer")
        person.picture(f"painted_{at + 1}")


def session(folder: Path, strokes: np.ndarray, out: Path, shots: Path | None, size: Sequence[int], theme: str) -> None:
    """Do it all and print what it took."""
    import napari

    viewer = napari.Viewer(show=True)
    viewer.theme = theme
    viewer.window._qt_window.resize(*size)
    person = Person(viewer, shots)
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
    paint(person, dock, strokes)
    person.click(dock.predict_button)
    person.picture("predicting")
    person.wait(lambda: not dock.jobs.busy, "all predictions")
    person.picture("predicted")
    for at in range(len(strokes), len(dock.images.records)):
        person.press("PgDown")
        arrive(person, dock, at)
        if at in (len(strokes), len(dock.images.records) - 1):
            person.picture(f"looked_at_{at + 1}")
    person.click(dock.export_button)
    dialog = person.dialog(dock, "export_all")
    person.type(dialog.folder_box, str(out))
    person.picture("export_all", dialog)
    person.click(dialog.export)
    person.wait(lambda: not dock.jobs.busy and (out / "counts.csv").is_file(), "masks and counts")
    seconds = person.seconds
    person.picture("exported")
    if shots is not None:
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
    parser.add_argument("--strokes", type=Path, required=True, help="stack of strokes, by plane")
    parser.add_argument("--truth", type=Path, help="stack of labels, by plane")
    parser.add_argument("--shots", type=Path, help="folder for pictures of the window")
    parser.add_argument("--size", type=int, nargs=2, default=(1366, 768), help="of the window")
    parser.add_argument("--theme", default="dark", choices=("dark", "light"))
    arguments = parser.parse_args()
    if arguments.shots is not None:
        arguments.shots.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")  # what others warn of is no result
    strokes = np.stack([one for one in tifffile.imread(arguments.strokes) if one.any()])
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
        session(work / "images", strokes, out, arguments.shots, arguments.size, arguments.theme)
        print((out / "counts.csv").read_text(encoding="utf-8-sig"))
        if arguments.truth is not None:
            score(out, tifffile.imread(arguments.truth), len(strokes))


if __name__ == "__main__":
    main()

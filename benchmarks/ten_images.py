"""A session of ten images by mouse, from opening the folder to ten exported masks and the table of counts.

    python benchmarks/ten_images.py FOLDER --strokes STROKES.tif --shots SHOTS

FOLDER holds the images as TIFF files (or is one TIFF stack, whose planes are taken for images). What is painted on the
first images is taken from a stack of strokes. Every click, key and stroke is made by mouse and keyboard in a real
window (on a machine without one, under ``xvfb-run -a``), and counted. Nothing is written into FOLDER.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

SLOW = 300.0


class Person:
    """Clicks, types and paints, and counts it."""

    def __init__(self, viewer: Any, shots: Path | None) -> None:
        self.viewer, self.shots = viewer, shots
        self.clicks = self.strokes = self.keys = self.pictures = 0
        self.began = time.perf_counter()

    def wait(self, until: Any) -> None:
        """Turn the event loop until something is so."""
        from qtpy.QtWidgets import QApplication

        end = time.perf_counter() + SLOW
        while not until():
            QApplication.processEvents()
            if time.perf_counter() > end:
                raise SystemExit("Waited in vain.")

    def click(self, widget: Any) -> None:
        """Click a control with the mouse."""
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        self.wait(lambda: widget.isVisible() and widget.isEnabled())
        self.clicks += 1
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=widget.rect().center())

    def type(self, widget: Any, text: str) -> None:
        """Write into a field; counted as one."""
        self.keys += 1
        widget.setText(text)

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

    def picture(self, name: str) -> None:
        """Take a picture of the window."""
        if self.shots is not None:
            self.pictures += 1
            end = time.perf_counter() + 0.5
            self.wait(lambda: time.perf_counter() > end)
            self.viewer.window._qt_window.grab().save(str(self.shots / f"{self.pictures}_{name}.png"))


def paths_of(strokes: np.ndarray, number: int, count: int) -> list[np.ndarray]:
    """Return a few short paths through the largest painted parts of a class."""
    from skimage.measure import label, regionprops

    parts = sorted(regionprops(label(strokes == number)), key=lambda one: -one.area)[:count]
    found = []
    for part in parts:
        order = part.coords[np.argsort(part.coords @ np.array([1, 1.01]))]
        found.append(order[np.linspace(0, len(order) - 1, 4).astype(int)].astype(float))
    return found


def paint(person: Person, dock: Any, strokes: np.ndarray) -> None:
    """Paint on the first images, one after the other."""
    images = dock.session.images
    for at, painted in enumerate(strokes):
        if at:
            person.click(dock.next_button)
        record = dock.images.records[at]
        person.wait(lambda key=record.id: images.current == key)
        layer = next(one for one in person.viewer.layers if one.name == f"{record.name} strokes")
        for number in (1, 2):
            layer.selected_label = number
            person.keys += 1
            for path in paths_of(painted, number, 3):
                person.stroke(layer, path)
        person.wait(lambda key=record.id: dock.images.is_painted(key) and dock.session.model is not None)
        person.picture(f"painted_{at + 1}")


def session(folder: Path, strokes: np.ndarray, out: Path, shots: Path | None, size: tuple[int, int]) -> None:
    """Do it all and print what it took."""
    import napari

    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(*size)
    person = Person(viewer, shots)
    viewer.window.add_plugin_dock_widget("napari-unet-live", "Train U-Net")
    dock = viewer.window.add_plugin_dock_widget("napari-unet-live", "Images")[1]
    images = dock.session.images
    person.click(dock.folder_button)
    dialog = next(one for one in dock.children() if one.objectName() == "add_folder")
    person.type(dialog.folder_box, str(folder))
    person.click(dialog.add)
    person.wait(lambda: not dock.jobs.busy and images.current is not None)
    person.picture("opened")
    paint(person, dock, strokes)
    person.click(dock.predict_button)
    person.wait(lambda: not dock.jobs.busy)
    person.picture("predicted")
    person.click(dock.export_button)
    dialog = next(one for one in dock.children() if one.objectName() == "export_all")
    person.type(dialog.folder_box, str(out))
    if shots is not None:
        dialog.grab().save(str(shots / "export_dialog.png"))
    person.click(dialog.export)
    person.wait(lambda: not dock.jobs.busy and (out / "counts.csv").is_file())
    seconds = time.perf_counter() - person.began
    for _ in range(len(strokes)):
        dock.next_button.click()
    person.wait(lambda: images.awaited is None)
    person.picture("exported")
    print(f"{len(list(out.glob('*_mask.tif')))} masks and the table: {person.clicks} clicks, {person.keys} keys or "
          f"texts, {person.strokes} strokes, {seconds:.1f} s")
    print((out / "counts.csv").read_text(encoding="utf-8-sig"))
    viewer.close()


def main() -> None:
    """Read the arguments and go."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="folder of TIFF files, or one TIFF stack")
    parser.add_argument("--strokes", type=Path, required=True, help="stack of strokes, by plane")
    parser.add_argument("--shots", type=Path, help="folder for pictures of the window")
    parser.add_argument("--size", type=int, nargs=2, default=(1366, 768), help="of the window")
    arguments = parser.parse_args()
    if arguments.shots is not None:
        arguments.shots.mkdir(parents=True, exist_ok=True)
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
        session(work / "images", strokes, work / "exports", arguments.shots, tuple(arguments.size))


if __name__ == "__main__":
    main()

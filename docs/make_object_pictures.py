"""Make the pictures of ``docs/objects.md`` from the real window: ``xvfb-run python docs/make_object_pictures.py``.

The window is driven as a person would: menus, mouse strokes on the canvas, clicks on buttons and rows. What is to be
seen in the end is printed: how many objects there are, and how many there should be, and what it took: clicks (menus
with all their lines), drags with the mouse, keys, and seconds, pauses for pictures included.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
import warnings
from pathlib import Path

import napari
import numpy as np
from make_figures import IMAGES, SIZE, click, drag, rest, save, wait
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

from napari_unet.sample_data import load

PLUGIN = "napari-unet-live"


class Tally:
    """What a person would have done so far."""

    def __init__(self) -> None:
        self.clicks = self.drags = self.keys = 0
        self._begun = time.monotonic()

    def click(self, count: int = 1) -> None:
        """Count clicks; a menu takes one for each of its levels."""
        self.clicks += count

    @property
    def words(self) -> str:
        """All of it."""
        seconds = time.monotonic() - self._begun
        return f"{self.clicks} clicks, {self.drags} drags, {self.keys} keys, {seconds:.0f} s"


def main() -> None:
    """Go from the image to the table."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:  # for the project that the first stroke makes
        os.environ["NAPARI_UNET_CONFIG"] = folder
        Path(folder, "preferences.json").write_text(json.dumps({"place": folder}), "utf-8")
        take_pictures(Path(folder))


def take_pictures(folder: Path) -> None:
    """Open the window and take the pictures on the way."""
    truth = load("clusters").objects[0]
    assert truth is not None
    viewer = napari.Viewer()
    window = viewer.window._qt_window
    window.resize(*SIZE)
    window.statusBar().hide()
    tally = Tally()
    tally.click(4)  # File > Open Sample > napari-unet > ...
    viewer.open_sample(PLUGIN, "clusters")
    rest(1)
    viewer.layers["clusters strokes"].visible = False
    save(viewer, "objects1")

    viewer.layers["clusters strokes"].visible = True
    tally.click(3)
    train = viewer.window.add_plugin_dock_widget(PLUGIN, "Train U-Net")[1]
    wait(lambda: "clusters prediction" in viewer.layers, 60)
    rest(4)
    save(viewer, "objects2")

    tally.click(3)
    dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Objects")[1]
    wait(lambda: "clusters objects" in viewer.layers and np.asarray(viewer.layers["clusters objects"].data).any(), 60)
    rest(3)
    objects = viewer.layers["clusters objects"]
    viewer.layers["clusters strokes"].visible = viewer.layers["clusters prediction"].visible = False
    print(f"found {count(objects.data)}, drawn {count(truth)}")
    save(viewer, "objects3")

    click(dock, "objects_cut")  # it stays in the hand
    tally.click(3)  # and to hide strokes and prediction
    cuts = 0
    while cuts < 12 and (lines := together(np.asarray(objects.data[0]), truth[0])):
        drag(viewer, objects, lines[0])
        rest(2)
        cuts += 1
        tally.drags += 1
        if cuts == 1:
            print(f"after one cut {count(objects.data)}")
            save(viewer, "objects4")
    click(dock, "objects_join")
    joins = 0
    while joins < 12 and (lines := apart(np.asarray(objects.data[0]), truth[0])):
        drag(viewer, objects, lines[0])
        rest(2)
        joins += 1
        tally.drags += 1
    click(dock, "objects_join")
    tally.click(2)
    print(f"parted: {tally.words}")
    print(f"after {cuts} cuts and {joins} joins {count(objects.data)}")
    save(viewer, "objects5")

    tally.click(3)
    table = viewer.window.add_plugin_dock_widget(PLUGIN, "Object table")[1]
    wait(lambda: table.measured is not None and not table.measurer.stale and not table.measurer.running, 60)
    print(f"measured: {tally.words}")
    rest(1)
    save(viewer, "objects6")

    table.view.sortByColumn(table.view.rows.columns.index("area"), Qt.SortOrder.DescendingOrder)
    place = table.view.visualRect(table.view.rows.index(1, 0)).center()
    QTest.mouseClick(table.view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    tally.click(4)  # a heading, a row, and a line of a list
    table.y_box.setCurrentIndex(table.y_box.findData("mean"))
    rest(1)
    save(viewer, "objects7")

    viewer.reset_view()
    click(table, "table_add_filter")
    rest(0.5)
    edit = table.findChild(QWidget, "table_filter_1_low")
    edit.setFocus()
    QTest.keyClicks(edit, "140")
    QTest.keyClick(edit, Qt.Key.Key_Return)
    tally.click(2)
    tally.keys += 4
    rest(1)
    save(viewer, "objects8")
    print(f"filtered: {tally.words}")
    print(table.count.text(), "|", train.objectName(), folder.exists(), IMAGES.exists())
    viewer.close()


def count(objects: np.ndarray) -> int:
    """Count numbers other than 0."""
    return int(np.count_nonzero(np.unique(np.asarray(objects))))


def together(found: np.ndarray, truth: np.ndarray) -> list[list[tuple[float, float]]]:
    """Return a line across each bridge between two nuclei that were found as one."""
    lines = []
    for one, other in pairs(truth):
        if main_number(found, truth == one) == main_number(found, truth == other) != 0:
            lines.append(line_between(truth, one, other))
    return lines


def apart(found: np.ndarray, truth: np.ndarray) -> list[list[tuple[float, float]]]:
    """Return a line through the parts of each nucleus that was found in several."""
    lines = []
    for one in range(1, int(truth.max()) + 1):
        numbers, sizes = np.unique(found[truth == one], return_counts=True)
        large = [number for number, size in zip(numbers, sizes, strict=True)
                 if number and size > max(20, np.count_nonzero(found == number) / 2)]  # else it is of a neighbour
        if len(large) > 1:
            lines.append([tuple(np.argwhere((found == number) & (truth == one)).mean(axis=0)) for number in large])
    return lines


def main_number(found: np.ndarray, where: np.ndarray) -> int:
    """Return the number that most of some pixels have."""
    return int(np.bincount(found[where]).argmax())


def pairs(truth: np.ndarray) -> list[tuple[int, int]]:
    """Return the numbers of nuclei that touch."""
    found = set()
    for axis in (0, 1):
        a, b = np.moveaxis(truth, axis, 0)[:-1], np.moveaxis(truth, axis, 0)[1:]
        meet = (a != b) & (a > 0) & (b > 0)
        found |= {(int(min(one)), int(max(one))) for one in zip(a[meet], b[meet], strict=True)}
    return sorted(found)


def line_between(truth: np.ndarray, one: int, other: int) -> list[tuple[float, float]]:
    """Return the ends of a line along the border of two nuclei, a little longer than it."""
    import scipy.ndimage as ndi

    border = np.argwhere(ndi.binary_dilation(truth == one) & (truth == other)).astype(float)
    middle = border.mean(axis=0)
    along = np.linalg.svd(border - middle)[2][0]
    half = np.abs((border - middle) @ along).max() + 4
    return [tuple(middle - half * along), tuple(middle + half * along)]


if __name__ == "__main__":
    main()

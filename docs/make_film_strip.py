"""Make the film strip of the window with several images, of axes and of what it says: ``make figures`` runs it, too.

Each picture is the real window in a situation that went wrong once; the line below it says what is to be seen.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import napari
import numpy as np
from make_figures import IMAGES, SIZE, click, drag, rest, wait
from matplotlib import pyplot as plt
from qtpy.QtWidgets import QApplication, QMessageBox, QWidget

from napari_unet.sample_data import load

Picture = tuple[str, Path]


def opened(images: dict[str, np.ndarray]) -> tuple[napari.Viewer, QWidget]:
    """Open a window with images and the training dock."""
    viewer = napari.Viewer()
    viewer.window._qt_window.resize(*SIZE)
    viewer.window._qt_window.statusBar().hide()
    for name, data in images.items():
        viewer.add_image(data, name=name)
    dock = viewer.window.add_plugin_dock_widget("napari-unet-live", "Train U-Net")[1]
    wait(lambda: dock.chooser.has_image, 30)
    rest(1)
    return viewer, dock


def shot(viewer: napari.Viewer, folder: Path, text: str) -> Picture:
    """Take a picture of the whole window."""
    rest(0.7)
    path = folder / f"{len(list(folder.iterdir())):02}.png"
    viewer.window._qt_window.grab().save(str(path))
    return text, path


def several_images(folder: Path) -> Iterator[Picture]:
    """Ten images, one of which is looked at; a renamed one; paint on what is not seen."""
    planes = load("nuclei").pairs[0].image.data
    names = [f"fluo_{number:02}" for number in range(10)]
    viewer, dock = opened({name: np.roll(planes[0], 17 * at, 1) for at, name in enumerate(names)})
    click(dock, "train_new_strokes")
    dock.hold_class(1)
    drag(viewer, viewer.layers["fluo_09 strokes"], [(8, 20), (8, 120)])
    dock.chooser.image_box.layer = viewer.layers["fluo_03"]
    rest(1)
    click(dock, "train_new_strokes")
    dock.hold_class(2)
    drag(viewer, viewer.layers["fluo_03 strokes"], [(60, 60), (60, 80)])
    yield shot(viewer, folder, "Ten images open. fluo_03 was chosen in the dock: it is what one sees and paints on; "
                               "fluo_09 and its strokes are hidden.")
    viewer.layers["fluo_03"].name = "field 1"
    viewer.add_image(planes[0][::-1], name="fluo_03")
    rest(1.5)
    yield shot(viewer, folder, "fluo_03 was renamed to field 1, and another fluo_03 opened: the strokes stay with "
                               "field 1, whose name they follow.")
    dock.chooser.image_box.layer = viewer.layers["field 1"]
    rest(1)
    dock.chooser.one_tick.setChecked(False)
    viewer.layers.move(viewer.layers.index(viewer.layers["fluo_03"]), len(viewer.layers))
    dock.hold_class(2)
    drag(viewer, viewer.layers["field 1 strokes"], [(90, 60), (90, 90)])
    yield shot(viewer, folder, "One image at a time is off, and another picture covers the one painted on: it is said "
                               "at the first stroke.")
    viewer.close()


def axes_and_channels(folder: Path) -> Iterator[Picture]:
    """A file of times and channels; layers that are channels of one image."""
    planes = np.asarray(load("nuclei").pairs[0].image.data[0])
    stack = np.stack([np.stack([np.roll(planes, 9 * at, 0), 255 - planes]) for at in range(5)])
    viewer, dock = opened({"series": stack})
    dock.chooser.axes_box.setCurrentIndex(dock.chooser.axes_box.findData("TCYX"))
    dock.chooser.axes_box.activated.emit(dock.chooser.axes_box.currentIndex())
    click(dock, "train_new_strokes")
    yield shot(viewer, folder, "Five times of two channels, said once beside Axes: all docks read the image so.")
    viewer.close()
    viewer, dock = opened({"dapi": planes, "gfp": 255 - planes})
    dock.chooser.image_box.layer = viewer.layers["dapi"]
    wait(lambda: dock.chooser.channels.has_choice, 10)
    dock.chooser.channels.list.actions()[0].trigger()
    yield shot(viewer, folder, "Two layers are the channels of one image, by a tick in the list beside Axes.")
    viewer.close()


def state_of_things(folder: Path) -> Iterator[Picture]:
    """Advanced opened first; what takes long; removing a class."""
    planes = load("nuclei").pairs[0].image.data
    viewer, dock = opened({"nuclei": planes[0]})
    dock.findChild(QWidget, "train_advanced_fold").expand(animate=False)
    dock.controller.prediction._waiting.setInterval(0)
    click(dock, "train_new_strokes")
    strokes = viewer.layers["nuclei strokes"]
    for number, row in ((1, 8), (2, 60)):
        dock.hold_class(number)
        drag(viewer, strokes, [(row, 60), (row, 80)])
    wait(lambda: dock.session.state.phase == "answering", 10)
    viewer.window._qt_window.grab()  # let the line be painted
    QApplication.processEvents()
    yield shot(viewer, folder, "Advanced was opened before the first stroke: the network is the U-Net all the same.")
    wait(lambda: dock.session.state.phase == "answered", 120)
    QMessageBox.question = lambda *_: QMessageBox.StandardButton.Yes  # type: ignore[method-assign,assignment]
    dock.class_buttons._edit(2, name="nucleus")
    dock.class_buttons.removed.emit(2)
    rest(0.5)
    strokes.undo()
    rest(1)
    yield shot(viewer, folder, "The class nucleus was removed, and undone with Ctrl+Z: its name and colour are back "
                               "with its strokes.")
    viewer.close()


def main() -> None:
    """Take the pictures and put them on one sheet."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["NAPARI_UNET_CONFIG"] = name
        (folder / "preferences.json").write_text('{"keep": false}', "utf-8")
        pictures = [one for scene in (several_images, axes_and_channels, state_of_things) for one in scene(folder)]
        rows = -(-len(pictures) // 2)
        figure, axes = plt.subplots(rows, 2, figsize=(15, 4.9 * rows), layout="constrained")
        for cell in axes.flat:
            cell.axis("off")
        for cell, (text, path) in zip(axes.flat, pictures, strict=False):
            cell.imshow(plt.imread(path))
            cell.set_title(text, fontsize=9, wrap=True, y=-0.09)
        figure.savefig(IMAGES / "film_strip.png", dpi=90)
    print(IMAGES / "film_strip.png")


if __name__ == "__main__":
    main()

"""The dock that saves masks: what is written, what is asked first, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from instant_window_scene import answer, dock, open_image  # noqa: F401 (fixtures)

from napari_unet.core.classes import ClassTable
from napari_unet.io import load_objects, provenance_path
from napari_unet.io.provenance_file import read_provenance
from napari_unet.ui.export import export_dock as wording
from napari_unet.ui.layer_metadata import class_table, mark_layer, note, set_class_table
from napari_unet.ui.layer_origin import BY_HAND, has_origin


@pytest.fixture
def result(viewer: Any, squares: Any) -> Any:
    """A result layer of ours: three planes of painted ids."""
    labels = np.stack([squares[1]] * 3)
    labels[1] = 1
    layer = viewer.add_labels(labels, name="cells result", scale=(2, 0.5, 0.5), units="um", axis_labels=("z", "y", "x"))
    set_class_table(layer, ClassTable.named({1: "background", 2: "cell"}), background=False)
    mark_layer(layer, "result", "cells")
    return layer


def save(hands: Any, dock: Any, path: Path) -> str:
    """Press Save and return what the dock says in the end."""
    dock.path.setText(str(path))
    hands.click(dock, "export_save")
    hands.wait(lambda: dock._worker is None)
    text: str = dock.state.text()
    return text


def test_a_mask_keeps_names_and_voxel_size(hands: Any, result: Any, tmp_path: Path) -> None:
    dock = hands.dock("Export masks")
    assert dock.layer.layer is result
    before = result.data.copy()
    assert save(hands, dock, tmp_path / "m.tif") == f"Saved {tmp_path / 'm.tif'}"
    with tifffile.TiffFile(tmp_path / "m.tif") as tiff:
        assert np.array_equal(tiff.asarray().squeeze(), before - 1)
        assert tiff.imagej_metadata["spacing"] == 2
        assert "cell" in str(tiff.imagej_metadata)
    assert np.array_equal(result.data, before)


def test_painted_ids_and_a_preview(hands: Any, result: Any, tmp_path: Path) -> None:
    dock = hands.dock("Export masks")
    dock.preview.setChecked(True)
    assert save(hands, dock, tmp_path / "m.tif").startswith("Saved")
    assert set(np.unique(tifffile.imread(tmp_path / "m_preview.tif"))) == {0, 255}
    dock.preview.setChecked(False)
    dock.values.setCurrentIndex(1)
    assert save(hands, dock, tmp_path / "p.tif").startswith("Saved")
    assert np.array_equal(tifffile.imread(tmp_path / "p.tif").squeeze(), result.data)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_in_both_versions(hands: Any, result: Any, tmp_path: Path, version: str) -> None:
    dock = hands.dock("Export masks")
    dock.format.setCurrentText(f"OME-Zarr {version}")
    assert save(hands, dock, tmp_path / "m").startswith("Saved"), "the ending is completed"
    group = zarr.open_group(tmp_path / "m.ome.zarr", mode="r")
    assert np.array_equal(np.asarray(group["0"]), result.data - 1)


def test_nothing_is_replaced_unasked(hands: Any, result: Any, tmp_path: Path) -> None:
    dock = hands.dock("Export masks")
    (tmp_path / "m.tif").write_text("precious")
    said = save(hands, dock, tmp_path / "m.tif")
    assert "replace what is there" in said
    assert (tmp_path / "m.tif").read_text() == "precious"
    dock.overwrite.setChecked(True)
    assert save(hands, dock, tmp_path / "m.tif").startswith("Saved")
    assert not dock.overwrite.isChecked(), "the leave holds once"


def test_a_foreign_layer_is_saved_as_it_is(viewer: Any, hands: Any, tmp_path: Path) -> None:
    labels = np.zeros((20, 30), np.int32)
    labels[5:9, 5:9] = 3
    viewer.add_labels(labels, name="mine")
    dock = hands.dock("Export masks")
    assert dock.about.text() == wording.FOREIGN
    assert not dock.values.isEnabled()
    assert save(hands, dock, tmp_path / "m.tif").startswith("Saved")
    assert np.array_equal(tifffile.imread(tmp_path / "m.tif"), labels)


def test_what_cannot_be_saved_is_said_in_the_dock(viewer: Any, hands: Any, tmp_path: Path) -> None:
    dock = hands.dock("Export masks")
    assert dock.about.text() == wording.NOTHING
    assert not dock.save.isEnabled()
    viewer.add_labels(np.full((8, 8), -3), name="objects")
    hands.wait(lambda: dock.layer.layer is not None)
    assert "'objects' holds values from -3 to 0. Allowed: 0 (nothing) to" in save(hands, dock, tmp_path / "m.tif")
    assert not (tmp_path / "m.tif").exists()
    assert "no folder" in save(hands, dock, tmp_path / "nowhere" / "m.tif").lower()


def test_the_name_follows_layer_and_format(viewer: Any, hands: Any, result: Any) -> None:
    dock = hands.dock("Export masks")
    assert Path(dock.path.text()).name == "cells_result.tif"
    result.name = "cells · U-Net"
    hands.wait(lambda: Path(dock.path.text()).name == "cells_U-Net.tif")
    result.name = "cells result"
    hands.wait(lambda: Path(dock.path.text()).name == "cells_result.tif")
    dock.format.setCurrentText("OME-Zarr 0.5")
    assert Path(dock.path.text()).name == "cells_result.ome.zarr"
    result.name = "cells"
    hands.wait(lambda: Path(dock.path.text()).name == "cells.ome.zarr")
    dock.path.setText("mine.ome.zarr")
    dock.format.setCurrentText("TIFF")
    assert dock.path.text() == "mine.tif"
    result.name = "others"
    hands.qtbot.wait(50)
    assert dock.path.text() == "mine.tif", "who has written a name keeps it"
    dock.format.setCurrentText("OME-Zarr 0.5")
    assert "OME-NGFF" in dock.opening.text()


def test_a_result_takes_over_until_a_layer_is_picked(viewer: Any, hands: Any, squares: Any) -> None:
    viewer.add_labels(squares[1], name="labels")
    dock = hands.dock("Export masks")
    assert dock.layer.layer.name == "labels"
    made = viewer.add_labels(squares[1], name="made")
    mark_layer(made, "result", "cells")
    viewer.layers.move(0, 2)
    hands.wait(lambda: dock.layer.layer is made)
    dock.layer.activated.emit(1)
    later = viewer.add_labels(squares[1], name="later")
    mark_layer(later, "result", "cells")
    hands.qtbot.wait(50)
    assert dock.layer.layer is made


def test_what_is_shown_is_proposed_before_what_is_hidden(viewer: Any, hands: Any, result: Any, squares: Any) -> None:
    hidden = viewer.add_labels(squares[1], name="cells prediction", visible=False)
    mark_layer(hidden, "prediction", "cells")
    assert hands.dock("Export masks").layer.layer is result


def test_strokes_come_with_a_word_of_caution(viewer: Any, hands: Any, result: Any) -> None:
    strokes = viewer.add_labels(np.zeros((8, 8), np.uint8), name="cells strokes")
    set_class_table(strokes, ClassTable.default())
    mark_layer(strokes, "strokes", "cells")
    dock = hands.dock("Export masks")
    dock.layer.layer = strokes
    assert dock.about.text() == wording.STROKES


def test_a_mask_goes_into_the_image_that_it_was_made_of(viewer: Any, hands: Any, squares: Any, tmp_path: Path) -> None:
    store = tmp_path / "cells.ome.zarr"
    group = zarr.open_group(str(store), mode="w", zarr_format=2)
    group.create_array("0", data=squares[0][..., 0] if squares[0].ndim == 3 else squares[0])
    group.attrs["multiscales"] = [{"version": "0.4", "axes": [{"name": name, "type": "space"} for name in "yx"],
                                   "datasets": [{"path": "0", "coordinateTransformations": [
                                       {"type": "scale", "scale": [0.5, 0.25]},
                                       {"type": "translation", "translation": [3, 4]}]}]}]
    before = {one: one.read_bytes() for one in store.rglob("*") if one.is_file()}
    (image,) = viewer.open(str(store), plugin="napari-unet-live")
    assert tuple(image.scale) == (0.5, 0.25)
    assert tuple(image.translate) == (3, 4)
    layer = viewer.add_labels(squares[1].copy(), name="cells result", scale=image.scale, translate=image.translate)
    set_class_table(layer, ClassTable.named({1: "background", 2: "cell"}), background=False)
    mark_layer(layer, "result", image.name)
    dock = hands.dock("Export masks")
    assert dock.layer.layer is layer
    dock.format.setCurrentText("In the image's OME-Zarr")
    assert dock.path.text() == str(store / "labels" / "cells_result")
    hands.click(dock, "export_save")
    hands.wait(lambda: dock._worker is None)
    assert dock.state.text() == f"Saved {store / 'labels' / 'cells_result'}"
    assert {one: one.read_bytes() for one in before} == before
    hands.click(dock, "export_save")
    hands.wait(lambda: dock._worker is None)
    assert "exists already" in dock.state.text()
    _, again = viewer.open(str(store), plugin="napari-unet-live")
    assert np.array_equal(again.data, squares[1])
    # another layer's image did not come from such a folder
    layer.metadata = {**layer.metadata, "napari_unet": {**layer.metadata["napari_unet"], "image": "other"}}
    dock.path.setText("nowhere")
    hands.wait(lambda: dock.about.text() == wording.OUTSIDE)


def test_a_rotation_that_is_not_written_is_said(hands: Any, result: Any, tmp_path: Path) -> None:
    result.rotate = 30
    result.translate = (1, 2, 3)
    dock = hands.dock("Export masks")
    said = save(hands, dock, tmp_path / "m.ome.zarr")
    assert "The rotation of the layer cannot be written in this format" in said


def test_file_save_writes_what_file_open_brings_back(viewer: Any, result: Any, tmp_path: Path) -> None:
    for name in ("m.tif", "m.zarr"):
        assert result.save(str(tmp_path / name), plugin="napari-unet-live") == [str(tmp_path / name)]
        (back,) = viewer.open(str(tmp_path / name), plugin="napari-unet-live")
        assert np.array_equal(back.data, result.data)
        assert class_table(back) == class_table(result)
        assert tuple(back.scale) == tuple(result.scale)


def test_a_mask_says_which_model_made_it_and_that_it_was_changed_by_hand(
    hands: Any, viewer: Any, squares: Any, dock: Any, tmp_path: Path
) -> None:
    strokes = open_image(hands, dock, squares[0])
    answer(hands, dock, strokes)
    export = hands.dock("Export masks")
    live = viewer.layers["cells prediction"]
    hands.settle(dock)  # the first answer is made better, and what is not whole has no origin
    hands.wait(lambda: has_origin(live))
    export.layer.layer = live
    assert save(hands, export, tmp_path / "live.tif").startswith("Saved")
    told = read_provenance(provenance_path(tmp_path / "live.tif"))
    assert (told.what, told.made_by, told.images[0].name) == ("mask", "window", "cells")
    assert told.model is not None
    assert (told.model.method, BY_HAND in told.note) == ("instant", False)

    hands.click(dock, "train_predict")
    hands.wait(lambda: "cells segmentation" in viewer.layers)
    made = viewer.layers["cells segmentation"]
    export.layer.layer = made
    assert save(hands, export, tmp_path / "whole.tif").startswith("Saved")
    assert BY_HAND not in read_provenance(provenance_path(tmp_path / "whole.tif")).note
    made.data[0, 0] = 3 - made.data[0, 0]
    made.refresh()
    made.save(str(tmp_path / "changed.tif"), plugin="napari-unet-live")
    assert BY_HAND in read_provenance(provenance_path(tmp_path / "changed.tif")).note

    foreign = viewer.add_labels(squares[1], name="foreign")
    hands.wait(lambda: foreign in export.layer.layers)
    export.layer.layer = foreign
    assert save(hands, export, tmp_path / "foreign.tif").startswith("Saved")
    assert not provenance_path(tmp_path / "foreign.tif").exists()


def test_objects_become_outlines_with_their_classes(hands: Any, viewer: Any, tmp_path: Path, result: Any) -> None:
    numbers = np.zeros((3, 40, 50), np.uint32)
    numbers[0, 3:9, 4:12], numbers[2, 20:30, 20:30], numbers[2, 20:30, 30:35] = 1, 2, 7
    layer = viewer.add_labels(numbers, name="cells objects", axis_labels=("z", "y", "x"))
    layer.features = {"index": [1, 2, 7], "class": ["cell", "cell", "other"]}
    note(layer, role="objects")
    dock = hands.dock("Export masks")
    dock.format.setCurrentText("ImageJ ROIs")
    dock.layer.layer = result
    hands.wait(lambda: "holds classes, not single objects" in dock.about.text())
    assert "holds classes" in save(hands, dock, tmp_path / "r.zip")
    assert not list(tmp_path.iterdir())
    dock.layer.layer = layer
    for format_name, name in (("ImageJ ROIs", "r.zip"), ("GeoJSON", "g.geojson"), ("TIFF", "o.tif")):
        dock.format.setCurrentText(format_name)
        assert save(hands, dock, tmp_path / name).startswith("Saved")
        assert "exists already" in save(hands, dock, tmp_path / name), "nothing is replaced unasked"
        again = load_objects(tmp_path / name, numbers.shape, "ZYX")
        assert np.array_equal(again.found.numbers, numbers)
        assert [again.classes.name(int(again.found.classes[one])) for one in (1, 2, 7)] == ["cell", "cell", "other"]

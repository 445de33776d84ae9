"""The main job in the real window: paint, learn live, paint again, compare, export, and read the files back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import zarr


def test_paint_learn_compare_export(viewer: Any, hands: Any, squares: Any, tmp_path: Path) -> None:
    image, truth = squares
    viewer.add_image(image, name="cells", scale=(0.5, 0.5), units="um")
    train = hands.dock("Train U-Net")
    hands.tiny_network(train)
    hands.click(train, "train_new_strokes")
    strokes = viewer.layers["cells strokes"]
    assert strokes.data.dtype == np.uint8
    assert tuple(strokes.scale) == (0.5, 0.5)
    assert strokes.mode == "paint"

    # paint with the mouse, one stroke a class
    train.hold_class(1)
    hands.drag(strokes, [(3, 4), (3, 70)])
    train.hold_class(2)
    hands.drag(strokes, [(12, 12), (20, 20)])
    assert set(np.unique(strokes.data)) == {0, 1, 2}
    assert (strokes.data[truth == 1] == 2).sum() == 0

    hands.click(train, "train_live")
    hands.wait(lambda: "cells prediction" in viewer.layers and viewer.layers["cells prediction"].data.all())
    prediction = viewer.layers["cells prediction"]
    assert viewer.layers.index(prediction) < viewer.layers.index(strokes)

    # paint again while it learns: the training takes the stroke up without a restart, and the prediction follows
    session = train.session
    unclear = np.s_[44:54, 58:70]  # between background and cell in brightness
    other = 1 if (prediction.data[unclear] == 2).mean() > 0.5 else 2
    version = session.version(train.controller.current.key)
    train.hold_class(other)
    hands.drag(strokes, [(44, 58), (44, 69)])
    hands.drag(strokes, [(53, 69), (53, 58)])
    hands.published(train)
    newest = session.version(train.controller.current.key)
    assert newest > version
    hands.wait(lambda: session.seen_versions == (newest,))
    hands.wait(lambda: (prediction.data[unclear] == other).mean() > 0.7)
    hands.click(train, "train_stop")
    hands.wait(lambda: not train.controller.training)
    assert session.learning_curve[-1].step > 0

    # compare, against a reference
    viewer.add_labels(truth, name="cells reference", scale=(0.5, 0.5), units="um")
    compare = hands.dock("Compare methods")
    hands.tick_methods(compare, "threshold")
    hands.click(compare, "compare_run")
    hands.wait(lambda: not compare.running)
    assert "Dice" in compare.state.text()
    result = next(layer for layer in viewer.layers if "Threshold" in layer.name)
    assert set(np.unique(result.data)) <= {1, 2}

    # export, both formats
    export = hands.dock("Export masks")
    export.layer.layer = result
    for name, ending in (("TIFF", ".tif"), ("OME-Zarr 0.4", ".ome.zarr")):
        export.format.setCurrentText(name)
        export.path.setText(str(tmp_path / f"mask{ending}"))
        hands.click(export, "export_save")
        hands.wait(lambda: export.state.text().startswith("Saved"))
        export.state.setText("")
    expected = result.data - 1
    with tifffile.TiffFile(tmp_path / "mask.tif") as tiff:
        assert np.array_equal(tiff.asarray().squeeze(), expected)
        assert tiff.imagej_metadata["unit"] in ("um", "µm", "micron", "\\u00B5m")
        assert tiff.pages.first.tags["XResolution"].value[0] / tiff.pages.first.tags["XResolution"].value[1] == 2
    group = zarr.open_group(tmp_path / "mask.ome.zarr", mode="r")
    assert np.array_equal(np.asarray(group["0"]).squeeze(), expected)
    level = group.attrs["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]
    assert level["scale"][-2:] == [0.5, 0.5]

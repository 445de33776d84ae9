"""Results of a comparison in the real window: tables, layers, pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication
from workbench_scene import compared, row_of

from napari_unet.core.classes import ClassTable
from napari_unet.core.components import label_components
from napari_unet.objects import REGISTRY as WAYS
from napari_unet.report.error_maps import FALSE, MISSED, error_map
from napari_unet.report.object_errors import object_errors
from napari_unet.ui.layer_metadata import KEY, mark_layer, set_class_table


@pytest.fixture
def stack(viewer: Any, squares: Any) -> Any:
    """Three planes, the first two painted, with their reference."""
    image, truth = squares
    viewer.add_image(np.stack([image, image[::-1], image]), name="cells")
    strokes = np.zeros((3, *truth.shape), np.uint8)
    strokes[:2, 30, 2:40] = strokes[:2, 2, 2:70] = strokes[:2, 62, 2:70] = 1
    strokes[0, 12:15, 10:24] = strokes[0, 42:45, 18:30] = 2
    strokes[1, 48:52, 10:24] = strokes[1, 38:40, 50:60] = 2
    layer = viewer.add_labels(strokes, name="cells strokes")
    set_class_table(layer, ClassTable.named({1: "background", 2: "cell"}))
    mark_layer(layer, "strokes", "cells")
    truths = np.stack([truth, truth[::-1], truth])
    viewer.add_labels(truths, name="cells reference", visible=False)
    return truths


def results(viewer: Any) -> dict[str, Any]:
    """Return the result layers by method."""
    return {layer.metadata[KEY]["comparison"]["method"]: layer for layer in viewer.layers
            if layer.metadata.get(KEY, {}).get("role") == "result"}


def test_a_clicked_row_shows_its_masks_and_errors_alone(viewer: Any, hands: Any, painted: Any, press: Any) -> None:
    prediction = viewer.add_labels(np.ones_like(painted), name="cells prediction")
    mark_layer(prediction, "prediction", "cells")
    objects = viewer.add_labels(np.ones_like(painted), name="cells objects")
    mark_layer(objects, "objects", "cells")
    dock = compared(hands, "threshold", "slic")
    for method, title in (("threshold", "Threshold"), ("slic", "SLIC superpixels")):
        press(dock.table.viewport(), row_of(dock.table, title))
        hands.wait(lambda: not dock.board.linked.errors.busy)
        assert {name: layer.visible for name, layer in results(viewer).items() if layer.visible} == {method: True}
        assert not prediction.visible, "what the network shows live would cover it"
        assert not objects.visible, "so would its objects"
        (errors,) = dock.board.linked.errors.layers
        labels = dock.board.comparison.masks[method][0]
        assert np.array_equal(results(viewer)[method].data, labels)
        assert np.array_equal(errors.data == MISSED, (painted == 2) & (labels == 1))
        assert np.array_equal(errors.data == FALSE, (painted == 1) & (labels == 2))
        found = error_map(labels, painted)
        assert len(viewer.layers["cells · stray parts and holes"].data) == len(found.strays) + len(found.holes)
    press(dock.show_errors, QPoint(8, dock.show_errors.height() // 2))
    assert not errors.visible
    press(dock.back)
    assert prediction.visible
    assert objects.visible
    assert not any(layer.visible for layer in results(viewer).values())
    assert dock.table.chosen == ""


def test_a_clicked_plane_is_gone_to(viewer: Any, hands: Any, stack: Any, press: Any) -> None:
    dock = compared(hands, "threshold")
    assert [row[0] for row in dock.planes.texts()] == ["plane 0", "plane 1", "plane 2"]
    labels = dock.board.comparison.masks["threshold"][0]
    for plane in (2, 0, 1):
        press(dock.planes.viewport(), row_of(dock.planes, f"plane {plane}"))
        assert viewer.dims.current_step[0] == plane
        mask, truth = labels[plane] == 2, stack[plane] == 2
        dice = 2 * (mask & truth).sum() / (mask.sum() + truth.sum())
        assert dock.planes.texts()[plane][1] == f"{dice:.3f}"
    hands.wait(lambda: not dock.board.linked.errors.busy)
    (errors,) = dock.board.linked.errors.layers
    assert np.array_equal(errors.data == FALSE, (stack == 1) & (labels == 2)), "of every plane"


def test_more_is_measured_where_it_is_asked_for(viewer: Any, hands: Any, painted: Any) -> None:
    viewer.layers["cells reference"].data = np.roll(painted, 2, axis=1)  # so that outlines lie beside each other
    dock = hands.dock("Compare methods")
    measures = dock.scoring.measures
    hands.wait(measures.box.isVisible)
    assert not measures.how.isVisible(), "nothing to set for overlap and topology"
    measures.box.setCurrentText("overlap, topology, outlines")
    assert measures.how.isVisible()
    found = []
    for tolerance in (0.0, 100.0):
        measures.how.set_values({"tolerance": tolerance})
        hands.tick_methods(dock, "threshold")
        hands.click(dock, "compare_run")
        hands.wait(lambda: not dock.running)
        assert dock.board.comparison is not None, dock.state.text()
        rows = dock.board.comparison.rows
        assert {"dice", "hausdorff", "components"} <= {row.metric for row in rows}
        found.append(next(row.value for row in rows if row.metric == "surface_dice" and row.value is not None))
    assert found[0] < 1.0
    assert found[1] == 1.0
    dock.scoring.against.setCurrentText("strokes held out")
    assert not measures.isVisible(), "strokes have no outlines"


def test_objects_are_judged_and_what_is_wrong_with_them_is_marked(
    viewer: Any, hands: Any, painted: Any, press: Any
) -> None:
    numbers = label_components((painted == 2).astype(np.uint8)).astype(np.int32)
    box = np.argwhere(numbers == 1)
    middle = (box[:, 1].min() + box[:, 1].max()) // 2
    right = numbers[:, middle:]
    right[right == 1] = numbers.max() + 1  # the reference parts what no threshold can
    viewer.layers["cells reference"].data = numbers
    viewer.layers["cells reference"].metadata = {}
    dock = hands.dock("Compare methods")
    dock.scoring.against.setCurrentText("a reference layer")
    dock.scoring.code.setCurrentIndex(2)
    dock.scoring.code.activated.emit(2)
    hands.wait(dock.scoring.objects.isVisible)
    assert not dock.scoring.objects.way.isEnabled()
    dock.scoring.objects.wanted.setChecked(True)
    dock.scoring.objects.way.setCurrentText(WAYS.entry("parts").title)
    hands.tick_methods(dock, "threshold")
    hands.click(dock, "compare_run")
    hands.wait(lambda: not dock.running)
    comparison = dock.board.comparison
    assert comparison is not None, dock.state.text()
    values = {row.metric: row.value for row in comparison.rows if row.way == "parts"}
    assert values["object_count_reference"] == numbers.max()
    assert values["object_merges"] >= 1
    assert any("AP50" in dock.table.model().headerData(at, Qt.Orientation.Horizontal)
               for at in range(dock.table.model().columnCount()))
    press(dock.table.viewport(), row_of(dock.table, "Threshold"))
    hands.wait(lambda: not dock.board.linked.errors.busy)
    rings = viewer.layers["cells · split, merged, missed, invented"]
    both = comparison.objects.plane_objects(0, comparison.images[0], comparison.references[0], 0,
                                            comparison.found["threshold"])
    assert both is not None
    wrong = object_errors(*both)
    assert len(rings.data) == len(wrong.marks) >= 1
    assert "merged" in dock.legend.text()
    assert "stray" not in dock.legend.text()


def test_of_several_images_the_one_gone_to_is_in_view(viewer: Any, hands: Any, painted: Any, squares: Any,
                                                      press: Any) -> None:
    other = viewer.add_image(squares[0][::-1].copy(), name="second")
    strokes = viewer.add_labels(viewer.layers["cells strokes"].data[::-1].copy(), name="second strokes")
    set_class_table(strokes, ClassTable.named({1: "background", 2: "cell"}))
    mark_layer(strokes, "strokes", "second")
    viewer.add_labels(painted[::-1].copy(), name="second reference", visible=False)
    hands.dock("Compare methods")
    QApplication.processEvents()
    dock = compared(hands, "threshold")
    assert [row[0] for row in dock.planes.texts()] == ["cells · plane 0", "second · plane 0"]
    names = {"cells": ["cells", "cells strokes"], "second": ["second", "second strokes"]}
    for image, hidden in (("cells", "second"), ("second", "cells"), ("cells", "second")):
        press(dock.planes.viewport(), row_of(dock.planes, f"{image} · plane 0"))
        assert all(viewer.layers[name].visible for name in names[image])
        assert not any(viewer.layers[name].visible for name in names[hidden])
        assert [layer.visible for layer in viewer.layers if layer.name == f"{hidden} · Threshold"] == [False]
        assert [layer.visible for layer in viewer.layers if layer.name == f"{image} · Threshold"] == [True]
    press(dock.back)
    assert other.visible
    assert strokes.visible
    assert not viewer.layers["second reference"].visible


def test_corrections_are_kept_and_what_nobody_asked_for_leaves_no_layer(viewer: Any, hands: Any, painted: Any,
                                                                        press: Any) -> None:
    dock = compared(hands, "threshold", "slic", "watershed")
    assert list(results(viewer)) == [dock.table.chosen]
    press(dock.table.viewport(), row_of(dock.table, "Threshold"))
    corrected = results(viewer)["threshold"]
    corrected.data[:4] = 2
    press(dock.table.viewport(), row_of(dock.table, "Watershed"))
    assert corrected in viewer.layers
    hands.tick_methods(dock, "slic")
    hands.click(dock, "compare_run")
    hands.wait(lambda: not dock.running)
    assert corrected in viewer.layers
    assert corrected.name.endswith("(edited)")
    assert [layer.name for layer in viewer.layers if "Watershed" in layer.name] == []


def test_charts_and_pictures_follow(viewer: Any, hands: Any, stack: Any, press: Any) -> None:
    dock = compared(hands, "threshold", "slic")
    dock.turn_to("Charts")
    hands.wait(lambda: len(dock.charts.words) == 2)
    dock.turn_to("Pictures")
    hands.wait(lambda: len(dock.pictures.words) == 4)
    image, reference, first, second = dock.pictures.words
    assert image.startswith("cells, plane ")
    assert reference == "reference"
    plane = int(image.rpartition(" ")[2])
    other = next(name for name in ("threshold", "slic") if name != dock.table.chosen)
    wrong = error_map(dock.board.comparison.masks[other][0][plane], stack[plane])
    words = first if dock.ranking.title(other) in first else second
    assert f"{len(wrong.strays)} stray, {len(wrong.holes)} holes" in words
    press(hands.find(dock, f"compare_pictures_{other}"))
    assert dock.table.chosen == other
    assert results(viewer)[other].visible
    dock.turn_to("Results")
    press(dock.planes.viewport(), row_of(dock.planes, "plane 2"))
    dock.turn_to("Pictures")
    hands.wait(lambda: dock.pictures.words[:1] == ["cells, plane 2"])

"""Objects of a large image put right by hand in a field: so they stay, at every level, and in the whole store."""

from __future__ import annotations

import types
from typing import Any

import dask.array
import numpy as np
import pytest
import zarr

from napari_unet.io import load_objects
from napari_unet.session.object_notes import Place
from napari_unet.ui import large_images
from napari_unet.ui.object_dock import whole_objects
from napari_unet.ui.train.field_binding import FieldBinding
from napari_unet.ui.train.viewport import camera_of

SIDE = 1024


@pytest.fixture
def discs(viewer: Any, hands: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A pyramid that counts as large, of bright discs, and its dock."""
    monkeypatch.setattr(large_images, "LARGEST_LAZY", 2**18)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    bright = np.where(np.hypot((rows % 256) - 128, (columns % 256) - 128) < 70, 200, 40).astype(np.uint8)
    bright += np.random.default_rng(0).integers(0, 20, bright.shape, np.uint8)
    levels = [bright[::by, ::by] for by in (1, 2, 4)]
    arrays = [dask.array.from_array(one, chunks=512, name=False, meta=np.empty((0, 0), np.uint8)) for one in levels]
    viewer.add_image(arrays, multiscale=True, name="slide", contrast_limits=(0, 255))
    dock = hands.dock("Train U-Net")
    hands.wait(lambda: dock.chooser.has_image)
    hands.click(dock, "train_new_strokes")
    hands.wait(lambda: isinstance(dock.controller.current, FieldBinding))
    return dock


def look(viewer: Any, hands: Any, dock: Any, row: float, column: float, zoom: float) -> None:
    """Look at a place, and wait until the field lies over it."""
    camera_of(viewer).center, camera_of(viewer).zoom = (0, row, column), zoom
    hands.qtbot.wait(1)
    hands.wait(lambda: not dock.controller.current._follow.isActive())
    dock.controller.current.follow_view()


def shown(hands: Any, objects: Any, binding: Any) -> Any:
    """Wait until the objects of the field are found, and return what is shown."""
    def is_so() -> bool:
        field = objects.field
        return (field.state is not None and field.state.fresh and not field.busy and field.shown is not None
                and field.shown.field == binding.field)

    hands.wait(is_so)
    return objects.field.shown


def number_at(now: Any, row: int, column: int) -> int:
    """The object at a place in pixels of the image."""
    field = now.field
    return int(now.shown[row // field.factor[0] - field.rows.start, column // field.factor[1] - field.columns.start])


def sixteen(viewer: Any, hands: Any, discs: Any) -> tuple[Any, Any, Any]:
    """Paint until all discs are found at the coarsest level; return both docks, and what knows the field."""
    dock, binding = discs, discs.controller.current
    look(viewer, hands, dock, SIDE / 2, SIDE / 2, 0.25)
    assert binding.field.factor == (4, 4)
    dock.hold_class(1)
    hands.drag(binding.strokes, [(4, 4), (4, 250)])
    dock.hold_class(2)
    hands.drag(binding.strokes, [(32, 25), (32, 40)])
    hands.published(dock)
    objects = hands.dock("Objects")
    objects.session.put_settings({"objects": {"way": "parts", "parameters": {"smallest": 2000}, "areas": []}})
    look(viewer, hands, dock, SIDE / 2, SIDE / 2, 0.25)
    hands.wait(lambda: binding.prediction is not None and bool(binding.prediction.data.any()))
    hands.settle(dock)
    assert shown(hands, objects, binding).shown.any()
    assert objects.field.state.counts[2].objects == 16
    return dock, binding, objects


def test_what_is_put_right_stays_and_holds_in_the_whole(
    viewer: Any, hands: Any, discs: Any, press: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dock, binding, objects = sixteen(viewer, hands, discs)
    now = objects.field.shown
    layer = now.layer

    press(objects.tools["cut"])
    hands.drag(layer, [(20, 32), (44, 32)])  # of the level: through the first disc
    now = shown(hands, objects, binding)
    assert objects.field.state.counts[2].objects == 17
    press(objects.tools["pick"])
    hands.drag(layer, [(32, 96), (32, 96)])
    assert objects.hand.picked == (number_at(now, 128, 384),)
    assert objects.marks.shows_marks
    press(objects.delete_button)
    now = shown(hands, objects, binding)
    assert number_at(now, 128, 384) == 0
    assert objects.field.state.counts[2].objects == 16
    viewer.layers.selection.active = layer
    layer.selected_label, layer.brush_size, layer.mode = 900, 8, "paint"
    hands.drag(layer, [(64, 64), (64, 64)])
    hands.wait(lambda: len(objects.seen.notes.pins) == 2)
    layer.mode = "pan_zoom"
    now = shown(hands, objects, binding)
    painted = number_at(now, 256, 256)
    assert painted > 0
    kept = objects.field.corrections.kept
    assert kept.shape == (SIDE, SIDE)
    (line,), pins = kept.at(Place(0)).lines, kept.at(Place(0)).pins
    assert line.points[0][1] == pytest.approx(4 * 32 + 1.5, abs=4)
    assert len(pins) == 2

    look(viewer, hands, dock, 300, 300, 1.0)  # another field, at the finest level
    assert binding.field.factor == (1, 1)
    now = shown(hands, objects, binding)
    assert objects.hand.picked == ()
    assert number_at(now, 128, 90) != number_at(now, 128, 170)
    assert number_at(now, 128, 90)
    assert number_at(now, 128, 170)
    assert not number_at(now, 128, 384)
    assert number_at(now, 256, 256)
    look(viewer, hands, dock, SIDE / 2, SIDE / 2, 0.25)  # and back
    hands.wait(lambda: shown(hands, objects, binding) is not None and objects.field.state.counts[2].objects == 17)

    mask = tmp_path / "mask.ome.zarr"
    dock.predicting._ask = lambda _: str(mask)
    hands.click(dock, "train_predict")
    hands.wait(lambda: not dock.predicting.filler.busy)
    objects.whole._ask_mask = lambda _: str(mask)
    objects.whole._ask_place = str
    hands.click(objects, "objects_whole")
    hands.wait(lambda: not objects.whole.busy)
    assert "3 cuts, joins and corrections hold in it." in objects.note_line.text()
    found = load_objects(tmp_path / "mask_objects.ome.zarr").found
    numbers = found.numbers
    assert numbers.shape == (SIDE // 4, SIDE // 4)
    assert numbers[32, 22] != numbers[32, 42]
    assert not numbers[32, 96]
    assert numbers[64, 64]
    assert found.count == 17

    asked = []
    monkeypatch.setattr(objects.whole, "_choose", lambda question, _answers: asked.append(question) or -1)
    other = tmp_path / "other.zarr"
    zarr.create_array(str(other), data=np.ones((100, 90), np.uint8))
    objects.whole._ask_mask = lambda _: str(other)
    objects.whole._ask_place = lambda _: str(tmp_path / "never.zarr")
    hands.click(objects, "objects_whole")
    hands.wait(lambda: not objects.whole.busy)
    assert "3 of 3 cuts, joins and corrections of 'slide' cannot hold" in asked[0]
    assert not (tmp_path / "never.zarr").exists()

    asked.clear()
    monkeypatch.setattr(whole_objects, "made_of_another", lambda *_: "other slide")
    monkeypatch.setattr(objects.whole, "_choose", lambda question, _answers: asked.append(question) or 0)
    objects.whole._ask_mask = lambda _: str(mask)
    objects.whole._ask_place = lambda _: str(tmp_path / "plain.ome.zarr")
    hands.click(objects, "objects_whole")
    hands.wait(lambda: not objects.whole.busy)
    assert asked == ["mask.ome.zarr was made of 'other slide', not of 'slide' as it is now, on which 3 cuts, joins and "
                     "corrections were made. Are they to hold in its objects?"]
    assert load_objects(tmp_path / "plain.ome.zarr").found.numbers[32, 96], "without them"

    for left in (16, 17, 16):  # painted, deleted, cut
        press(objects.undo_button)
        hands.wait(lambda left=left: shown(hands, objects, binding) is not None
                   and objects.field.state.counts[2].objects == left)


def test_what_cannot_be_kept_is_said_and_a_line_lies_where_it_was_drawn(
    viewer: Any, hands: Any, discs: Any, press: Any
) -> None:
    dock, binding, objects = sixteen(viewer, hands, discs)
    look(viewer, hands, dock, 380, 380, 3.0)
    now = shown(hands, objects, binding)
    layer, field = now.layer, now.field
    assert (field.factor, field.rows, field.columns) == ((1, 1), slice(0, 512), slice(0, 512))
    viewer.layers.selection.active = layer
    layer.selected_label, layer.brush_size, layer.mode = 900, 8, "paint"
    hands.drag(layer, [(440, 509), (440, 509)])  # the image goes on there
    hands.wait(lambda: "goes on beyond the part" in objects.note_line.text())
    layer.mode = "pan_zoom"
    hands.wait(lambda: not np.any(np.asarray(layer.data) == 900))
    assert not objects.seen.notes

    press(objects.tools["cut"])
    event = types.SimpleNamespace(button=1, modifiers=(), type="mouse_press", position=(310, 384), pos=(384, 310))
    drawing = objects.holding._on_press(viewer, event)
    next(drawing)
    look(viewer, hands, dock, SIDE / 2, SIDE / 2, 0.25)
    assert shown(hands, objects, binding).field.factor == (4, 4), "the layer came to lie elsewhere meanwhile"
    event.type, event.position, event.pos = "mouse_release", (460, 384), (384, 460)
    assert next(drawing, "done") == "done"
    (line,) = objects.field.corrections.kept.at(Place(0)).lines
    np.testing.assert_allclose(line.points, [(310, 384), (460, 384)])

    viewer.layers.remove(binding.strokes)
    assert not objects.hand.join([(32, 32), (32, 96)])
    assert "strokes were closed" in objects.note_line.text()

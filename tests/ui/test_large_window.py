"""A large image in the real window: painted at two levels, answered where one looks, and nothing reads the whole."""

from __future__ import annotations

import dataclasses
import shutil
import threading
from typing import Any

import dask.array
import numpy as np
import pytest
import tifffile
import zarr
from napari.utils.notifications import ErrorNotification, notification_manager
from ome_zarr_scene import axis, image_group
from qtpy.QtWidgets import QFileDialog

from napari_unet.core import made_levels
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.in_memory import in_memory
from napari_unet.core.level_strokes import FIRST_WINDOWS, MOST_WINDOWS
from napari_unet.core.scribbles import Scribbles
from napari_unet.core.window_stack import windows_of
from napari_unet.io import _tiff_by_tile, load_objects, read_image
from napari_unet.predicting import uncertainty
from napari_unet.project.lazy_pixels import ChannelFiles
from napari_unet.project.level_images import at_level
from napari_unet.project.sources import image_record
from napari_unet.ui import large_images
from napari_unet.ui.compare import cut_field
from napari_unet.ui.files import ExportPlan
from napari_unet.ui.files.layer_reader import get_reader, read_layers
from napari_unet.ui.image_ties import fits
from napari_unet.ui.layer_axes import finest_level, layer_shape
from napari_unet.ui.layer_metadata import identity, role_of
from napari_unet.ui.projects.project_layers import image_layers, strokes_layer
from napari_unet.ui.train.field_binding import FieldBinding
from napari_unet.ui.train.store_filler import asked_path
from napari_unet.ui.train.viewport import camera_of

SIDE = 4096


class Watched:
    """An array that says how much of it was read."""

    def __init__(self, data: np.ndarray) -> None:
        self._data, self.read = data, 0
        self.shape, self.dtype, self.ndim, self.size = data.shape, data.dtype, data.ndim, data.size

    def __getitem__(self, index: Any) -> np.ndarray:
        found = self._data[index]
        self.read += found.size
        return found


@pytest.fixture
def large(viewer, hands, monkeypatch):
    """A pyramid that counts as large, the dock, and its strokes layer linked."""
    monkeypatch.setattr(large_images, "LARGEST_LAZY", 2**20)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    bright = ((rows // 64 + columns // 64) % 2 * 120 + 40).astype(np.uint8)
    chance = np.random.default_rng(0)
    bright += chance.integers(0, 20, bright.shape, np.uint8)
    finest = Watched(bright)
    levels = [finest, *(bright[::by, ::by] for by in (2, 4, 8))]
    arrays = [dask.array.from_array(one, chunks=512, name=False, meta=np.empty((0, 0), np.uint8)) for one in levels]
    image = viewer.add_image(arrays, multiscale=True, name="slide", contrast_limits=(0, 255), scale=(2, 2))
    dock = hands.dock("Train U-Net")
    hands.wait(lambda: dock.chooser.has_image)
    hands.click(dock, "train_new_strokes")
    hands.wait(lambda: isinstance(dock.controller.current, FieldBinding))
    return image, dock, finest


def look(viewer, hands, dock, row, column, zoom):
    """Look at a place of the world, and wait until the field lies over it."""
    camera = camera_of(viewer)
    camera.center, camera.zoom = (0, row, column), zoom
    binding = dock.controller.current
    hands.qtbot.wait(1)
    hands.wait(lambda: not binding._follow.isActive())
    binding.follow_view()


def test_a_little_more_is_learnt_from_with_each_answer_and_all_once_a_network_learns(viewer, hands, large):
    """So a new stroke never waits for all that is painted elsewhere."""
    _, dock, _ = large
    binding, session = dock.controller.current, dock.session
    look(viewer, hands, dock, 1000, 1000, 0.5)
    painted = np.zeros((SIDE, SIDE), np.uint8)
    painted[10::512, 10::512] = 1  # one class alone: nothing is answered but what is told here
    lens = session.lens(binding.key)
    session.put_pair(binding.key, binding.image, Scribbles.from_array(painted), lens)

    def windows():
        return len(lens.pair(session.pair(binding.key)).scribbles.planes)

    assert windows() == FIRST_WINDOWS
    for times in (2, 3):
        session.answer_came.emit()
        hands.wait(lambda times=times: windows() == times * FIRST_WINDOWS)
    session.set_state("learning", "Learning")
    hands.wait(lambda: windows() == MOST_WINDOWS)
    session.set_state("idle")


def test_painted_at_two_levels_and_answered_where_one_looks(viewer, hands, large, monkeypatch):
    _, dock, finest = large
    binding = dock.controller.current
    before = finest.read
    look(viewer, hands, dock, SIDE, SIDE, 0.05)
    far = binding.field
    assert far.factor == (8, 8)
    assert binding.strokes.data.size < 2**22
    dock.hold_class(1)
    hands.drag(binding.strokes, [(100, 100), (100, 140)])
    look(viewer, hands, dock, 1000, 1000, 0.5)
    assert binding.field.factor == (1, 1)
    hands.published(dock)
    scribbles = dock.session.pair(binding.key).scribbles
    assert scribbles.shape == (SIDE, SIDE)
    painted = scribbles.planes[0]
    assert painted[804, 900] == 1  # what was painted far out is there in pixels of the finest level
    dock.hold_class(2)
    top, left = binding.field.rows.start, binding.field.columns.start
    hands.drag(binding.strokes, [(500 - top, 500 - left), (500 - top, 530 - left)])
    hands.published(dock)
    scribbles = dock.session.pair(binding.key).scribbles
    assert set(scribbles.counts()) == {1, 2}
    assert scribbles.planes[0][500, 515] == 2
    hands.wait(lambda: binding.prediction is not None and bool(binding.prediction.data.any()))
    hands.settle(dock)
    shown = binding.prediction.data
    assert shown.shape == binding.field.shape
    view = binding.seen()
    pixels = windows_of(view.image)
    for plane in view.planes:  # all that is seen is answered, nothing else
        rows, columns = pixels.grid.box(plane)
        assert shown[rows.start - binding.field.rows.start, columns.start - binding.field.columns.start]
    assert finest.read - before < SIDE * SIDE * 3
    assert role_of(binding.prediction) == "prediction"
    assert np.allclose(np.array(binding.prediction.scale), 2)
    goes_to_the_least_sure_place_of_the_field(viewer, hands, dock, monkeypatch)


def goes_to_the_least_sure_place_of_the_field(viewer, hands, dock, monkeypatch):
    """Look for it, whatever it is; what lies in the middle of the view then is what was found."""
    monkeypatch.setattr(uncertainty, "SURE", 0.0)
    unsure, binding = dock.controller.unsure, dock.controller.current
    seen = binding.seen()
    hands.click(dock, "train_go_unsure")
    hands.wait(lambda: "least sure place of the field that you look at" in dock.note_line.text())
    (place,) = unsure.visited
    assert place.plane in seen.planes
    lens = dock.session.lens(binding.key)
    middle = np.asarray(camera_of(viewer).center[-2:]) / 2 / lens.factor[0] - (lens.factor[0] - 1) / 2 / lens.factor[0]
    row, column = np.rint(middle).astype(int)
    found = seen.image.data[place.plane, place.row - 4 : place.row + 5, place.column - 4 : place.column + 5]
    level = next(one for one in binding.levels.levels if one.factor == lens.factor)
    assert np.array_equal(found, level.image.data[row - 4 : row + 5, column - 4 : column + 5])
    painted = dock.session.pair(binding.key).scribbles.planes[0]
    assert not painted[row * lens.factor[0], column * lens.factor[1]]


def shows_objects(viewer, objects, binding):
    """Say whether the objects of the field that is looked at are shown and counted."""
    state, answer = objects.field.state, binding.prediction
    if state is None or not state.fresh or "field that you look at" not in objects.state_line.text():
        return False
    layer = viewer.layers["slide objects"]
    if not np.allclose(layer.translate, answer.translate) or layer.data.shape != answer.data.shape:
        return False
    same = (np.asarray(layer.data) > 0) == (np.asarray(answer.data) == 2)  # all but holes and dirt
    count = state.counts[2].objects if 2 in state.counts else 0
    return len(np.unique(layer.data)) == count + 1 and same.mean() > 0.9


def test_the_whole_goes_to_a_store_that_fills_and_levels_that_do_not_fit_are_said(viewer, hands, large, tmp_path):
    _, dock, _ = large
    binding = dock.controller.current
    look(viewer, hands, dock, SIDE, SIDE, 0.05)
    dock.hold_class(1)
    hands.drag(binding.strokes, [(100, 100), (100, 140)])
    dock.hold_class(2)
    hands.drag(binding.strokes, [(300, 300), (300, 340)])
    hands.wait(lambda: dock.session.model is not None)
    button = hands.find(dock, "train_predict")
    assert button.text() == "Whole image to a store..."
    path = tmp_path / "mask"
    dock.predicting._ask = lambda _: str(path)
    names = []
    viewer.layers.events.inserted.connect(lambda event: names.append(event.value.name))
    hands.click(dock, "train_predict")
    assert dock.predicting.filler._job.wait()  # over, and the store has its name, before the window sees any of it
    hands.wait(lambda: not dock.predicting.filler.busy)
    assert (tmp_path / "mask.ome.zarr" / "0").is_dir(), dock.note_line.text()
    shown = next(one for one in viewer.layers if role_of(one) == "result")
    assert names.count("mask.ome.zarr") == 1  # while it filled
    assert layer_shape(shown) == (SIDE // 8, SIDE // 8)
    assert np.allclose(np.array(shown.scale), 16)
    assert set(np.unique(finest_level(shown))) <= {1, 2}
    objects = hands.dock("Objects")
    hands.wait(lambda: shows_objects(viewer, objects, binding))  # of the newest answer: another may still come
    assert objects.whole_button.isVisible()
    objects.whole._ask_mask = lambda _: str(tmp_path / "mask.ome.zarr")
    objects.whole._ask_place = str
    hands.click(objects, "objects_whole")
    hands.wait(lambda: not objects.whole.busy)
    assert objects.note_line.text().startswith("Done: "), objects.note_line.text()
    found = load_objects(tmp_path / "mask_objects.ome.zarr").found.count
    assert f"{found:,} " in objects.note_line.text()
    look(viewer, hands, dock, 1000, 1000, 0.5)
    hands.wait(lambda: shows_objects(viewer, objects, binding))
    wrong = [np.zeros((SIDE, SIDE), np.uint8), np.zeros((SIDE // 2, SIDE // 2), np.uint16),
             np.zeros((900, 700), np.uint8)]
    other = viewer.add_image([dask.array.from_array(one) for one in wrong], multiscale=True, name="odd",
                             contrast_limits=(0, 1))
    found = large_images.levels_of(other)
    assert [one.factor for one in found.levels] == [(1, 1)]
    assert "2 of 3 levels of 'odd' are not used" in found.left_out


def paint_two_classes(hands, dock):
    """Paint a little of two classes, a long way out, and wait until that is known."""
    binding = dock.controller.current
    dock.hold_class(1)
    hands.drag(binding.strokes, [(4, 4), (4, 6)])
    hands.drag(binding.strokes, [(100, 100), (100, 140)])
    dock.hold_class(2)
    hands.drag(binding.strokes, [(300, 300), (300, 340)])
    hands.published(dock)


def test_what_is_in_view_is_compared_against_a_reference_of_the_whole(viewer, hands, large, monkeypatch):
    image, dock, finest = large
    look(viewer, hands, dock, SIDE, SIDE, 0.04)  # all of it, however wide docks are
    paint_two_classes(hands, dock)
    bright = np.asarray(finest_level(image)) > 100
    asked = []
    monkeypatch.setattr(cut_field, "in_memory", lambda part: (asked.append(threading.current_thread()),
                                                              in_memory(part))[1])
    viewer.add_labels(dask.array.from_array(bright.astype(np.uint8), chunks=512), name="slide truth", scale=(2, 2))
    compare = hands.dock("Compare methods")
    hands.tick_methods(compare, "threshold")
    assert compare.images.rows[0].reference.layer is viewer.layers["slide truth"]
    hands.wait(lambda: "what is in view when you press Compare" in compare.hint.text())
    before, looked = finest.read, len(asked)
    hands.click(compare, "compare_run")
    compare._on_choice_changed()  # a layer comes, say: the comparison that waits for its labels goes on
    hands.wait(lambda: not compare.running)
    assert not compare.board.comparison.failures, compare.state.text()
    assert finest.read - before < SIDE * SIDE // 16, "nothing reads the whole"
    assert len(asked) > looked > 0, "it may have changed since it was looked at"
    assert threading.main_thread() not in asked, "a reference on disk is read beside the window"
    named = "slide [rows 0 to 4095, columns 0 to 4095, at 1 : 8]"
    assert named in compare.state.text()
    assert {row.image for row in compare.board.comparison.rows if row.plane is not None} == {named}
    shown = next(one for one in viewer.layers if role_of(one) == "result")
    assert shown.data.shape == (SIDE // 8, SIDE // 8)
    assert np.allclose(np.array(shown.scale), 16)
    assert np.allclose(np.array(shown.translate), 7)  # the middle of eight pixels of 2
    assert compare._viewer.layers.index(shown) == viewer.layers.index(image) + 1
    dice = [row.value for row in compare.board.comparison.rows if row.metric == "dice" and row.class_id == 2]
    want, have = bright[3::8, 3::8], shown.data == 2
    assert dice == [pytest.approx(2 * (want & have).sum() / (want.sum() + have.sum()))]
    look(viewer, hands, dock, 1000, 1000, 0.5)  # another field: what was found stays where it is
    assert np.allclose(np.array(shown.translate), 7)
    camera_of(viewer).center = (0, 9 * SIDE, 9 * SIDE)
    hands.click(compare, "compare_run")
    assert "Nothing of 'slide' is in view" in compare.state.text()


def test_the_table_is_of_the_field_that_is_looked_at(viewer, hands, large, tmp_path, monkeypatch):
    _, dock, _ = large
    look(viewer, hands, dock, SIDE, SIDE, 0.05)
    paint_two_classes(hands, dock)
    binding, objects = dock.controller.current, hands.dock("Objects")
    hands.wait(lambda: shows_objects(viewer, objects, binding))
    hands.settle(dock)
    table = hands.dock("Object table")

    def is_of(part):
        state, shown = objects.field.state, table.measured
        return (shown is not None and not table.measurer.stale and not table.measurer.running and state is not None
                and state.fresh and part in shown.source.name
                and len(shown.table) == state.counts[2].objects)

    hands.wait(lambda: is_of("rows 0 to 4095, columns 0 to 4095, at 1 : 8"))
    assert "at 1 : 8" in table.state.text()
    assert "class" in table.measured.table.columns
    path = tmp_path / "objects.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    hands.click(table, "table_csv")
    hands.wait(lambda: not table.saving.busy)
    first = path.read_text(encoding="utf-8-sig").splitlines()[1]
    assert "slide [rows 0 to 4095" in first
    table._on_row(0)
    world = table.measured.source.layer.data_to_world(table.measured.layer_place(0))
    assert np.allclose(camera_of(viewer).center[-2:], world[-2:])
    camera_of(viewer).zoom = 0.5
    old = table.measured
    look(viewer, hands, dock, 1000, 1000, 0.5)
    hands.wait(lambda: not old.source.holds)
    table.measurer._on_still()  # the table of before is still there
    assert table.measured is not old or not table.link.marks._marks, "its plane may be gone"
    table._on_row(1)
    assert table.chosen != 1 or table.measured is not old
    hands.wait(lambda: shows_objects(viewer, objects, binding) and is_of("at 1 : 1]"))
    numbers = np.asarray(viewer.layers["slide objects"].data)
    assert len(table.measured.table) == len(np.unique(numbers)) - 1


def test_a_plain_store_is_seen_from_afar_and_told_once_when_it_vanishes(viewer, hands, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(large_images, "LARGEST_LAZY", 2**20)
    monkeypatch.setattr(made_levels, "SMALLEST", 1000)
    path = tmp_path / "plain.zarr"
    pixels = np.add.outer(np.arange(3000), np.arange(3200)).astype(np.uint8)
    zarr.create_array(str(path), data=pixels, chunks=(256, 256))
    assert get_reader(str(path)) is not None
    ((data, options, kind),) = read_layers(str(path))
    assert (kind, [one.shape for one in data]) == ("image", [(3000, 3200), (1500, 1600), (750, 800)])
    image = viewer.add_image(data, **options)
    dock = hands.dock("Train U-Net")
    hands.wait(lambda: dock.chooser.has_image)
    hands.click(dock, "train_new_strokes")
    hands.wait(lambda: isinstance(dock.controller.current, FieldBinding))
    assert "made for looking" in dock.controller.current.level_text
    hands.wait(lambda: image.data_level > 0)
    shutil.rmtree(path)
    said, noted, say = [], [], dock.notes.say
    monkeypatch.setattr(dock.notes, "say", lambda cause, text: (noted.append(text), say(cause, text)))
    with notification_manager:  # as while napari runs
        notification_manager.notification_ready.connect(said.append)
        for zoom in (4, 8, 4, 8):
            camera = camera_of(viewer)
            camera.center, camera.zoom = (0, 1500 + 20 * zoom, 1600), zoom
            hands.wait(lambda: bool(said))
            with pytest.raises(UserError, match="is not there any more"):
                image.refresh()
        notification_manager.notification_ready.disconnect(said.append)
    assert len(said) == 1, [one.message for one in said]
    assert "is not there any more" in said[0].message
    assert not isinstance(said[0], ErrorNotification)
    assert any("is not there any more" in text for text in noted)
    out, error = capsys.readouterr()
    assert "Traceback" not in out + error


def test_a_large_image_of_a_project_comes_with_all_its_levels_and_its_strokes(tmp_path, monkeypatch):
    for module in ("napari_unet.ui.large_images", "napari_unet.ui.projects.project_layers"):
        monkeypatch.setattr(f"{module}.LARGEST_LAZY", 5000)
    data = np.random.default_rng(0).integers(0, 255, (120, 160)).astype(np.uint8)
    path = image_group(tmp_path / "slide.ome.zarr", data, axes=[axis("y"), axis("x")], scale=(0.5, 0.5))
    image = read_image(path)
    record = dataclasses.replace(image_record(image, [path], tmp_path / "p.unet", image_id="a", strokes_id="s"),
                                 level=(2, 2))
    painted = Scribbles.from_array(np.eye(120, 160, dtype=np.uint8))
    (layer,) = image_layers(image, record, (), str(path))
    assert [one.shape for one in layer.data] == [(120, 160), (60, 80)]
    assert (identity(layer), layer.name, tuple(layer.scale)) == ("a", "slide", (0.5, 0.5))
    assert [one.factor for one in large_images.levels_of(layer).levels] == [(1, 1), (2, 2)]
    strokes = strokes_layer(layer, record, painted, ClassTable.default((1, 2)))
    assert large_images.is_field(strokes)
    assert (identity(strokes), role_of(strokes), fits(strokes, layer)) == ("s", "strokes", True)
    assert large_images.expected_strokes(strokes) is painted
    with pytest.raises(UserError, match="shows a part of a large image"):
        ExportPlan(strokes, tmp_path / "a.tif").save()


@pytest.mark.parametrize("kind", ["tiled", "mapped", "channels"])
def test_a_large_image_of_a_project_without_a_pyramid_is_given_one(kind, tmp_path, monkeypatch):
    for module in ("napari_unet.ui.large_images", "napari_unet.ui.projects.project_layers"):
        monkeypatch.setattr(f"{module}.LARGEST_LAZY", 1000)
    monkeypatch.setattr(_tiff_by_tile, "LARGE", 1000)
    monkeypatch.setattr(made_levels, "SMALLEST", 50)
    data = np.random.default_rng(0).integers(0, 255, (120, 160)).astype(np.uint8)
    paths = [tmp_path / f"{number}.tif" for number in range(2 if kind == "channels" else 1)]
    for path in paths:
        tifffile.imwrite(path, data, photometric="minisblack",
                         **({"tile": (32, 32), "compression": "zlib"} if kind == "tiled" else {}))
    image = read_image(paths[0])
    if kind == "channels":
        image = dataclasses.replace(image, data=ChannelFiles([read_image(path).data for path in paths]), axes="CYX")
    record = dataclasses.replace(image_record(image, paths, tmp_path / "p.unet", image_id="a"), level=(4, 4))
    layers = image_layers(image, record, (), str(paths[0]))
    assert len(layers) == len(paths)
    for layer in layers:
        assert [one.shape for one in layer.data] == [(120, 160), (60, 80), (30, 40)]
        np.testing.assert_array_equal(np.asarray(layer.data[0]), data)
    found = large_images.levels_of(layers[0])
    assert [one.factor for one in found.levels] == [(1, 1), (2, 2), (4, 4)]
    assert (found.are_made, found.left_out) == (True, "")
    learnt = at_level(image, record, paths).data.level  # as the project is learnt from without a window
    np.testing.assert_array_equal(learnt.window(0)[0], np.asarray(layers[0].data[2]))
    assert (learnt.scale, learnt.translate) == (found.levels[2].image.scale, found.levels[2].image.translate)


def test_a_name_that_is_completed_replaces_nothing(tmp_path):
    assert asked_path(lambda _: str(tmp_path / "mask"), tmp_path) == tmp_path / "mask.ome.zarr"
    (tmp_path / "mask.ome.zarr").mkdir()
    with pytest.raises(UserError, match="is there already"):
        asked_path(lambda _: str(tmp_path / "mask"), tmp_path)
    assert asked_path(lambda _: str(tmp_path / "mask.ome.zarr"), tmp_path) == tmp_path / "mask.ome.zarr"

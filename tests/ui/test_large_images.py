"""Painting on a large image in the real window: what is looked at does not grow with the image."""

import numpy as np
import pytest
from conftest import SLOW
from napari.layers import Labels

from napari_unet.core.image import Image
from napari_unet.core.level_field import LevelField
from napari_unet.core.made_levels import image_at_level
from napari_unet.core.method import Patch
from napari_unet.core.painted_plane import blocks_of
from napari_unet.core.scribbles import Scribbles
from napari_unet.session.annotation_session import Session
from napari_unet.ui.compare.cut_field import _labels_in
from napari_unet.ui.large_images import ImageLevel
from napari_unet.ui.train import layer_binding
from napari_unet.ui.train.layer_binding import LayerBinding


@pytest.fixture
def bound(viewer, monkeypatch):
    """A pair of layers of an image that counts as large, and the blocks that were compared."""
    monkeypatch.setattr(layer_binding, "LARGE", 1000)
    image = viewer.add_image(np.zeros((1400, 1400), np.uint8), name="cells")
    strokes = viewer.add_labels(np.zeros((1400, 1400), np.uint8), name="cells strokes")
    session = Session()
    binding = LayerBinding(viewer, session, image, strokes)
    looked = []
    old = Scribbles.differing

    def differing(self, plane, now, blocks):
        looked.append(set(blocks))
        return old(self, plane, now, blocks)

    monkeypatch.setattr(Scribbles, "differing", differing)
    yield binding, looked
    binding.close()


def test_a_stroke_is_looked_for_where_it_was_drawn(bound, qtbot):
    binding, looked = bound
    strokes = binding.strokes
    with qtbot.waitSignal(binding.published, timeout=SLOW):
        strokes.paint((700, 700), 2)
    assert set().union(*looked) == {(1, 1)}
    scribbles = binding._session.pair(binding.key).scribbles
    assert np.array_equal(scribbles.planes[0], strokes.data)
    with qtbot.waitSignal(binding.published, timeout=SLOW):
        strokes.undo()
    assert not binding._session.pair(binding.key).scribbles.planes


def test_what_was_written_without_a_word_is_found_when_all_strokes_are_asked_for(bound, qtbot):
    binding, _ = bound
    with qtbot.waitSignal(binding.published, timeout=SLOW):
        binding.strokes.paint((100, 100), 1)
    binding.strokes.data[1300:1310, 20:40] = 2
    assert binding.flush()
    scribbles = binding._session.pair(binding.key).scribbles
    assert np.array_equal(scribbles.planes[0], binding.strokes.data)
    assert set(scribbles.blocks(0)) <= blocks_of((1400, 1400))


def test_a_patch_is_drawn_where_it_lies(bound, qtbot):
    binding, _ = bound
    layer = binding.make_prediction(binding._session.classes)
    visual = binding._viewer.window._qt_viewer.canvas.layer_to_visual[layer]
    qtbot.waitUntil(lambda: visual.node._texture.shape[:2] == (1400, 1400), timeout=SLOW)  # drawn once
    drawn, whole = [], []
    layer.events.labels_update.connect(lambda event: drawn.append((tuple(event.offset), event.data.shape)))
    layer.events.set_data.connect(lambda event: whole.append(event))
    labels = np.full((40, 50), 2, np.uint8)
    binding.paste(Patch(Image(np.zeros((1400, 1400))).where(0, slice(600, 640), slice(20, 70)), labels))
    assert drawn == [((600, 20), (40, 50))]
    assert not whole
    assert (layer._slice.image.view[600:640, 20:70] == layer.colormap._data_to_texture(labels)).all()


@pytest.mark.parametrize("levels", [False, True])
@pytest.mark.parametrize(("rows", "middles"), [(slice(6, 9), [25, 29, 29]), (slice(8, 9), [32])])
def test_labels_of_the_whole_are_seen_at_a_level_on_their_plane_up_to_the_rim(levels, rows, middles):
    """A pyramid may have fewer planes at a level: those are others, and some are missing."""
    truth = np.random.default_rng(0).integers(0, 9, (4, 33, 40)).astype(np.uint8)
    finest = Image(np.zeros(truth.shape, np.uint8), "ZYX")
    level = ImageLevel(1, image_at_level(finest, np.zeros((4, 9, 10), np.uint8), (4, 4)), (4, 4))
    layer = Labels([truth, truth[::2, ::4, ::4]] if levels else truth, multiscale=levels, name="truth")
    seen = _labels_in(layer, finest, level, LevelField(3, rows, slice(1, 7), (4, 4)), {})
    np.testing.assert_array_equal(seen, truth[3][middles][:, 5:28:4])

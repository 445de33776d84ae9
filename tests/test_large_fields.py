"""Large images without a window: windows of a level, strokes between levels, edits by blocks, an answer from afar."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from napari_unet.core.errors import UserError
from napari_unet.core.fingerprints import image_hash
from napari_unet.core.image import Image
from napari_unet.core.image_range import channel_ranges
from napari_unet.core.latest import Latest
from napari_unet.core.level_field import LevelField
from napari_unet.core.level_strokes import FIRST_WINDOWS, MOST_WINDOWS, StrokesAtLevel
from napari_unet.core.method import View
from napari_unet.core.normalisation import Normalisation
from napari_unet.core.reduced_image import averaged, reduced_pair
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.window_stack import INNER, SIDE, LevelledPixels, SampledPixels, WindowGrid, window_stack
from napari_unet.instant.coarse_answers import step_back
from napari_unet.session import block_edits
from napari_unet.session.annotations import Annotations
from napari_unet.session.level_lens import LevelLens, lens_of
from napari_unet.session.run_schedule import RunSchedule, ViewFocus
from napari_unet.session.stroke_edits import accept_labels, clear_strokes, merge_classes

RNG = np.random.default_rng(0)


def whole(shape=(1300, 1700), dtype=np.uint8):
    return Image(SampledPixels(RNG.integers(0, 250, shape).astype(dtype)), "YX", "slide")


@pytest.mark.parametrize("shape", [(1300, 1700), (1, 1), (1, 700), (512, 512), (513, 40)])
def test_windows_hold_the_pixels_of_their_plane(shape):
    image = whole(shape)
    windows = window_stack(image)
    for number in range(len(windows.data.grid)):
        rows, columns = windows.data.grid.box(number)
        inner = windows.window(number)[0][INNER, INNER]
        assert np.array_equal(inner[: rows.stop - rows.start, : columns.stop - columns.start],
                              image.window(0, rows, columns)[0])


def test_around_a_window_is_what_lies_there_and_beyond_the_border_its_mirror():
    image = whole()
    windows = window_stack(image)
    pixels = image.window(0)[0]
    assert np.array_equal(windows.window(5)[0][:1300], pixels[:1300, :1536])
    assert np.array_equal(windows.window(0)[0][511, 512:1024], pixels[1, :512])


def test_channels_and_planes_of_windows():
    data = RNG.integers(0, 255, (3, 2, 700, 600)).astype(np.uint8)
    windows = window_stack(Image(data, "CTYX", "film"))
    assert (windows.axes, windows.label_axes, windows.n_channels) == ("TWCYX", "TWYX", 3)
    number = windows.data.number(1, 2)
    assert windows.data.whole_plane(number) == 1
    assert np.array_equal(windows.window(number)[:, 512:700, INNER], data[:, 1, 512:700, :512])


def test_all_windows_at_once_and_the_name_of_what_they_hold():
    data = RNG.integers(0, 255, (2, 3, 600, 520)).astype(np.uint8)
    windows = window_stack(Image(data, "TCYX", "film"))
    every = windows.data[...]
    assert every.shape == windows.data.shape
    assert np.array_equal(every[1, 2], windows.window(windows.data.number(1, 2)))
    assert np.array_equal(windows.data[:, 3, 1, :9], every[:, 3, 1, :9])
    assert image_hash(windows) != image_hash(window_stack(Image(data[:, :, ::-1], "TCYX", "film")))


def test_windows_near_the_middle_of_the_view_come_first():
    grid = WindowGrid((4096, 4096))
    near = grid.touching(slice(1000, 3000), slice(1000, 3000))
    assert near[0] in (27, 28, 35, 36)
    assert len(near) == len(set(near)) == 25
    assert grid.touching(slice(-50, 10), slice(4000, 9000)) == [7]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_all_windows_of_a_plane_have_the_range_of_the_plane(dtype):
    image = whole(dtype=dtype)
    windows, made = window_stack(image), Normalisation()
    assert made.facts(windows, 0) is made.facts(windows, 7) is made.facts(image, 0)
    assert channel_ranges(windows) is channel_ranges(image)
    mine = made.plane(windows, 5)[0][0][:1300]
    assert np.allclose(mine, made.window(image, 0, image.window(0))[0][0][:, :1536])


def test_what_is_painted_at_a_level_is_there_at_the_finest_and_seen_at_all():
    full = Scribbles.empty((1300, 1700))
    field = LevelField(0, slice(0, 325), slice(0, 425), (4, 4))
    now = np.zeros(field.shape, np.uint8)
    now[10:20, 30:60], now[300:325, 400:425] = 2, 1
    full = full.repainting({0: field.blocks_after(now, np.zeros_like(now), full)}, 1)
    painted = full.planes[0]
    assert (painted[40:80, 120:240] == 2).all()
    assert np.count_nonzero(painted) == 40 * 120 + 100 * 100
    assert np.array_equal(field.painted(full), now)
    level = window_stack(whole((325, 425)))
    assert np.array_equal(StrokesAtLevel(level, (4, 4))(full).planes[0][512 : 512 + 325, 512 : 512 + 425], now)
    finest = window_stack(whole())
    seen = StrokesAtLevel(finest, (1, 1))(full)
    out = np.zeros((1300, 1700), np.uint8)
    for number, plane in seen.planes.items():
        rows, columns = finest.data.grid.box(number)
        out[rows, columns] = plane[INNER, INNER][: rows.stop - rows.start, : columns.stop - columns.start]
    assert np.array_equal(out, painted)


def test_erasing_far_out_erases_and_thin_strokes_are_seen_from_afar():
    full = np.zeros((1300, 1700), np.uint8)
    full[600, 500:700] = 2
    scribbles = Scribbles.from_array(full)
    field = LevelField(0, slice(0, 163), slice(0, 213), (8, 8))
    seen = field.painted(scribbles)
    assert (seen[75, 62:88] == 2).all()
    after = seen.copy()
    after[75, 70:] = 0
    left = scribbles.repainting({0: field.blocks_after(after, seen, scribbles)}, 2).planes[0]
    assert not left[600, 560:].any()
    assert (left[600, 500:560] == 2).all()


def test_a_stroke_makes_anew_only_the_windows_that_it_touches():
    full = np.zeros((2048, 2048), np.uint8)
    full[100, 100:200], full[1900, 1900:2000] = 1, 2
    scribbles = Scribbles.from_array(full)
    at_level = StrokesAtLevel(window_stack(whole((2048, 2048))), (1, 1))
    before = at_level(scribbles)
    block = np.array(scribbles.blocks(0)[0, 0])
    block[300] = 1
    after = at_level(scribbles.repainting({0: {(0, 0): block}}, 2))
    assert before.planes[15] is after.planes[15]
    assert after.planes[0][INNER, INNER][300].all()


def test_a_wide_brush_far_out_takes_little_memory():
    field = LevelField(0, slice(0, 390), slice(0, 390), (128, 128))
    full = Scribbles.empty((49920, 49920))
    now = np.zeros(field.shape, np.uint8)
    now[100:140, 100:200] = 2
    blocks = field.blocks_after(now, np.zeros_like(now), full)
    assert len(blocks) == 10 * 25
    assert len({id(one) for one in blocks.values()}) == 1
    painted = full.repainting({0: blocks}, 1)
    assert painted.counts() == {2: 40 * 100 * 128 * 128}


def test_first_few_windows_then_more_and_each_class_always():
    full = np.zeros((16 * SIDE, 2 * SIDE), np.uint8)
    for row in range(16):
        full[row * SIDE + 10, 10:20] = full[row * SIDE + 10, SIDE + 10 : SIDE + 20] = 1
    full[15 * SIDE + 10, SIDE + 10 : SIDE + 20] = 3
    at_level = StrokesAtLevel(window_stack(whole(full.shape)), (1, 1), FIRST_WINDOWS)
    scribbles = Scribbles.from_array(full)
    for most in range(FIRST_WINDOWS, MOST_WINDOWS + 1, FIRST_WINDOWS):
        seen = at_level(scribbles)
        assert len(seen.planes) == most + 1
        assert set(seen.counts()) == {1, 3}
        assert at_level.grow() is (most < MOST_WINDOWS)
    assert len(StrokesAtLevel(window_stack(whole(full.shape)), (1, 1))(scribbles).planes) == MOST_WINDOWS + 1


def test_without_a_window_all_that_may_be_is_learnt_from_at_once():
    full = np.zeros((16 * SIDE, 2 * SIDE), np.uint8)
    full[10::SIDE, 10:20], full[30::SIDE, SIDE + 10 : SIDE + 20] = 1, 2
    image = whole(full.shape)
    lens = lens_of(dataclasses.replace(image, data=LevelledPixels(image.data, image, (1, 1))))
    assert lens is not None
    assert len(lens.pair(Pair(image, Scribbles.from_array(full))).scribbles.planes) == MOST_WINDOWS


@pytest.fixture
def session(monkeypatch):
    """A session with a pair that counts as large."""
    monkeypatch.setattr(block_edits, "LARGEST", 1000)
    made, painted = Annotations(), np.zeros((600, 700), np.uint8)
    painted[10, :600], painted[500, 100:650] = 1, 2
    made.put_pair("a", Image(np.zeros((600, 700), np.uint8), "YX", "slide"), Scribbles.from_array(painted))
    return made, painted


def test_operations_by_blocks_are_undone(session):
    made, painted = session
    assert clear_strokes(made, ["a"], number=2).changed
    assert made.pair("a").scribbles.counts() == {1: 600}
    made.undo()
    assert np.array_equal(made.pair("a").scribbles.planes[0], painted)
    made.redo()
    assert made.pair("a").scribbles.counts() == {1: 600}
    made.undo()
    merge_classes(made, 2, 1)
    assert made.pair("a").scribbles.counts() == {1: 1150}
    made.undo()
    assert np.array_equal(made.pair("a").scribbles.planes[0], painted)
    assert made.classes.ids == (1, 2)


def test_what_was_painted_since_stays(session):
    made, _ = session
    clear_strokes(made, ["a"])
    over = np.zeros((600, 700), np.uint8)
    over[10, :100] = 2
    made.paint("a", {0: over})
    outcome = made.undo()
    assert "100 pixels were painted over since" in outcome.text
    assert made.pair("a").scribbles.counts() == {1: 500, 2: 650}


def test_what_needs_a_whole_plane_says_so(session):
    with pytest.raises(UserError, match=r"too large for this .*brush"):
        accept_labels(session[0], "a", 0, np.ones((600, 700), np.uint8))


def test_what_is_learnt_from_is_seen_through_the_lens():
    made, image = Annotations(), whole()
    lens = LevelLens(window_stack(image), (1, 1))
    made.put_pair("a", image, None, lens)
    block = np.full((512, 512), 2, np.uint8)
    made.repaint("a", 0, {(1, 2): block})
    assert made.pair("a").scribbles.shape == (1300, 1700)
    learnt = made.snapshots.get().pairs[0]
    assert learnt.image is lens.windows
    assert set(learnt.scribbles.planes) == {6}
    assert made.snapshots.get().pairs[0] is made.training_set().pairs[0]


def test_an_image_that_knows_its_level_is_learnt_from_there():
    coarse = whole((325, 425))
    image = dataclasses.replace(whole(), data=LevelledPixels(np.zeros((1300, 1700), np.uint8), coarse, (4, 4)))
    made = Annotations()
    made.put_pair("a", image)
    assert made.lens("a").factor == (4, 4)
    assert made.training_set().pairs[0].image.data.whole is coarse


class Noting:
    """A model that notes which planes it was asked for."""

    classes = None

    def __init__(self):
        self.asked = []

    def segment(self, image, planes, *, probabilities, view):
        self.asked += planes
        yield from ()


def test_only_what_is_looked_at_is_answered_and_again_when_it_comes_back():
    image, model, runs = window_stack(whole((2048, 2048))), Noting(), RunSchedule()

    def answer(*planes):
        focus = ViewFocus("a", image, planes[0], planes=planes)
        while (run := runs.next_run(model, focus)) is not None:
            runs.advance(run, model, focus)

    answer(5, 6, 9)
    answer(6, 7)
    answer(5, 6)
    assert model.asked == [5, 6, 9, 7, 5]


@pytest.mark.parametrize(("shape", "by"), [((1, 8, 8), 4), ((2, 9, 13), 4), ((1, 1, 5), 8), ((1, 64, 64), 16)])
def test_rows_and_columns_averaged(shape, by):
    plane = np.full(shape, 7, np.uint8)
    assert averaged(plane, by).shape == (shape[0], -(-shape[1] // by), -(-shape[2] // by))
    assert (averaged(plane, by) == 7).all()
    assert averaged(plane > 0, by).dtype == bool


def test_a_pair_from_afar_is_the_same_image_each_time():
    painted = np.zeros((800, 800), np.uint8)
    painted[100:104, 40:400] = 2
    pair = Pair(Image(RNG.integers(0, 9, (800, 800)).astype(np.uint16)), Scribbles.from_array(painted))
    one, other = reduced_pair(pair, 4), reduced_pair(pair, 4)
    assert one.image is other.image
    assert one.image.shape == (200, 200)
    assert (one.scribbles.planes[0][25, 10:100] == 2).all()


@pytest.mark.parametrize(("size", "by"), [(500, 1), (1400, 1), (2000, 2), (4000, 4), (16384, 16)])
def test_how_far_one_steps_back(size, by):
    assert step_back(View((slice(0, size), slice(100, 100 + size)))) == by
    assert step_back(None) == 1


def test_a_large_view_is_answered_from_afar_before_anything_finer():
    from napari_unet.instant.answers import InstantAnswers
    from napari_unet.pretrained import load_features
    from napari_unet.session.live_prediction import LivePatch, live_prediction

    pixels = RNG.integers(0, 30, (1800, 1800)).astype(np.uint8)
    pixels[600:1200, 600:1200] += 150
    painted = np.zeros(pixels.shape, np.uint8)
    painted[300, 300:500], painted[900, 700:900] = 1, 2
    training = TrainingSet((Pair(Image(pixels), Scribbles.from_array(painted)),))
    focus = ViewFocus("a", training.pairs[0].image, 0, View((slice(0, 1800), slice(0, 1800))))
    found = live_prediction(Latest(None), Latest(focus), answers=lambda: InstantAnswers(
        Latest(training), load_features, "cpu"))
    seen = np.zeros(pixels.shape, np.uint8)
    for one in found:
        if not isinstance(one, LivePatch):
            continue
        if not one.from_afar:
            break
        seen[one.patch.where] = one.patch.labels
    found.close()
    assert (seen[640:1160, 640:1160] == 2).mean() > 0.95
    assert (seen[:560] == 1).mean() > 0.95


"""Ways to objects: what they find on hand-drawn scenes, what they learn from lines, and what they do with bad input."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import ndimage
from test_drawn_lines import blobs, discs

from napari_unet.core.components import count_components
from napari_unet.core.image import Image
from napari_unet.learning.border_lesson import BORDER, FEW, INSIDE
from napari_unet.objects import REGISTRY
from napari_unet.objects.auto import Auto, taught
from napari_unet.objects.basins import find_basins, merged_basins
from napari_unet.objects.border_strokes import border_lesson, border_strokes
from napari_unet.objects.class_field import ClassField
from napari_unet.objects.class_objects import Foreground
from napari_unet.objects.finding import find_objects
from napari_unet.objects.growing import grown
from napari_unet.objects.height_watershed import heights
from napari_unet.objects.hints import Hints, Line
from napari_unet.objects.hole_filling import without_holes, without_own_holes
from napari_unet.objects.neck_choice import NECKS, USUAL

ways = pytest.mark.parametrize("way", REGISTRY.names())


def sure_of(labels: np.ndarray, blur: float = 1.0) -> np.ndarray:
    """Probabilities of background and class 2, as an answer has them."""
    sure = ndimage.gaussian_filter((labels == 2).astype(np.float32), blur)
    return np.stack([1 - sure, sure])


def row_of(distance: int, count: int = 6) -> np.ndarray:
    return discs((40, 30 + distance * count), *((20, 20 + distance * number, 12) for number in range(count)))


# --- heights

@pytest.mark.parametrize("shape", [(20, 512), (20, 511), (5, 20, 512)])
def test_the_height_is_the_distance_to_the_rim_and_the_border_of_the_plane_is_none(shape):
    mask = ndimage.gaussian_filter(np.random.default_rng(0).random(shape), 2) > 0.48
    mask[..., -9:] = True
    ground = Foreground.of(ClassField(np.where(mask, 2, 1).astype(np.uint8)), 2)
    np.testing.assert_allclose(heights(ground, "distance", 0), ndimage.distance_transform_edt(mask), rtol=1e-5)


# --- basins

def test_basins_are_where_steepest_ascent_leads():
    height = np.array([[1, 2, 3, 2, 1, 4, 6, 5]], np.float32)
    basins = find_basins(height, height > 0)
    assert basins.numbers.tolist() == [[1, 1, 1, 1, 2, 2, 2, 2]]
    assert basins.peaks.tolist() == [0, 3, 6]
    assert basins.sizes.tolist() == [0, 4, 4]
    assert basins.pairs.tolist() == [[1, 2]]
    assert basins.saddles.tolist() == [1]
    assert basins.contacts.tolist() == [1]
    assert merged_basins(basins, 0.3).tolist() == [0, 1, 1]
    assert merged_basins(basins, 0.4).tolist() == [0, 1, 2]
    assert merged_basins(basins, 0.4, smallest=5).tolist() == [0, 1, 1]


def test_what_is_large_together_is_kept_apart_by_less_of_a_waist():
    height = np.array([[9, 10, 9, 10, 9]], np.float32)
    basins = find_basins(height, height > 0)
    assert merged_basins(basins, 0.85).max() == 1
    assert merged_basins(basins, 0.85, typical=2.5).max() == 2


def test_shallow_waists_part_bodies_but_no_strands():
    height = np.full((1, 80), 1.5, np.float32)
    height[0, 20] = height[0, 60] = 2
    height[0, 40] = 1
    basins = find_basins(height, height > 0)
    assert merged_basins(basins, 0.87, rough=0).max() == 2
    assert merged_basins(basins, 0.87, rough=1.25).max() == 1
    assert merged_basins(basins, 0.87, rough=0.75).max() == 2, "deeper than that"
    assert merged_basins(basins, 0.87, rough=1.25, pixel=0.5).max() == 2, "five discs of radius 2 are 63"


@pytest.mark.parametrize("shape", [(50, 61), (11, 20, 23)])
def test_every_pixel_has_a_basin_and_a_plain_is_one_object(shape):
    random = np.random.default_rng(2)
    mask = ndimage.gaussian_filter(random.random(shape), 2) > 0.5
    basins = find_basins(random.random(shape).astype(np.float32), mask)
    np.testing.assert_array_equal(basins.numbers > 0, mask)
    for number in range(1, len(basins.peaks)):
        assert count_components(basins.numbers == number) == 1
    flat = find_basins(np.ones(shape, np.float32), mask)
    assert merged_basins(flat, 1.0).max() == count_components(mask)


# --- what is found

def rough(mask: np.ndarray) -> ClassField:
    """An answer to a mask, whose borders are as rough as answers are."""
    noise = ndimage.gaussian_filter(np.random.default_rng(3).standard_normal(mask.shape), 1.5)
    sure = np.clip(ndimage.gaussian_filter(mask.astype(np.float32), 1) + 0.09 * noise / noise.std(), 0, 1)
    return ClassField(np.where(sure > 0.5, 2, 1).astype(np.uint8), (2,), np.stack([1 - sure, sure]).astype(np.float32),
                      (1, 2))


@pytest.mark.parametrize("width", [4, 6, 8])
def test_rings_and_filaments_are_whole(width):
    y, x = np.mgrid[:240, :320]
    mask = np.zeros(y.shape, bool)
    for row, column in itertools.product((45, 120, 195), (45, 120)):
        mask |= np.abs(np.hypot(y - row, x - column) - 22) < width / 2
    for column in (190, 230, 270, 300):
        mask |= (np.abs(x - column - 5 * np.sin(y / 9)) < width / 2) & (y > 20) & (y < 220)
    assert find_objects(rough(mask)).count == count_components(mask) == 10


@pytest.mark.parametrize("radius", [6, 10, 14])
def test_rough_pairs_are_parted_all_the_same(radius):
    y, x = np.mgrid[:160, :240]
    mask = np.zeros(y.shape, bool)
    for row, column, side in itertools.product((40, 120), (40, 120, 200), (-1, 1)):
        mask |= np.hypot(y - row, x - column - side * 0.85 * radius) < radius
    assert count_components(mask) == 6
    assert find_objects(rough(mask)).count == 12


@pytest.mark.parametrize("way", ["auto", "watershed"])
@pytest.mark.parametrize("distance", [19, 21, 23])
def test_a_row_of_touching_discs_is_parted(way, distance):
    labels = row_of(distance)
    for probabilities in (None, sure_of(labels)):
        field = ClassField(labels, probabilities=probabilities, ids=(1, 2))
        assert find_objects(field, way=way).count == 6
    assert find_objects(ClassField(labels), way="parts").count == 1


def test_discs_that_enclose_gaps_are_parted_and_a_ring_is_one():
    grid = discs((200, 240), *((40 + 42 * row, 40 + 42 * column, 22)
                               for row, column in itertools.product(range(3), range(4))))
    assert find_objects(ClassField(grid)).count == 12
    ring = discs((60, 60), (30, 30, 20))
    ring[27:33, 27:33] = 1
    found = find_objects(ClassField(ring))
    assert found.count == 1
    assert found.numbers[30, 30] == 1, "a hole in one object is filled"


@pytest.mark.parametrize("way", ["auto", "watershed"])
def test_touching_balls_of_flat_voxels_are_parted_by_their_true_shape(way):
    grid = np.indices((17, 50, 80)) * np.array([3, 1, 1])[:, None, None, None]
    labels = np.ones((17, 50, 80), np.uint8)
    for centre in ((24, 25, 22), (24, 25, 48)):
        labels[sum((axis - at) ** 2 for axis, at in zip(grid, centre, strict=True)) <= 15**2] = 2
    assert find_objects(ClassField(labels, spacing=(0.3, 0.1, 0.1)), way=way).count == 2
    assert find_objects(ClassField(labels, spacing=(0.3, 0.1, 0.1)), way="parts").count == 1


def test_dirt_is_left_out_and_what_is_painted_is_not():
    labels = discs((80, 120), (30, 25, 14), (30, 60, 14), (30, 95, 14), (65, 30, 2), (65, 60, 2))
    strokes = np.zeros_like(labels)
    strokes[65, 60] = 2
    assert find_objects(ClassField(labels)).count == 3
    found = find_objects(ClassField(labels), Hints(strokes=strokes))
    assert found.count == 4
    assert found.numbers[65, 60]
    assert not found.numbers[65, 30]
    assert find_objects(ClassField(labels), smallest=0).count == 5


def test_background_strokes_are_in_no_object():
    labels = discs((40, 60), (20, 30, 12))
    strokes = np.zeros_like(labels)
    strokes[20, 25:35] = 1
    for field in (ClassField(labels), ClassField(labels, probabilities=sure_of(labels), ids=(1, 2))):
        found = find_objects(field, Hints(strokes=strokes))
        assert found.count
        assert not found.numbers[strokes == 1].any()


def test_a_faint_object_reaches_as_far_as_it_fades_and_a_doubtful_one_is_none():
    field = discs((60, 130), (30, 25, 12), (30, 65, 12), (30, 105, 12))
    sure = ndimage.gaussian_filter((field == 2).astype(np.float32), 2)
    sure[:, 45:85] *= 0.8  # faint
    sure[:, 85:] *= 0.62  # never surer than 0.62
    labels = np.where(sure > 0.5, 2, 1).astype(np.uint8)
    found = find_objects(ClassField(labels, probabilities=np.stack([1 - sure, sure]), ids=(1, 2)))
    sizes = np.bincount(found.numbers.ravel())[1:]
    assert found.count == 2
    assert np.count_nonzero(labels[:, 45:85] == 2) < sizes[1] < 1.15 * sizes[0]


def test_growing_stays_beside_its_object_and_off_what_is_not_free():
    numbers = np.array([[1, 0, 0, 0, 0, 0, 2]])
    sure = np.array([[0.9, 0.45, 0.1, 0.45, 0.1, 0.48, 0.9]], np.float32)
    free = np.array([[True, True, True, True, True, False, True]])
    assert grown(numbers, sure, free).tolist() == [[1, 1, 0, 0, 0, 0, 2]]


def test_holes():
    mask = np.ones((9, 12), bool)
    mask[2, 2], mask[5:8, 5:8], mask[8, 11] = False, False, False
    free = np.ones_like(mask)
    assert without_holes(mask, free).sum() == mask.size - 1
    assert without_holes(mask, free, most=1).sum() == mask.size - 10
    likely = np.where(mask, 1, 0.4).astype(np.float32)
    assert without_holes(mask, free, 0, likely).sum() == mask.size - 1
    numbers = np.where(mask, 1, 0)
    numbers[:, 6:][numbers[:, 6:] > 0] = 2
    own = without_own_holes(numbers, free)
    assert own[2, 2] == 1
    assert not own[6, 6], "between two objects it is a gap"


# --- what lines teach

def test_lines_choose_which_necks_are_cut_elsewhere():
    shallow = row_of(12)
    plain = find_objects(ClassField(shallow)).count
    assert plain < 6, "the scene must be too shallow for the usual"
    cuts = tuple(Line("cut", ((5, 26 + 12 * number), (35, 26 + 12 * number))) for number in range(5))
    way = taught([(ClassField(shallow), Hints(cuts))])
    assert way.neck is not None
    assert way.neck > USUAL
    assert find_objects(ClassField(shallow), neck=way.neck).count > plain
    deep = row_of(16)
    joins = tuple(Line("join", ((20, 20 + 16 * number), (20, 36 + 16 * number))) for number in range(5))
    joined = taught([(ClassField(deep), Hints(joins))])
    assert joined.neck is not None
    assert joined.neck < USUAL
    assert taught([(ClassField(deep), Hints())]).neck is None
    assert taught([(ClassField(deep), Hints(joins))], Auto(neck=0.9)).neck == 0.9
    assert USUAL in NECKS


def test_one_line_alone_does_not_change_what_is_found_elsewhere():
    labels = np.concatenate([row_of(20, 4), discs((40, 110), (20, 25, 12), (20, 34, 12))], axis=1)
    before = find_objects(ClassField(labels))
    after = find_objects(ClassField(labels), Hints((Line("cut", ((5, 139.5), (35, 139.5))),)))
    assert after.count == before.count + 1
    np.testing.assert_array_equal(after.numbers[:, :110], before.numbers[:, :110])


def test_cuts_cost_no_dice_where_background_strokes_did():
    """The case that asked for cuts: three bridges between nuclei, parted without any pixel of any nucleus lost."""
    labels = row_of(12)
    field = ClassField(labels, probabilities=sure_of(labels), ids=(1, 2))
    cuts = Hints(tuple(Line("cut", ((5, 26 + 12 * number), (35, 26 + 12 * number))) for number in range(3)))
    before, after = find_objects(field), find_objects(field, cuts)
    assert after.count > before.count
    truth = labels == 2
    dices = [2 * np.count_nonzero((one.numbers > 0) & truth) / (np.count_nonzero(one.numbers) + truth.sum())
             for one in (before, after)]
    assert dices[1] >= dices[0] > 0.95


def test_strokes_of_borders_lie_under_cuts_and_deep_inside():
    labels = discs((40, 60), (20, 18, 12), (20, 41, 12))
    strokes = np.zeros_like(labels)
    strokes[20, 8:12] = 2
    hints = Hints((Line("cut", ((5, 29.5), (35, 29.5))),), strokes)
    said = border_strokes(find_objects(ClassField(labels), hints), hints)
    assert (said[labels == 1] == 0).all(), "background is neither"
    under = Line("cut", ((5, 29.5), (35, 29.5))).pixels(said.shape)
    assert (said[under][labels[under] == 2] == BORDER).all()
    assert said[20, 9] == said[20, 18] == said[20, 41] == INSIDE
    image = Image(np.zeros((40, 60), np.uint8))
    lesson = border_lesson([(image, {0: said})], FEW)
    assert lesson is not None
    assert lesson.training.classes.ids == (INSIDE, BORDER)
    assert lesson.trust == 0.5
    assert lesson.of_channels(1) is lesson
    assert lesson.of_channels(3) is None
    assert border_lesson([(image, {0: np.where(said == BORDER, 0, said)})], 1) is None


def test_a_cut_that_parts_nothing_or_was_joined_again_is_no_border():
    labels = discs((40, 60), (20, 18, 12), (20, 41, 12))
    cut, join = Line("cut", ((5, 29.5), (35, 29.5))), Line("join", ((20, 18), (20, 41)))
    for lines, teaches in (((cut,), True), ((cut, join), False), ((Line("cut", ((20, 18),)),), False)):
        hints = Hints(lines)
        said = border_strokes(find_objects(ClassField(labels), hints), hints)
        assert (BORDER in said) == teaches


def test_what_looks_like_a_border_parts():
    labels = np.ones((30, 60), np.uint8)
    labels[5:25, 5:55] = 2
    border = np.zeros(labels.shape, np.float32)
    border[:, 29:32] = 1

    seen = 0.8 * border
    for way in ("auto", "watershed"):
        assert find_objects(ClassField(labels), way=way).count == 1
        assert find_objects(ClassField(labels, border=seen), way=way).count == 2


# --- bad input

@ways
@pytest.mark.parametrize("shape", [(30, 40), (6, 20, 20), (1, 1), (0, 5)])
def test_no_object_at_all(way, shape):
    for value in (0, 1):
        field = ClassField(np.full(shape, value, np.uint8))
        found = find_objects(field, Hints((Line("cut", ((0,) * len(shape), (3,) * len(shape))),)), way)
        assert found.count == 0
        assert found.numbers.shape == shape
        counted = ClassField(np.full(shape, value, np.uint8), countable=(2, 7))
        assert find_objects(counted, way=way).count == 0


@ways
def test_one_object_that_fills_the_plane(way):
    for shape in ((50, 70), (5, 20, 30)):
        field = ClassField(np.full(shape, 2, np.uint8), probabilities=np.ones((1, *shape)), ids=(2,))
        found = find_objects(field, way=way)
        assert found.count == 1
        assert (found.numbers == 1).all()


@ways
def test_more_objects_than_uint16_holds(way):
    labels = np.ones((1064, 1064), np.uint8)
    labels[1::4, 1::4] = 2
    found = find_objects(ClassField(labels), way=way)
    assert found.count == 266**2 > 65535
    assert found.numbers.dtype == np.uint32
    assert found.numbers.max() == found.count


@ways
def test_probabilities_that_are_no_numbers_and_voxels_of_no_size(way):
    labels = discs((40, 70), (20, 20, 12), (20, 42, 12))
    sure = sure_of(labels)
    sure[:, 10:30, 10:20] = np.nan
    sure[1, 0, 0] = np.inf
    field = ClassField(labels, probabilities=sure, ids=(1, 2), spacing=(0, float("nan")))
    found = find_objects(field, way=way)
    assert found.numbers[20, 20]
    assert found.numbers[20, 42]
    assert find_objects(ClassField(labels, probabilities=np.full_like(sure, np.nan), ids=(1, 2)), way=way).count
    np.testing.assert_array_equal(field.labels, labels)


@ways
def test_classes_are_parted_by_themselves(way):
    labels = blobs(3)
    found = find_objects(ClassField(labels), way=way)
    assert set(found.classes[1:].tolist()) == {2, 3}
    kept = found.numbers > 0
    own = labels == found.classes[found.numbers]
    assert own[kept & (labels > 1)].all()
    two = find_objects(ClassField(labels, countable=(3,)), way=way)
    assert set(two.classes[1:].tolist()) == {3}

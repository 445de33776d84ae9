"""Cuts and joins hold in every way to objects, and touch nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_unet.core.errors import UserError
from napari_unet.objects import REGISTRY
from napari_unet.objects.class_field import ClassField
from napari_unet.objects.drawn_lines import with_lines
from napari_unet.objects.finding import find_objects
from napari_unet.objects.hints import Hints, Line
from napari_unet.objects.object_map import ObjectMap

ways = pytest.mark.parametrize("way", REGISTRY.names())


def discs(shape: tuple[int, ...], *places: tuple[float, ...]) -> np.ndarray:
    """Painted ids: nuclei (2) at centres with a radius as their last number."""
    grid = np.indices(shape)
    found = np.ones(shape, np.uint8)
    for *centre, radius in places:
        away = sum((axis - at) ** 2 for axis, at in zip(grid, centre, strict=True))
        found[away <= radius**2] = 2
    return found


def blobs(seed: int, shape: tuple[int, ...] = (70, 90)) -> np.ndarray:
    """Painted ids of ragged things that touch, of two classes."""
    random = np.random.default_rng(seed)
    height = ndimage.gaussian_filter(random.random(shape), 3)
    found = np.where(height > np.quantile(height, 0.6), 2, 1).astype(np.uint8)
    other = ndimage.gaussian_filter(random.random(shape), 8)
    return np.where((found == 2) & (other > np.quantile(other, 0.6)), 3, found).astype(np.uint8)


def same(found: ObjectMap, line: Line) -> set[int]:
    """Numbers of the objects that a line touches."""
    return set(np.unique(found.numbers[line.pixels(found.numbers.shape)]).tolist()) - {0}


def outside(found: ObjectMap, touched: set[int]) -> np.ndarray:
    """First pixel of the object of each pixel: what is the same in two maps has the same, whatever its number."""
    numbers = np.where(np.isin(found.numbers, list(touched)), 0, found.numbers)
    _, first, back = np.unique(numbers, return_index=True, return_inverse=True)
    return np.where(numbers > 0, first[back].reshape(numbers.shape) + 1, 0)


def plain(way: str) -> dict[str, float]:
    """Parameters that lines do not choose anew."""
    return {"neck": 0.75} if way == "auto" else {}


@ways
def test_a_cut_parts_two_and_costs_no_pixel(way: str) -> None:
    field = ClassField(discs((40, 70), (20, 20, 12), (20, 39, 12)))
    cut = Hints((Line("cut", ((4, 29.5), (36, 29.5))),))
    found = find_objects(field, cut, way)
    assert found.count == 2
    assert found.numbers[20, 20] != found.numbers[20, 39]
    np.testing.assert_array_equal(found.numbers > 0, field.labels == 2)


@ways
@pytest.mark.parametrize("points", [((17, 29), (23, 30)), ((12, 30), (20, 28), (29, 31)), ((20, 29), (21, 29))])
def test_a_cut_that_is_short_or_bent_parts_at_the_neck(way: str, points: tuple[tuple[float, ...], ...]) -> None:
    field = ClassField(discs((40, 60), (20, 18, 12), (20, 41, 12)))
    found = find_objects(field, Hints((Line("cut", points),)), way)
    assert found.count == 2
    sizes = np.bincount(found.numbers.ravel())[1:]
    assert sizes.min() > 0.9 * sizes.max()


@ways
def test_a_join_makes_one_object_also_over_a_gap(way: str) -> None:
    field = ClassField(discs((40, 90), (20, 15, 10), (20, 45, 10), (20, 75, 10)))
    join = Line("join", ((20, 15), (20, 45)))
    found = find_objects(field, Hints((join,)), way)
    assert found.count == 2
    assert len(same(found, join)) == 1
    np.testing.assert_array_equal(found.numbers > 0, field.labels == 2)
    both = find_objects(field, Hints((join, Line("cut", ((5, 15), (35, 16))))), way)
    assert both.count == 3, "the far part of a join stays with one side of a later cut"
    assert both.numbers[20, 45] == both.numbers[20, 20]


@ways
def test_the_later_line_wins(way: str) -> None:
    field = ClassField(discs((40, 60), (20, 18, 12), (20, 41, 12)))
    cut, join = Line("cut", ((5, 29.5), (35, 29.5))), Line("join", ((20, 10), (20, 50)))
    assert find_objects(field, Hints((cut, join)), way).count == 1
    assert find_objects(field, Hints((join, cut)), way).count == 2


@ways
@pytest.mark.parametrize("seed", range(6))
def test_lines_change_only_what_they_touch(way: str, seed: int) -> None:
    field = ClassField(blobs(seed))
    random = np.random.default_rng(seed)
    before = find_objects(field, way=way, **plain(way))
    for kind in ("cut", "join"):
        line = Line(kind, tuple(map(tuple, random.uniform((0, 0), (70, 90), (3, 2)))))
        touched = same(before, line)
        after = find_objects(field, Hints((line,)), way, **plain(way))
        np.testing.assert_array_equal(after.numbers > 0, before.numbers > 0)
        changed = set(np.unique(after.numbers[np.isin(before.numbers, list(touched))]).tolist())
        np.testing.assert_array_equal(outside(after, changed), outside(before, touched))
        if kind == "join":
            assert len(same(after, line)) <= 1


@ways
@pytest.mark.parametrize("seed", range(6))
def test_no_pixel_beside_a_cut_has_its_object_on_the_other_side(way: str, seed: int) -> None:
    field = ClassField(discs((60, 80), (30, 25, 16), (30, 52, 16), (12, 40, 9)))
    random = np.random.default_rng(seed)
    angle = random.uniform(0, np.pi)
    centre, along = np.array([30, random.uniform(20, 55)]), np.array([np.sin(angle), np.cos(angle)])
    cut = Line("cut", (tuple(centre - 9 * along), tuple(centre + 9 * along)))
    numbers = find_objects(field, Hints((cut,)), way).numbers
    across = np.array([along[1], -along[0]])
    for share in np.linspace(-6, 6, 25):
        left, right = (tuple(np.rint(centre + share * along + side * 3 * across).astype(int)) for side in (1, -1))
        if numbers[left] and numbers[right]:
            assert numbers[left] != numbers[right]


@ways
def test_a_volume_is_cut_by_a_line_in_one_plane(way: str) -> None:
    field = ClassField(discs((25, 40, 60), (12, 20, 19, 11), (12, 20, 39, 11)), spacing=(2, 1, 1))
    line = Line("cut", ((12, 5, 29), (12, 35, 29)))
    found = find_objects(field, Hints((line,)), way, **plain(way))
    assert found.numbers[12, 20, 19] != found.numbers[12, 20, 39]
    sizes = np.bincount(found.numbers.ravel())[1:]
    assert found.count == 2
    assert sizes.min() > 0.8 * sizes.max()
    np.testing.assert_array_equal(found.numbers > 0, field.labels == 2)


def test_a_cut_along_a_border_moves_the_border_and_leaves_no_sliver() -> None:
    numbers = np.zeros((30, 40), np.uint32)
    numbers[5:25, 5:20], numbers[5:25, 20:35] = 1, 2
    after = with_lines(ObjectMap.of(numbers), Hints((Line("cut", ((2, 21), (28, 19))),)))
    assert after.count == 2
    np.testing.assert_array_equal(after.numbers > 0, numbers > 0)


def test_lines_over_nothing_and_of_one_point_change_nothing() -> None:
    field = ClassField(discs((40, 60), (20, 18, 12)))
    before = find_objects(field)
    for line in (Line("cut", ((2, 40), (30, 55))), Line("join", ((2, 40), (30, 55))), Line("cut", ((20, 18),)),
                 Line("cut", ((-50, -50), (-40, -40))), Line("join", ((20, 18),))):
        np.testing.assert_array_equal(find_objects(field, Hints((line,))).numbers, before.numbers)


def test_a_line_of_other_axes_and_strokes_of_another_shape_are_refused() -> None:
    field = ClassField(np.full((5, 5), 2, np.uint8))
    with pytest.raises(UserError, match="does not fit objects of 2 axes"):
        find_objects(field, Hints((Line("cut", ((1, 2, 2), (1, 3, 3))),)))
    with pytest.raises(UserError, match="do not fit a prediction"):
        find_objects(field, Hints(strokes=np.zeros((4, 5), np.uint8)))
    with pytest.raises(UserError, match="no parameter 'nek'"):
        find_objects(field, way="watershed", nek=1)


def test_a_join_of_two_classes_takes_the_one_it_touches_most() -> None:
    labels = np.ones((10, 30), np.uint8)
    labels[2:8, 2:10], labels[2:8, 12:28] = 3, 2
    found = find_objects(ClassField(labels), Hints((Line("join", ((5, 7), (5, 25))),)))
    assert found.classes.tolist() == [0, 2]

"""Where to paint next: the margin, counted by hand; the place, on maps drawn by hand; the search, tile by tile."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.method import Patch, View
from napari_unet.core.scribbles import Scribbles
from napari_unet.predicting.uncertainty import (
    REACH,
    SURE,
    UncertainPlace,
    box_mean,
    find_least_sure,
    least_sure,
    uncertainty,
)


def test_it_is_one_minus_the_margin_of_the_two_likeliest() -> None:
    maps = np.array([0.5, 0.2, 0.3, 1.0, 0.0, 0.0, 0.4, 0.4, 0.2], np.float32).reshape(3, 3).T[..., None]
    # columns: (0.5, 0.2, 0.3), (1, 0, 0), (0.4, 0.4, 0.2)
    found = uncertainty(maps)
    assert found.dtype == np.float32
    assert found[:, 0] == pytest.approx([0.8, 0.0, 1.0], abs=1e-6)


def test_a_single_class_is_certain() -> None:
    assert not uncertainty(np.ones((1, 4, 5), np.float32)).any()


@given(st.integers(2, 6), st.integers(0, 2**31 - 1))
def test_it_agrees_with_sorting_and_does_not_depend_on_the_order_of_classes(classes: int, seed: int) -> None:
    maps = np.random.default_rng(seed).dirichlet(np.ones(classes), (3, 4)).transpose(2, 0, 1).astype(np.float32)
    before = maps.copy()
    ordered = np.sort(maps, axis=0)
    found = uncertainty(maps)
    assert np.allclose(found, 1 - (ordered[-1] - ordered[-2]), atol=1e-6)
    assert np.array_equal(found, uncertainty(maps[::-1]))
    assert (found >= 0).all()
    assert (found <= 1).all()
    assert np.array_equal(maps, before)


def test_smoothing_is_the_mean_under_the_brush() -> None:
    values = np.zeros((9, 9), np.float32)
    values[4, 4] = 1
    assert box_mean(values, 3)[3:6, 3:6] == pytest.approx(np.full((3, 3), 1 / 9))
    assert np.allclose(box_mean(np.full((5, 5), 0.3), 4), 0.3), "the border is no surer than the middle"
    assert np.array_equal(box_mean(values, 1), values)


def test_a_region_wins_over_a_brighter_pixel() -> None:
    values = np.zeros((40, 40), np.float32)
    values[5, 5] = 1.0
    values[20:27, 28:35] = 0.6
    assert least_sure(values, 7) == (23, 31, pytest.approx(0.6))
    assert least_sure(values, 1) == (5, 5, 1.0)


def test_what_is_left_out_is_not_chosen_and_counts_as_sure() -> None:
    values = np.zeros((40, 40), np.float32)
    values[20:27, 28:35] = 0.6
    values[2:6, 2:6] = 0.5
    out = np.zeros(values.shape, bool)
    out[18:29, 26:37] = True
    found = least_sure(values, 4, out)
    assert found is not None
    assert found[:2] == (4, 4)
    assert least_sure(values, 4, np.ones(values.shape, bool)) is None


# --- the search -------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class Drawn:
    """A model that is as unsure as a stack (Z, Y, X) of uncertainty says; tiles of 16 x 16, those in view first."""

    stack: NDArray[np.float32]
    honest: bool = True
    classes: ClassTable = dataclasses.field(default_factory=ClassTable.default)
    note: str = "drawn"
    seen: list[Any] = dataclasses.field(default_factory=list)

    def segment(self, image: Image, planes: Any = None, *, probabilities: bool = False, view: Any = None) -> Any:
        assert probabilities
        boxes = [(plane, row, column) for plane in planes for row in range(0, 48, 16) for column in range(0, 48, 16)]
        shown = view.get()
        if shown is not None:
            rows, columns = shown.where[-2:]
            boxes.sort(key=lambda one: not (one[1] < rows.stop and one[1] + 16 > rows.start
                                            and one[2] < columns.stop and one[2] + 16 > columns.start))
        for done, (plane, row, column) in enumerate(boxes, 1):
            self.seen.append((plane, row, column))
            part = self.stack[plane, row : row + 16, column : column + 16]
            maps = np.stack([0.5 + (1 - part) / 2, 0.5 - (1 - part) / 2])
            where = image.where(plane, slice(row, row + 16), slice(column, column + 16))
            yield Patch(where, np.ones(part.shape, np.uint8), maps if self.honest else None, done, len(boxes))


@pytest.fixture
def image() -> Image:
    return Image(np.zeros((3, 48, 48), np.uint8), "ZYX", "stack")


@pytest.fixture
def model() -> Drawn:
    stack = np.zeros((3, 48, 48), np.float32)
    stack[0, 4:8, 4:8] = 0.5
    stack[0, 38:42, 38:42] = 0.7
    stack[2, 20:24, 36:40] = 0.9
    return Drawn(stack)


def result(search: Any) -> Any:
    """What a search returns, and what it said on the way."""
    said = []
    while True:
        try:
            said.append(next(search))
        except StopIteration as end:
            return end.value, said


def search(model: Any, image: Image, scribbles: Scribbles | None = None, **options: Any) -> Any:
    return result(find_least_sure(model, image, scribbles or Scribbles.empty(image.shape), width=4, **options))


def view(rows: slice, columns: slice, plane: int = 0) -> View:
    return View((plane, rows, columns))


def test_what_is_in_view_comes_first_and_nothing_else_is_looked_at(image: Image, model: Drawn) -> None:
    place, said = search(model, image, view=view(slice(0, 20), slice(0, 14)))
    assert (place.plane, place.row, place.column) == (0, 6, 6)
    assert place.value == pytest.approx(0.5)
    assert len(said) == 2, "two tiles are in view"
    assert {one[0] for one in model.seen} == {0}


def test_a_place_outside_the_view_is_not_taken_for_one_inside(image: Image, model: Drawn) -> None:
    place, _ = search(model, image, view=view(slice(0, 20), slice(8, 30)))
    assert place.plane == 2, "the view is sure, although its tiles are not"


def test_everywhere_means_all_planes(image: Image, model: Drawn) -> None:
    place, said = search(model, image)
    assert (place.plane, place.row, place.column) == (2, 22, 38)
    assert [one.fraction for one in said] == pytest.approx([n / 27 for n in range(1, 28)])


def test_visited_and_painted_places_are_left_out(image: Image, model: Drawn) -> None:
    first, _ = search(model, image)
    second, _ = search(model, image, visited=[first])
    assert (second.plane, second.row, second.column) == (0, 40, 40)
    plane = np.zeros((48, 48), np.uint8)
    plane[36:44, 36:44] = 2
    third, _ = search(model, image, Scribbles(image.shape, {0: plane}), visited=[first])
    assert (third.plane, third.row, third.column) == (0, 6, 6)
    none, _ = search(model, image, Scribbles(image.shape, {0: plane}), visited=[first, third])
    assert none is None


def test_a_visit_covers_what_is_near_it_in_its_own_plane_only(image: Image, model: Drawn) -> None:
    reach = round(REACH * 4)
    near, far = UncertainPlace(2, 24 + reach, 38, 1.0), UncertainPlace(1, 22, 38, 1.0)
    assert search(model, image, visited=[far])[0].plane == 2
    assert search(model, image, visited=[near])[0].plane == 2, "beyond its reach"
    assert search(model, image, visited=[UncertainPlace(2, 22, 38, 1.0)])[0].plane == 0


def test_where_it_is_sure_there_is_no_place(image: Image) -> None:
    assert search(Drawn(np.full((3, 48, 48), SURE - 0.05, np.float32)), image)[0] is None


def test_a_model_without_probabilities_is_refused(image: Image, model: Drawn) -> None:
    with pytest.raises(UserError, match="gives no probabilities"):
        search(dataclasses.replace(model, honest=False), image)

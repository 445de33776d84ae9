"""Measures of objects: against scikit-image, and by hand."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import marching_cubes, mesh_surface_area, regionprops_table

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.objects.measure_table import joined_tables
from napari_unet.objects.measures import measure, measuring
from napari_unet.objects.object_map import ObjectMap

SAME = {
    "object": "label", "area_px": "area", "perimeter": "perimeter", "y_px": "centroid-0", "x_px": "centroid-1",
    "diameter": "equivalent_diameter_area", "major": "axis_major_length", "minor": "axis_minor_length",
    "eccentricity": "eccentricity", "extent": "extent", "solidity": "solidity",
    "mean": "intensity_mean", "std": "intensity_std", "min": "intensity_min", "max": "intensity_max",
}


def scene(seed: int, shape: tuple[int, ...], level: float = 0.1, sigma: float = 2.0) -> NDArray[np.uint32]:
    """Draw objects of all shapes, some of several pieces, some touching, numbers with gaps."""
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=shape), sigma)
    parts = ndimage.label(field > level * field.std())[0].astype(np.uint32)
    cells = (ndimage.gaussian_filter(rng.normal(size=shape), 2 * sigma) > 0).astype(np.uint32)
    return np.where(parts > 0, 3 * parts + cells, 0).astype(np.uint32)


def by_scikit_image(numbers: NDArray[Any], image: NDArray[Any], names: dict[str, str], **options: Any) -> Any:
    wanted = sorted({name.split("-")[0] for name in names.values()})
    return regionprops_table(numbers.astype(np.int32), image, properties=wanted, **options)


@pytest.mark.parametrize(("seed", "sigma"), [(0, 0.0), (1, 1.0), (2, 2.5), (3, 6.0)])
def test_a_plane_is_measured_as_by_scikit_image(seed: int, sigma: float) -> None:
    numbers = scene(seed, (93, 117), sigma=sigma)
    image = np.random.default_rng(seed).normal(1e6, 3, numbers.shape)
    table = measure(ObjectMap.of(numbers), image[None])
    theirs = by_scikit_image(numbers, image, SAME)
    assert len(table) > 5
    for name, other in SAME.items():
        np.testing.assert_allclose(table.columns[name], theirs[other], rtol=1e-9, atol=3e-6, err_msg=name)


def test_physical_sizes_are_those_of_scikit_image_with_spacing() -> None:
    numbers = scene(4, (60, 70))
    names = {"area": "area", "y": "centroid-0", "x": "centroid-1", "major": "axis_major_length",
             "minor": "axis_minor_length", "eccentricity": "eccentricity", "diameter": "equivalent_diameter_area"}
    table = measure(ObjectMap.of(numbers, spacing=(0.5, 0.2)), unit="micrometer")
    theirs = by_scikit_image(numbers, None, names, spacing=(0.5, 0.2))  # type: ignore[arg-type]
    for name, other in names.items():
        np.testing.assert_allclose(table.columns[name], theirs[other], atol=1e-6, err_msg=name)
    assert "perimeter" not in table.columns
    assert "not square" in " ".join(table.notes)
    assert {"area (pixel)", "area (micrometer^2)", "y (pixel)", "y (micrometer)", "nearest (micrometer)"} <= set(
        table.heads)


def test_a_volume_is_measured_as_by_scikit_image(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = scene(5, (20, 30, 40), level=1.0)
    names = {"volume": "area", "z": "centroid-0", "y": "centroid-1", "x": "centroid-2", "extent": "extent",
             "major": "axis_major_length", "minor": "axis_minor_length", "diameter": "equivalent_diameter_area",
             "solidity": "area_convex"}
    table = measure(ObjectMap.of(numbers, spacing=(2.0, 0.5, 0.5)), unit="micrometer", solidity=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a flat object it has no hull
        theirs = by_scikit_image(numbers, None, names, spacing=(2.0, 0.5, 0.5))  # type: ignore[arg-type]
    hull = theirs["area_convex"]
    theirs["area_convex"] = np.divide(theirs["area"], hull, where=hull > 0, out=table.columns["solidity"].copy())
    assert (hull > 0).sum() > 10
    for name, other in names.items():
        np.testing.assert_allclose(table.columns[name], theirs[other], atol=1e-6, err_msg=name)
    ours = table.columns["surface"]
    for number in (1, 2, 3):
        corners, triangles, _, _ = marching_cubes(
            np.pad(numbers == table.columns["object"][number], 1).astype(float), 0.5, spacing=(2.0, 0.5, 0.5))
        assert ours[number] == pytest.approx(mesh_surface_area(corners, triangles), rel=1e-4)
    without = measure(ObjectMap.of(numbers), solidity=False)
    assert not {"solidity", "surface"} & set(without.columns)
    monkeypatch.setattr("napari_unet.objects.measures.MOST_SHAPES", 3)
    assert "No solidity and no surface" in " ".join(measure(ObjectMap.of(numbers)).notes)


def test_parts_of_the_work_give_the_same_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = scene(6, (64, 50))
    image = np.random.default_rng(0).normal(size=(2, *numbers.shape))
    whole = measure(ObjectMap.of(numbers), image)
    monkeypatch.setattr("napari_unet.objects.pixel_sums.SLAB", 350)
    parted = measure(ObjectMap.of(numbers), image)
    for name, values in whole.columns.items():
        if values.dtype != object:
            np.testing.assert_allclose(parted.columns[name], values, atol=1e-9, err_msg=name)


def test_a_scene_drawn_by_hand() -> None:
    """
    Two squares that touch by a side, one by a corner of the second, one alone at the border.
    """
    numbers = np.zeros((12, 20), np.uint32)
    numbers[2:5, 2:5] = 7
    numbers[2:5, 5:8] = 2
    numbers[5:8, 8:11] = 4
    numbers[9:12, 15:18] = 70_000
    image = np.where(numbers == 2, 3, 10).astype(float)
    image[2, 5] = np.nan  # no data: left out
    image[3, 3] = 100
    found = ObjectMap.of(numbers, {2: 2, 4: 3, 7: 2, 70_000: 3})
    classes = ClassTable.named({1: "background", 2: "nucleus", 3: "debris"})
    place = Geometry("YX", (0.5, 0.5), "micrometer", (100.0, 200.0))
    table = measure(
        ObjectMap(found.numbers, found.classes, (0.5, 0.5)), image[None], ["DAPI"], classes, "micrometer", place)
    columns = table.columns
    assert columns["object"].tolist() == [2, 4, 7, 70_000]
    assert columns["class"].tolist() == ["nucleus", "debris", "nucleus", "debris"]
    assert columns["area_px"].tolist() == [9] * 4
    assert columns["area"].tolist() == [2.25] * 4
    assert columns["perimeter"].tolist() == [4.0] * 4
    assert columns["border"].tolist() == [False, False, False, True]
    assert columns["neighbours"].tolist() == [2, 1, 1, 0]
    assert columns["nearest"].tolist()[:3] == [1.5, pytest.approx(np.hypot(1.5, 1.5)), 1.5]
    assert (columns["y"][0], columns["x"][0]) == (101.5, 203.0)
    assert columns["mean DAPI"].tolist() == [3.0, 10.0, 20.0, 10.0]
    assert columns["max DAPI"][2] == 100
    assert columns["solidity"].tolist() == [1.0] * 4
    assert table.row_of(7) == 2
    assert table.row_of(3) is None
    assert table.features()["index"].tolist() == [2, 4, 7, 70_000]


def test_no_object_one_that_fills_the_plane_and_very_many() -> None:
    none = measure(ObjectMap.of(np.zeros((5, 6), np.uint8)), np.zeros((1, 5, 6)))
    assert len(none) == 0
    assert none.notes[0] == "There is no object to measure."
    one = measure(ObjectMap.of(np.ones((5, 6), np.uint8)), np.full((1, 5, 6), np.nan))
    assert one.columns["area_px"].tolist() == [30]
    assert one.columns["border"].tolist() == [True]
    assert np.isnan([one.columns[name][0] for name in ("mean", "std", "min", "max", "nearest")]).all()
    assert next(one.rows())[-1] is None
    numbers = np.zeros((600, 600), np.uint32)
    numbers[::2, ::2] = np.arange(1, 90_001).reshape(300, 300)
    many = measure(ObjectMap.of(numbers))
    assert len(many) == 90_000
    assert set(many.columns["nearest"]) == {2.0}


def test_a_large_object_has_a_hull_in_reasonable_time() -> None:
    """Rounds of taking points away do not grow with the rows."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:600, :600] - 300
    numbers = (np.hypot(y, x) < 250 + rng.normal(0, 12, (600, 600))).astype(np.uint32)
    table = measure(ObjectMap.of(numbers))
    assert table.columns["solidity"][0] == pytest.approx(by_scikit_image(numbers, None, {"": "solidity"})[  # type: ignore[arg-type]
        "solidity"][0], abs=1e-12)


@pytest.mark.parametrize(("spacing", "unit", "says"), [
    ((0.0, 0.5), "micrometer", "which is none"), ((0.5, 0.5), "", "not known"), ((0.5, 0.5), "pixel", "not known"),
    ((np.nan, 1.0), "nanometer", "which is none"),
])
def test_a_pixel_of_unknown_size_gives_no_physical_column(spacing: tuple[float, ...], unit: str, says: str) -> None:
    table = measure(ObjectMap.of(np.eye(4, dtype=np.uint8), spacing=spacing), unit=unit)
    assert says in " ".join(table.notes)
    assert "area" not in table.columns
    assert set(table.units.values()) == {"pixel"}


def test_what_does_not_fit_is_said() -> None:
    found = ObjectMap.of(np.eye(4, dtype=np.uint8))
    with pytest.raises(UserError, match=r"The image has \(4, 5\) pixels, the objects have \(4, 4\)"):
        measure(found, np.zeros((1, 4, 5)))
    with pytest.raises(UserError, match="2 names do not fit 1 channels"):
        measure(found, np.zeros((1, 4, 4)), ["a", "b"])
    with pytest.raises(UserError, match="complex"):
        measure(found, np.zeros((1, 4, 4), complex))


def test_a_class_without_pixels_is_no_row() -> None:
    found = ObjectMap(np.array([[0, 2]], np.uint32), np.array([0, 2, 2, 3], np.uint8))
    assert measure(found).columns["object"].tolist() == [2]


def test_measuring_says_how_far_it_is() -> None:
    shares = [one for one in measuring(ObjectMap.of(np.eye(9, dtype=np.uint8)), np.zeros((3, 9, 9)))
              if isinstance(one, float)]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] < 1


def test_tables_of_different_units_are_joined_without_mixing() -> None:
    plane = np.eye(3, dtype=np.uint8)
    small = ObjectMap.of(plane, spacing=(0.5, 0.5))
    known = measure(small, np.ones((1, 3, 3)), unit="micrometer").with_words(image="a")
    other = measure(ObjectMap.of(plane, spacing=(5, 5)), unit="nanometer").with_words(image="b")
    whole = joined_tables([known, other])
    rows = [dict(zip(whole.heads, row, strict=True)) for row in whole.rows()]
    assert rows[0]["area (micrometer^2)"] == 0.75
    assert rows[0]["area (nanometer^2)"] is None
    assert rows[1]["area (nanometer^2)"] == 75
    assert rows[1]["area (micrometer^2)"] is None
    assert rows[1]["mean"] is None
    assert [row["image"] for row in rows] == ["a", "b"]
    assert len(set(whole.heads)) == len(whole.heads)

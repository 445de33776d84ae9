"""Where labels lie: what is stretching, what is rotation, and what other programs may have changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from io_scene import CLASSES

from napari_unet import io
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry


def test_defaults_and_nonsense() -> None:
    assert Geometry("zyx") == Geometry("ZYX", (1, 1, 1), "pixel", (0, 0, 0), "pixel", ())
    assert Geometry("YX", (0, float("nan")), "pixel", (float("inf"), 2)) == Geometry("YX", (1, 1), "pixel", (0, 2))
    for wrong in ({"scale": (1,)}, {"translate": (1, 2, 3)}, {"axes": "XY"}, {"axes": "YYX"}, {"axes": "X"}):
        with pytest.raises(UserError, match="Give one letter and one size for each axis, Y and X last"):
            Geometry(**{"axes": "YX", **wrong})
    with pytest.raises(UserError, match=r"rotation of 2 axes is 2 x 2 numbers; these are \(3, 3\)"):
        Geometry("YX", linear=((1, 0, 0), (0, 1, 0), (0, 0, 2)))


ANGLE = np.deg2rad(30)
TURN = ((np.cos(ANGLE), -np.sin(ANGLE)), (np.sin(ANGLE), np.cos(ANGLE)))


@pytest.mark.parametrize(
    ("scale", "linear", "untold"),
    [((2, 3), (), ""), ((2, 3), ((4, 0), (0, 5)), ""), ((2, 3), TURN, "rotation"), ((-2, 3), (), "flip"),
     ((-2, -3), (), "rotation"), ((2, 3), ((1, 0.5), (0, 1)), "shear"), ((2, 3), ((0, 1), (1, 0)), "rotation, flip")],
)
def test_what_steps_cannot_say(scale: tuple[float, float], linear: tuple[tuple[float, ...], ...], untold: str) -> None:
    found = Geometry("YX", scale, linear=linear)
    assert found.untold == untold
    assert min(found.scale) > 0
    whole = (np.array(linear) if linear else np.eye(2)) * scale
    np.testing.assert_allclose(found.matrix * found.scale, whole)


@given(st.floats(0.1, 10), st.floats(-9, 9), st.sampled_from(["", "turned"]))
def test_a_record_gives_all_of_it_back(step: float, offset: float, turned: str) -> None:
    place = Geometry("TYX", (step, 2, 3), "nanometer", (1, offset, 0), "hour",
                     ((1, 0, 0), (0, *TURN[0]), (0, *TURN[1])) if turned else ())
    assert Geometry.of_record(place.record(), "TYX") == place


@pytest.mark.parametrize(
    "record", [None, 3, {}, {"scale": 3}, {"scale": {"Y": 1}}, {"scale": {"Y": "a", "X": 1}},
               {"scale": {"Y": 1, "X": 1}, "linear": [[1]]}, {"scale": {"Y": 1, "X": 1}, "linear": [3]}])
def test_a_strange_record_is_none(record: object) -> None:
    assert Geometry.of_record(record, "YX") is None


def test_planes_and_axes_that_are_left_out() -> None:
    place = Geometry("TZYX", (30, 2, 0.5, 0.25), "micrometer", (1, 2, 3, 4), "second")
    assert place.dropping("T") == Geometry("ZYX", (2, 0.5, 0.25), "micrometer", (2, 3, 4), "second")
    assert place.of_planes() == Geometry("NYX", (1, 0.5, 0.25), "micrometer", (0, 3, 4))
    assert place.units == ("second", "micrometer", "micrometer", "micrometer")


def test_a_voxel_size_changed_in_another_program_counts(tmp_path: Path) -> None:
    """Fiji keeps our note when it saves the file with another pixel size."""
    place = Geometry("TYX", (30, 0.5, 0.25), "micrometer", (0, 3, 4), "minute")
    path = io.save_mask(tmp_path / "m.tif", np.ones((2, 8, 9), np.uint8), classes=CLASSES, geometry=place)
    assert io.read_image(path).geometry == place
    with tifffile.TiffFile(path) as tiff:
        info, data = tiff.imagej_metadata["Info"], tiff.asarray()
    tifffile.imwrite(path, data, imagej=True, resolution=(10, 10), metadata={
        "axes": "TYX", "unit": "nm", "finterval": 7, "Info": info})
    changed = io.read_image(path).geometry
    assert changed == Geometry("TYX", (7, 0.1, 0.1), "nanometer", (0, 0, 0), "second")


def test_ome_tiff_has_its_time_step(tmp_path: Path) -> None:
    metadata = {
        "axes": "TYX", "TimeIncrement": 250, "TimeIncrementUnit": "ms", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.5}
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros((3, 8, 9), np.uint8), ome=True, photometric="minisblack",
                     metadata=metadata)
    image = io.read_image(tmp_path / "a.ome.tif")
    assert (image.scale, image.time_unit, image.unit) == ((250, 0.5, 0.25), "millisecond", "micrometer")

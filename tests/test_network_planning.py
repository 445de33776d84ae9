"""The planner: rules for pieces, halvings and kernels, odd data, and what it says."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
import tifffile

from napari_unet import plan
from napari_unet.cli import main
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.image import Image
from napari_unet.learning.data_fingerprint import DataFingerprint, fingerprint_of
from napari_unet.learning.network_planning import plan_network, step_memory

QUARTER = 2**28


def volume(planes: int, rows: int, columns: int, spacing: tuple[float, float, float] | None = (1, 1, 1)):
    return DataFingerprint((planes, rows, columns), spacing or (None, None, None), "micrometer")


def test_cubes_are_treated_alike_along_all_axes() -> None:
    found = plan_network(volume(100, 100, 100), QUARTER)
    assert found.dimensions == "volume"
    assert abs(found.patch[0] - found.patch[1]) <= 8  # a stride
    assert set(found.kernels) == {(3, 3, 3)}
    assert set(found.pools) == {(2, 2, 2)}
    assert found.memory <= QUARTER


def test_a_coarse_axis_waits_until_the_others_have_caught_up() -> None:
    found = plan_network(volume(60, 512, 512, (5, 1, 1)), QUARTER)
    assert found.kernels[0] == (1, 3, 3)  # 5 to 1
    assert found.kernels[1] == (1, 3, 3)  # 5 to 2
    assert found.kernels[2] == (3, 3, 3)  # 5 to 4
    assert found.pools == ((1, 2, 2), (1, 2, 2), (2, 2, 2))
    assert found.patch[0] * 5 == pytest.approx(found.patch[1], rel=0.5)  # as long as wide in space


def test_twice_as_long_is_not_yet_too_long() -> None:
    assert plan_network(volume(60, 512, 512, (2, 1, 1)), QUARTER).kernels[0] == (3, 3, 3)
    assert plan_network(volume(60, 512, 512, (2.2, 1, 1)), QUARTER).kernels[0] == (1, 3, 3)


def test_rows_may_be_the_coarse_ones() -> None:
    found = plan_network(volume(64, 256, 256, (1, 4, 1)), QUARTER)
    assert found.kernels[0] == (3, 1, 3)
    assert found.pools[0] == (2, 1, 2)


@pytest.mark.parametrize("sizes", [(64, 64, 64), (4096, 64, 64), (3, 4096, 4096), (30, 2048, 2048), (200, 300, 20),
                                   (1, 5, 3), (1, 4096, 4096), (7, 1, 900)])
@pytest.mark.parametrize("spacing", [(1, 1, 1), (9, 1, 1), (0.1, 1, 1), (1000, 1, 1), None])
def test_pieces_fit_memory_and_halvings(sizes, spacing) -> None:
    for memory in (2**26, QUARTER, 2**33):
        found = plan_network(volume(*sizes, spacing), memory)
        strides = [math.prod(pool[axis] for pool in found.pools) for axis in range(3)]
        assert all(size % stride == 0 for size, stride in zip(found.patch, strides, strict=True))
        assert all(size // stride >= 2 for size, stride in zip(found.patch, strides, strict=True) if stride > 1)
        assert found.patch[1] == found.patch[2]
        assert found.memory <= memory or "smallest" in found.remarks[-1]
        assert len(found.kernels) == len(found.pools) + 1
        assert all(one.why for one in found.choices)
        # once looked along, an axis is looked along for good
        for axis in range(3):
            sizes_down = [kernel[axis] for kernel in found.kernels]
            assert sizes_down == sorted(sizes_down)


def test_more_memory_is_larger_pieces_or_more_channels() -> None:
    small, large = (plan_network(volume(128, 256, 256), memory) for memory in (QUARTER, 2**34))
    assert large.width > small.width
    assert math.prod(large.patch) >= math.prod(small.patch)
    settled = plan_network(volume(128, 256, 256), 2**34, width=8)
    assert settled.width == 8
    assert math.prod(settled.patch) * settled.batch >= math.prod(large.patch) * large.batch


def test_memory_grows_with_all_it_depends_on() -> None:
    base = step_memory((16, 64, 64), 2, ((2, 2, 2),), 8, 1)
    assert step_memory((16, 64, 64), 4, ((2, 2, 2),), 8, 1) == 2 * base
    assert step_memory((32, 64, 64), 2, ((2, 2, 2),), 8, 1) == 2 * base
    assert step_memory((16, 64, 64), 2, ((2, 2, 2),), 16, 1) > 1.9 * base
    assert step_memory((16, 64, 64), 2, ((1, 2, 2),), 8, 1) > base


@pytest.mark.parametrize(("sizes", "spacing", "words"), [
    ((1, 64, 64), (1, 1, 1), "one plane"), ((3, 4096, 4096), (1, 1, 1), "3 planes are too few"),
    ((50, 64, 64), (1000, 1, 1), "1000 times")])
def test_what_is_no_volume_is_planned_as_planes_and_why(sizes, spacing, words) -> None:
    found = plan_network(volume(*sizes, spacing), QUARTER)
    assert found.dimensions == "planes"
    assert words in found.text
    assert "one by one" in plan_network(volume(50, 64, 64, (1000, 1, 1)), QUARTER, dimensions="volume").text


def images(**options: object) -> Image:
    return Image(np.zeros((20, 40, 48), np.uint8), **{"axes": "ZYX", "unit": "micrometer", "scale": (2, 0.5, 0.5),
                                                      **options})


def test_a_fingerprint_is_the_median_of_images() -> None:
    other = Image(np.zeros((30, 60, 60), np.uint8), "ZYX", scale=(2, 0.5, 0.5), unit="micrometer")
    found = fingerprint_of([images(), other, images()])
    assert (found.sizes, found.spacing, found.unit, found.images) == ((20, 40, 48), (2, 0.5, 0.5), "micrometer", 3)
    assert found.elongation == 4


@pytest.mark.parametrize("scale", [(0, 1, 1), (float("nan"), 1, 1), (1, 1, 1), (float("inf"), 1, 1)])
def test_voxels_that_are_not_known_are_taken_for_cubes_and_said(scale) -> None:
    found = fingerprint_of([images(scale=scale, unit="pixel")])
    assert found.spacing == (None, None, None)
    assert found.steps == (1, 1, 1)
    assert "not known" in plan_network(found, QUARTER).text


def test_a_size_that_can_hardly_be_right_is_asked_about() -> None:
    assert any("right?" in one for one in fingerprint_of([images(scale=(1000, 1, 1))]).remarks)
    assert not fingerprint_of([images()]).remarks


def test_time_and_guessed_axes_are_no_depth() -> None:
    for image in (images(axes="TYX"), images(guessed_axes=True)):
        found = fingerprint_of([image])
        assert found.sizes[0] == 1
        assert "ZYX" in found.remarks[0]
        assert found.images == 20


def test_images_that_do_not_go_together_are_refused() -> None:
    colour = Image(np.zeros((8, 8, 3), np.uint8), "YXC")
    with pytest.raises(UserError, match="channels"):
        fingerprint_of([colour, Image(np.zeros((8, 8), np.uint8))])
    with pytest.raises(UserError, match="no image"):
        fingerprint_of([])


def test_the_command_prints_what_was_chosen_and_why(tmp_path, capsys) -> None:
    path = tmp_path / "z stäck.tif"
    tifffile.imwrite(path, np.zeros((20, 40, 48), np.uint8), imagej=True, resolution=(2, 2),
                     metadata={"axes": "ZYX", "spacing": 2.0, "unit": "um"})
    assert main(["plan", str(path)]) == 0
    printed = capsys.readouterr().out
    for word in ("looks at", "piece", "kernels", "1x3x3", "voxels of 2 x 0.5 x 0.5 micrometer"):
        assert word in printed
    assert main(["plan", str(path), "--json", "--set", "dimensions=planes"]) == 0
    assert json.loads(capsys.readouterr().out)["patch"][0] == 1
    assert main(["plan", str(path), "--network", "unet"]) == 2
    assert "planned, unet3d" in capsys.readouterr().err
    assert main(["plan", str(path), "--set", "wings=2"]) == 2
    assert main(["plan", str(tmp_path / "none.tif")]) == 1


def test_a_plan_of_arrays() -> None:
    found = plan(np.zeros((40, 64, 64), np.uint8), axes="ZYX", network="unet3d", width=4)
    assert found.width == 4
    large = np.zeros((128, 128, 128), np.uint8)
    assert plan(large, axes="ZYX", memory=1.0).memory > 2 * plan(large, axes="ZYX", device="cpu").memory
    with pytest.raises(UsageError, match="no parameter"):
        plan(np.zeros((4, 4)), wings=2)
    assert dataclasses.asdict(found)["choices"]

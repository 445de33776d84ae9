"""The steps of classical methods in volumes: as scikit-image has them, and along z by the length of voxels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage import filters, segmentation
from skimage.segmentation import morphsnakes

from napari_unet.classical import level_sets, local_thresholds
from napari_unet.classical.adjacency_graph import adjacent_regions, grid_cells
from napari_unet.classical.appearance import gaussian_slope, hessian_eigenvalues, measure_features
from napari_unet.classical.background import PreparedPlane, estimate_shading, prepare_plane
from napari_unet.classical.regions import Regions
from napari_unet.classical.slic_superpixels import slic_superpixels
from napari_unet.segmenters.flood import flood_from_seeds
from napari_unet.segmenters.mean_shift import mean_shift_filter
from napari_unet.segmenters.random_walker import RandomWalker
from napari_unet.segmenters.region_growing import grow_regions
from napari_unet.segmenters.watershed import compact_watershed, edge_strength

SHAPE = (9, 16, 18)


@pytest.fixture(scope="module")
def block() -> np.ndarray:
    grey = np.random.default_rng(0).random(SHAPE)
    return ndimage.gaussian_filter(grey, 1.5).astype(np.float32)


def everywhere(shape: tuple[int, ...]) -> np.ndarray:
    return np.ones(shape, bool)


def test_slic_is_scikit_images(block: np.ndarray) -> None:
    expected = segmentation.slic(block, n_segments=round(block.size * 2 / 4**3), compactness=0.1, max_num_iter=5,
                                 start_label=0, channel_axis=None, enforce_connectivity=False, spacing=(2, 1, 1))
    np.testing.assert_array_equal(slic_superpixels(block[None], 4, 0.1, (2.0, 1.0, 1.0)), expected)
    cubes = slic_superpixels(np.zeros((1, 8, 8, 8), np.float32), 2, 0.1, (1.0, 1.0, 1.0))
    assert (np.bincount(cubes.ravel())[np.unique(cubes)] == 8).all()
    longest = slic_superpixels(block[None], 2, 0.1, (20.0, 1.0, 1.0))
    assert len(np.unique(longest)) <= block.size


def test_local_thresholds_are_scikit_images(block: np.ndarray) -> None:
    valid, reach = everywhere(SHAPE), (0.4, 3.0, 3.0)
    assert local_thresholds.window_widths(reach, 3) == (1, 7, 7)
    assert local_thresholds.window_widths(0.2, 2) == (3, 3)
    assert local_thresholds.window_widths((0.4, 0.4, 0.4), 3) == (1, 3, 3)
    for rule, theirs in ((local_thresholds.niblack_threshold, filters.threshold_niblack),
                         (local_thresholds.sauvola_threshold, filters.threshold_sauvola)):
        np.testing.assert_allclose(rule(block, valid, (1.0, 3.0, 3.0), 0.2),
                                   theirs(block.astype(float), (3, 7, 7), 0.2, *([0.5] * (theirs.__name__[-1] == "a"))),
                                   rtol=1e-5)
    np.testing.assert_allclose(local_thresholds.gaussian_local_mean(block, valid, reach),
                               ndimage.gaussian_filter(block, reach, mode="nearest"))
    np.testing.assert_allclose(local_thresholds.box_local_mean(block, valid, reach),
                               ndimage.uniform_filter(block, (1, 7, 7), mode="nearest"), rtol=1e-5)


@pytest.mark.parametrize("smoothing", [0, 1, 2])
def test_contours_are_scikit_images(block: np.ndarray, smoothing: int) -> None:
    """Inside: at the border of a volume theirs eats the mask away."""
    start = np.zeros(SHAPE, bool)
    start[3:6, 5:11, 5:12] = True
    ours = level_sets.chan_vese(block[None], start, 1, smoothing)
    morphsnakes._curvop.funcs = iter([  # their order of smoothing goes on from call to call
        lambda u: morphsnakes.sup_inf(morphsnakes.inf_sup(u)),
        lambda u: morphsnakes.inf_sup(morphsnakes.sup_inf(u))] * 4)
    theirs = segmentation.morphological_chan_vese(block, 1, start, smoothing)
    inner = (slice(2, -2),) * 3
    np.testing.assert_array_equal(ours[inner], theirs[inner].astype(bool))


def test_smoothing_is_scikit_images() -> None:
    mask = np.zeros((12, 13, 14), bool)
    mask[3:9, 3:10, 3:11] = np.random.default_rng(1).random((6, 7, 8)) > 0.3
    theirs = morphsnakes
    np.testing.assert_array_equal(level_sets.smoothed_contour(mask, True),
                                  theirs.inf_sup(theirs.sup_inf(mask)).astype(bool))
    np.testing.assert_array_equal(level_sets.smoothed_contour(mask, False),
                                  theirs.sup_inf(theirs.inf_sup(mask)).astype(bool))
    np.testing.assert_array_equal(level_sets.dilated(mask, 1), ndimage.binary_dilation(mask, np.ones((3, 3, 3))))


def test_a_geodesic_surface_grows_to_an_edge_in_all_directions() -> None:
    z, y, x = np.ogrid[:20, :20, :20]
    radius = np.sqrt((z - 10) ** 2 + (y - 10) ** 2 + (x - 10) ** 2)
    speed = (1 - 0.95 * np.exp(-np.square((radius - 7) / 2.5))).astype(np.float32)
    found = level_sets.geodesic_contour(speed, radius < 2, 40, 1, push=1, stop=0.3)
    assert found[radius < 5].all()
    assert not found[radius > 9].any()


def test_watershed_from_an_even_grid(block: np.ndarray) -> None:
    numbers = compact_watershed(np.zeros((8, 20, 30), np.float32), 10, 1.0, (5.0, 1.0, 1.0))
    assert numbers.max() + 1 == 4 * 2 * 3
    assert compact_watershed(np.zeros((3, 2, 2), np.float32), 2, 0.0, (100.0, 1.0, 1.0)).max() == 2
    slope = np.broadcast_to(np.arange(9, dtype=np.float32)[:, None, None], SHAPE)
    np.testing.assert_allclose(edge_strength(slope[None], (4.0, 1.0, 1.0))[1:-1], 0.25)


def test_random_walks_are_scikit_images(block: np.ndarray) -> None:
    seeds = np.full(SHAPE, -1, np.int16)
    seeds[2, 3:5, 3:5], seeds[6, 10:12, 12:14] = 0, 1
    shares = np.full((2, *SHAPE), 0.5, np.float32)
    found = RandomWalker(beta=50.0).spread(Regions.of_pixels(block[None], (3.0, 1.0, 1.0)), None, shares, seeds)
    theirs = segmentation.random_walker(block[..., None], seeds + 1, beta=50.0, mode="cg_j", tol=1e-3,
                                        return_full_prob=True, channel_axis=-1, spacing=(3.0, 1.0, 1.0))
    assert np.mean(found.argmax(axis=0) == theirs.argmax(axis=0)) > 0.999
    np.testing.assert_allclose(found.sum(axis=0), 1, rtol=1e-5)


def test_a_flood_and_a_growing_class_pass_through_planes(block: np.ndarray) -> None:
    seed = (4, 8, 9)
    seeds = np.full(SHAPE, -1, np.int16)
    seeds[seed] = 0
    expected = segmentation.flood(block, seed, tolerance=0.05, connectivity=3)
    np.testing.assert_array_equal(flood_from_seeds(block[None], seeds, 0.05) == 0, expected)
    tube = np.zeros((2, *SHAPE), np.float32)
    tube[0] = 0.95
    tube[:, :, 8, 9] = [[0.05], [0.95]]
    start = np.where(seeds == 0, 1, -1).astype(np.int16)
    assert (grow_regions(tube, start, 0.3)[:, 8, 9] == 1).all()


def test_curvatures_of_sheets_lines_and_spots() -> None:
    z, y, x = (axis - 12.0 for axis in np.ogrid[:25, :25, :25])
    for squares, large in ((z**2, 1), (z**2 + y**2, 2), (z**2 + y**2 + x**2, 3)):
        dark = np.broadcast_to(-np.exp(-squares / 8), (25, 25, 25)).astype(np.float32)
        found = [float(one[12, 12, 12]) for one in hessian_eigenvalues(dark, 2.0, (1.0, 1.0, 1.0))]
        assert found == sorted(found, reverse=True)
        assert sum(one > 0.2 * found[0] for one in found) == large
    random = np.random.default_rng(0).random((6, 7, 8)).astype(np.float32)
    got = np.stack(hessian_eigenvalues(random, 1.0, (1.0, 1.0, 1.0)), axis=-1)
    axes = [[sum(int(a == one) for a in pair) for one in range(3)] for pair in
            ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))]
    parts = [ndimage.gaussian_filter(random, 1.0, order=order, mode="nearest") for order in axes]
    matrix = np.moveaxis(np.array([[parts[0], parts[1], parts[2]], [parts[1], parts[3], parts[4]],
                                   [parts[2], parts[4], parts[5]]]), (0, 1), (3, 4))
    np.testing.assert_allclose(got, np.linalg.eigvalsh(matrix)[..., ::-1], atol=2e-4)


def test_lengths_along_z_are_those_of_voxels() -> None:
    """A slope and a blur are the same whether voxels are long or there are more of them."""
    z, y, x = np.ogrid[:24, :20, :20]
    fine = np.sin((z + y + x) / 5).astype(np.float32) * np.ones((24, 20, 20), np.float32)
    coarse, inner = fine[::2], (slice(3, -3), slice(4, -4), slice(4, -4))
    slopes = gaussian_slope(fine, 2.0, (1.0, 1.0, 1.0))[::2], gaussian_slope(coarse, 2.0, (2.0, 1.0, 1.0))
    np.testing.assert_allclose(slopes[1][inner], slopes[0][inner], atol=0.01)
    planes = [PreparedPlane(one[None], everywhere(one.shape), longer) for one, longer in ((fine, 1.0), (coarse, 2.0))]
    stacks = [measure_features(plane, 2.0, True) for plane in planes]
    assert len(stacks[0]) == 9
    np.testing.assert_allclose(stacks[1][0][inner], stacks[0][0][::2][inner], atol=0.01)
    light = [estimate_shading(one[None][0], everywhere(one.shape), widths)
             for one, widths in ((fine, (8.0, 8.0, 8.0)), (coarse, (4.0, 8.0, 8.0)))]
    np.testing.assert_allclose(light[1][inner], light[0][::2][inner], atol=0.05)


def test_shading_is_taken_from_a_volume_as_one() -> None:
    z, y, x = np.ogrid[:16, :40, :40]
    light = (z / 16 + y / 40 + x / 40).astype(np.float32)
    plane = prepare_plane(light[None], 10.0, normalise=False, longer=2.0)
    assert plane.spacing == (2.0, 1.0, 1.0)
    assert np.ptp(plane.pixels[0][4:-4, 10:-10, 10:-10]) < 0.2 * np.ptp(light)


def test_regions_of_a_volume_touch_through_planes() -> None:
    numbers = np.array([[[0, 0], [1, 1]], [[2, 2], [2, 2]]])
    assert adjacent_regions(numbers).tolist() == [[0, 1], [0, 2], [1, 2]]
    cells = grid_cells(np.arange(64).reshape(4, 4, 4), 4, (4.0, 1.0, 1.0))
    assert len(set(cells.tolist())) == 4


def test_mean_shift_looks_as_far_along_z_as_voxels_are_long(block: np.ndarray) -> None:
    flat = np.stack([mean_shift_filter(plane[None], 2, 0.3)[0] for plane in block])
    np.testing.assert_allclose(mean_shift_filter(block[None], 2, 0.3, (9.0, 1.0, 1.0))[0], flat, rtol=1e-5)
    assert np.abs(mean_shift_filter(block[None], 2, 0.3, (1.0, 1.0, 1.0))[0] - flat).max() > 1e-3

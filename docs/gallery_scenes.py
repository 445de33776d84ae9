"""Small scenes for the gallery of methods: what one family is meant for, and what it cannot do. Runs no method."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy import ndimage as ndi

sys.path.insert(0, str(Path(__file__).parent.parent))  # the tools are no part of the package

from gallery_shapes import SIDE, Labels, Scene, crooked_lines, glowing_nuclei, noise, round_things, two_classes

from napari_unet.sample_data import drawing
from napari_unet.sample_data.simulated_strokes import draw_line, simulate_strokes
from pretraining.noise import fractal, smooth
from pretraining.shapes import packed

# -- thresholds -------------------------------------------------------------------------------------------------------


def nuclei() -> Scene:
    """Bright and dim nuclei on a dark, even ground."""
    rng = np.random.default_rng(1)
    picture, inside = glowing_nuclei(rng)
    truth = two_classes(inside)
    return Scene(picture + noise(rng, 0.09), truth, simulate_strokes(truth, rng, strokes=5, length=20))


def shaded() -> Scene:
    """The same nuclei where light falls so far that the ground is brighter at one end than nuclei at the other."""
    rng = np.random.default_rng(1)
    picture, inside = glowing_nuclei(rng)
    truth = two_classes(inside)
    light = np.linspace(1.3, 0, SIDE)[None] + np.linspace(0.3, 0, SIDE)[:, None]
    return Scene(picture + light + noise(rng, 0.09), truth, simulate_strokes(truth, rng, strokes=7, length=20))


def script() -> Scene:
    """Dark lines of changing strength on an uneven page, with specks that are none of them."""
    rng = np.random.default_rng(4)
    inside = crooked_lines(rng, 6, 3.5) > 0
    strength = np.clip(0.65 + 0.35 * smooth(rng, SIDE, 90), 0.35, 1)
    dark = ndi.gaussian_filter(inside * strength, 0.6)
    for y, x in rng.uniform(4, SIDE - 4, (25, 2)):
        dark = np.maximum(dark, 0.4 * np.exp(-np.square(np.hypot(*np.ogrid[-y : SIDE - y, -x : SIDE - x])) / 3)
                          * (ndi.distance_transform_edt(~inside)[int(y), int(x)] > 5))
    truth = two_classes(inside)
    page = 1.2 + 0.16 * smooth(rng, SIDE, 200)
    return Scene(page - 0.6 * dark + noise(rng, 0.04), truth, simulate_strokes(truth, rng, strokes=6, length=26))


# -- edges ------------------------------------------------------------------------------------------------------------


def sharp() -> Scene:
    """Patches with sharp edges on a ground of any brightness: parts of each class are brighter than the other."""
    rng = np.random.default_rng(5)
    inside = round_things(rng, 17, 0.8) > 0
    truth = two_classes(inside)
    ground = np.linspace(0, 0.8, SIDE)[None] + 0.25 * smooth(rng, SIDE, 140)
    return Scene(ground + 0.3 * inside + noise(rng, 0.015), truth, simulate_strokes(truth, rng, strokes=30, length=14))


def spots() -> Scene:
    """Small spots, bright beside dim."""
    rng = np.random.default_rng(6)
    picture, inside = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE), bool)
    for row in range(12, SIDE, 17):
        for column in range(12, SIDE, 17):
            y, x = row + rng.uniform(-3, 3), column + rng.uniform(-3, 3)
            spot = np.hypot(*np.ogrid[-y : SIDE - y, -x : SIDE - x]) < rng.uniform(3.2, 4.5)
            picture, inside = picture + rng.choice([0.4, 1.0]) * spot, inside | spot
    truth = two_classes(inside)
    return Scene(ndi.gaussian_filter(picture, 0.7) + noise(rng, 0.06), truth,
                 simulate_strokes(truth, rng, strokes=10, length=18, brush=(2, 4)))


def grainy() -> Scene:
    """Blurred edges under a coarse texture."""
    rng = np.random.default_rng(7)
    inside = round_things(rng, 17, 0.8) > 0
    truth = two_classes(inside)
    picture = ndi.gaussian_filter(inside.astype(float), 4) + 0.3 * fractal(rng, SIDE, 1.2, finest=4)
    return Scene(picture, truth, simulate_strokes(truth, rng, strokes=7, length=26))


# -- regions ----------------------------------------------------------------------------------------------------------


def drifting() -> Scene:
    """Bands whose light falls to the right, painted at the left only: their ends are darker than the first ground."""
    rng = np.random.default_rng(8)
    y, x = np.mgrid[:SIDE, :SIDE]
    waves = y + 6 * np.sin(x / 22)
    inside = (np.abs(waves - 40) < 12) | (np.abs(waves - 112) < 16)
    picture = 0.35 * inside + 0.9 * (1 - x / SIDE) + noise(rng, 0.03)
    strokes = np.zeros((SIDE, SIDE), np.uint8)
    for row, number in ((38, 2), (110, 2), (10, 1), (72, 1), (148, 1)):
        strokes[draw_line(strokes.shape, [(row, 8), (row - 1, 22)], 5)] = number
    return Scene(picture, two_classes(inside), strokes)


def outlined() -> Scene:
    """Cells as dark as the ground, told apart by their bright outline alone; one has a gap. All are painted."""
    rng = np.random.default_rng(9)
    y, x = np.mgrid[:SIDE, :SIDE]
    picture, truth, strokes = np.zeros((SIDE, SIDE)), np.ones((SIDE, SIDE), np.uint8), np.zeros((SIDE, SIDE), np.uint8)
    for row, column, radius, gap in ((42, 44, 27, False), (46, 116, 24, False), (114, 48, 25, False),
                                     (116, 112, 28, True)):
        angle = np.arctan2(y - row, x - column)
        away = np.hypot(y - row, x - column) - radius - 2 * np.sin(3 * angle + row)
        wall = np.exp(-np.square(away / 1.5))
        picture = np.maximum(picture, np.where(gap & (np.abs(angle - 0.6) < 0.16), 0, wall))
        truth[away < 0] = 2
        strokes[draw_line(strokes.shape, [(row, column - 6), (row + 3, column + 6)], 5)] = 2
    for corners in ([(5, 6), (6, 150)], [(154, 12), (154, 150)], [(12, 5), (80, 4), (150, 5)], [(79, 70), (80, 92)]):
        strokes[draw_line(strokes.shape, corners, 4)] = 1
    return Scene(picture + noise(rng, 0.05), truth, strokes)


# -- graphs -----------------------------------------------------------------------------------------------------------


def mosaic() -> Scene:
    """Even areas of four grey values side by side under noise; the two classes alternate in brightness."""
    rng = np.random.default_rng(10)
    fields = np.stack([fractal(rng, SIDE, 3.5, finest=16, coarsest=130) for _ in range(4)])
    kind = fields.argmax(axis=0)
    truth = two_classes(kind % 2 == 1)
    picture = np.array([0.1, 0.4, 0.7, 1.0])[kind] + noise(rng, 0.08)
    return Scene(picture, truth, simulate_strokes(truth, rng, strokes=12, length=24))


def faint() -> Scene:
    """Large things under strong noise, with edges that fade out in places."""
    rng = np.random.default_rng(11)
    inside = round_things(rng, 20, 1.2, rough=0.15) > 0
    truth = two_classes(inside)
    contrast = np.clip(0.6 + 0.3 * smooth(rng, SIDE, 60), 0.25, 1)
    return Scene(ndi.gaussian_filter(inside * contrast, 1) + noise(rng, 0.3), truth,
                 simulate_strokes(truth, rng, strokes=9, length=30))


def threads() -> Scene:
    """Thin bright lines, thinner than a superpixel."""
    rng = np.random.default_rng(12)
    inside = crooked_lines(rng, 7, 2.2) > 0
    truth = two_classes(inside)
    picture = ndi.gaussian_filter(inside.astype(float), 0.5) + noise(rng, 0.28)
    return Scene(picture, truth, simulate_strokes(truth, rng, strokes=7, length=26))


# -- clusters ---------------------------------------------------------------------------------------------------------


def stained() -> Scene:
    """Two stains of the same brightness in a section, in colour; one of them is the class."""
    rng = np.random.default_rng(13)
    objects = round_things(rng, 11, 0.8)
    inside = objects > 0
    truth = two_classes(inside)
    colours = np.array([[214, 178, 196], [168, 180, 240]])
    picture = ndi.gaussian_filter(colours[inside.astype(int)].astype(float), (0.7, 0.7, 0))
    grain = 9 * fractal(rng, SIDE, 1.0)[..., None] + rng.normal(0, 14, (SIDE, SIDE, 3))
    return Scene(np.clip(picture + grain, 0, 255).astype(np.uint8), truth,
                 simulate_strokes(truth, rng, strokes=6, length=22))


def speckled() -> Scene:
    """Strong noise, grain by grain, over things with even brightness."""
    rng = np.random.default_rng(14)
    inside = round_things(rng, 17, 0.8) > 0
    truth = two_classes(inside)
    return Scene(inside + noise(rng, 1.0), truth, simulate_strokes(truth, rng, strokes=7, length=26))


# -- contours ---------------------------------------------------------------------------------------------------------


def fading() -> Scene:
    """Discs that fade from side to side but have a sharp edge; strokes lie on their bright side."""
    rng = np.random.default_rng(15)
    y, x = np.mgrid[:SIDE, :SIDE]
    picture, strokes = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE), np.uint8)
    inside = np.zeros((SIDE, SIDE), bool)
    for row, column, radius in ((38, 40, 22), (44, 116, 20), (112, 50, 20), (114, 114, 24)):
        here = np.hypot(y - row, x - column) < radius
        inside |= here
        picture = np.where(here, 0.7 - 0.32 * (x - column) / radius, picture)
        strokes[draw_line(strokes.shape, [(row - 5, column - 13), (row + 5, column - 13)], 5)] = 2
    picture += np.where(inside, 0, 0.1 + 0.1 * np.sin(x / 6)) + noise(rng, 0.02)
    for corners in ([(5, 10), (5, 150)], [(78, 10), (78, 150)], [(153, 10), (153, 150)]):
        strokes[draw_line(strokes.shape, corners, 4)] = 1
    return Scene(picture, two_classes(inside), strokes)


def bitten() -> Scene:
    """Smooth discs whose outlines dirt has bitten."""
    rng = np.random.default_rng(16)
    y, x = np.mgrid[:SIDE, :SIDE]
    inside, dirt = np.zeros((SIDE, SIDE), bool), np.zeros((SIDE, SIDE), bool)
    for row, column, radius in ((40, 42, 25), (44, 118, 22), (116, 44, 24), (114, 116, 28)):
        inside |= np.hypot(y - row, x - column) < radius
        for angle in np.arange(5) * 1.26 + rng.uniform(0, 0.9, 5):
            dirt |= np.hypot(y - row - radius * np.sin(angle), x - column - radius * np.cos(angle)) < 3
    truth = two_classes(inside)
    seen = np.where(inside & ~dirt, 2, np.where(inside, 0, 1)).astype(np.uint8)
    return Scene((inside & ~dirt) + noise(rng, 0.07), truth, simulate_strokes(seen, rng, strokes=6, length=24))


# -- learning ---------------------------------------------------------------------------------------------------------


def tissue() -> Scene:
    """Membranes and mitochondria in an electron microscope: dark walls, striped bodies, and vesicles of no class."""
    drawn = drawing.draw_membranes(np.random.default_rng(28), 192)
    return Scene(drawn.pixels, drawn.labels,
                 simulate_strokes(drawn.labels, np.random.default_rng(18), strokes=16, length=30))


def bubbles() -> Scene:
    """Cells with a bright outline; inside they look like the ground, and only some of them are painted."""
    rng = np.random.default_rng(19)
    objects = round_things(rng, 17, 1.4, 192, rough=0.15)
    inside = objects > 0
    depth = ndi.distance_transform_edt(inside) - ndi.distance_transform_edt(~inside)
    picture = np.exp(-np.square((depth - 1.5) / 1.3)) + noise(rng, 0.08, 192)
    truth = two_classes(inside)
    return Scene(picture, truth, simulate_strokes(truth, rng, strokes=9, length=30))


# -- the lecture's table ----------------------------------------------------------------------------------------------


def alike(dice: float = 0.88) -> tuple[Scene, dict[str, Labels]]:
    """Draw a net of lines, and three masks of it with about the same Dice and very different parts and holes.

    Parameters
    ----------
    dice : float
        What all three come to, within 0.005.

    Returns
    -------
    scene : Scene
        Without strokes.
    masks : dict of str to ndarray
        Painted ids by what is wrong with each mask: ``"thicker"``, ``"broken"``, ``"speckled"``.
    """
    rng, n = np.random.default_rng(20), 256
    inside = packed(rng, n, 30, 5, 0.3, 1)[1] < 3
    truth = two_classes(inside)
    depth = ndi.distance_transform_edt(inside) - ndi.distance_transform_edt(~inside)
    chance = rng.random((n, n))
    cuts = fractal(rng, n, 0.5, finest=4)
    wrong = {
        "thicker": lambda amount: depth > -4 * amount - 0.02 * chance,
        "broken": lambda amount: inside & (cuts < 3 - 4 * amount),
        "speckled": lambda amount: inside ^ (chance < amount / 2),
    }
    masks = {}
    for name, spoil in wrong.items():
        low, high = 0.0, 1.0
        for _ in range(24):
            middle = (low + high) / 2
            mask = spoil(middle)
            same = 2 * np.count_nonzero(mask & inside) / (np.count_nonzero(mask) + np.count_nonzero(inside))
            low, high = (middle, high) if same > dice else (low, middle)
        masks[name] = two_classes(spoil(low))
    picture = ndi.gaussian_filter(inside.astype(float), 0.8) + rng.normal(0, 0.15, (n, n))
    return Scene(picture, truth, np.zeros_like(truth)), masks

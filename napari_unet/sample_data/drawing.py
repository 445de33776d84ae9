"""Pictures of things under a microscope, drawn by a seeded generator: pixels, classes and objects. Writes no file."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from scipy.spatial import cKDTree

Plane = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Drawing:
    """One field of view.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (Y, X) or (Y, X, 3)
    labels : ndarray of uint8, shape (Y, X)
        Painted ids of every pixel.
    objects : ndarray of uint16, shape (Y, X), optional
        Single objects, 0 = none.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    objects: NDArray[np.uint16] | None = None


def _noise(rng: np.random.Generator, n: int, sigma: float) -> Plane:
    """Return noise smoothed by ``sigma`` px, of mean 0 and variance 1."""
    field = ndi.gaussian_filter(rng.standard_normal((n, n)), sigma, mode="wrap")
    return (field - field.mean()) / field.std()


def _uint8(picture: Plane) -> NDArray[np.uint8]:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def draw_nuclei(rng: np.random.Generator, n: int = 256) -> Drawing:
    """Draw fluorescent nuclei that touch, of uneven brightness, under haze and a sloping background."""
    y, x = np.mgrid[:n, :n].astype(float)
    objects = np.zeros((n, n), np.uint16)
    glow = np.zeros((n, n))
    centres: list[tuple[float, float]] = []
    for _ in range(400):
        if len(centres) == 42:
            break
        if centres and rng.random() < 0.5:  # beside another one, so that they touch
            near, angle = centres[rng.integers(len(centres))], rng.uniform(0, 2 * np.pi)
            cy, cx = near[0] + 19 * np.sin(angle), near[1] + 19 * np.cos(angle)
        else:
            cy, cx = rng.uniform(0, n, 2)
        long, short, turn = rng.uniform(10, 14), rng.uniform(8, 11), rng.uniform(0, np.pi)
        u = ((y - cy) * np.cos(turn) + (x - cx) * np.sin(turn)) / long
        v = ((x - cx) * np.cos(turn) - (y - cy) * np.sin(turn)) / short
        angle, away = np.arctan2(v, u), np.hypot(u, v)
        edge = 1 + sum(0.05 * rng.normal() * np.cos(k * angle + rng.uniform(0, 6.3)) for k in (2, 3, 4))
        inside = away < edge
        if not inside.any() or (inside & (objects > 0)).sum() > 0.12 * inside.sum():
            continue
        new = inside & (objects == 0)
        if new.sum() < 30:
            continue
        centres.append((cy, cx))
        objects[new] = len(centres)
        glow[new] = rng.choice([0.35, 0.6, 1.0]) * rng.uniform(0.8, 1.2) * (1 - 0.35 * away[new] ** 2)
    chromatin = 1 + 0.22 * _noise(rng, n, 1.6)
    hollow = _noise(rng, n, 2.2) > 1.9  # nucleoli
    sharp = ndi.gaussian_filter(glow * chromatin * np.where(hollow, 0.55, 1), 1.0)
    haze = ndi.gaussian_filter(glow, 14) + 0.25 * np.clip(ndi.gaussian_filter(_noise(rng, n, 9), 2), 0, None)
    slope = 0.14 * (1 + np.sin((x * rng.uniform(0.4, 1) + y * rng.uniform(0.4, 1)) / n * 2.2 + rng.uniform(0, 6)))
    light = 12 + 115 * sharp + 75 * haze + 110 * slope
    pixels = rng.poisson(light) + rng.normal(0, 4, (n, n))
    return Drawing(_uint8(pixels), (1 + (objects > 0)).astype(np.uint8), objects)


def draw_clusters(rng: np.random.Generator, n: int = 192) -> Drawing:
    """Draw twelve fluorescent nuclei in four rows of three: those of a row touch, and are about as bright."""
    y, x = np.mgrid[:n, :n].astype(float)
    objects, nearest = np.zeros((n, n), np.uint16), np.full((n, n), np.inf)
    glow = np.zeros((n, n))
    for heap in range(4):
        cy, cx = (np.array(divmod(heap, 2)) + 0.5) * n / 2 + rng.uniform(-4, 4, 2)
        light, lies = rng.uniform(0.7, 1.1), rng.uniform(0, np.pi)
        for at in range(3):
            along, aside = (15.0 if heap == 2 else 22.0) * (at - 1), 3.5 if at == 1 else -3.5
            py, px = cy + along * np.sin(lies) + aside * np.cos(lies), cx + along * np.cos(lies) - aside * np.sin(lies)
            long, short, turn = rng.uniform(14.5, 17), rng.uniform(11.5, 13.5), rng.uniform(0, np.pi)
            v, u = y - py, x - px
            u, v = (u * np.cos(turn) + v * np.sin(turn)) / long, (v * np.cos(turn) - u * np.sin(turn)) / short
            theta, reach = np.arctan2(v, u), np.hypot(u, v)
            reach = reach / (1 + sum(0.03 * rng.normal() * np.cos(k * theta + rng.uniform(0, 6.3)) for k in (2, 3, 4)))
            mine = (reach < 1) & (reach < nearest)
            objects[mine] = 3 * heap + at + 1
            glow[mine] = (light * rng.uniform(0.9, 1.1) * (1 - 0.45 * reach**2))[mine]
            nearest = np.minimum(nearest, reach)
    chromatin = 1 + 0.16 * _noise(rng, n, 1.8)
    light = 14 + 140 * ndi.gaussian_filter(glow * chromatin, 1.1) + 45 * ndi.gaussian_filter(glow, 12)
    pixels = rng.poisson(light) + rng.normal(0, 4, (n, n))
    return Drawing(_uint8(pixels), (1 + (objects > 0)).astype(np.uint8), objects)


def draw_membranes(rng: np.random.Generator, n: int = 256) -> Drawing:
    """Draw cells side by side in an electron microscope: membranes, mitochondria, and vesicles of no class."""
    seeds = rng.uniform(-30, n + 30, (95, 2))
    y, x = np.mgrid[:n, :n].astype(float)
    y, x = y + 7 * _noise(rng, n, 16), x + 7 * _noise(rng, n, 16)
    distance, which = cKDTree(seeds).query(np.stack([y.ravel(), x.ravel()], 1), k=2)
    gap = np.linalg.norm(seeds[which[:, 0]] - seeds[which[:, 1]], axis=1)
    border = ((distance[:, 1] ** 2 - distance[:, 0] ** 2) / (2 * gap)).reshape(n, n)
    cells = which[:, 0].reshape(n, n)
    wall = border < 1.6 + 0.4 * _noise(rng, n, 8)
    shade = rng.normal(0, 9, len(seeds))[cells]
    picture = 165 + shade + 9 * _noise(rng, n, 1.2) + 6 * _noise(rng, n, 5)
    labels = np.ones((n, n), np.uint8)
    labels[wall] = 2
    depth = ndi.distance_transform_edt(~wall)
    for _ in range(34):
        cy, cx = rng.integers(8, n - 8, 2)
        long, short, turn = rng.uniform(7, 11), rng.uniform(4.5, 6), rng.uniform(0, np.pi)
        if depth[cy, cx] < 7:
            continue
        gy, gx = np.mgrid[:n, :n]
        u = ((gy - cy) * np.cos(turn) + (gx - cx) * np.sin(turn)) / long
        v = ((gx - cx) * np.cos(turn) - (gy - cy) * np.sin(turn)) / short
        away = np.hypot(u, v)
        body = (away < 1) & (depth > 2) & (cells == cells[cy, cx]) & (labels == 1)
        if body.sum() < 60:
            continue
        labels[body] = 3
        cristae = 14 * np.sin(u * long / 1.1)
        picture[body] = (108 + cristae + 6 * _noise(rng, n, 1))[body]
        picture[body & (away > 0.8)] -= 28
    for _ in range(260):  # vesicles: little dark rings
        cy, cx = rng.integers(4, n - 4, 2)
        if labels[cy, cx] == 1 and depth[cy, cx] > 4:
            gy, gx = np.ogrid[:n, :n]
            ring = np.abs(np.hypot(gy - cy, gx - cx) - rng.uniform(1.5, 2.6)) < 0.7
            picture[ring & (labels == 1)] -= 42
    dark = ndi.gaussian_filter(wall.astype(float), 0.9) * (85 + 18 * _noise(rng, n, 6))
    pixels = ndi.gaussian_filter(picture - dark, 0.7) + rng.normal(0, 11, (n, n))
    return Drawing(_uint8(pixels + 10 * _noise(rng, n, 50)), labels)


def draw_vessels(rng: np.random.Generator, n: int = 256) -> Drawing:
    """Draw branching vessels on the back of an eye, in colour, under uneven light."""
    thick = np.zeros((n, n))
    cy, cx = rng.uniform(0.3, 0.7) * n, rng.choice([0.12, 0.88]) * n
    tips = [(cy, cx, angle + rng.normal(0, 0.25), rng.uniform(2.6, 3.8)) for angle in np.arange(8) * np.pi / 4]
    while tips:
        y, x, heading, radius = tips.pop()
        bend = rng.normal(0, 0.012)
        for _ in range(170):
            heading += bend + rng.normal(0, 0.05)
            y, x, radius = y + np.sin(heading), x + np.cos(heading), radius * 0.9955
            if not (0 <= y < n and 0 <= x < n) or radius < 0.75:
                break
            reach = 6
            rows, columns = (slice(max(0, int(c) - reach), int(c) + reach + 1) for c in (y, x))
            part = thick[rows, columns]
            gy, gx = np.mgrid[rows.start : rows.start + part.shape[0], columns.start : columns.start + part.shape[1]]
            np.maximum(part, np.clip(radius + 0.5 - np.hypot(gy - y, gx - x), 0, None), out=part)
            if rng.random() < 0.022 and radius > 1.1:
                turn = rng.choice([-1, 1]) * rng.uniform(0.4, 1.0)
                tips.append((y, x, heading + turn, radius * rng.uniform(0.6, 0.85)))
    vessel = thick > 0.5
    gy, gx = np.mgrid[:n, :n]
    disc = np.exp(-(((gy - cy) ** 2 + (gx - cx) ** 2) / (2 * 17.0**2)) ** 2)
    light = 1 - 0.45 * (((gy - n / 2) ** 2 + (gx - n / 2) ** 2) / (n * n / 2)) + 0.06 * _noise(rng, n, 40)
    dark = ndi.gaussian_filter(np.clip(thick, 0, 1.6) / 1.6, 0.8)
    reflex = ndi.gaussian_filter((thick > 2.4).astype(float), 0.7)
    grain = _noise(rng, n, 1.3), _noise(rng, n, 6)
    spots = np.clip(_noise(rng, n, 3) - 2.3, 0, 1)  # dark spots that are no vessels
    pixels = np.empty((n, n, 3))
    for channel, (base, depth, glare, bright) in enumerate([(188, 34, 8, 40), (98, 46, 16, 80), (52, 16, 6, 50)]):
        flat = base + 0.05 * base * grain[0] + 0.05 * base * grain[1] + bright * disc
        pixels[..., channel] = light * (flat - depth * dark + glare * reflex - 0.6 * depth * spots)
    pixels += rng.normal(0, 3.5, pixels.shape)
    return Drawing(_uint8(pixels), (1 + vessel).astype(np.uint8))

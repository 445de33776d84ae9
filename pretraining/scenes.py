"""Geometry of synthetic scenes: which pixel belongs to which class and object. Knows nothing of intensities.

A recipe fixes what does not change between images of one experiment (sizes, crowding, what the classes mean); drawing
it again gives another field of view of the same experiment.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from .noise import coordinates, fractal, smooth
from .shapes import packed, scattered


@dataclasses.dataclass(frozen=True, eq=False)
class Scene:
    """One field of view.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
        Class of each pixel from 0.
    objects : ndarray of int, shape (Y, X)
        Object of each pixel, 0 = none; for variation from object to object.
    inner : ndarray of float32, shape (Y, X)
        0 at the rim of an object to 1 in its middle, for shading inside objects.
    classes : int
        Number of classes the recipe can draw.
    """

    labels: NDArray[np.int64]
    objects: NDArray[np.int64]
    inner: NDArray[np.float32]
    classes: int


Draw = Callable[[np.random.Generator, int], Scene]


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


# --- round things ----------------------------------------------------------------------------------------------------


def blobs(rng: np.random.Generator) -> Draw:
    """Nuclei, cells with nuclei, rims, rings with a wall, two sizes, two shapes."""
    radius = _log_uniform(rng, 3, 34)
    spread, crowding, roughness = rng.uniform(0.05, 0.45), rng.uniform(0.1, 1.3), rng.uniform(0, 0.35)
    longest, overlap = rng.choice([1.2, 1.8, 3.5]), rng.choice([0.0, 0.15, 0.6])
    meaning = rng.choice(["object", "object", "object", "rim", "nucleus", "ring", "size", "shape"])
    if radius < 6 and meaning in ("rim", "nucleus", "ring"):
        radius *= 3
    part = rng.uniform(0.25, 0.65)
    wall = rng.uniform(1.5, 0.45 * radius + 1.6)

    def draw(rng: np.random.Generator, n: int) -> Scene:
        spread_here = 0.6 if meaning == "size" else spread
        objects, inner, facts = scattered(rng, n, radius, spread_here, crowding, roughness,
                                          4.0 if meaning == "shape" else longest, overlap)
        r, ratio = np.array(facts).T
        labels = (objects > 0).astype(np.int64)
        classes = 3
        if meaning in ("rim", "ring"):
            edge = np.minimum(np.maximum(wall / np.maximum(r, 1), 0.06), 0.7)[objects]
            labels[(objects > 0) & (inner > edge)] = 2
        elif meaning == "nucleus":
            labels[(objects > 0) & (inner > part)] = 2
        elif meaning == "size":
            labels[(objects > 0) & (r > radius)[objects]] = 2
        elif meaning == "shape":
            labels[(objects > 0) & (ratio > 2.2)[objects]] = 2
        else:
            classes = 2
        return Scene(labels, objects, np.clip(inner, 0, 1), classes)

    return draw


def spots(rng: np.random.Generator) -> Draw:
    """Small spots, with larger things that are not spots."""
    radius, crowding = rng.uniform(1.2, 4), rng.uniform(0.01, 0.12)
    with_large, named = rng.random() < 0.6, rng.random() < 0.5
    large = rng.uniform(10, 30)

    def draw(rng: np.random.Generator, n: int) -> Scene:
        small, inner, _ = scattered(rng, n, radius, 0.2, crowding, 0.1, 1.5, 0.2)
        labels = (small > 0).astype(np.int64)
        objects = small.copy()
        if with_large:
            big, big_inner, _ = scattered(rng, n, large, 0.3, 0.3, 0.2, 2.0, 0.3)
            free = (small == 0) & (big > 0)
            if named:
                labels[free] = 2
            objects[free] = big[free] + small.max()
            inner = np.where(free, big_inner, inner)
        return Scene(labels, objects, inner, 3 if with_large and named else 2)

    return draw


# --- packed cells and membranes --------------------------------------------------------------------------------------


def membranes(rng: np.random.Generator) -> Draw:
    """Cells packed side by side with membranes between them; organelles; cell types; nuclei."""
    cell, width = _log_uniform(rng, 10, 60), rng.uniform(0.7, 3.2)
    bend, ragged, long = rng.uniform(0, 0.25) * cell, rng.uniform(0.2, 1), rng.choice([1.0, 1.0, 1.6, 3.0])
    meaning = rng.choice(["membrane", "membrane", "organelle", "nucleus", "type", "gap"])
    share = rng.uniform(0.2, 0.6)
    ball = rng.uniform(0.1, 0.3) * cell + 1.5

    def draw(rng: np.random.Generator, n: int) -> Scene:
        cells, border = packed(rng, n, cell, bend, ragged, long)
        uneven = width * np.exp(0.25 * smooth(rng, n, cell))
        wall = border < uneven
        labels = wall.astype(np.int64)
        inner = np.clip(border / (0.5 * cell), 0, 1)
        objects = np.where(wall, 0, cells)
        if meaning == "organelle":
            parts, depth, _ = scattered(rng, n, ball, 0.3, 0.25 * share, 0.25, 2.5, 0.0)
            here = (parts > 0) & (border > uneven + 1)
            labels[here], inner = 2, np.where(here, depth, inner)
            objects = np.where(here, parts + cells.max(), objects)
        elif meaning == "nucleus":
            nucleus = border > share * 0.5 * cell + uneven
            labels[nucleus & ~wall] = 2
        elif meaning == "type":
            kind = rng.random(cells.max() + 1) < share
            labels[kind[cells] & ~wall] = 2
        elif meaning == "gap":  # some cells are no cells but background
            hole = rng.random(cells.max() + 1) < 0.5 * share
            labels = np.where(hole[cells], 0, np.where(wall, 1, 2))
        return Scene(labels, objects, inner.astype(np.float32), 2 if meaning == "membrane" else 3)

    return draw


# --- long thin things ------------------------------------------------------------------------------------------------


class _Canvas:
    """Labels, objects and depth of (n, n) pixels, drawn disc by disc."""

    def __init__(self, n: int) -> None:
        self.labels, self.objects = np.zeros((n, n), np.int64), np.zeros((n, n), np.int64)
        self.inner = np.zeros((n, n), np.float32)

    def disc(self, y: float, x: float, radius: float, number: int) -> None:
        """Draw a disc of an object; where discs overlap, the one whose middle is nearer is seen."""
        n, reach = len(self.labels), int(radius + 2)
        y0, x0 = max(0, int(y) - reach), max(0, int(x) - reach)
        y1, x1 = min(n, int(y) + reach + 2), min(n, int(x) + reach + 2)
        if y0 < y1 and x0 < x1:
            gy, gx = np.ogrid[y0:y1, x0:x1]
            depth = 1 - np.hypot(gy - y, gx - x) / (radius + 0.3)
            box = (slice(y0, y1), slice(x0, x1))
            new = depth > np.maximum(self.inner[box], 0)
            self.labels[box][new], self.inner[box][new], self.objects[box][new] = 1, depth[new], number


def vessels(rng: np.random.Generator) -> Draw:
    """Branching vessels that thin out, or loose fibres."""
    thick, curl = _log_uniform(rng, 1.0, 7), rng.uniform(0.03, 0.25)
    trees, fibres = int(rng.integers(1, 6)), rng.random() < 0.35
    two_kinds = rng.random() < 0.2

    def draw(rng: np.random.Generator, n: int) -> Scene:
        canvas = _Canvas(n)
        starts = [(*rng.uniform(0, n, 2), rng.uniform(0, 6.3), thick * rng.uniform(0.7, 1.2), k + 1)
                  for k in range(trees * (4 if fibres else 1))]
        drawn = 0
        while starts and drawn < 90:
            y, x, heading, radius, number = starts.pop()
            drawn += 1
            turn = 0.0
            for _ in range(int(rng.uniform(0.3, 1.4) * n)):
                turn = 0.8 * turn + rng.normal(0, curl * 0.5)
                heading += turn * 0.5
                y, x = y + 1.2 * np.sin(heading), x + 1.2 * np.cos(heading)
                if not (-4 <= y < n + 4 and -4 <= x < n + 4):
                    break
                canvas.disc(y, x, radius, number)
                if not fibres:
                    radius *= 0.9985
                    if rng.random() < 0.03 and radius > 0.9:
                        starts.append((y, x, heading + rng.choice([-1, 1]) * rng.uniform(0.4, 1.1),
                                       radius * rng.uniform(0.55, 0.85), number))
                if radius < 0.6:
                    break
        if two_kinds:
            canvas.labels[canvas.objects % 2 == 1] = 2
        return Scene(canvas.labels, canvas.objects, canvas.inner, 3 if two_kinds else 2)

    return draw


# --- areas -----------------------------------------------------------------------------------------------------------


def areas(rng: np.random.Generator) -> Draw:
    """Two to five tissues or textures side by side, as patches or as layers, sometimes with round things inside."""
    classes = int(rng.choice([2, 2, 3, 3, 4, 5]))
    size, layered, inhabited = rng.uniform(0.12, 0.6), rng.random() < 0.35, rng.random() < 0.35
    radius = rng.uniform(3, 9)
    shares = rng.dirichlet(np.full(classes, 3.0))

    def draw(rng: np.random.Generator, n: int) -> Scene:
        if layered:
            angle = rng.uniform(0, 6.3)
            y, x = coordinates(rng, n, rng.uniform(0, 0.08) * n)
            field = (y * np.sin(angle) + x * np.cos(angle)) / n
            cuts = np.quantile(field, np.cumsum(shares)[:-1])
            labels = np.digitize(field, cuts)
        else:
            fields = np.stack([fractal(rng, n, 3.5, finest=8, coarsest=size * n * 2.5) + np.log(share)
                               for share in shares])
            labels = fields.argmax(0)
        inner = np.zeros((n, n), np.float32)
        objects = labels.astype(np.int64) + 1
        if inhabited:
            parts, depth, _ = scattered(rng, n, radius, 0.3, 0.35, 0.2, 2.0, 0.1)
            here = parts > 0
            labels = np.where(here, classes, labels)
            inner, objects = np.where(here, depth, inner), np.where(here, parts + classes + 1, objects)
        return Scene(labels.astype(np.int64), objects, inner.astype(np.float32), classes + int(inhabited))

    return draw


FAMILIES: dict[str, tuple[Callable[[np.random.Generator], Draw], float]] = {
    "blobs": (blobs, 0.32),
    "membranes": (membranes, 0.26),
    "vessels": (vessels, 0.2),
    "areas": (areas, 0.16),
    "spots": (spots, 0.06),
}
"""Recipes by name, with the share of images each gets."""


def recipe(rng: np.random.Generator, family: str | None = None) -> Draw:
    """Return a random recipe, of a family if one is named."""
    if family is None:
        shares = np.array([share for _, share in FAMILIES.values()])
        family = str(rng.choice(list(FAMILIES), p=shares / shares.sum()))
    return FAMILIES[family][0](rng)


def edges(labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return 1 on pixels whose neighbour has another class, 0 elsewhere."""
    high, low = ndi.maximum_filter(labels, 3), ndi.minimum_filter(labels, 3)
    return (high != low).astype(np.float32)

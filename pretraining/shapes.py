"""Shapes that scenes are made of: scattered round things and cells packed side by side. Knows no classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .noise import coordinates


def scattered(
    rng: np.random.Generator, n: int, radius: float, spread: float, crowding: float, roughness: float, longest: float,
    overlap: float,
) -> tuple[NDArray[np.int64], NDArray[np.float32], list[tuple[float, float]]]:
    """Scatter bumpy ellipses over (n, n) pixels.

    Parameters
    ----------
    radius, spread : float
        Median radius in px, and the standard deviation of its logarithm.
    crowding : float
        Area of all of them by that of the image, before those that overlap too much are left out.
    roughness, longest : float
        How bumpy outlines are, and the largest ratio of the axes.
    overlap : float
        Share of a new object that may lie on older ones.

    Returns
    -------
    objects : ndarray of int64, shape (n, n)
        Numbers from 1, 0 = none.
    inner : ndarray of float32, shape (n, n)
        0 at the rim to 1 in the middle.
    facts : list of (float, float)
        Radius and ratio of the axes by object number.
    """
    objects, inner, facts = np.zeros((n, n), np.int64), np.zeros((n, n), np.float32), [(0.0, 1.0)]
    wanted = crowding * n * n / (np.pi * radius**2)
    for _ in range(min(400, max(1, rng.poisson(wanted)))):
        r = radius * float(np.exp(rng.normal(0, spread)))
        ratio = rng.uniform(1, longest)
        cy, cx = rng.uniform(-0.5 * r, n + 0.5 * r, 2)
        reach = int(1.5 * r * np.sqrt(ratio)) + 2
        y0, y1 = max(0, int(cy) - reach), min(n, int(cy) + reach)
        x0, x1 = max(0, int(cx) - reach), min(n, int(cx) + reach)
        if y0 >= y1 or x0 >= x1:
            continue
        y, x = np.mgrid[y0:y1, x0:x1].astype(np.float32)
        turn = rng.uniform(0, np.pi)
        u = ((y - cy) * np.cos(turn) + (x - cx) * np.sin(turn)) / np.sqrt(ratio)
        v = (-(y - cy) * np.sin(turn) + (x - cx) * np.cos(turn)) * np.sqrt(ratio)
        angle, away = np.arctan2(v, u), np.hypot(u, v)
        edge = np.ones_like(away)
        for k in range(2, 6):
            edge += roughness / k * rng.normal() * np.cos(k * angle + rng.uniform(0, 6.3))
        depth = 1 - away / (r * np.maximum(edge, 0.3))
        inside = depth > 0
        box = (slice(y0, y1), slice(x0, x1))
        taken = inside & (objects[box] > 0)
        if inside.sum() < 4 or taken.sum() > overlap * inside.sum():
            continue
        new = inside & (depth > inner[box])
        objects[box][new], inner[box][new] = len(facts), depth[new]
        facts.append((r, ratio))
    return objects, inner, facts


def packed(
    rng: np.random.Generator, n: int, cell: float, bend: float, ragged: float, long: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Fill (n, n) pixels with warped Voronoi cells.

    Parameters
    ----------
    cell, bend : float
        Size of a cell and how far it is warped, in px.
    ragged : float
        0 for evenly spaced cells to 1 for random ones.
    long : float
        How much longer than high they are.

    Returns
    -------
    cells : ndarray of int, shape (n, n)
        Numbers from 1.
    border : ndarray of float32, shape (n, n)
        Distance to the border with a neighbour, px.
    """
    margin = int(2 * cell)
    side = n + 2 * margin
    count = max(4, int(side * side / cell**2))
    seeds = rng.uniform(-margin, n + margin, (count, 2)).astype(np.float32)
    if ragged < 1:  # nudge towards even spacing
        tree = cKDTree(seeds)
        for _ in range(2):
            _, near = tree.query(seeds, k=5)
            push = seeds[:, None] - seeds[near[:, 1:]]
            length = np.linalg.norm(push, axis=2, keepdims=True)
            away = (push / (length + 1e-3) * np.maximum(0, cell - length) / 2).sum(1)
            seeds += (1 - ragged) * away.astype(np.float32)
            tree = cKDTree(seeds)
    y, x = coordinates(rng, n, bend)
    points = np.stack([y.ravel(), x.ravel() / long], axis=1)
    seeds /= np.array([1, long], np.float32)
    distance, which = cKDTree(seeds).query(points, k=2)
    first, second = seeds[which[:, 0]], seeds[which[:, 1]]
    gap = np.linalg.norm(first - second, axis=1)
    border = (distance[:, 1] ** 2 - distance[:, 0] ** 2) / (2 * gap + 1e-6)
    return which[:, 0].reshape(n, n) + 1, border.reshape(n, n).astype(np.float32)

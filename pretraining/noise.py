"""Random fields that the scenes are made of. Every function takes a numpy Generator and is a pure function of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

Field = NDArray[np.float32]


def fractal(rng: np.random.Generator, n: int, beta: float, finest: float = 1.0, coarsest: float = 1e9,
            stretch: float = 1.0) -> Field:
    """Return (n, n) noise of power ~ 1 / f**beta between two wavelengths (px), unit variance, mean 0.

    ``stretch`` > 1 makes it streaky along a random direction.
    """
    fy, fx = np.fft.fftfreq(n)[:, None], np.fft.rfftfreq(n)[None, :]
    if stretch > 1:
        angle = rng.uniform(0, np.pi)
        along = fx * np.cos(angle) + fy * np.sin(angle)
        across = -fx * np.sin(angle) + fy * np.cos(angle)
        f = np.hypot(along * stretch, across)
    else:
        f = np.hypot(fy, fx)
    f[0, 0] = 1.0
    weight = f ** (-beta / 2) * (f <= 1 / finest) * (f >= 1 / coarsest)
    weight[0, 0] = 0
    white = rng.standard_normal((n, n), dtype=np.float32)
    field = np.fft.irfft2(np.fft.rfft2(white) * weight, s=(n, n)).astype(np.float32)
    return field / np.float32(field.std() + 1e-9)


def smooth(rng: np.random.Generator, n: int, wavelength: float) -> Field:
    """Return (n, n) noise without detail below about ``wavelength`` px, unit variance; cheap for long wavelengths."""
    coarse = max(4, round(2 * n / wavelength) + 3)
    grid = rng.standard_normal((coarse, coarse), dtype=np.float32)
    start = rng.uniform(0, 1, 2)
    y, x = (np.linspace(0, coarse - 3, n) + 1 + (s - 0.5) for s in start)
    field = ndi.map_coordinates(grid, np.meshgrid(y, x, indexing="ij"), order=2, mode="mirror").astype(np.float32)
    return (field - field.mean()) / np.float32(field.std() + 1e-9)


def coordinates(rng: np.random.Generator, n: int, bend: float) -> tuple[Field, Field]:
    """Return warped pixel coordinates (y, x), bent by about ``bend`` px."""
    y, x = np.mgrid[:n, :n].astype(np.float32)
    if bend > 0:
        wavelength = rng.uniform(0.15, 0.8) * n
        y = y + np.float32(bend) * smooth(rng, n, wavelength)
        x = x + np.float32(bend) * smooth(rng, n, wavelength)
    return y, x

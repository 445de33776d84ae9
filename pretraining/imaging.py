"""Turn a scene into an image: what a microscope would make of it. Draws no geometry of its own but clutter.

A look fixes what stays the same within one experiment: intensity and texture of each class, blur, noise, stain colours.
"""

from __future__ import annotations

import dataclasses
import io

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from .noise import fractal, smooth
from .scenes import Scene, edges

Picture = NDArray[np.float32]
MODALITIES = ("fluorescence", "electron", "phase", "bright field", "stained", "any")

APART = 0.12
"""Least distance between the mean intensities of two classes (root mean square over channels), of a range of about 1:
scenes in which nobody could tell the classes apart teach nothing."""


@dataclasses.dataclass(frozen=True)
class Texture:
    """Noise inside a class: its strength, spectrum, finest wavelength (px), streakiness and dottedness."""

    strength: float
    beta: float
    finest: float
    stretch: float
    dots: float


@dataclasses.dataclass(frozen=True, eq=False)
class Look:
    """How scenes of one experiment are imaged; drawn by :func:`look`."""

    modality: str
    means: NDArray[np.float32]          # (classes, channels)
    textures: tuple[Texture, ...]
    between_objects: float
    dome: float
    edge: float
    halo: float
    clutter: float
    blur: float
    haze: float
    shading: float
    gain_noise: float
    read_noise: float
    noise_grain: float
    gamma: float
    quality: int | None

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return int(self.means.shape[1])


def _texture(rng: np.random.Generator, strength: float) -> Texture:
    return Texture(strength * float(np.exp(rng.normal(0, 0.7))), rng.uniform(0, 3), rng.choice([1.0, 2.0, 4.0]),
                   float(rng.choice([1, 1, 1, 3, 8])), float(rng.random() < 0.2) * rng.uniform(0.3, 1))


def _means(rng: np.random.Generator, classes: int, channels: int, modality: str) -> Picture:
    """Draw the mean intensity of each class, (classes, channels)."""
    means = rng.uniform(0, 1, (classes, channels))
    if modality == "fluorescence":
        means = np.sort(means, axis=0) if rng.random() < 0.8 else means
        means[0] *= 0.3
        means[1:] = 0.25 + 0.75 * means[1:]
    elif modality == "electron":
        means = 0.6 + 0.25 * rng.normal(0, 1, (classes, channels))
        means[1] -= rng.uniform(0.1, 0.6)
    elif modality in ("phase", "bright field"):
        means = 0.6 + 0.12 * rng.normal(0, 1, (classes, channels))
    elif modality == "stained":  # Beer and Lambert: white light through a few dyes
        dyes = rng.uniform(0.05, 1.2, (int(rng.integers(1, 4)), channels))
        amounts = rng.gamma(1.2, 0.7, (classes, len(dyes)))
        amounts[0] *= rng.choice([0.1, 0.5, 1.0])
        means = np.exp(-amounts @ dyes)
    return means.astype(np.float32)


def _modality(rng: np.random.Generator, channels: int) -> str:
    if channels == 3 and rng.random() < 0.8:
        return "stained"
    return str(rng.choice(["fluorescence", "electron", "phase", "bright field", "any"],
                          p=[0.3, 0.27, 0.1, 0.13, 0.2]))


def _distinct_means(rng: np.random.Generator, classes: int, channels: int, modality: str) -> Picture:
    """Draw means until no two classes are alike, at most 21 times."""
    means = _means(rng, classes, channels, modality)
    for _ in range(20):
        if _closest(means) >= APART:
            break
        means = _means(rng, classes, channels, modality)
    return means


def _closest(means: Picture) -> float:
    """Return the distance of the two classes that are most alike."""
    between = np.sqrt(((means[:, None] - means[None]) ** 2).mean(axis=-1))
    return float(between[np.triu_indices(len(means), 1)].min())


def look(rng: np.random.Generator, classes: int, channels: int, modality: str | None = None) -> Look:
    """Return a random look for so many classes; three channels are always stained."""
    modality = modality or _modality(rng, channels)
    means = _distinct_means(rng, classes, channels, modality)
    contrast = float(np.ptp(means, axis=0).mean()) + 0.05
    if rng.random() < 0.12:  # only texture tells two classes apart
        means[rng.integers(classes)] = means[rng.integers(classes)]
    rough = rng.uniform(0.02, 0.4) * contrast
    fluorescent = modality == "fluorescence"
    return Look(
        modality=modality,
        means=means,
        textures=tuple(_texture(rng, rough) for _ in range(classes)),
        between_objects=rng.uniform(0, 0.3) * contrast,
        dome=rng.uniform(0, 0.8) if fluorescent or rng.random() < 0.3 else 0.0,
        edge=rng.normal(0, 0.5) * contrast if modality in ("phase", "bright field") or rng.random() < 0.25 else 0.0,
        halo=rng.uniform(0.3, 1.5) if modality == "phase" else 0.0,
        clutter=rng.uniform(0, 1) if rng.random() < 0.6 else 0.0,
        blur=float(rng.choice([0, rng.uniform(0.4, 1), rng.uniform(1, 2.5)], p=[0.3, 0.5, 0.2])),
        haze=rng.uniform(0, 0.5) if fluorescent else 0.0,
        shading=rng.uniform(0, 0.35) * float(rng.random() < 0.6),
        gain_noise=rng.uniform(0, 0.12) if fluorescent else rng.uniform(0, 0.04),
        read_noise=rng.uniform(0, 0.2) * contrast,
        noise_grain=float(rng.choice([0, 0, 0.6, 1.0])),
        gamma=float(np.exp(rng.normal(0, 0.3))),
        quality=int(rng.integers(20, 90)) if rng.random() < 0.2 else None,
    )


def render(rng: np.random.Generator, scene: Scene, seen: Look) -> Picture:
    """Image a scene.

    Returns
    -------
    ndarray of float32, shape (C, Y, X)
        In arbitrary units; may be inverted or saturated.
    """
    n = scene.labels.shape[0]
    picture = seen.means[scene.labels].transpose(2, 0, 1).copy()
    relief = np.zeros((n, n), np.float32)
    for number, texture in enumerate(seen.textures):
        here = scene.labels == number
        if texture.strength > 0.01 and here.any():
            field = fractal(rng, n, texture.beta, texture.finest, stretch=texture.stretch)
            if texture.dots:
                field = np.maximum(field - np.float32(texture.dots), 0) * 2
            relief[here] += np.float32(texture.strength) * field[here]
    shift = rng.normal(0, seen.between_objects, int(scene.objects.max()) + 1).astype(np.float32)
    shift[0] = 0
    relief += shift[scene.objects]
    if seen.dome:
        relief -= np.float32(seen.dome) * (scene.objects > 0) * np.float32(0.5) * (1 - np.sqrt(scene.inner))
    if seen.edge:
        relief += np.float32(seen.edge) * edges(scene.labels)
    tint = rng.uniform(0.5, 1, (seen.channels, 1, 1)).astype(np.float32) if seen.channels > 1 else np.float32(1)
    picture += relief * tint
    if seen.clutter:
        picture += _clutter(rng, scene, seen.clutter) * tint
    return _through_the_optics(rng, picture, seen)


def _clutter(rng: np.random.Generator, scene: Scene, strength: float) -> Picture:
    """Things that belong to no class of their own: small organelles, debris, dust, filaments."""
    n = scene.labels.shape[0]
    field = fractal(rng, n, rng.uniform(0.5, 2), finest=rng.choice([2.0, 4.0]), coarsest=rng.uniform(8, 80),
                    stretch=float(rng.choice([1, 1, 4])))
    bumps = np.maximum(field - np.float32(rng.uniform(1.0, 2.2)), 0)
    if rng.random() < 0.4:  # hollow ones
        bumps = np.minimum(bumps, np.float32(0.5)) - np.float32(0.7) * np.maximum(bumps - np.float32(0.4), 0)
    inside = scene.labels == rng.integers(scene.classes) if rng.random() < 0.5 else np.ones((n, n), bool)
    return np.float32(strength * rng.choice([-0.5, 0.5])) * bumps * inside


def _through_the_optics(rng: np.random.Generator, picture: Picture, seen: Look) -> Picture:
    n = picture.shape[-1]
    if seen.halo:
        wide = ndi.gaussian_filter(picture, (0, *2 * [rng.uniform(3, 9)]))
        picture = picture + np.float32(seen.halo) * (picture - wide)
    if seen.haze:
        picture = picture + np.float32(seen.haze) * ndi.gaussian_filter(picture, (0, *2 * [rng.uniform(6, 20)]))
    if seen.blur:
        picture = ndi.gaussian_filter(picture, (0, seen.blur, seen.blur))
    if seen.shading:
        field = np.float32(seen.shading) * smooth(rng, n, rng.uniform(0.8, 3) * n)
        uneven = rng.random() < 0.5
        picture = picture * np.exp(np.clip(field, -1.5, 1.5)) if uneven else picture + np.float32(0.4) * field
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    if seen.noise_grain:
        noise = ndi.gaussian_filter(noise, (0, seen.noise_grain, seen.noise_grain))
        noise /= noise.std() + 1e-9
    bright = np.sqrt(np.clip(picture, 0, None))
    picture = picture + noise * (np.float32(seen.gain_noise) * bright + np.float32(seen.read_noise))
    low, high = np.percentile(picture, (0.2, 99.8))
    picture = np.clip((picture - np.float32(low)) / np.float32(high - low + 1e-6), 0, 1) ** np.float32(seen.gamma)
    if seen.modality == "any" and seen.gamma > 1:
        picture = 1 - picture
    if seen.quality is not None:
        picture = _compressed(picture, seen.quality)
    return np.ascontiguousarray(picture, np.float32)


def _compressed(picture: Picture, quality: int) -> Picture:
    """Through JPEG and back."""
    from PIL import Image

    bytes_ = (picture.transpose(1, 2, 0) * 255).astype(np.uint8).squeeze()
    file = io.BytesIO()
    Image.fromarray(bytes_).save(file, "JPEG", quality=quality)
    back = np.asarray(Image.open(file), np.float32) / np.float32(255)
    return back[None] if back.ndim == 2 else back.transpose(2, 0, 1)

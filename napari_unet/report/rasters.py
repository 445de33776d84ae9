"""Planes of an image and colours as arrays to draw with. Draws no figure, writes no file."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.image import Image
from napari_unet.core.normalisation import Normalisation

Rgb = NDArray[np.float32]

_COMPOSITE = {2: ("#ff00ff", "#00ff00")}
_CHANNELS = ("#00ffff", "#ff00ff", "#ffff00", "#ff0000", "#00ff00", "#0000ff")


def plane_rgb(image: Image, number: int) -> Rgb:
    """Return a plane as colours, float32 (Y, X, 3) from 0 to 1.

    Colour images of uint8 as they are; others stretched from the 1st to the 99th percentile, channels as a composite.
    """
    plane = image.plane(number)
    is_colour = image.axes.endswith("C") and len(plane) in (3, 4)
    if is_colour and np.dtype(image.data.dtype) == np.uint8:
        return np.ascontiguousarray(plane[:3].transpose(1, 2, 0)) / np.float32(255)
    if is_colour:
        together = plane[:3].reshape(1, -1, plane.shape[-1])  # one stretch for all three keeps the hue
        return np.clip(Normalisation()(together)[0].reshape(3, *plane.shape[1:]), 0, 1).transpose(1, 2, 0)
    stretched = np.clip(Normalisation()(plane)[0], 0, 1)
    if len(stretched) == 1:
        return np.repeat(stretched[0][..., None], 3, axis=-1)
    mixed = np.zeros((*stretched.shape[1:], 3), np.float32)
    colours = _COMPOSITE.get(len(stretched), _CHANNELS)
    for place, channel in enumerate(stretched):
        mixed += channel[..., None] * parse_colour(colours[place % len(colours)])
    return np.clip(mixed, 0, 1)


def parse_colour(text: str) -> Rgb:
    """Return ``#rrggbb`` as float32 (3,) from 0 to 1."""
    return np.array([int(text[place : place + 2], 16) for place in (1, 3, 5)], np.float32) / np.float32(255)


def shrunk(picture: Rgb, most: int) -> Rgb:
    """Shrink a picture (Y, X, 3) by a whole factor to at most ``most`` pixels a side; each is the mean of a block."""
    factor = -(-max(picture.shape[:2]) // most)
    if factor <= 1:
        return picture
    rows, columns = (-(-size // factor) * factor for size in picture.shape[:2])
    padded = np.pad(picture, ((0, rows - picture.shape[0]), (0, columns - picture.shape[1]), (0, 0)), mode="edge")
    return padded.reshape(rows // factor, factor, columns // factor, factor, 3).mean(axis=(1, 3), dtype=np.float32)


def encode_png(picture: Rgb, levels: int = 48) -> bytes:
    """Return a picture (Y, X, 3) as a PNG file, in so many levels of each colour that it stays small."""
    from matplotlib.image import imsave

    steps = np.round(np.clip(picture, 0, 1) * (levels - 1)) * (255 / (levels - 1))
    file = io.BytesIO()
    imsave(file, steps.astype(np.uint8), format="png", pil_kwargs={"optimize": True})
    return file.getvalue()


def data_uri(png: bytes) -> str:
    """Return a PNG file as an address that holds the picture itself."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")

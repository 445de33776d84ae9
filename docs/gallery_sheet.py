"""Panels side by side with titles, numbers and a legend, saved small. Knows no method and no scene."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import get_data_path
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from napari_unet.core.classes import default_color
from napari_unet.report import error_maps, rasters

GAP, MARGIN, HEAD, FOOT, LEGEND, COLUMNS = 6, 6, 19, 34, 24, 6  # pixels, and panels side by side at most
GREYS, REST = 48, 72
"""Of a picture's palette: levels of grey, and colours beside the named ones."""


def font(size: int, bold: bool = False) -> Any:
    """Return the font that comes with matplotlib, the same on every machine."""
    return ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSans{'-Bold' if bold else ''}.ttf", size)


@dataclasses.dataclass(frozen=True, eq=False)
class Panel:
    """A picture float32 (Y, X, 3) from 0 to 1, a title above it and lines under it."""

    title: str
    picture: NDArray[np.float32]
    lines: tuple[str, ...]


def sheet(panels: Sequence[Panel], legend: Mapping[str, str]) -> Picture.Image:
    """Put panels side by side, in even lines, and a legend (colours by name) under them."""
    lines = math.ceil(len(panels) / COLUMNS)
    columns = math.ceil(len(panels) / lines)
    tall, wide = panels[0].picture.shape[:2]
    step = HEAD + tall + FOOT
    out = Picture.new("RGB", (2 * MARGIN + columns * (wide + GAP) - GAP, MARGIN + lines * step + LEGEND), "white")
    pen = ImageDraw.Draw(out)
    for place, panel in enumerate(panels):
        row, column = divmod(place, columns)
        left, top = MARGIN + column * (wide + GAP), MARGIN + row * step
        size = next((size for size in (12, 11, 10) if font(size, True).getlength(panel.title) <= wide), 9)
        pen.text((left, top + HEAD - 4), panel.title, "black", font(size, True), anchor="ls")
        out.paste(Picture.fromarray((255 * panel.picture + 0.5).astype(np.uint8)), (left, top + HEAD))
        for number, text in enumerate(panel.lines):
            pen.text((left, top + HEAD + tall + 13 + 14 * number), text, "#333333", font(11), anchor="ls")
    left, base = MARGIN, out.height - 9
    for name, colour in legend.items():
        pen.rectangle((left, base - 9, left + 9, base), colour, "#333333")
        pen.text((left + 14, base), name, "#333333", font(11), anchor="ls")
        left += round(28 + font(11).getlength(name))
    return out


def save(picture: Picture.Image, path: Path) -> None:
    """Save with a palette, so that the pictures stay small: greys, what must be told apart, and the commonest rest."""
    keys = [rasters.parse_colour(text) for text in (*error_maps.COLOURS.values(), error_maps.STRAY, error_maps.HOLE,
                                                    *(default_color(number) for number in (1, 2, 3)))]
    # errors are laid over the image with 15 % of it showing through
    mixed = [np.float32(0.85) * key + np.float32(0.08 * grey) for key in keys[: len(error_maps.COLOURS)]
             for grey in (0, 1)]
    wanted = [*(np.full(3, grey) for grey in np.linspace(0, 1, GREYS)), *keys, *mixed]
    rest = picture.quantize(REST, dither=Picture.Dither.NONE).getpalette() or []
    palette = np.concatenate([np.rint(255 * np.stack(wanted)), np.reshape(rest[: 3 * REST], (-1, 3))]).astype(int)
    pixels = np.asarray(picture, int)
    found, where = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    nearest = np.array([np.square(palette - one).sum(axis=1).argmin() for one in found], np.uint8)
    small = Picture.fromarray(nearest[where.ravel()].reshape(pixels.shape[:2]), "P")
    small.putpalette(palette.ravel().tolist())
    path.parent.mkdir(parents=True, exist_ok=True)
    small.save(path, optimize=True)
    print(f"{path}: {path.stat().st_size} bytes", flush=True)

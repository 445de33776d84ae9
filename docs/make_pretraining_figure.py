"""Draw the contact sheet of synthetic training images: ``python docs/make_pretraining_figure.py``.

Each row is a family of scenes; each pair is an image and its classes with the painted strokes.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw

sys.path.insert(0, str(Path(__file__).parent.parent))  # the tools are no part of the package

from napari_unet.core.classes import default_color
from pretraining.episodes import stroke
from pretraining.imaging import look, render
from pretraining.scenes import FAMILIES, recipe

PIXELS, COLUMNS, GAP, MARGIN = 144, 4, 6, 18
LOOKS = ("fluorescence", "electron", "phase", "stained", "bright field", "any")


def pair(seed: int, family: str, modality: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return an image and its classes with strokes, both (Y, X, 3)."""
    rng = np.random.default_rng(seed)
    while True:
        draw = recipe(rng, family)
        scene = draw(rng, PIXELS)
        if np.count_nonzero(np.bincount(scene.labels.ravel()) > 0.03 * scene.labels.size) >= 2:
            break
    seen = look(rng, scene.classes, 3 if modality == "stained" else 1, modality)
    grey = np.broadcast_to(render(rng, scene, seen), (3, PIXELS, PIXELS)).transpose(1, 2, 0)
    colours = np.array([[int(default_color(number + 1)[start : start + 2], 16) for start in (1, 3, 5)]
                        for number in range(scene.classes)])
    classes = colours[scene.labels] * 0.55
    for number in np.unique(scene.labels):
        for _ in range(2):
            here = stroke(rng, scene.labels, int(number))
            classes[here] = colours[number] * 0.4 + 153
    return (grey * 255).astype(np.uint8), classes.astype(np.uint8)


def main() -> None:
    """Draw and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "images" / "pretraining.png")
    parser.add_argument("--seed", type=int, default=4)
    given = parser.parse_args()
    width, height = COLUMNS * (2 * PIXELS + 2 * GAP) - GAP, len(FAMILIES) * (PIXELS + GAP + MARGIN) - GAP
    sheet = Picture.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(sheet)
    for row, family in enumerate(FAMILIES):
        top = row * (PIXELS + GAP + MARGIN)
        for column in range(COLUMNS):
            modality = LOOKS[(row + column * (1 + row % 2)) % len(LOOKS)]
            left = column * (2 * PIXELS + 2 * GAP)
            for part in pair(1000 * given.seed + 10 * row + column, family, modality):
                sheet.paste(Picture.fromarray(part), (left, top + MARGIN))
                left += PIXELS
            pen.text((left - 2 * PIXELS, top + 3), f"{family}, {modality}", fill="black")
    given.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(96, dither=Picture.Dither.NONE).save(given.out, optimize=True)
    print(f"{given.out}: {given.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()

"""Two photographs inside scikit-image's wheel, with strokes drawn for them here. Downloads nothing."""

from __future__ import annotations

import dataclasses
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, Scribbles

from .layout import Sample
from .simulated_strokes import draw_line

Line = tuple[tuple[int, int], ...]
"""Corners of a stroke as (x, y)."""


@dataclasses.dataclass(frozen=True)
class Photograph:
    """A file of scikit-image, what is in it, and strokes by painted id."""

    file: str
    title: str
    classes: dict[int, str]
    brush: float
    strokes: dict[int, tuple[Line, ...]]


PHOTOGRAPHS = {
    "coins": Photograph(
        "coins.png",
        "Coins (photograph, uneven light)",
        {1: "background", 2: "coin"},
        5,
        {
            1: (((10, 18), (180, 14)), ((72, 90), (200, 86), (300, 90)), ((14, 160), (180, 158)),
                ((190, 226), (330, 228)), ((10, 90), (12, 140)), ((140, 250), (136, 284)), ((232, 20), (290, 24))),
            2: (((32, 50), (56, 62)), ((142, 48), (168, 62)), ((322, 36), (350, 60)), ((34, 124), (58, 130)),
                ((255, 118), (285, 126)), ((335, 178), (366, 200)), ((30, 258), (62, 272)), ((158, 258), (190, 272)),
                ((344, 262), (370, 272)), ((88, 190), (112, 206))),
        },
    ),
    "colon": Photograph(
        "ihc.png",
        "Colon, immunohistochemistry (bright field, colour)",
        {1: "lumen", 2: "epithelium", 3: "stroma"},
        6,
        {
            1: (((8, 312), (26, 366)), ((322, 92), (338, 118), (358, 152)), ((436, 404), (458, 436)),
                ((64, 4), (84, 4))),
            2: (((60, 60), (80, 120), (90, 180)), ((200, 120), (240, 190)), ((400, 60), (420, 120), (430, 180)),
                ((350, 210), (400, 260)), ((60, 240), (120, 330)), ((100, 430), (120, 490)), ((300, 340), (340, 370),
                (350, 430))),
            3: (((190, 285), (320, 295)), ((200, 330), (210, 440)), ((470, 60), (478, 160)), ((480, 240), (470, 340)),
                ((415, 340), (405, 450)), ((282, 180), (290, 240))),
        },
    ),
}


def load_photograph(name: str) -> Sample:
    """Load a photograph with its strokes; there is no truth.

    Raises
    ------
    UserError
        If the installed scikit-image does not carry the file.
    """
    from imageio.v3 import imread

    photograph = PHOTOGRAPHS[name]
    file = resources.files("skimage") / "data" / photograph.file
    if not file.is_file():
        raise UserError(f"The installed scikit-image does not carry {photograph.file}; choose another sample.")
    with resources.as_file(file) as path:
        pixels: NDArray[np.uint8] = np.asarray(imread(path))
    image = Image(pixels, "YXC" if pixels.ndim == 3 else "YX", name)
    painted = np.zeros(image.shape, np.uint8)
    for number, lines in photograph.strokes.items():
        for line in lines:
            painted[draw_line(image.plane_shape, [(y, x) for x, y in line], photograph.brush)] = number
    return Sample(name, photograph.title, (Pair(image, Scribbles.from_array(painted)),), (None,),
                  ClassTable.named(photograph.classes))

"""Rows and comparisons to report on."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from napari_unet.comparison.outcome import Comparison
from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.rows import Row
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.metrics.scoring import score_pair

TWO = ClassTable.named({1: "background", 2: "cell"})


def row(method="a", value=None, *, image="i", plane=0, class_id=2, metric="dice", unit="", note="") -> Row:
    return Row(method, image, plane, class_id, f"class {class_id}" if class_id else "", metric, value, unit, note)


def comparison_of(
    images: list[Image], *, methods: tuple[str, ...] = ("unet", "threshold"), reference: bool = True,
    painted: bool = True, held_out: bool = False, classes: ClassTable = TWO,
) -> Comparison:
    """A comparison in which the first method is right and the others are shifted."""
    pairs, truths = [], []
    for image in images:
        y, x = np.mgrid[: image.plane_shape[0], : image.plane_shape[1]]
        truth = np.ones(image.shape, np.uint8)
        for number in classes.ids[1:]:
            truth[..., (y // 8 + x // 8) % len(classes.ids) == number - 1] = number
        strokes = np.where((y % 6 == 2) & (x % 16 < 12), truth, 0).astype(np.uint8)
        if image.n_planes > 1:
            strokes.reshape(-1, *image.plane_shape)[1:] = 0
        pairs.append(Pair(image, Scribbles.from_array(strokes if painted else np.zeros_like(strokes))))
        truths.append(np.where(y % 6 == 2, truth, 0).astype(np.uint8) if held_out else truth)
    training = TrainingSet(tuple(pairs), classes)
    masks = {
        method: tuple(np.roll(truth if not held_out else np.maximum(truth, 1), 3 * shift, -1) for truth in truths)
        for shift, method in enumerate(methods)
    }
    references = tuple(truths) if reference else (None,) * len(images)
    rows: list[Row] = []
    for method in methods:
        for pair, mask, truth in zip(pairs, masks[method], references, strict=True):
            if truth is not None:
                rows += score_pair(mask, truth, classes, method=method, image_name=pair.image.name,
                                   pixel_only=held_out)
        rows.append(Row(method, "", None, None, "", "seconds", 1.0, "s"))
    planes = tuple(tuple(range(image.n_planes)) for image in images)
    return Comparison(training, planes, references, held_out, tuple(rows), masks, {}, {})


def noise(*shape: int, dtype: str = "uint8") -> np.ndarray:
    values = np.random.default_rng(0).random(shape)
    return (values * 255).astype(dtype) if np.dtype(dtype).kind in "ui" else values.astype(dtype)


def picture(path: Path) -> np.ndarray:
    """Read a PNG as uint8 (Y, X, 3)."""
    import matplotlib.image

    return (matplotlib.image.imread(path)[..., :3] * 255).round().astype(np.uint8)


FIVE = ClassTable.default(range(1, 6))


CASES = {
    "grey": comparison_of([Image(noise(48, 64))]),
    "colour": comparison_of([Image(noise(2, 40, 56, 3), "NYXC")]),
    "colour of 16 bits": comparison_of([Image(noise(40, 56, 3, dtype="uint16"), "YXC")]),
    "two channels": comparison_of([Image(noise(2, 40, 56, dtype="float32"), "CYX")]),
    "five channels, with NaN": comparison_of([Image(np.where(noise(5, 40, 56) > 250, np.nan, 1.0), "CYX")]),
    "several images": comparison_of([Image(noise(40, 56), name="first"), Image(noise(30, 90), name="second $x^2$")]),
    "no reference": comparison_of([Image(noise(40, 56))], reference=False),
    "held-out strokes": comparison_of([Image(noise(40, 56))], held_out=True),
    "no strokes": comparison_of([Image(noise(40, 56))], painted=False),
    "no method": comparison_of([Image(noise(40, 56))], methods=()),
    "many methods and classes": comparison_of([Image(noise(3, 64, 64), "ZYX")], classes=FIVE,
                                              methods=tuple(f"method with a long name {n}" for n in range(7))),
    "one pixel": comparison_of([Image(noise(1, 1))]),
    "one row": comparison_of([Image(noise(1, 200))]),
    "one column": comparison_of([Image(noise(200, 1))]),
    "constant": comparison_of([Image(np.full((20, 20), 7.0))]),
    "large": comparison_of([Image(noise(1200, 1500))], methods=("unet",)),
}


class Page(HTMLParser):
    """Tags that are closed, the text, and every address that is asked for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.addresses, self.words, self.rows, self.pictures = [], [], [], 0, 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.rows += tag == "tr"
        for name, value in attrs:
            if name in ("src", "href"):
                self.addresses.append(value)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

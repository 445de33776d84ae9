"""Draw the shipped samples again: ``python -m napari_unet.sample_data.generate FOLDER``. Same seed, same pixels."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage as ndi

from . import drawing
from .simulated_strokes import simulate_strokes

PLANES, TRAIN, TEST, PAINTED = 6, [0, 1, 2], [3, 4, 5], [0, 1]

SAMPLES: dict[str, tuple[Callable[..., drawing.Drawing], int, str, dict[str, str]]] = {
    "nuclei": (drawing.draw_nuclei, 11, "Touching nuclei (drawn, fluorescence)", {"1": "background", "2": "nucleus"}),
    "membranes": (drawing.draw_membranes, 12, "Membranes and mitochondria (drawn, electron microscopy)",
                  {"1": "cell interior", "2": "membrane", "3": "mitochondrion"}),
    "vessels": (drawing.draw_vessels, 13, "Vessels of the eye (drawn, colour)", {"1": "background", "2": "vessel"}),
    "clusters": (drawing.draw_clusters, 16, "Twelve nuclei to count and measure (drawn, fluorescence)",
                 {"1": "background", "2": "nucleus"}),
}
"""By name: what draws it, the seed, the title and the classes."""

SINGLE = {"clusters": [0.5, 0.5]}
"""Samples of one plane, and the size of a pixel in micrometers."""


def write_sample(folder: Path, name: str) -> None:
    """Draw one sample into ``folder / name``, laid out as :mod:`.layout` says."""
    draw, seed, title, classes = SAMPLES[name]
    rng = np.random.Generator(np.random.PCG64(seed))
    single = name in SINGLE
    drawings = [draw(rng) for _ in range(1 if single else PLANES)]
    images = np.stack([one.pixels for one in drawings])
    labels = np.stack([one.labels for one in drawings])
    scribbles = np.zeros_like(labels)
    if single:  # a person paints one nucleus, then the next
        scribbles[0] = simulate_strokes(_apart(drawings[0]), rng, strokes=9, length=14)
    else:
        for plane in PAINTED:
            scribbles[plane] = simulate_strokes(labels[plane], rng)
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    stacks = {"images": images, "labels": labels, "scribbles": scribbles}
    if drawings[0].objects is not None:
        stacks["instances"] = np.stack([one.objects for one in drawings if one.objects is not None])
    for stem, stack in stacks.items():
        look: dict[str, Any] = {"photometric": "rgb" if stack.ndim == 4 else "minisblack"}
        tifffile.imwrite(place / f"{stem}.tif", stack, compression="zlib", predictor=stem == "images",
                         metadata={"axes": "NYXS"[: stack.ndim]}, **look)
    split = {"name": name, "title": title, "kind": "2d-stack", "axes": "NYXC"[: images.ndim], "classes": classes,
             "train": TRAIN, "test": TEST, "scribbled": PAINTED, "seed": seed}
    if single:
        split |= {"train": [0], "test": [], "scribbled": [0], "pixel_size_um": SINGLE[name]}
    (place / "split.json").write_text(json.dumps(split, indent=1) + "\n", encoding="utf-8")


def _apart(drawn: drawing.Drawing) -> NDArray[np.uint8]:
    """Return the classes of a drawing, unknown where objects touch: no stroke goes from one into another."""
    assert drawn.objects is not None
    wide = [np.where(drawn.objects > 0, drawn.objects, fill) for fill in (0, 2**15)]
    touching = (ndi.maximum_filter(wide[0], 5) != ndi.minimum_filter(wide[1], 5)) & (drawn.objects > 0)
    return np.where(touching, 0, drawn.labels).astype(np.uint8)


def generate_samples() -> None:
    """Draw all samples into the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for name in SAMPLES:
        write_sample(folder, name)


if __name__ == "__main__":
    generate_samples()

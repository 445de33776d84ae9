"""A set laid out like those of ``sample_data``, but small: for short runs of scripts that take any set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import tifffile

SHIPPED = Path(__file__).parent.parent / "napari_unet" / "sample_data" / "nuclei"
PLANES, TRAIN, TEST = (0, 1, 3), (0, 1), (2,)
"""Of the shipped planes: two that are painted, and one to test on."""

SIDE = 112


def write_small_set(folder: Path) -> Path:
    """Write the middle of a few planes of the nuclei into a folder of that name; returns the folder of sets."""
    folder = folder / "sets"
    made = folder / "nuclei"
    made.mkdir(parents=True)
    for path in SHIPPED.glob("*.tif"):
        planes = tifffile.imread(path)[list(PLANES)]
        rows, columns = ((size - SIDE) // 2 for size in planes.shape[1:3])
        tifffile.imwrite(made / path.name, np.ascontiguousarray(
            planes[:, rows : rows + SIDE, columns : columns + SIDE]), photometric="minisblack")
    split = json.loads((SHIPPED / "split.json").read_text(encoding="utf-8"))
    (made / "split.json").write_text(json.dumps({**split, "train": TRAIN, "test": TEST}), encoding="utf-8")
    return folder

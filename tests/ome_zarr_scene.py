"""Small OME-Zarr groups, as other programs write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr

VERSIONS = ("0.4", "0.5")


def axis(name: str, kind: str = "space", unit: str = "micrometer") -> dict[str, str]:
    return {"name": name, "type": kind, **({"unit": unit} if kind == "space" else {})}


TCZYX = [axis("t", "time"), axis("c", "channel"), axis("z"), axis("y"), axis("x")]


def image_group(
    path: Path, data: np.ndarray, version: str = "0.4", axes: Any = TCZYX, scale: Any = None, **more: Any
) -> Path:
    """Write an image as other programs do: two levels, of several chunks."""
    chunk = max(8, min(data.shape[-2:]) // 4)
    group = zarr.open_group(str(path), mode="w", zarr_format=2 if version == "0.4" else 3)
    levels = [data, data[..., ::2, ::2]]
    for number, level in enumerate(levels):
        group.create_array(str(number), data=level, chunks=(*(1,) * (data.ndim - 2), chunk, chunk))
    steps = list(scale or (1,) * data.ndim)
    image = {
        "axes": axes,
        "datasets": [
            {"path": str(number), "coordinateTransformations": [
                {"type": "scale", "scale": [*steps[:-2], steps[-2] * 2**number, steps[-1] * 2**number]},
                {"type": "translation", "translation": [0.0] * data.ndim},
            ]}
            for number in range(2)
        ],
        **more,
    }
    if axes is None:
        del image["axes"]
    group.attrs.update({"multiscales": [{"version": "0.4", **image}]} if version == "0.4"
                       else {"ome": {"version": "0.5", "multiscales": [image]}})
    return path

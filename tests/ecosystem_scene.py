"""What other programs find in our files: validators and readers of the ecosystem, each asked the same questions."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

ngff_zarr = pytest.importorskip("ngff_zarr", reason="the group `formats` is not installed")
bioio = pytest.importorskip("bioio", reason="the group `formats` is not installed")


@functools.cache
def models(version: str) -> tuple[Any, Any]:
    """Return the models of an image and of labels of ``ome-zarr-models``; not to be had for Python 3.14."""
    pytest.importorskip("ome_zarr_models", reason="ome-zarr-models is not made for this Python")
    if version == "0.5":
        from ome_zarr_models.v05 import Image, ImageLabel

        return Image, ImageLabel
    import pydantic_zarr.v2
    from ome_zarr_models.v04 import Image as OldImage
    from ome_zarr_models.v04 import ImageLabel as OldImageLabel

    for model in (OldImage, OldImageLabel):  # pydantic 2.14 does not find all names by itself
        model.model_rebuild(force=True, _types_namespace=vars(pydantic_zarr.v2))
    return OldImage, OldImageLabel


def validate(path: Path, version: str, labels: bool = True) -> None:
    """Hold a group against the JSON schemas of the specification and against ``ome-zarr-models``."""
    ngff_zarr.from_ngff_zarr(str(path), validate=True, version=version)
    group = zarr.open_group(str(path), mode="r")
    image, image_label = models(version)
    image.from_zarr(group)
    if labels:
        image_label.from_zarr(group)


def ome_zarr_nodes(path: Path) -> list[Any]:
    """Return what ``ome-zarr`` reads: the image, then its labels."""
    pytest.importorskip("ome_zarr", reason="ome-zarr is not made for this Python")
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    location = parse_url(str(path))
    assert location is not None
    return [node for node in Reader(location)() if node.data]


def level_geometry(node: Any, level: int = 0) -> tuple[str, np.ndarray, np.ndarray]:
    """Return (axes, steps, offsets) as ``ome-zarr`` has them."""
    found = {one["type"]: one[one["type"]] for one in node.metadata["coordinateTransformations"][level]}
    axes = "".join(one["name"] for one in node.metadata["axes"])
    return axes, np.array(found["scale"]), np.array(found.get("translation", np.zeros(len(axes))))


def bioio_image(path: Path) -> Any:
    """Return what ``bioio`` reads."""
    if path.suffix == ".tif":
        from bioio_tifffile import Reader as TiffReader

        return bioio.BioImage(path, reader=TiffReader)
    from bioio_ome_zarr import Reader as ZarrReader

    return bioio.BioImage(path, reader=ZarrReader)

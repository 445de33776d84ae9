"""What lies in the folder of an OME-Zarr image: its resolutions, and the labels beside them. Reads no pixels."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from napari_unet.core.errors import UserError

from . import _ngff
from .ome_zarr import labels_inside, open_folder


@dataclasses.dataclass(frozen=True)
class ImageFolder:
    """An OME-Zarr image, or labels.

    Parameters
    ----------
    path : Path
    is_label : bool
        Whether it calls itself labels.
    levels : tuple of Path
        Its resolutions, the full one first.
    labels : tuple of Path
        Labels that lie inside it.
    """

    path: Path
    is_label: bool
    levels: tuple[Path, ...]
    labels: tuple[Path, ...]


def image_folder(path: Path) -> ImageFolder | None:
    """Look into a folder; None if it describes no OME-Zarr image. Of a converted file the first series is taken."""
    try:
        node = open_folder(path)
        attributes = node.attrs.asdict() if hasattr(node, "keys") else {}
        image = _ngff.multiscale(attributes)
        if image is not None:
            levels = tuple(path / level for level in _ngff.level_paths(image))
            labels = tuple(path / "labels" / name for name in labels_inside(path))
            return ImageFolder(path, _ngff.class_values(attributes) is not None, levels, labels)
    except (UserError, OSError, AttributeError, TypeError, ValueError):
        return None
    if "bioformats2raw.layout" in _ngff.ome_attributes(attributes) and path.name != "0":
        return image_folder(path / "0")
    return None

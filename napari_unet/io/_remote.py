"""What lies at an address that fsspec knows (``s3://``, ``https://``, ...), read: OME-Zarr, arrays, single files."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

from napari_unet.core.errors import UserError

from . import _ngff
from ._contents import UNKNOWN, Contents
from ._far_store import store_at
from ._lazy import LazyArray
from ._remote_errors import far_read
from .ome_zarr import described_level


def read_far(url: str, labels: bool = False) -> Contents:
    """Read the full resolution of an image or a mask, or an array, block by block.

    For labels, those inside an image (``labels/NAME``) are taken if there is just one of them.

    Raises
    ------
    UserError
        If there is nothing, one may not read it, or the network fails; or if it is no OME-Zarr.
    """
    url = url.rstrip("/")
    node = _opened(url)
    if not hasattr(node, "keys"):
        return Contents(LazyArray(node, url, is_far=True), UNKNOWN * node.ndim, (1.0,) * node.ndim)
    attributes = node.attrs.asdict()
    image = _ngff.multiscale(attributes)
    levels = [] if image is None else _ngff.level_paths(image)
    if image is None or not levels:
        raise UserError(f"{url} is a zarr group without an image. Give the address of an OME-Zarr image or an array.")
    if labels and _ngff.class_values(attributes) is None and (inside := _labels_inside(url)):
        if len(inside) > 1:
            raise UserError(f"{url} holds several labels. Say which: {', '.join(inside[:8])}.")
        return read_far(inside[0], labels)
    array = _opened(f"{url}/{levels[0]}")
    if hasattr(array, "keys"):
        raise UserError(f"{url} names no array as its full resolution. Give the address of an array.")
    found = described_level(url, array, image, 0, attributes, is_far=True)
    notes = (f"full resolution of {len(levels)} levels",) if len(levels) > 1 else ()
    return dataclasses.replace(found, notes=(*notes, *found.notes))


def _labels_inside(url: str) -> list[str]:
    """Return the addresses of the labels in an image, as its list has them: not every store can be looked through."""
    with contextlib.suppress(UserError):
        listed = _ngff.ome_attributes(_opened(f"{url}/labels").attrs.asdict()).get("labels")
        if isinstance(listed, list):
            return [f"{url}/labels/{name}" for name in listed if _ngff.lies_inside(name)]
    return []


def _opened(url: str) -> Any:
    """Open a group or an array, after making sure that nothing of it is pickled."""
    def opened() -> Any:
        import zarr

        return zarr.open(store=store_at(url), mode="r")

    node = far_read(opened, url)
    if not hasattr(node, "keys") and "pickle" in repr(node.metadata.to_dict()).lower():
        raise UserError(f"{url} holds pickled objects, which could run a program when read; it is not opened.")
    return node

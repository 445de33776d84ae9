"""OME-Zarr and zarr arrays at an address that fsspec knows (``s3://``, ``https://``, ...): read, never written."""

from __future__ import annotations

from typing import Any

from napari_unet.core.errors import UserError

from . import _ngff
from ._contents import UNKNOWN, Contents
from ._lazy import LazyArray
from ._remote_errors import far_read


def read_far(url: str) -> Contents:
    """Read the full resolution of an image, or an array, block by block.

    Raises
    ------
    UserError
        If there is nothing, one may not read it, or the network fails; or if it is no OME-Zarr.
    """
    node = _opened(url)
    if not hasattr(node, "keys"):
        return Contents(LazyArray(node, url, is_far=True), UNKNOWN * node.ndim, (1.0,) * node.ndim)
    image = _ngff.multiscale(node.attrs.asdict())
    levels = [] if image is None else _ngff.level_paths(image)
    if image is None or not levels:
        raise UserError(f"{url} is a zarr group without an image. Give the address of an OME-Zarr image or an array.")
    array = _opened(f"{url.rstrip('/')}/{levels[0]}")
    if hasattr(array, "keys"):
        raise UserError(f"{url} names no array as its full resolution. Give the address of an array.")
    try:
        told = _ngff.describe_level(image, 0, array.ndim)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(f"The OME-Zarr metadata of {url} make no sense ({error}).") from error
    notes = (f"full resolution of {len(levels)} levels",) if len(levels) > 1 else ()
    return Contents(LazyArray(array, url, is_far=True), told.letters, told.scale, told.unit, notes=notes,
                    translate=told.translate, time_unit=told.time_unit)


def _opened(url: str) -> Any:
    """Open a group or an array, after making sure that nothing of it is pickled."""
    def opened() -> Any:
        import zarr
        from zarr.storage import FsspecStore

        return zarr.open(store=FsspecStore.from_url(url, read_only=True), mode="r")

    node = far_read(opened, url)
    if not hasattr(node, "keys") and "pickle" in repr(node.metadata.to_dict()).lower():
        raise UserError(f"{url} holds pickled objects, which could run a program when read; it is not opened.")
    return node

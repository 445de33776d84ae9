"""Single files at an address: copied here and read as any other; a large TIFF is read tile by tile where it lies."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from napari_unet.core.addresses import scheme_of
from napari_unet.core.errors import UserError

from ._contents import Contents
from ._far_store import open_files
from ._lazy import LazyArray
from ._registry import REGISTRY
from ._remote_errors import far_read
from ._tiff_metadata import declared_no_data, tiff_contents
from ._tiff_planes import choose_series, opened_tiff

COPIED = 2**28
"""Bytes of a file that is copied; of a larger one, a TIFF, only what is looked at comes over the network."""

_PIECE = 2**20
"""Bytes that are asked for at a time."""
_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".npy", ".czi", ".lif", ".nd2")


def is_far_file(url: str) -> bool:
    """Say whether an address is that of a file with pixels, by its ending."""
    return _suffix(url) in _SUFFIXES


def read_far_file(url: str, labels: bool = False) -> Contents:
    """Read a file.

    Raises
    ------
    UserError
        As :func:`._remote.read_far`, or if it is damaged, or is large and no TIFF.
    """
    files, path = open_files(url)
    size = far_read(lambda: files.size(path), url)
    if size is None or size <= COPIED:
        return _copied(files, path, url, labels)
    if _suffix(url) not in (".tif", ".tiff"):
        raise UserError(f"{url} has {size / 1e9:.1f} GB. Only TIFF and OME-Zarr are read piece by piece over a "
                        "network; copy the file to this computer.")
    return far_read(lambda: _by_tile(files, path, url), url)


def _copied(files: Any, path: str, url: str, labels: bool) -> Contents:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"file{_suffix(url)}"
        far_read(lambda: files.get_file(path, str(copy)), url)
        with _named(copy, url):
            entries = (entry.item() for entry in REGISTRY if hasattr(entry.item, "recognises"))
            reader = next(one for one in entries if one.recognises(copy))
            contents: Contents = reader.read(copy, labels=labels)
            # what is mapped, or read where one looks at it, would go with the copy
            return dataclasses.replace(contents, data=np.array(contents.data))


@contextlib.contextmanager
def _named(copy: Path, url: str) -> Iterator[None]:
    """Name the address in errors, not the copy."""
    try:
        yield
    except UserError as error:
        raise UserError(str(error).replace(str(copy), url)) from error


def _by_tile(files: Any, path: str, url: str) -> Contents:
    import zarr

    tiff = opened_tiff(files.open(path, "rb", block_size=_PIECE), name=PurePosixPath(path).name)
    number, choice = choose_series(tiff)
    series = tiff.series[number]
    store: Any = series.aszarr(level=0)
    opened = zarr.open_array(store, mode="r")
    weakref.finalize(opened, tiff.close)  # it is open as long as anybody may read from it
    contents = tiff_contents(tiff, series, number, LazyArray(opened, url, is_far=True), series.axes)
    return dataclasses.replace(contents, no_data=declared_no_data(series),
                               notes=tuple(filter(None, (choice, *contents.notes))))


def _suffix(url: str) -> str:
    text = url.partition("?")[0].partition("#")[0] if scheme_of(url) in ("http", "https") else url
    return PurePosixPath(text).suffix.lower()

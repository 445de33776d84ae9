"""Opens what lies at an address: its file system, and zarr stores on it. Reads and writes nothing itself."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Any

from napari_unet.core.addresses import is_url, scheme_of

from ._remote_errors import far_read


def open_files(url: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path in it.

    Raises
    ------
    UserError
        If a package is missing, or addresses of this kind are not known.
    """
    def opened() -> tuple[Any, str]:
        from fsspec.core import url_to_fs

        files, path = url_to_fs(url)
        return files, str(path).rstrip("/")

    return far_read(opened, url)


def far_matches(pattern: str) -> list[str]:
    """Return the addresses that match a pattern, by name; of a web page, which lists nothing, the pattern itself."""
    if scheme_of(pattern) in ("http", "https") or not glob.has_magic(pattern):
        return [pattern]
    files, path = open_files(pattern)
    return [str(files.unstrip_protocol(one)) for one in sorted(far_read(lambda: files.glob(path), pattern))]


def store_at(place: Path | str, *, read_only: bool = True) -> Any:
    """Return what zarr takes as a store: an address opened by fsspec, or the path of a folder."""
    if not is_url(place):
        return str(place)
    from zarr.storage import FsspecStore

    return FsspecStore.from_url(str(place), read_only=read_only)

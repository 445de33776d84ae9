"""A file of a report that appears whole or not at all. Knows no format."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.io import Unfinished, no_regular_file


@contextlib.contextmanager
def appearing_whole(path: str | os.PathLike[str], overwrite: bool) -> Iterator[Path]:
    """Give a path beside the target to write to; it takes the target's name at the end of the block.

    So an interrupted run leaves an old file as it was. A link stays a link: what it points to is written.

    Raises
    ------
    UserError
        If the file exists and may not be overwritten, is a device or a pipe, or cannot be written.
    """
    path, target = Path(path), Path(os.path.realpath(path))
    if reason := no_regular_file(path) or no_regular_file(target):
        raise UserError(f"{path} is not written: {reason}. Choose the name of a file.")
    if target.is_dir():
        raise UserError(f"{path} cannot be written: it is a folder. Choose the name of a file.")
    if os.path.lexists(target) and not overwrite:
        raise UserError(f"{path} exists already. Choose another name, or allow it to be overwritten (--overwrite).")
    try:
        unfinished = Unfinished(target)
        try:
            yield unfinished.path
            unfinished.take_name(overwrite)
        finally:
            unfinished.discard()
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror or error}). Choose another folder."
        ) from None

"""A file of a report that appears whole or not at all. Knows no format."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from napari_unet.core.errors import UserError


@contextlib.contextmanager
def appearing_whole(path: str | os.PathLike[str], overwrite: bool) -> Iterator[Path]:
    """Give a path beside the target to write to; it takes the target's name at the end of the block.

    So an interrupted run leaves an old file as it was.

    Raises
    ------
    UserError
        If the file exists and may not be overwritten, or cannot be written.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise UserError(f"{path} exists already. Choose another name, or allow it to be overwritten (--overwrite).")
    unfinished = path.with_name(f".{path.name}.part")
    try:
        yield unfinished
        unfinished.replace(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}). Choose another folder.") from None
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)

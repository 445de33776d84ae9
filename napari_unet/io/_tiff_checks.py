"""Damage in TIFF files: tifffile reports some of it only to its log and fills the gaps with zeros. Reads no pixels."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.core.errors import UserError, shortened

from ._tiff_structure import HELP, check_structure

if TYPE_CHECKING:
    from tifffile import TiffPageSeries


class _Listener(logging.Filter):
    """Keeps to itself what tifffile logs in this thread, and remembers what tells of a broken structure."""

    def __init__(self) -> None:
        super().__init__()
        self.damage: list[str] = []
        self._thread = threading.get_ident()

    def refuse(self, path: Path) -> None:
        """Raise if a broken structure was noticed."""
        if self.damage:
            raise UserError(f"{path} is damaged or truncated: {shortened(self.damage[0])}. {HELP}")

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread != self._thread:
            return True
        text = record.getMessage()
        # planes that OME metadata name and no file holds are left out, and that is said
        filled = "zeroed" in text and "OME series" not in text
        if "invalid shaped series metadata" in text:
            return False  # pages of another program after those of tifffile: they are read as plain pages
        if record.levelno >= logging.ERROR or "corrupted file" in text or "does not match" in text or filled:
            self.damage.append(text)
        return False


@contextlib.contextmanager
def checked(path: Path) -> Iterator[Callable[[], None]]:
    """Read a TIFF inside; whatever is wrong with the file becomes one message.

    What is yielded refuses the file if damage has been noticed so far: call it before the pixels are decoded.

    Raises
    ------
    UserError
        If the file is missing, empty, truncated or not a TIFF.
    """
    listener, logger = _Listener(), logging.getLogger("tifffile")
    logger.addFilter(listener)
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{path} is empty (0 bytes). {HELP}")
        check_structure(path)
        yield lambda: listener.refuse(path)
    except UserError:
        raise
    except MemoryError:
        raise UserError(f"{path} is too large for the memory of this computer. Save it as OME-Zarr.") from None
    except PermissionError as error:
        raise UserError(f"{path} could not be opened ({error.strerror or error}). May you read it?") from error
    except Exception as error:  # codecs raise types of their own, a damaged file anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path} could not be read as TIFF: {shortened(reason)}. {HELP}") from error
    finally:
        logger.removeFilter(listener)
    listener.refuse(path)


def check_complete(path: Path, series: TiffPageSeries) -> None:
    """Check that all pixels a series points to lie inside the file.

    Raises
    ------
    UserError
        If the file ends before they do.
    """
    ends: dict[Path, tuple[int, int]] = {path: (0, path.stat().st_size)}
    for page in series.pages:
        if page is not None:
            handle = page.parent.filehandle
            there = path if page.parent is series.keyframe.parent else path.parent / handle.name
            blocks = zip(page.dataoffsets, page.databytecounts, strict=False)
            end = max((offset + count for offset, count in blocks if count), default=0)
            ends[there] = max(end, ends.get(there, (0, 0))[0]), handle.size
    if series.dataoffset is not None:
        ends[path] = max(ends[path][0], series.dataoffset + series.nbytes), ends[path][1]
    for one, (end, size) in ends.items():
        if end > size:
            raise UserError(f"{one} is truncated: its pixels should reach byte {end}, but it ends at {size}. {HELP}")

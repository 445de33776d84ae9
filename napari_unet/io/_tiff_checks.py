"""Damage in TIFF files: tifffile reports some of it only to its log and fills the gaps with zeros. Reads no pixels."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.core.errors import UserError

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPageSeries

_HELP = "Allowed are TIFF files with grey, colour or label pixels. Save or copy the file again, or choose another."


class _Listener(logging.Filter):
    """Keeps to itself what tifffile logs in this thread, and remembers what tells of a broken structure."""

    def __init__(self) -> None:
        super().__init__()
        self.damage: list[str] = []
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread != self._thread:
            return True
        text = record.getMessage()
        if record.levelno >= logging.ERROR or "corrupted file" in text or "does not match" in text or "zeroed" in text:
            self.damage.append(text)
        return False


@contextlib.contextmanager
def checked(path: Path) -> Iterator[None]:
    """Read a TIFF inside; whatever is wrong with the file becomes one message.

    Raises
    ------
    UserError
        If the file is missing, empty, truncated or not a TIFF.
    """
    listener, logger = _Listener(), logging.getLogger("tifffile")
    logger.addFilter(listener)
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{path} is empty (0 bytes). {_HELP}")
        yield
    except UserError:
        raise
    except MemoryError:
        raise UserError(f"{path} is too large for the memory of this computer. Save it as OME-Zarr.") from None
    except Exception as error:  # codecs raise types of their own, a damaged file anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path} could not be read as TIFF: {reason[:200]}. {_HELP}") from error
    finally:
        logger.removeFilter(listener)
    if listener.damage:
        raise UserError(f"{path} is damaged or truncated: {' '.join(listener.damage[0].split())[:200]}. {_HELP}")


def check_complete(path: Path, tiff: TiffFile, series: TiffPageSeries) -> None:
    """Check that all pixels a series points to lie inside the file.

    Raises
    ------
    UserError
        If the file ends before they do.
    """
    size = tiff.filehandle.size
    ends = [
        offset + count
        for page in series.pages
        if page is not None
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)
        if count
    ]
    if series.dataoffset is not None:
        ends.append(series.dataoffset + series.nbytes)
    if ends and max(ends) > size:
        raise UserError(
            f"{path} is truncated: its pixels should reach byte {max(ends)}, but it ends at {size}. {_HELP}"
        )

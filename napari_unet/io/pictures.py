"""PNG and JPEG: pictures and masks of everyday programs are read. Nothing is saved here: neither holds a pixel size."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.errors import UserError, reason_of

from ._contents import Contents
from ._registry import register
from ._sizes import check_size

_MAGIC = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG"}
_COLOURS = {"RGBA": "RGB", "LA": "L", "PA": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "La": "L", "RGBa": "RGB"}
"""What kinds of pixels are read as; transparency is left out."""


@register("pictures", "PNG and JPEG")
@dataclasses.dataclass(frozen=True)
class Pictures:
    """PNG and JPEG are read: grey values or colours; of labels with a palette, the numbers in it.

    JPEG changes values near edges: as a mask it is refused, and as an image it is second best.
    """

    def recognises(self, path: Path) -> bool:
        """Say whether a file begins like a PNG or a JPEG, and is not named like another picture."""
        return path.suffix.lower() not in (".tif", ".tiff") and bool(_kind(path))

    def read(self, path: Path, labels: bool = False) -> Contents:
        """Read the picture, turned as its camera says.

        Raises
        ------
        UserError
            If the file is damaged or larger than it can be, or labels are a JPEG or in colour.
        """
        from PIL import Image as Pillow
        from PIL import ImageOps

        kind = _kind(path)
        if labels and kind == "JPEG":
            raise UserError(f"{path} is a JPEG, which changes numbers near edges: classes would get mixed up. Save "
                            "labels as PNG or TIFF.")
        try:
            with Pillow.open(path, formats=(kind,)) as picture:
                width, height = picture.size
                check_size(str(path), 8 * width * height, lambda needed: path.stat().st_size >= needed)
                turned = picture if labels else ImageOps.exif_transpose(picture)
                values = _values(turned, labels)
                frames = getattr(picture, "n_frames", 1)
        except UserError:
            raise
        except Exception as error:  # Pillow raises nearly anything on a damaged file
            raise UserError(f"{path} is damaged or truncated ({reason_of(error)}). Save or copy it again.") from error
        letters = "YXC"[: values.ndim]
        notes = (f"the first of {frames} pictures",) if frames > 1 else ()
        return Contents(values, letters, (1.0,) * values.ndim, notes=notes, source=f"as a {kind} has them")


def _kind(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        begin = file.read(8)
    return next((kind for magic, kind in _MAGIC.items() if begin.startswith(magic)), "")


def _values(picture: Any, labels: bool) -> NDArray[Any]:
    """Return the pixels (Y, X) or (Y, X, C); of labels a palette's numbers."""
    mode = picture.mode
    if mode == "P" and not labels:
        colours = np.asarray(picture.convert("RGB"))
        return colours[..., 0] if (colours == colours[..., :1]).all() else colours  # a palette of greys is no colour
    if mode in _COLOURS:
        picture = picture.convert(_COLOURS[mode])
    return np.asarray(picture)

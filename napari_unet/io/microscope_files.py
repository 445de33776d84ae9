"""Files of microscopes (CZI, LIF, ND2) are read through the readers of bioio, where they are installed."""

from __future__ import annotations

import dataclasses
import importlib
import math
from pathlib import Path
from typing import Any

from napari_unet.core.errors import UserError, reason_of

from ._contents import Contents
from ._registry import register

READERS = {".czi": "bioio_czi", ".lif": "bioio_lif", ".nd2": "bioio_nd2"}
"""Which package reads which ending."""

INSTALL = 'pip install "napari-unet-live[readers]"'
"""What brings them."""


@register("microscopes", "CZI, LIF and ND2")
@dataclasses.dataclass(frozen=True)
class MicroscopeFiles:
    """CZI (Zeiss), LIF (Leica) and ND2 (Nikon) are read with pixel size, plane by plane, where bioio's readers are.

    Of several scenes the first is read.
    """

    def recognises(self, path: Path) -> bool:
        """Say whether a file is named like one."""
        return path.is_file() and path.suffix.lower() in READERS

    def read(self, path: Path, labels: bool = False) -> Contents:  # noqa: ARG002  # its numbers are what they are
        """Read the first scene.

        Raises
        ------
        UserError
            If no reader is installed, says what to install; if the file is damaged.
        """
        wanted = READERS[path.suffix.lower()]
        try:
            bioio, reader = (importlib.import_module(name) for name in ("bioio", wanted))
        except ImportError as error:
            raise UserError(
                f"{path} needs the package {wanted.replace('_', '-')}, which is not installed. Install it: {INSTALL}; "
                "or convert the file to OME-TIFF with Fiji."
            ) from error
        try:
            image: Any = bioio.BioImage(path, reader=reader.Reader)
            order, data, sizes = str(image.dims.order), image.dask_data, image.physical_pixel_sizes
            scenes = len(image.scenes)
        except Exception as error:  # readers raise nearly anything
            raise UserError(f"{path} cannot be read by {wanted.replace('_', '-')} ({reason_of(error)}). It is damaged, "
                            "or of a kind that this reader does not know; convert it to OME-TIFF with Fiji.") from error
        if "S" in order and path.suffix.lower() == ".czi":
            # read where one looks at it, bioio-czi (3.0) gives the first colour three times; and CZI holds blue first
            data = image.data[..., ::-1]
        if "S" in order:  # colours are samples of the one channel
            order, data = order.replace("C", ""), data.squeeze(axis=order.index("C"))
            order = order.replace("S", "C")
        scale = tuple(_step(getattr(sizes, letter, None)) if letter in "ZYX" else 1.0 for letter in order)
        known = _step(getattr(sizes, "Y", None), math.nan) > 0
        return Contents(data, order, scale, "micrometer" if known else "pixel",
                        notes=(f"scene 1 of {scenes}",) if scenes > 1 else ())


def _step(size: Any, unknown: float = 1.0) -> float:
    """Return a pixel size that makes sense."""
    return float(size) if isinstance(size, (int, float)) and math.isfinite(size) and size > 0 else unknown

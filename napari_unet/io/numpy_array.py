"""NPY: an array as NumPy saves it is read, without loading it. Nothing in it is unpickled."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from napari_unet.core.errors import UserError, reason_of

from ._contents import UNKNOWN, Contents
from ._registry import register

_MAGIC = b"\x93NUMPY"


@register("numpy", "NumPy array")
@dataclasses.dataclass(frozen=True)
class NumpyArray:
    """NPY is read: one array, its axes guessed or said (--axes). It holds no pixel size."""

    def recognises(self, path: Path) -> bool:
        """Say whether a file begins like an array of NumPy."""
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC

    def read(self, path: Path, labels: bool = False) -> Contents:  # noqa: ARG002  # its numbers are what they are
        """Map the array.

        Raises
        ------
        UserError
            If the file is damaged, truncated or holds Python objects.
        """
        try:
            values = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError, OSError, SyntaxError, MemoryError, OverflowError) as error:
            raise UserError(f"{path} is damaged, truncated or holds no numbers ({reason_of(error)}). Save it again "
                            "with numpy.save, as an array of numbers.") from error
        if values.ndim < 2:
            raise UserError(f"{path} holds an array of shape {values.shape}, which is no image. Choose another file.")
        return Contents(values, UNKNOWN * values.ndim, (1.0,) * values.ndim)

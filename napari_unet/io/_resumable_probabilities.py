"""Class probabilities on their way into a store, block by block, beside their mask. Computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.geometry import Geometry
from napari_unet.core.provenance import Provenance

from ._probabilities import geometry_of_classes
from ._resumable import ResumableMask
from .ome_zarr import OmeZarr


def resumable_probabilities(
    path: str | Path, *, shape: tuple[int, ...], classes: ClassTable, geometry: Geometry, asked: Mapping[str, Any],
    overwrite: bool = False, format: OmeZarr | None = None, provenance: Provenance | None = None,
    same_input: Callable[[Mapping[int, str]], bool] | None = None,
) -> ResumableMask:
    """Begin a store of class probabilities, float32, or go on with one.

    Parameters are those of :class:`._resumable.ResumableMask`; ``shape`` and ``geometry`` those of the mask.

    Raises
    ------
    UserError
        If it is no OME-Zarr, and as :class:`._resumable.ResumableMask`.
    """
    if not str(path).lower().endswith(".zarr"):
        raise UserError(f"{path}: probabilities that are written block by block are OME-Zarr. Let the name end in "
                        ".ome.zarr.")
    return ResumableMask(
        path, (*shape[:-2], len(classes.ids), *shape[-2:]), classes=classes, geometry=geometry_of_classes(geometry),
        asked={**asked, "of": "probabilities"}, code="probabilities", overwrite=overwrite, format=format,
        dtype="float32", provenance=provenance, same_input=same_input)

"""File > Save for Labels layers: TIFF and OME-Zarr with class names, colours and geometry. Shows nothing."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

from napari.layers import Labels

from napari_unet.core.errors import InputWarning
from napari_unet.io import file_stem, output_suffixes

from ..layers import role_of
from .export_plan import ExportPlan


def write_labels(path: str, layer_data: list[tuple[Any, dict[str, Any], str]]) -> list[str]:
    """Save Labels layers: one under the name given, several under that name and each layer's own.

    Strokes are saved as painted (0 = not painted), so that they can be used again; predictions and results as masks
    (0 = background); other labels as they are. A TIFF file is replaced, as napari has asked; a folder never.

    Returns
    -------
    list of str
        What was written.

    Raises
    ------
    UserError
        If the place cannot be written, or a folder is there already.
    """
    layers = [Labels(data, **options) for data, options, _ in layer_data]
    place = Path(path)
    suffix = max((one for one in output_suffixes() if place.name.lower().endswith(one)), key=len, default=".tif")
    written = []
    for layer in layers:
        own = place
        if len(layers) > 1:
            name = re.sub(r"[^\w.-]+", "_", layer.name.strip())
            own = place.with_name(f"{file_stem(place)}_{name}{suffix}")
        plan = ExportPlan(layer, own, painted_ids=role_of(layer) == "strokes", overwrite=suffix in (".tif", ".tiff"))
        saved = plan.save()
        if saved.note:
            warnings.warn(saved.note, InputWarning, stacklevel=2)
        written.append(str(saved.path))
    return written

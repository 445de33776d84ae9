"""Where a mask comes from, ready to be written beside it. Segments nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.image import Image
from ..core.provenance import ImageFacts, Provenance, now, of_model

MODEL_HASH = "model_hash"
"""Among the settings of a mask: what its model is known by."""


def mask_provenance(
    model: Any, image: Image, *, settings: Mapping[str, Any] | None = None, begun: str = "", made_by: str = ""
) -> Provenance:
    """Return what is written beside a mask: the image, the model and where that comes from.

    Parameters
    ----------
    model : Model
        What segmented the image.
    image : Image
    settings : mapping of str to Any, optional
        How it was segmented: planes, averaging over turned versions, ...
    begun : str
        When, as :func:`napari_unet.core.provenance.now` has it; now, if it is not known.
    made_by : str
        ``"window"``, say; by default the command that runs.
    """
    return Provenance.here(
        "mask", made_by=made_by, begun=begun or now(), device=_device(model), classes=model.classes,
        images=(ImageFacts.of(image),), note=model.note,
        settings={**({MODEL_HASH: known} if (known := known_hash(model)) else {}), **(settings or {})},
        model=of_model(model),
    )


def known_hash(model: Any) -> str:
    """Return what a model is known by wherever it computes; empty where that cannot be told."""
    from .block_answer import as_block_model  # imports torch, which whoever only reads of masks does not need
    from .model_hash import model_hash

    try:
        return model_hash(as_block_model(model), on_device=False)
    except Exception:  # a model may be anybody's: what is not known is left out
        return ""


def _device(model: Any) -> str:
    """Say where a model computes, and why there."""
    if not hasattr(model, "weights"):
        return "CPU"
    from .devices import choose_device  # imports torch

    return str(choose_device(model.device))

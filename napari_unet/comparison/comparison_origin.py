"""Where a comparison comes from, ready to be written into its folder. Compares nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core import parameters
from ..core.provenance import ImageFacts, Provenance, now
from .outcome import Comparison


def comparison_provenance(
    comparison: Comparison, *, settings: Mapping[str, Any] | None = None, begun: str = "", made_by: str = ""
) -> Provenance:
    """Return what is written into the folder of a comparison.

    Parameters
    ----------
    comparison : Comparison
    settings : mapping of str to Any, optional
        What was asked for: times, budget, seed, device. The parameters of the methods are added as they were chosen.
    begun : str
        When, as :func:`napari_unet.core.provenance.now` has it; empty if it is not known.
    made_by : str
        ``"window"``, say; by default the command that runs.
    """
    methods = {name: {"settings": parameters.as_dict(method), "note": comparison.notes.get(name, "")}
               for name, method in comparison.methods.items()}
    missing = {name: why for name, why in comparison.failures.items() if name not in comparison.masks}
    given = dict(settings or {})
    return Provenance.here(
        "comparison", made_by=made_by, begun=begun, ended=now(), classes=comparison.classes,
        images=tuple(ImageFacts.of(pair.image, pair.scribbles) for pair in comparison.training.pairs),
        seed=given.get("seed"),
        settings={**given, "scored on": "held-out strokes" if comparison.held_out else "a reference",
                  "folds": comparison.folds, "methods": methods, **({"could not": missing} if missing else {})},
    )

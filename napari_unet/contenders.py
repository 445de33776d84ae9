"""Who takes part in a comparison: methods by name with their knobs, and models fitted already. Runs nothing."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .core import knobs
from .core.errors import UsageError
from .core.method import Model, Segmenter
from .networks import SHELF as NETWORKS
from .segmenters import SHELF as METHODS

CLASSICAL = ("threshold", "slic", "mean_shift", "region_growing")
DEFAULT_METHODS = ("unet", *CLASSICAL)


@dataclasses.dataclass(frozen=True, eq=False)
class Contender:
    """One method of a comparison: to be fitted, or fitted already.

    Parameters
    ----------
    name : str
        What rows and masks call it.
    method : Segmenter, optional
        Fitted to the strokes of the comparison.
    model : Model, optional
        Used as it is instead.

    Raises
    ------
    ValueError
        Unless exactly one of the two is given.
    """

    name: str
    method: Segmenter | None = None
    model: Model | None = None

    def __post_init__(self) -> None:
        if (self.method is None) == (self.model is None):
            raise ValueError("a contender is either a method or a model")


def make_method(name: str, **options: Any) -> Any:
    """Make a method by its name on the shelf.

    Raises
    ------
    UsageError
        For an unknown name, or a knob that the method does not have or allow.
    """
    cls = METHODS[name]
    known = {field.name for field in knobs.fields(cls)}
    for option in options:
        if option not in known:
            raise UsageError(f"{name} has no parameter {option!r}. Allowed: {', '.join(sorted(known)) or 'none'}.")
    return cls(**options)


def contenders_of(
    methods: Sequence[str],
    options: Mapping[str, Mapping[str, Any]],
    common: Mapping[str, Any],
    model: Model | str | Path | None = None,
) -> list[Contender]:
    """Make the contenders of a comparison.

    Parameters
    ----------
    methods : sequence of str
    options : mapping
        By method, its own knobs.
    common : mapping
        Knobs given to every method that has them.
    model : Model or path, optional
        Used in place of every network among ``methods`` (added as the first contender if there is none).

    Raises
    ------
    UsageError
        For an unknown method, or options of a method that is not compared.
    """
    stray = [name for name in options if name not in methods]
    if stray:
        raise UsageError(f"Parameters were given for {stray[0]!r}, which is not compared ({', '.join(methods)}).")
    if isinstance(model, (str, os.PathLike)):
        from .io.model_file import load_model

        model = load_model(Path(model), device=str(common.get("device", "auto")))
    contenders = []
    for name in methods:
        if model is not None and name in NETWORKS:
            continue
        known = {field.name for field in knobs.fields(METHODS[name])}
        mine = {key: value for key, value in common.items() if key in known}
        contenders.append(Contender(name, make_method(name, **{**mine, **options.get(name, {})})))
    if model is not None:
        weights = getattr(model, "weights", None)
        contenders.insert(0, Contender(weights.network_name if weights is not None else "model", model=model))
    return contenders

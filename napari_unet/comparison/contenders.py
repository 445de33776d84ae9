"""Who takes part in a comparison: methods by name, by group or by recipe, and models fitted already. Runs nothing."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core import parameters
from ..core.errors import UsageError
from ..core.method import Model, Segmenter
from ..core.sight import sees_of
from ..io.recipe import is_recipe, load_recipe
from ..networks import REGISTRY as NETWORKS
from ..segmenters import REGISTRY as METHODS
from ..segmenters import group_of

CLASSICAL = ("threshold", "slic", "mean_shift", "region_growing")
DEFAULT_METHODS = ("unet", *CLASSICAL)
PRESETS = {
    "quick": "an answer within a minute: a threshold, superpixels, a random forest, the instant method",
    "classical": "every method that is no network",
    "networks": "every network, but for those made for volumes alone",
    "everything": "every method, but for those made for volumes alone",
}
"""Groups of methods by name, and what is in them."""

_QUICK = ("instant", "forest", "threshold", "slic", "watershed")
_IN_PRESETS: dict[str, dict[str, Any]] = {"unet2015": {"width": 16}}
"""Parameters that differ from their defaults when a preset chooses a method: at its full width a network of 2015 learns
nothing in a minute on a processor."""

CLASSICAL_BUDGET, NETWORK_BUDGET = 20.0, 60.0  # seconds


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
    budget : float, optional
        Seconds it may take, None = as long as it needs. A method that trains by the clock (a network) has them for its
        training and once more for segmenting; any other for both together. Planes not begun by then are left out.

    Raises
    ------
    ValueError
        Unless exactly one of method and model is given.
    """

    name: str
    method: Segmenter | None = None
    model: Model | None = None
    budget: float | None = None

    def __post_init__(self) -> None:
        if (self.method is None) == (self.model is None):
            raise ValueError("a contender is either a method or a model")

    @property
    def trains_by_the_clock(self) -> bool:
        """Whether the method is told how long to train, so that segmenting has a time of its own."""
        return getattr(self.method, "seconds", None) is not None


def registered_name(name: str | os.PathLike[str]) -> str:
    """Return the name in the registry of a method, or of the one in a recipe file.

    Raises
    ------
    UserError
        If there is no such method, or the recipe cannot be used.
    """
    return load_recipe(name).method if is_recipe(name) else METHODS.entry(str(name)).name


def can_be_trained(cls: type[Any]) -> bool:
    """Say whether what a method learns can be saved as a model file: it is a network, or plain arrays."""
    return hasattr(cls, "network") or hasattr(cls, "restore")


def make_method(name: str | os.PathLike[str], **options: Any) -> Any:
    """Make a method by its name in the registry, or from a recipe file (whose parameters ``options`` override).

    Raises
    ------
    UsageError
        For an unknown name, or a parameter that the method does not have or allow.
    UserError
        If the recipe cannot be used.
    """
    recipe = load_recipe(name) if is_recipe(name) else None
    plain = recipe.method if recipe is not None else str(name)
    known = [field.name for field in parameters.fields(METHODS[plain])]
    for option in options:
        if option not in known:
            raise UsageError(parameters.no_parameter(plain, option, known))
    return recipe.make(**options) if recipe is not None else METHODS[plain](**options)


def preset_methods(name: str) -> tuple[str, ...]:
    """Return the names of the methods of a preset, read from the registry.

    A method registered with ``preset=False`` is in none: one that needs a download, say. Nor is one that sees volumes
    alone: on a plane it would take its minute to be a plainer network.

    Raises
    ------
    UsageError
        If there is no such preset.
    """
    if name not in PRESETS:
        raise UsageError(f"There is no preset {name!r}. Allowed: {', '.join(PRESETS)}.")
    offered = [entry for entry in METHODS
               if entry.extras.get("preset", True) and sees_of(entry.item) != "volumes"]
    if name == "quick":
        return tuple(one for one in _QUICK if one in {entry.name for entry in offered})
    return tuple(entry.name for entry in offered if name in ("everything", group_of(entry)))


def expand_presets(names: Iterable[str | os.PathLike[str]]) -> dict[str | os.PathLike[str], dict[str, Any]]:
    """Replace presets among names by their methods, each method once; with the parameters that presets set.

    A method in the registry that is called like a preset is taken for itself.
    """
    found: dict[str | os.PathLike[str], dict[str, Any]] = {}
    for name in names:
        if isinstance(name, str) and name in PRESETS and name not in METHODS:
            for one in preset_methods(name):
                found.setdefault(one, _IN_PRESETS.get(one, {}))
        else:
            found[name] = {}  # named by itself: its own defaults
    return found


def contender_names(methods: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Say what a comparison will call these methods, presets and recipes: a recipe is called like its file."""
    names: list[str] = []
    for one in expand_presets(methods):
        name = Path(one).stem if is_recipe(one) else str(one)
        taken, count = name, 1
        while name in names and is_recipe(one):
            count += 1
            name = f"{taken} ({count})"
        names.append(name)
    return names


def make_contenders(
    methods: Sequence[str | os.PathLike[str]],
    options: Mapping[str, Mapping[str, Any]],
    common: Mapping[str, Any],
    model: Model | str | Path | None = None,
    *,
    budget: float | None = None,
) -> list[Contender]:
    """Make the contenders of a comparison.

    Parameters
    ----------
    methods : sequence of str or path
        Names in the registry, names of :data:`PRESETS`, paths of recipe files (a text must end in ``.json``).
    options : mapping
        By method as :func:`contender_names` calls it, its own parameters.
    common : mapping
        Parameters given to every method that has them; of a recipe only ``device``, because the rest is its own.
    model : Model or path, optional
        Used in place of every network named in ``methods`` (added as the first contender if there is none).
    budget : float, optional
        Seconds for each method that does not train by the clock; those that do have their training time (``seconds``).

    Raises
    ------
    UsageError
        For an unknown method, or options of a method that is not compared.
    UserError
        If a recipe or a model file cannot be used.
    """
    chosen = expand_presets(methods)
    names = contender_names(methods)
    stray = [name for name in options if name not in names]
    if stray:
        raise UsageError(f"Parameters were given for {stray[0]!r}, which is not compared ({', '.join(names)}).")
    fitted = None if model is None else _fitted_contender(model, names, common)
    contenders = []
    for name, (given, set_by_preset) in zip(names, chosen.items(), strict=True):
        if fitted is None or given not in NETWORKS:
            method = make_method(given, **{**_of_its_own(common, given), **set_by_preset, **options.get(name, {})})
            contenders.append(_with_budget(Contender(name, method), budget))
    return contenders if fitted is None else [fitted, *contenders]


def _of_its_own(common: Mapping[str, Any], method: str | os.PathLike[str]) -> dict[str, Any]:
    """Return those of the common parameters that a method has and a recipe has not settled."""
    known = {field.name for field in parameters.fields(METHODS[registered_name(method)])}
    return {key: value for key, value in common.items()
            if key in known and (key == "device" or not is_recipe(method))}


def _fitted_contender(model: Model | str | Path, names: Sequence[str], common: Mapping[str, Any]) -> Contender:
    """Return the contender of a model that was fitted before; it takes the name of its network where that is free."""
    if isinstance(model, (str, os.PathLike)):
        from ..io.model_file import load_model

        model = load_model(Path(model), device=str(common.get("device", "auto")))
    weights = getattr(model, "weights", None)
    name = weights.network_name if weights is not None else "model"
    return Contender(name if name not in names or name in NETWORKS else "model", model=model)


def _with_budget(contender: Contender, budget: float | None) -> Contender:
    own = getattr(contender.method, "seconds", None)
    if budget is None or (own is None and hasattr(contender.method, "seconds")):
        return contender  # no limit was asked for, or a network trains for a number of steps
    return dataclasses.replace(contender, budget=budget if own is None else max(budget, own))

"""Registry of metrics: plain functions of one comparison; one file per family. Reads no files, draws nothing.

A metric takes a :class:`ClassComparison` (two boolean arrays, unknown pixels already out of the way) and returns a
number, or :class:`NoValue` with the reason. What it says about itself when it is registered is :class:`About`. What
several metrics need (counts of pixels, components) is computed once through :meth:`ClassComparison.once`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from napari_unet.core.errors import UsageError
from napari_unet.core.registry import Registry

from ._class_comparison import LENGTH, NOTHING_KNOWN, About, ClassComparison, NoValue, Options, where_known

__all__ = ["COMPANIONS", "FAMILIES", "LENGTH", "NOTHING_KNOWN", "REGISTRY", "UNMATCHED", "About", "ClassComparison",
           "NoValue", "Options", "about", "chosen_metrics", "ordered", "register", "where_known"]

FAMILIES = ("overlap", "boundary", "topology", "partitions", "objects", "superpixels")
"""Families in the order in which tables show them; others follow."""

UNMATCHED = "_unmatched"
"""End of the name of how many of either have no partner at the same place; by it the best count is marked."""

COMPANIONS = ("_reference", "_error", UNMATCHED)
"""Ends of the names of what belongs to a count: the same of the reference, the difference, and what is unmatched."""

Metric = Callable[[ClassComparison], "float | NoValue"]
AMetric = TypeVar("AMetric", bound=Metric)

REGISTRY: Registry[Metric] = Registry("metric", __name__)


def register(name: str, title: str = "", **extras: Any) -> Callable[[AMetric], AMetric]:
    """Return a decorator that puts a metric in the registry.

    Parameters
    ----------
    name : str
        Name in rows and files.
    title : str
        What people read at the head of a column.
    **extras
        Fields of :class:`About`.
    """
    return REGISTRY.register(name, title, **dataclasses.asdict(About(**extras)))


def about(name: str) -> About:
    """Return what a metric says about itself.

    Raises
    ------
    UsageError
        If there is no such metric.
    """
    return About(**REGISTRY.entry(name).extras)


def ordered() -> tuple[str, ...]:
    """Return the names of all metrics, family by family, of each the default ones first."""
    places = {family: place for place, family in enumerate(FAMILIES)}
    whats = {name: about(name) for name in REGISTRY.names()}
    return tuple(sorted(whats, key=lambda name: (places.get(whats[name].family, len(places)), not whats[name].default)))


def chosen_metrics(metrics: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the names of the metrics that are meant, in the order of tables.

    Parameters
    ----------
    metrics : sequence of str, optional
        Names of metrics (a count brings its :data:`COMPANIONS` along), families, ``"default"`` or ``"all"``. Without
        any, the default ones.

    Raises
    ------
    UsageError
        For a name that is none of these.
    """
    found = set[str]().union(*(_named_by(one) for one in metrics or ("default",)))
    return tuple(name for name in ordered() if name in found)


def _named_by(word: str) -> set[str]:
    """Return the metrics that one word stands for."""
    groups: dict[str, set[str]] = {"all": set(ordered()), "default": set()}
    for name in ordered():
        groups.setdefault(about(name).family, set()).add(name)
        if about(name).default:
            groups["default"].add(name)
    if word in groups:
        return groups[word]
    if word in REGISTRY:
        return {word} | {word + end for end in COMPANIONS if word + end in REGISTRY}
    families = ", ".join(name for name in groups if name not in ("all", "default"))
    raise UsageError(
        f"There is no metric or family of metrics called {word!r}. Allowed: default, all, the families "
        f"{families}, and {', '.join(ordered())}."
    )

"""Shelf of metrics: plain functions of one comparison; one file per family. Reads no files, draws nothing.

A metric takes a :class:`Compared` (two boolean arrays, unknown pixels already out of the way) and returns a number, or
:class:`NoValue` with the reason. What it says about itself when it is registered is :class:`About`. What several
metrics need (counts of pixels, components) is computed once through :meth:`Compared.once`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

from napari_unet.core.registry import Shelf

from ._compared import About, Compared, NoValue

__all__ = ["SHELF", "About", "Compared", "NoValue", "about", "register"]

Metric = Callable[[Compared], "float | NoValue"]
AMetric = TypeVar("AMetric", bound=Metric)

SHELF: Shelf[Metric] = Shelf("metric", __name__)


def register(name: str, title: str = "", **extras: Any) -> Callable[[AMetric], AMetric]:
    """Return a decorator that puts a metric on the shelf.

    Parameters
    ----------
    name : str
        Name in rows and files.
    title : str
        What people read at the head of a column.
    **extras
        Fields of :class:`About`.
    """
    return SHELF.register(name, title, **dataclasses.asdict(About(**extras)))


def about(name: str) -> About:
    """Return what a metric says about itself.

    Raises
    ------
    UsageError
        If there is no such metric.
    """
    return About(**SHELF.entry(name).extras)

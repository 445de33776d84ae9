"""Shelf of methods that turn an image (and strokes) into labels: one file per family of one idea.

A file here registers a frozen dataclass with ``fit`` (see :class:`napari_unet.core.method.Segmenter`). It imports
``core`` and, where it must, other shelves; never a GUI package.
"""

from __future__ import annotations

from typing import Any

from napari_unet.core.method import Segmenter
from napari_unet.core.registry import Entry, Shelf

SHELF: Shelf[type[Segmenter]] = Shelf("method", __name__)
register = SHELF.register


def group_of(entry: Entry[Any]) -> str:
    """Return the group a method belongs to, for presets and budgets: ``"networks"`` or ``"classical"``.

    What an entry was registered with (``group="..."``) counts; else a method that trains a network is one.
    """
    derived = "networks" if hasattr(entry.item, "network_type") else "classical"
    return str(entry.extras.get("group", derived))

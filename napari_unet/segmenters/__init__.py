"""Registry of methods that turn an image (and strokes) into labels: one file per family of one idea.

A file here registers a frozen dataclass with ``fit`` (see :class:`napari_unet.core.method.Segmenter`). It imports
``core`` and, where it must, other registries; never a GUI package.
"""

from __future__ import annotations

from typing import Any

from napari_unet.core.method import Segmenter
from napari_unet.core.registry import Entry, Registry

REGISTRY: Registry[type[Segmenter]] = Registry("method", __name__)
register = REGISTRY.register

FAMILIES = {
    "learning": "Learning on filters",
    "cuts": "Thresholds, edges, contours",
    "regions": "Regions and watersheds",
    "clusters": "Clusters and superpixels",
    "graphs": "Graphs",
    "networks": "Networks",
    "others": "Others",
}
"""What families of methods are called, in the order in which a list shows them."""


def family_of(entry: Entry[Any]) -> str:
    """Return the family a method was registered with (``family="..."``), one of :data:`FAMILIES`, for lists."""
    family = str(entry.extras.get("family", group_of(entry)))
    return family if family in FAMILIES else "others"


def group_of(entry: Entry[Any]) -> str:
    """Return the group a method belongs to, for presets and budgets: ``"networks"`` or ``"classical"``.

    What an entry was registered with (``group="..."``) counts; else a method that trains a network is one.
    """
    derived = "networks" if hasattr(entry.item, "network_type") else "classical"
    return str(entry.extras.get("group", derived))

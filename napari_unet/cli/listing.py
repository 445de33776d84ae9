"""``napari-unet methods`` and ``napari-unet info``: what there is, read from the shelves and the machine."""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from napari_unet import __version__, io, losses, metrics, networks, pretrained, segmenters
from napari_unet.core import knobs
from napari_unet.core.errors import UserError
from napari_unet.core.predicting.devices import choose_device
from napari_unet.core.registry import Shelf

_SHELVES: tuple[tuple[str, Shelf[Any]], ...] = (
    ("methods", segmenters.SHELF),
    ("networks", networks.SHELF),
    ("losses", losses.SHELF),
    ("metrics", metrics.SHELF),
    ("formats", io.SHELF),
)
_PACKAGES = ("torch", "numpy", "scipy", "scikit-image", "scikit-learn", "zarr", "tifffile", "napari", "magicgui",
             "PyQt5", "PyQt6")


def catalogue() -> dict[str, list[dict[str, Any]]]:
    """Return every shelf's items with their parameters, defaults and bounds, ready for JSON."""
    found = {}
    for kind, shelf in _SHELVES:
        found[kind] = [
            {"name": entry.name, "title": entry.title, "summary": entry.summary, "parameters": _parameters(entry.item)}
            for entry in shelf
        ]
    return found


def _parameters(item: Any) -> list[dict[str, Any]]:
    if not (isinstance(item, type) and dataclasses.is_dataclass(item)):
        return []
    return [
        {"name": field.name, "default": "auto" if field.default is None else field.default, "allowed": field.allowed,
         "help": field.knob.help}
        for field in knobs.fields(item)
    ]


def methods(arguments: argparse.Namespace) -> None:
    """Print the catalogue."""
    found = catalogue()
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    for kind, items in found.items():
        print(f"{kind}\n{'=' * len(kind)}")
        for item in items:
            print(f"{item['name']}: {item['summary']}")
            for parameter in item["parameters"]:
                name, default, allowed, words = parameter.values()
                print(f"    {name} = {default}  ({allowed})  {words}")
        print()


def info(arguments: argparse.Namespace) -> None:
    """Print versions, the device that ``auto`` means with its reason, and where the pre-trained features come from."""
    device = choose_device("auto")
    facts = {"napari-unet": __version__, "python": platform.python_version(), "system": platform.platform()}
    for package in _PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = "not installed"
    facts |= {"device": device.name, "reason": device.reason, "number format": device.dtype_name}
    facts |= _features()
    if arguments.json:
        print(json.dumps(facts, indent=1))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}")


def _features() -> dict[str, str]:
    """Return the provenance of the pre-trained features, or what is wrong with them."""
    try:
        return {f"features {name.replace('_', ' ')}": str(value) for name, value in pretrained.facts().items()}
    except UserError as error:
        return {"features": str(error)}

"""``napari-unet methods`` and ``napari-unet info``: what there is, read from the registries and the machine."""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from napari_unet import __version__, io, losses, metrics, networks, objects, pretrained, segmenters
from napari_unet.core import parameters
from napari_unet.core.errors import UserError
from napari_unet.core.namesake import namesake_warning
from napari_unet.core.registry import Registry
from napari_unet.core.sight import SIGHTS, sees_of
from napari_unet.predicting.devices import choose_device
from napari_unet.pretrained.eye_weights import eye_state

from .project_info import print_project
from .terminal import show

_REGISTRIES: tuple[tuple[str, Registry[Any]], ...] = (
    ("methods", segmenters.REGISTRY),
    ("networks", networks.REGISTRY),
    ("losses", losses.REGISTRY),
    ("metrics", metrics.REGISTRY),
    ("ways to objects", objects.REGISTRY),
    ("formats", io.REGISTRY),
)
_SEEING = ("methods", "networks")
"""Kinds of things that look at planes or at volumes."""
_PACKAGES = ("torch", "numpy", "scipy", "scikit-image", "scikit-learn", "zarr", "tifffile", "napari", "magicgui",
             "PyQt5", "PyQt6")


def catalogue() -> dict[str, list[dict[str, Any]]]:
    """Return every registry's items with their parameters, defaults and bounds, ready for JSON."""
    found = {}
    for kind, registry in _REGISTRIES:
        found[kind] = [
            {"name": entry.name, "title": entry.title, "summary": entry.summary,
             **({"sees": sees_of(entry.item)} if kind in _SEEING else {}), "parameters": _parameters(entry.item)}
            for entry in registry
        ]
    return found


def _parameters(item: Any) -> list[dict[str, Any]]:
    if not (isinstance(item, type) and dataclasses.is_dataclass(item)):
        return []
    return [
        {"name": field.name, "default": "auto" if field.default is None else field.default, "allowed": field.allowed,
         "help": field.parameter.help}
        for field in parameters.fields(item)
    ]


def print_methods(arguments: argparse.Namespace) -> None:
    """Print the catalogue."""
    found = catalogue()
    if arguments.json:
        show(json.dumps(found, indent=1))
        return
    for kind, items in found.items():
        show(f"{kind}\n{'=' * len(kind)}")
        for item in items:
            show(f"{item['name']}: {item['summary']}")
            if item.get("sees", "planes") != "planes":
                show(f"    looks at {SIGHTS[item['sees']]}")
            for parameter in item["parameters"]:
                name, default, allowed, words = parameter.values()
                show(f"    {name} = {default}  ({allowed})  {words}")
        show("")


def print_info(arguments: argparse.Namespace) -> None:
    """Print versions, the device that ``auto`` means with its reason, and where the pre-trained features come from.

    Of a project, what is in it.
    """
    if arguments.project is not None:
        print_project(arguments)
        return
    device = choose_device("auto")
    facts = {"napari-unet": __version__, "python": platform.python_version(), "system": platform.platform()}
    for package in _PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = "not installed"
    facts |= {"device": device.name, "reason": device.reason, "number format": device.dtype_name}
    facts |= _features()
    if warning := namesake_warning():
        facts["warning"] = warning
    if arguments.json:
        show(json.dumps(facts, indent=1))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        show(f"{name:<{width}}  {value}")


def _features() -> dict[str, str]:
    """Return the provenance of the pre-trained features, or what is wrong with them."""
    try:
        return {"second eye": eye_state()} | {f"features {name.replace('_', ' ')}": str(value) for name,
                value in pretrained.feature_provenance().items()}
    except UserError as error:
        return {"features": str(error)}

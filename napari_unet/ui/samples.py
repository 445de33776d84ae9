"""File > Open Sample: the shipped samples as image, strokes and reference layers. Draws and loads nothing itself."""

from __future__ import annotations

from typing import Any

from napari_unet.core.classes import ClassTable
from napari_unet.sample_data import load

from .layer_geometry import placement
from .layer_metadata import KEY, colormap

LayerData = tuple[Any, dict[str, Any], str]

WITH_OBJECTS = ("clusters",)
"""Samples about single objects: the true ones are a layer too."""


def open_sample(name: str) -> list[LayerData]:
    """Return the layers of a sample: images at the bottom, then references (hidden), then strokes."""
    sample = load(name)
    layers: list[LayerData] = []
    for pair, reference in zip(sample.pairs, sample.references, strict=True):
        image = pair.image
        place = placement(image.geometry) if image.unit != "pixel" else {}
        layers.append((image.data, {"name": image.name, "rgb": image.axes.endswith("C")} | place, "image"))
        if reference is not None:
            hidden = _options(image.name, "reference", sample.classes) | {"visible": False} | place
            layers.append((reference, hidden, "labels"))
        layers.append((pair.scribbles.to_array(), _options(image.name, "strokes", sample.classes) | place, "labels"))
    if name in WITH_OBJECTS:
        hidden = {"name": f"{sample.pairs[0].image.name} true objects", "visible": False}
        layers.insert(1, (sample.objects[0], hidden | place, "labels"))
    return layers


def _options(image: str, role: str, classes: ClassTable) -> dict[str, Any]:
    rows = [[one.id, one.name, one.color] for one in classes.classes]
    return {
        "name": f"{image} {role}",
        "metadata": {KEY: {"classes": rows, "image": image, "role": role}},
        "colormap": colormap(classes, background=role == "strokes"),
        "opacity": 0.7,
    }


def open_nuclei() -> list[LayerData]:
    """Touching nuclei."""
    return open_sample("nuclei")


def open_membranes() -> list[LayerData]:
    """Membranes and mitochondria."""
    return open_sample("membranes")


def open_vessels() -> list[LayerData]:
    """Vessels of the eye."""
    return open_sample("vessels")


def open_coins() -> list[LayerData]:
    """Coins."""
    return open_sample("coins")


def open_colon() -> list[LayerData]:
    """Stained colon."""
    return open_sample("colon")


def open_clusters() -> list[LayerData]:
    """Twelve nuclei to count."""
    return open_sample("clusters")

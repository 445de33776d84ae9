"""Shelf of file formats: how to read an image or labels and how to save masks; one file per format."""

from __future__ import annotations

from typing import Any

from napari_unet.core.registry import Shelf

SHELF: Shelf[Any] = Shelf("format", __name__)
register = SHELF.register

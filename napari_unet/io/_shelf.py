"""The shelf itself, apart from the verbs that use it. Imports no format."""

from __future__ import annotations

from typing import Any

from napari_unet.core.registry import Shelf

SHELF: Shelf[Any] = Shelf("format", __package__)
register = SHELF.register

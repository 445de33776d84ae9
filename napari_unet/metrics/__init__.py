"""Shelf of metrics: plain functions of two label planes; one file per family. Reads no files, draws nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari_unet.core.registry import Shelf

SHELF: Shelf[Callable[..., Any]] = Shelf("metric", __name__)
register = SHELF.register

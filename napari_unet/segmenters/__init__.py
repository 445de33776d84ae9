"""Shelf of methods that turn an image (and strokes) into labels: one file per family of one idea.

A file here registers a frozen dataclass with ``fit`` (see :class:`napari_unet.core.method.Segmenter`). It imports
``core`` and, where it must, other shelves; never a GUI package.
"""

from __future__ import annotations

from napari_unet.core.method import Segmenter
from napari_unet.core.registry import Shelf

SHELF: Shelf[type[Segmenter]] = Shelf("method", __name__)
register = SHELF.register

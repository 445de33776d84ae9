"""Shelf of networks: frozen dataclasses that can build a ``torch.nn.Module``; one file per architecture.

Knows nothing of strokes, images or training. What a network must offer is
:class:`napari_unet.core.predicting.weights.Network`.
"""

from __future__ import annotations

from napari_unet.core.predicting.weights import Network
from napari_unet.core.registry import Shelf

SHELF: Shelf[type[Network]] = Shelf("network", __name__)
register = SHELF.register

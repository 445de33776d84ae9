"""Registry of networks: frozen dataclasses that can build a ``torch.nn.Module``; one file per architecture.

Knows nothing of strokes, images or training. What a network must offer is
:class:`napari_unet.predicting.weights.Network`.
"""

from __future__ import annotations

from napari_unet.core.registry import Registry
from napari_unet.predicting.weights import Network

REGISTRY: Registry[type[Network]] = Registry("network", __name__, first=("unet",))
register = REGISTRY.register

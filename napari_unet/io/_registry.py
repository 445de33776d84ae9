"""The registry itself, apart from the verbs that use it. Imports no format."""

from __future__ import annotations

from typing import Any

from napari_unet.core.registry import Registry

REGISTRY: Registry[Any] = Registry("format", __package__)
register = REGISTRY.register

"""The dock ``Train U-Net``: paint, learn live, predict. Holds no method and no array of its own."""

from __future__ import annotations

from .train_dock import TrainDock

__all__ = ["TrainDock"]

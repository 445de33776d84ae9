"""Registry of losses: plain functions of logits and painted labels; one file per family.

A loss takes ``logits`` (B, C, Y, X) float and ``target`` (B, Y, X) int64 (class index, -1 = not painted) and returns a
scalar tensor. Law: its gradient at an unpainted pixel is exactly 0. What else it takes has a default and is given by
keyword, so that a script may register a function of its own that calls it with other values, or adds it to another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_unet.core.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

REGISTRY: Registry[Callable[[Tensor, Tensor], Tensor]] = Registry("loss", __name__)
register = REGISTRY.register

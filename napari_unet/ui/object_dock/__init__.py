"""The dock ``Objects``: find, count and put right what one can count. Holds no way to objects of its own."""

from __future__ import annotations

from .objects_dock import ObjectsDock

__all__ = ["ObjectsDock"]

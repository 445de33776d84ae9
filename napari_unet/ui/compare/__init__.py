"""The `Compare methods` dock. Trains, segments and scores nothing itself."""

from __future__ import annotations

from .compare_dock import CompareDock

__all__ = ["CompareDock"]

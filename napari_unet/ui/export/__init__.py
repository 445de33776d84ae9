"""The ``Export masks`` dock."""

from .dock import ExportDock

__all__ = ["ExportDock"]

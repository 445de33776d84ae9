"""The ``Export masks`` dock."""

from .export_dock import ExportDock

__all__ = ["ExportDock"]

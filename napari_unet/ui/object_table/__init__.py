"""The dock *Object table*: measures of objects, linked with their layer. See :mod:`.table_dock`."""

from .table_dock import ObjectTableDock

__all__ = ["ObjectTableDock"]

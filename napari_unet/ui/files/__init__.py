"""Between files and napari layers: what File > Open, File > Save and the Export dock do. Needs no window."""

from .export_plan import FORMATS, ExportPlan, Saved
from .layer_reader import get_reader
from .layer_writer import write_labels
from .object_export import HOLDS_CLASSES, goes_as_objects
from .project_reader import get_project_reader

__all__ = ["FORMATS", "HOLDS_CLASSES", "ExportPlan", "Saved", "get_project_reader", "get_reader", "goes_as_objects",
           "write_labels"]

"""Between files and napari layers: what File > Open, File > Save and the Export dock do. Needs no window."""

from .export_plan import FORMATS, ExportPlan, Saved
from .layer_reader import get_reader
from .layer_writer import write_labels

__all__ = ["FORMATS", "ExportPlan", "Saved", "get_reader", "write_labels"]

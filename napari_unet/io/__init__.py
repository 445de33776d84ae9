"""Registry of file formats: how to read an image or labels and how to save masks; one file per format.

A format is a frozen dataclass (see :class:`Format`) registered with the endings it saves under. The verbs here are the
same for every format, the command line, the window and scripts. Knows no GUI package and no method.
"""

from __future__ import annotations

from ._contents import Contents, Format, Sink
from ._drawn_objects import LoadedObjects
from ._file_axes import axes_of_file
from ._image_folder import ImageFolder, image_folder
from ._image_saving import save_image, stored_order
from ._label_place import LabelPlace, label_place
from ._mask_info import Code, MaskInfo, SavedCode
from ._output import Output
from ._probabilities import create_probabilities, save_probabilities
from ._reading import file_stem, label_array, open_contents, read_contents, read_image, read_labels, result_stem
from ._registry import REGISTRY, register
from ._run_lock import lock_file, taking_turns
from ._saving import (
    check_output,
    clear_of_inputs,
    create_mask,
    folder_written,
    is_output,
    output_suffixes,
    preview_path,
    provenance_path,
    save_mask,
)
from ._unfinished import Unfinished, dead_tokens, leftover_path, no_regular_file, remove
from ._units import time_unit_name, unit_name, unit_ratio, unit_short
from .object_files import check_object_output, keep_objects, load_objects, object_suffixes, save_objects
from .shape_files import shape_format

__all__ = [
    "REGISTRY",
    "Code",
    "Contents",
    "Format",
    "ImageFolder",
    "LabelPlace",
    "LoadedObjects",
    "MaskInfo",
    "Output",
    "SavedCode",
    "Sink",
    "Unfinished",
    "axes_of_file",
    "check_object_output",
    "check_output",
    "clear_of_inputs",
    "create_mask",
    "create_probabilities",
    "dead_tokens",
    "file_stem",
    "folder_written",
    "image_folder",
    "is_output",
    "keep_objects",
    "label_array",
    "label_place",
    "leftover_path",
    "load_objects",
    "lock_file",
    "no_regular_file",
    "object_suffixes",
    "open_contents",
    "output_suffixes",
    "preview_path",
    "provenance_path",
    "read_contents",
    "read_image",
    "read_labels",
    "register",
    "remove",
    "result_stem",
    "save_image",
    "save_mask",
    "save_objects",
    "save_probabilities",
    "shape_format",
    "stored_order",
    "taking_turns",
    "time_unit_name",
    "unit_name",
    "unit_ratio",
    "unit_short",
]

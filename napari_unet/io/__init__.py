"""Registry of file formats: how to read an image or labels and how to save masks; one file per format.

A format is a frozen dataclass (see :class:`Format`) registered with the endings it saves under. The verbs here are the
same for every format, the command line, the window and scripts. Knows no GUI package and no method.
"""

from __future__ import annotations

from ._contents import Code, Contents, Format, MaskInfo, Sink
from ._file_axes import axes_of_file
from ._output import Output, clear_of_inputs
from ._reading import file_stem, read_contents, read_image, read_labels
from ._registry import REGISTRY, register
from ._saving import (
    check_output,
    create_mask,
    create_probabilities,
    output_suffixes,
    preview_path,
    save_mask,
    save_probabilities,
)

__all__ = [
    "REGISTRY",
    "Code",
    "Contents",
    "Format",
    "MaskInfo",
    "Output",
    "Sink",
    "axes_of_file",
    "check_output",
    "clear_of_inputs",
    "create_mask",
    "create_probabilities",
    "file_stem",
    "output_suffixes",
    "preview_path",
    "read_contents",
    "read_image",
    "read_labels",
    "register",
    "save_mask",
    "save_probabilities",
]

"""Paint a few strokes, get the whole image segmented, see whether the network beats a threshold, save the masks.

Public names are loaded when first used, so that importing the package loads neither torch nor Qt.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

try:
    __version__ = version("napari-unet-live")
except PackageNotFoundError:  # a source tree that is not installed
    __version__ = "0+unknown"

_PUBLIC = {
    "plan": "workflows.plans",
    "train": "workflows",
    "predict": "workflows",
    "score": "workflows",
    "compare": "workflows",
    "objects_of": "workflows",
    "score_object_numbers": "workflows",
    "measure_objects": "workflows.object_measuring",
    "save_objects": "io",
    "load_objects": "io",
    "open_project": "project.project_contents",
    "export_model": "exchange.model_export",
    "Image": "core.image",
    "Scribbles": "core.scribbles",
    "Pair": "core.scribbles",
    "TrainingSet": "core.scribbles",
    "ClassTable": "core.classes",
    "Parameter": "core.parameters",
    "Patch": "core.method",
    "Progress": "core.method",
    "UserError": "core.errors",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])

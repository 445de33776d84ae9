"""File > Open, drag and drop and the command line for projects: opens them in the window. Makes no layers itself.

A reader of napari returns layers and knows no viewer. A project is more than layers, so what is returned is that there
are none, and the project is opened in the window in front as soon as napari is done.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer

from napari_unet.core.errors import UserError

from ..projects.place import is_project

NO_LAYERS: list[tuple[Any, ...]] = [(None,)]
"""What napari takes for: understood, and there are no layers."""


def get_project_reader(path: str | list[str]) -> Callable[[Any], list[tuple[Any, ...]]] | None:
    """Return a function that opens a project in the window; None for what is none."""
    return open_dropped_project if isinstance(path, str) and is_project(Path(path)) else None


def open_dropped_project(path: str) -> list[tuple[Any, ...]]:
    """Open a project in the window in front, with its dock.

    Raises
    ------
    UserError
        If there is no window.
    """
    import napari

    viewer = napari.current_viewer()
    if viewer is None or getattr(viewer, "window", None) is None:
        raise UserError(f"{path} is a project: open it in a window of napari, or use `napari-unet train {path}`.")
    viewer = getattr(viewer, "__wrapped__", viewer)

    def open_there() -> None:
        from ..projects.opening import show_project

        show_project(viewer, Path(path))

    QTimer.singleShot(0, open_there)
    return NO_LAYERS

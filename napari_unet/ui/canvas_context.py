"""Lets napari clear up behind a layer in the canvas's own OpenGL context. Removes no layer, draws nothing.

When a layer goes, napari carries out at once whatever waits for the graphics card, in the OpenGL context that happens
to be current: that of another window, that of Qt's compositor, or none. Buffers that are made or filled there are empty
or unknown when the canvas draws next, and the process dies in ``glDrawArrays``.
"""

from __future__ import annotations

import weakref
from typing import Any


def hold_canvas_context(viewer: Any) -> None:
    """Make the context of a viewer's canvas current before each layer that goes, whoever removes it.

    Parameters
    ----------
    viewer : napari Viewer
        A viewer without a window is left alone.
    """
    reference = weakref.ref(viewer)

    def make_current(_event: Any = None) -> None:
        canvas = _canvas_of(reference())
        try:
            if canvas is not None:
                canvas.set_current()
        except RuntimeError:  # the window is being deleted: there is nothing left to draw
            pass

    viewer.layers.events.removing.connect(make_current)


def _canvas_of(viewer: Any) -> Any:
    """Return the vispy canvas of a viewer's window, None if there is none."""
    window = getattr(viewer, "window", None)
    native = getattr(getattr(window, "_qt_viewer", None), "canvas", None)
    return getattr(native, "_scene_canvas", None)

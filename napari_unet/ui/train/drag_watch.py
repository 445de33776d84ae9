"""Lets work in threads rest while the mouse is held down on the picture. Paints nothing and stops nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from napari_unet.core.floor import BRUSH

HELD = 0.5
"""Seconds after the last move of a mouse that is held down in which others still rest; one that lies still draws
nothing."""


class DragWatch:
    """Gives the floor to whoever draws, or moves the picture.

    Parameters
    ----------
    viewer : napari Viewer
    """

    def __init__(self, viewer: Any) -> None:
        self._callbacks = viewer.mouse_drag_callbacks
        self._callbacks.append(_on_drag)

    def close(self) -> None:
        """Watch no longer."""
        if _on_drag in self._callbacks:
            self._callbacks.remove(_on_drag)
        BRUSH.leave()


def _on_drag(_viewer: Any, event: Any) -> Iterator[None]:
    """Take the floor while a mouse is pressed and moves; napari goes on with it at each move and at the release."""
    BRUSH.take(HELD)
    yield
    while event.type == "mouse_move":
        BRUSH.take(HELD)
        yield
    BRUSH.leave()

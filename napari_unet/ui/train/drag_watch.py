"""Follows the mouse on the picture: other work rests while it is held down, and strokes end where it is released."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from napari_unet.core.floor import BRUSH

from .stroke_end import paint_to_the_release

HELD = 0.5
"""Seconds after the last move of a mouse that is held down in which others still rest; one that lies still draws
nothing."""


class DragWatch:
    """Gives the floor to whoever draws, or moves the picture, and paints what napari misses of a stroke.

    Parameters
    ----------
    viewer : napari Viewer
    """

    def __init__(self, viewer: Any) -> None:
        self._callbacks = viewer.mouse_drag_callbacks
        self._callbacks.extend(_WATCHING)

    def close(self) -> None:
        """Watch no longer."""
        for one in _WATCHING:
            if one in self._callbacks:
                self._callbacks.remove(one)
        BRUSH.leave()


def _on_drag(_viewer: Any, event: Any) -> Iterator[None]:
    """Take the floor while a mouse is pressed and moves; napari goes on with it at each move and at the release."""
    BRUSH.take(HELD)
    yield
    while event.type == "mouse_move":
        BRUSH.take(HELD)
        yield
    BRUSH.leave()


_WATCHING = (paint_to_the_release, _on_drag)

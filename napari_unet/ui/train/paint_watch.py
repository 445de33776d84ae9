"""Says why the brush does not paint: a display in three dimensions, a layer locked or hidden. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.layers import Labels

THREE_D = ("The display is 3-D, where the brush does not paint planes. Switch to 2-D to paint (Ctrl+Y, or the 2D/3D "
           "button).")


class PaintWatch:
    """Watches the display and the strokes layer in use.

    Parameters
    ----------
    viewer : napari Viewer
    tell : callable
        Gets why the brush does not paint, ``""`` when it does.
    """

    def __init__(self, viewer: Any, tell: Callable[[str], None]) -> None:
        self._viewer, self._tell = viewer, tell
        self._strokes: Labels | None = None
        self._told = ""
        self._ndisplay = viewer.dims.events.ndisplay  # held: a closed viewer has no events any more
        self._ndisplay.connect(self.look)

    def follow(self, strokes: Labels | None) -> None:
        """Watch this layer from now on."""
        if strokes is not self._strokes:
            self._connect(False)
            self._strokes = strokes
            self._connect(True)
        self.look()

    def close(self) -> None:
        """Let go of the viewer and the layer."""
        self._ndisplay.disconnect(self.look)
        self._connect(False)
        self._strokes = None

    def look(self, _event: Any = None) -> None:
        """Say what is so now, if it has changed."""
        text = self._reason()
        if text != self._told:
            self._told = text
            self._tell(text)

    def _reason(self) -> str:
        strokes = self._strokes
        if strokes is None or strokes not in self._viewer.layers:
            return ""
        if self._viewer.dims.ndisplay == 3:
            return THREE_D
        if not strokes.editable:
            return f"{strokes.name!r} is locked, so the brush does not paint. Unlock it, or press + strokes."
        if not strokes.visible:
            return f"{strokes.name!r} is hidden, so the brush does not paint. Press the eye beside its name to see it."
        return ""

    def _connect(self, on: bool) -> None:
        if self._strokes is not None:
            for event in (self._strokes.events.editable, self._strokes.events.visible):
                (event.connect if on else event.disconnect)(self.look)

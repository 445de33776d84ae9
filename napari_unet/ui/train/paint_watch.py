"""Says why the brush does not paint, or why nothing is learnt from what it paints. Changes nothing.

It does not paint in three dimensions, or on a layer that is locked or hidden. Nothing is learnt from a layer of labels
that is not the strokes in use, as napari's own *new labels* makes one; on the live prediction, paint is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from napari.layers import Labels

from ..layer_boxes import LayerBox
from ..layer_metadata import role_of
from .live_controller import LiveController

THREE_D = ("The display is 3-D, where the brush does not paint planes. Switch to 2-D to paint (Ctrl+Y, or the 2D/3D "
           "button).")

_BRUSHES = ("paint", "erase", "fill", "polygon")
"""Modes of a layer of labels that change it."""


class PaintWatch:
    """Watches the display, the strokes in use, and the layer under the brush.

    Parameters
    ----------
    controller : LiveController
        Knows the viewer and the strokes in use.
    choice : LayerBox
        The layers that can be chosen as strokes.
    tell : callable
        Gets why the brush does not paint, or to no avail, ``""`` when it does.
    """

    def __init__(self, controller: LiveController, choice: LayerBox, tell: Callable[[str], None]) -> None:
        self._controller, self._choice, self._tell = controller, choice, tell
        self._viewer: Any = controller.viewer
        self._told = ""
        self._watched: list[Any] = []
        self._always: tuple[Any, ...] = (  # held: a closed viewer has no events any more
            self._viewer.dims.events.ndisplay, self._viewer.layers.selection.events.active,
            controller.session.images.current_changed, controller.pairs_changed)
        for event in self._always:
            event.connect(self.look)

    def close(self) -> None:
        """Let go of the viewer and the layers."""
        for event in self._always:
            event.disconnect(self.look)
        self._watch(())

    def look(self, _event: Any = None) -> None:
        """Say what is so now, if it has changed; to be called when other strokes are in use, or layers came or went."""
        current, active = self._controller.current, self._viewer.layers.selection.active
        strokes = None if current is None or current.strokes not in self._viewer.layers else current.strokes
        painted = active if isinstance(active, Labels) and active is not strokes else None
        events = [] if strokes is None else [strokes.events.editable, strokes.events.visible]
        self._watch(events if painted is None else [*events, painted.events.mode])
        text = "" if strokes is None else self._obstacle(strokes)
        if painted is not None and str(painted.mode) in _BRUSHES:
            text = self._in_vain(painted, strokes) or text
        if text != self._told:
            self._told = text
            self._tell(text)

    def _obstacle(self, strokes: Labels) -> str:
        if self._viewer.dims.ndisplay == 3:
            return THREE_D
        if not strokes.editable:
            return f"{strokes.name!r} is locked, so the brush does not paint. Unlock it, or press + strokes."
        if not strokes.visible:
            return f"{strokes.name!r} is hidden, so the brush does not paint. Press the eye beside its name to see it."
        return ""

    def _in_vain(self, painted: Labels, strokes: Labels | None) -> str:
        instead = "press + strokes" if strokes is None else f"paint on {strokes.name!r}"
        if role_of(painted) == "prediction":
            return f"The next answer replaces what you paint on {painted.name!r}: {instead} instead."
        if painted in self._choice.layers:
            return f"{painted.name!r} is not learnt from: {instead}, or choose it under Strokes."
        return ""

    def _watch(self, events: Sequence[Any]) -> None:
        """Look again at these events of layers, and at no others."""
        for event in self._watched:
            event.disconnect(self.look)
        self._watched = list(events)
        for event in self._watched:
            event.connect(self.look)

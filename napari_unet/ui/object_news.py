"""How far the objects of a viewer are, told by the dock that finds them to whoever shows something of them."""

from __future__ import annotations

from typing import Literal

from napari.layers import Labels
from psygnal import Signal

from .sessions import PerOwner

ObjectState = Literal["unknown", "waiting", "looking", "failed", "none", "found"]
"""``unknown``: nobody looks for objects; ``waiting``: there is nothing to find them in."""


class ObjectNews:
    """The newest state.

    Attributes
    ----------
    state : str
    layer : Labels or None
        Where the objects are shown that it is about.
    """

    changed = Signal()

    def __init__(self) -> None:
        self.state: ObjectState = "unknown"
        self.layer: Labels | None = None

    def tell(self, state: ObjectState, layer: Labels | None) -> None:
        """Tell what is so now."""
        if (state, layer) != (self.state, self.layer):
            self.state, self.layer = state, layer
            self.changed.emit()

    def about(self, layer: Labels | None) -> ObjectState:
        """Return what is known of the objects in a layer; of no layer, of those that are to come."""
        return self.state if layer is None or layer is self.layer else "unknown"


news_of = PerOwner(lambda _owner: ObjectNews()).of
"""Return the news of a viewer, the same each time."""

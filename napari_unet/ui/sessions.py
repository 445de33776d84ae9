"""What all docks of a viewer share: the session, and which layer belongs to which image."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from napari_unet.session.annotation_session import Session

from .canvas_context import hold_canvas_context
from .image_ties import ImageTies

T = TypeVar("T")


class PerOwner(Generic[T]):
    """One thing for each viewer (or any other object), made when first asked for; lives as long as its owner does.

    Parameters
    ----------
    make : callable
        Makes it, given the owner. It must not keep the owner itself.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._things: dict[int, tuple[weakref.ref[Any], T]] = {}

    def of(self, owner: Any) -> T:
        """Return what belongs to an owner, the same each time."""
        owner = getattr(owner, "__wrapped__", owner)  # plugins may be handed a proxy of the viewer
        key, things = id(owner), self._things
        if key not in things:
            things[key] = weakref.ref(owner, lambda _: things.pop(key, None)), self._make(owner)
        return things[key][1]


_sessions = PerOwner(lambda _owner: Session())


def _make_ties(viewer: Any) -> ImageTies:
    hold_canvas_context(viewer)
    return ImageTies(viewer.layers)


_ties = PerOwner(_make_ties)


def session_of(owner: Any) -> Session:
    """Return the session that belongs to a viewer (or to any other object), the same each time it is asked for."""
    return _sessions.of(owner)


def ties_of(viewer: Any) -> ImageTies:
    """Return what knows which layer of a viewer belongs to which image, the same each time it is asked for."""
    return _ties.of(viewer)

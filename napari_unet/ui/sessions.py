"""Which session belongs to which viewer: all docks of a viewer share one."""

from __future__ import annotations

import weakref
from typing import Any

from napari_unet.session.annotation_session import Session

_sessions: dict[int, tuple[weakref.ref[Any], Session]] = {}


def session_of(owner: Any) -> Session:
    """Return the session that belongs to a viewer (or to any other object), the same each time it is asked for.

    It lives as long as its owner does.
    """
    owner = getattr(owner, "__wrapped__", owner)  # plugins may be handed a proxy of the viewer
    key = id(owner)
    if key not in _sessions:
        _sessions[key] = weakref.ref(owner, lambda _: _sessions.pop(key, None)), Session()
    return _sessions[key][1]

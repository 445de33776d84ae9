"""What a prediction of the images of a project stands on, to tell later whether that is still so. Predicts nothing.

An answer to strokes is refined for a while and is another object each time; what it stands on is the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable

from napari_unet.core.fingerprints import stroke_hash
from napari_unet.core.scribbles import Scribbles
from napari_unet.session.annotation_session import Session
from napari_unet.session.model_history import steps_behind

OLDER = "older strokes"
"""Name of what is older than the strokes from the start: there was no answer to them yet."""


class BasisNames:
    """Names what a prediction stands on: the same strokes and network have the same name in another sitting.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[Hashable, tuple[Scribbles, str]] = {}

    def now(self) -> str:
        """Return the name of what a prediction stands on that is made now."""
        painted = _painted(self._session)
        self._known = {key: self._hashed(key, one) for key, one in painted.items()}
        lines = sorted(f"{key} {name}" for key, (_, name) in self._known.items())
        return hashlib.blake2b("\n".join([*lines, self._network(bool(painted))]).encode(), digest_size=16).hexdigest()

    def _hashed(self, key: Hashable, strokes: Scribbles) -> tuple[Scribbles, str]:
        known = self._known.get(key)
        return known if known is not None and known[0] is strokes else (strokes, stroke_hash(strokes))

    def _network(self, painted: bool) -> str:
        """Return which network it is; an answer to strokes is made anew each time and is known by the strokes."""
        model, shown = self._session.model, self._session.shown
        steps = steps_behind(model, -1)
        return "answer" if painted and not steps else f"{steps} {None if shown is None else shown.time}"


def _painted(session: Session) -> dict[Hashable, Scribbles]:
    strokes = {key: session.pair(key).scribbles for key in session.keys if session.enabled(key)}
    return {key: one for key, one in strokes.items() if one.planes}

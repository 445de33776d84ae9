"""What a prediction of the images of a project stands on, to tell later whether that is still so. Predicts nothing."""

from __future__ import annotations

import dataclasses
import hashlib
import weakref
from collections.abc import Hashable, Mapping

from napari_unet.core.fingerprints import stroke_hash
from napari_unet.core.method import Model
from napari_unet.core.scribbles import Scribbles
from napari_unet.session.annotation_session import Session
from napari_unet.session.model_history import steps_behind


@dataclasses.dataclass(frozen=True, eq=False)
class PredictionBasis:
    """Strokes, and the network or the model of a person's choice, at one moment.

    An answer to strokes is refined for a while and is another object each time; what it stands on is the same.

    Parameters
    ----------
    strokes : mapping of hashable to Scribbles
        Of the pairs that are learnt from and painted.
    chosen : weakref to Model, or None
        The trained model, or the one that was gone back to; None where strokes alone are answered.
    name : str
        What both are known by when the project is opened again, see :class:`BasisNames`.
    """

    strokes: Mapping[Hashable, Scribbles]
    chosen: weakref.ref[Model] | None
    name: str = ""

    def same(self, other: PredictionBasis) -> bool:
        """Say whether both are the same, paint by paint."""
        mine, theirs = (None if one is None else one() for one in (self.chosen, other.chosen))
        gone = self.chosen is not None and mine is None
        return (not gone and mine is theirs and self.strokes.keys() == other.strokes.keys()
                and all(one.same_paint(other.strokes[key]) for key, one in self.strokes.items()))


def basis_of(session: Session) -> PredictionBasis:
    """Return what a prediction stands on that is made now, without a name."""
    chosen = session.pinned.model if session.pinned is not None else session.models.newest
    return PredictionBasis(_painted(session), None if chosen is None else weakref.ref(chosen))


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

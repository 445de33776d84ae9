"""What a prediction of the images of a project stands on, to tell later whether that is still so. Predicts nothing."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Hashable, Mapping

from napari_unet.core.method import Model
from napari_unet.core.scribbles import Scribbles
from napari_unet.session.annotation_session import Session


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
    """

    strokes: Mapping[Hashable, Scribbles]
    chosen: weakref.ref[Model] | None

    def same(self, other: PredictionBasis) -> bool:
        """Say whether both are the same, paint by paint."""
        mine, theirs = (None if one is None else one() for one in (self.chosen, other.chosen))
        gone = self.chosen is not None and mine is None
        return (not gone and mine is theirs and self.strokes.keys() == other.strokes.keys()
                and all(one.same_paint(other.strokes[key]) for key, one in self.strokes.items()))


def basis_of(session: Session) -> PredictionBasis:
    """Return what a prediction stands on that is made now."""
    strokes = {key: session.pair(key).scribbles for key in session.keys if session.enabled(key)}
    chosen = session.pinned.model if session.pinned is not None else session.models.newest
    return PredictionBasis({key: one for key, one in strokes.items() if one.planes},
                           None if chosen is None else weakref.ref(chosen))

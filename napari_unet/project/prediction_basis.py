"""What a prediction stands on, to tell later whether that is still so: strokes and a network. Predicts nothing.

An answer to strokes is refined for a while and is another object each time; what it stands on is the same. Names are
the same in another sitting and without a window.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Iterable
from typing import Any

from napari_unet.core.fingerprints import stroke_hash
from napari_unet.core.provenance import Provenance, of_model
from napari_unet.session.annotation_session import Session
from napari_unet.session.model_history import steps_behind

_ANSWER = "answer"

_hashes: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


def basis_of_model(model: Any) -> str:
    """Return the name of what a prediction by a model stands on: the strokes it was fitted to, and its network."""
    return _named(_strokes_of(of_model(model)), network_name(model))


def network_name(model: Any) -> str:
    """Return what a network is known by, however often its last layer is fitted anew to strokes.

    An answer to strokes without a training is known by the strokes alone.
    """
    told, steps = of_model(model), steps_behind(model, -1)
    if model is None or (steps == 0 and _strokes_of(told)):
        return _ANSWER
    # what strokes were answered with tells of the training in its own notes
    trained = told if told is None or steps < 0 or told.steps == steps else told.model
    return f"{steps} {trained.begun}" if trained is not None and trained.begun else f"{steps} {_known_by(model)}"


class PresentBasis:
    """Names what predictions of a session stand on that are up to date.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: tuple[weakref.ref[Any], Any, bool, frozenset[str]] | None = None

    def names(self) -> frozenset[str]:
        """Return the names of that: the strokes as they are; where they change no answer, the model's own as well."""
        session = self._session
        training, model, follows = session.snapshots.get(), session.model, session.follows_strokes
        known = self._known
        if known is not None and known[0]() is training and known[1] is model and known[2] == follows:
            return known[3]
        strokes = (stroke_hash(pair.scribbles) for pair in training.pairs if pair.scribbles.planes)
        found = {_named(strokes, network_name(model))}
        if not follows and model is not None:
            found.add(basis_of_model(model))
        self._known = weakref.ref(training), model, follows, frozenset(found)
        return self._known[3]


def _named(strokes: Iterable[str], network: str) -> str:
    return hashlib.blake2b("\n".join([*sorted(strokes), network]).encode(), digest_size=16).hexdigest()


def _strokes_of(told: Provenance | None) -> list[str]:
    return [] if told is None else [one.strokes for one in told.images if one.strokes]


def _known_by(model: Any) -> str:
    """Return what a model is known by that does not say where it comes from: its numbers."""
    from napari_unet.predicting.mask_origin import known_hash  # torch is loaded with it

    if model not in _hashes:
        _hashes[model] = known_hash(model)
    return _hashes[model]

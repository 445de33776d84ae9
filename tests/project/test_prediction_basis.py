"""What a prediction stands on has one name: in another sitting, without a window, however often it is refined."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from napari_unet.core.fingerprints import stroke_hash
from napari_unet.core.image import Image
from napari_unet.core.provenance import ImageFacts, Provenance
from napari_unet.core.scribbles import Scribbles
from napari_unet.project.prediction_basis import PresentBasis, basis_of_model
from napari_unet.session.annotation_session import Session


def strokes(value: int) -> Scribbles:
    return Scribbles.from_array(np.pad(np.full((1, 2), value, np.uint8), ((0, 7), (0, 6))))


def told(*values: int, **more: Any) -> Provenance:
    """Return where a model comes from that has learnt from these strokes."""
    return Provenance(images=tuple(ImageFacts(strokes=stroke_hash(strokes(one))) for one in values), **more)


class Trained:
    """A network of so many steps."""

    classes = SimpleNamespace(ids=(1, 2))
    note = "a network"

    def __init__(self, step: int, provenance: Provenance | None = None, refits: bool = True) -> None:
        self.weights, self.refits = SimpleNamespace(step=step, provenance=provenance), refits


def painted(model: Any, *values: int) -> Session:
    """Return a session with an image for each of these strokes (0: none) and a model."""
    session = Session()
    for number, value in enumerate(values):
        session.put_pair(number, Image(np.zeros((8, 8), np.float32), "YX"), strokes(value) if value else None)
    session.models.put(model)
    return session


def answer(*values: int, on: Provenance | None = None, steps: int = 0) -> Trained:
    """Return an answer to strokes, on the features of a training if there was one."""
    return Trained(steps, told(*values, method="instant", steps=0, begun="now", model=on))


def test_an_answer_is_known_by_the_strokes_and_a_network_by_its_training_too() -> None:
    first = basis_of_model(answer(1, 2))
    assert basis_of_model(answer(2, 1)) == first, "in any order"
    assert basis_of_model(Trained(0, told(1, 2, steps=0, begun="later"))) == first, "it is refined for a while"
    trained = basis_of_model(Trained(50, told(1, 2, steps=50, begun="ten")))
    assert basis_of_model(answer(1, 2, on=told(1, steps=50, begun="ten"), steps=50)) == trained, "fitted anew"
    others = [answer(1), Trained(50, told(1, 2, steps=50, begun="eleven")),
              Trained(60, told(1, 2, steps=60, begun="ten"))]
    assert len({first, trained, *map(basis_of_model, others)}) == 5
    assert basis_of_model(Trained(50)) == basis_of_model(Trained(50)) != basis_of_model(Trained(60)), "unknown"


def test_what_is_up_to_date_stands_on_the_strokes_as_they_are() -> None:
    model = answer(1, 2)
    session = painted(None, 1, 2, 0)
    session.answered(model)
    present = PresentBasis(session)
    assert present.names() == {basis_of_model(model)}, "an image without strokes teaches nothing"
    session.put_pair(2, Image(np.zeros((8, 8), np.float32), "YX"), strokes(3))
    assert basis_of_model(model) not in present.names(), "it has no answer yet"
    session.answered(answer(1, 2, 3))
    assert present.names() == {basis_of_model(answer(3, 2, 1))}
    session.enable(2, False)
    assert present.names() == {basis_of_model(model)}, "an image that is not learnt from counts no more"
    assert PresentBasis(painted(None, 1, 2)).names() == {basis_of_model(model)}, "another sitting, before its answer"


def test_a_model_that_follows_no_strokes_is_up_to_date_with_those_it_has_learnt_from() -> None:
    loaded = Trained(50, told(1, steps=50, begun="ten"), refits=False)
    session = painted(loaded, 1, 2)
    assert not session.follows_strokes
    there = PresentBasis(session).names()
    assert basis_of_model(loaded) in there, "predicted again it would be the same"
    assert basis_of_model(answer(1, 2, on=told(1, steps=50, begun="ten"), steps=50)) in there, "of newer strokes even"
    assert basis_of_model(answer(1, 2)) not in there

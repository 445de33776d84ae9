"""Live prediction: which plane comes first, and with which model."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from session_scene import Constant

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.session.live_prediction import AllPredicted, AnswersUnavailable, PredictionFailed, live_prediction
from napari_unet.session.run_schedule import LivePatch, ViewFocus


def drain(predictor: Any, n: int = 200) -> list[Any]:
    """Everything the predictor has to say until it has caught up."""
    found = []
    for _ in range(n):
        item = next(predictor)
        if item is not None:
            found.append(item)
        if isinstance(item, AllPredicted):
            break
    return found


def test_the_plane_shown_comes_first_and_then_the_others() -> None:
    image = Image(np.zeros((3, 8, 8)), "NYX")
    models, focus = Latest[Any](Constant(2)), Latest[Any](ViewFocus("a", image, plane=1))
    predictor = live_prediction(models, focus, pause=0)
    patches = [one for one in drain(predictor) if isinstance(one, LivePatch)]
    assert [image.plane_of(one.patch.where) for one in patches] == [1, 1, 0, 0, 2, 2] or \
        [image.plane_of(one.patch.where) for one in patches] == [1, 1, 2, 2, 0, 0]
    predictor.close()


def test_a_newer_model_repaints_everything() -> None:
    image = Image(np.zeros((8, 8)))
    models, focus = Latest[Any](Constant(1)), Latest[Any](ViewFocus("a", image))
    predictor = live_prediction(models, focus, pause=0)
    out = np.zeros((8, 8), np.uint8)
    for one in drain(predictor):
        if isinstance(one, LivePatch):
            out[one.patch.where] = one.patch.labels
    assert (out == 1).all()
    models.put(Constant(2))
    for one in drain(predictor):
        if isinstance(one, LivePatch):
            out[one.patch.where] = one.patch.labels
    assert (out == 2).all()
    predictor.close()


def test_a_model_that_cannot_says_so_once_and_waits_for_another() -> None:
    class Refuses(Constant):
        def segment(self, *_: Any, **__: Any) -> Any:
            raise UserError("too many channels")

    models, focus = Latest[Any](Refuses(1)), Latest[Any](ViewFocus("a", Image(np.zeros((8, 8)))))
    predictor = live_prediction(models, focus, pause=0)
    assert isinstance(next(predictor), PredictionFailed)
    assert next(predictor) is None
    models.put(Constant(2))
    assert any(isinstance(one, LivePatch) for one in drain(predictor))
    focus.put(None)
    assert next(predictor) is None
    predictor.close()


class Unsure(Constant):
    """A model whose uncertainty is 0.4 everywhere."""

    def segment(self, image: Image, planes: Any = None, *, probabilities: bool = False, view: Any = None) -> Any:
        for patch in super().segment(image, planes, view=view):
            maps = np.stack([np.full(patch.labels.shape, value, np.float32) for value in (0.8, 0.2)])
            yield dataclasses.replace(patch, probabilities=maps if probabilities else None)


def test_uncertainty_comes_tile_by_tile_only_while_it_is_asked_for() -> None:
    image = Image(np.zeros((2, 8, 8)), "NYX")
    models, focus = Latest[Any](Unsure(2)), Latest[Any](ViewFocus("a", image))
    predictor = live_prediction(models, focus, pause=0)
    assert all(one.unsure is None for one in drain(predictor) if isinstance(one, LivePatch))
    focus.put(ViewFocus("a", image, unsure=1))
    found = [one for one in drain(predictor) if isinstance(one, LivePatch)]
    assert len(found) == 4, "everything anew, with the same model"
    for one in found:
        assert one.unsure is not None
        assert one.unsure.shape == one.patch.labels.shape
        assert np.allclose(one.unsure, 0.4, atol=1e-3)
        assert one.patch.probabilities is None
    focus.put(ViewFocus("a", image))
    assert not [one for one in drain(predictor, 5) if isinstance(one, LivePatch)], "nothing to do again"
    focus.put(ViewFocus("a", image, unsure=2))
    assert len([one for one in drain(predictor) if isinstance(one, LivePatch)]) == 4, "it may be asked for again"
    predictor.close()


def test_without_features_models_are_predicted_all_the_same() -> None:
    def missing() -> Any:
        raise UserError("the file is gone")

    models, focus = Latest[Any](None), Latest[Any](ViewFocus("a", Image(np.zeros((8, 8)))))
    predictor = live_prediction(models, focus, answers=missing, pause=0)
    assert next(predictor) == AnswersUnavailable("the file is gone")
    assert [next(predictor) for _ in range(3)] == [None] * 3, "said once"
    models.put(Constant(2))
    assert any(isinstance(one, LivePatch) for one in drain(predictor))
    predictor.close()

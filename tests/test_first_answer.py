"""The first answer to strokes is prepared while somebody looks at the image."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.instant.answers import InstantAnswers
from napari_unet.instant.features import FeatureStore
from napari_unet.pretrained import load_features
from napari_unet.session.annotation_session import Session
from napari_unet.session.live_prediction import live_prediction
from napari_unet.session.run_schedule import LivePatch, ViewFocus


def test_the_first_answer_is_prepared_while_nothing_is_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session()
    image = Image(np.random.default_rng(0).integers(0, 255, (96, 96)).astype(np.uint8))
    session.put_pair("a", image)
    looked: Latest[ViewFocus | None] = Latest(ViewFocus("a", image))
    strange: Latest[ViewFocus | None] = Latest(ViewFocus("b", Image(np.zeros((8, 8)))))
    computed = []
    old = FeatureStore._compute
    monkeypatch.setattr(FeatureStore, "_compute",
                        lambda store, *where: (computed.append(where), old(store, *where))[1])
    focus: Latest[ViewFocus | None] = Latest(None)
    for ahead, times in ((strange, 0), (looked, 1)):
        work = live_prediction(session.models, focus, answers=lambda: InstantAnswers(session.snapshots, load_features),
                               ahead=ahead, pause=0)
        assert [next(work) for _ in range(5)] == [None] * 5
        assert len(computed) == times
    paint = np.zeros((96, 96), np.uint8)
    paint[2:6, 2:60], paint[50:54, 2:60] = 1, 2
    session.paint("a", {0: paint})
    focus.put(looked.get())
    assert next(one for one in work if isinstance(one, LivePatch)).patch.labels.shape == (96, 96)
    assert len(computed) == 1  # nothing had to be computed anew

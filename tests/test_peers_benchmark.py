"""Other programs as ``benchmarks/strokes.py`` rebuilds them: what they look at, and that they learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from _annotator.curves import Row, unsteadiness
from _peers import classified, convpaint_filters, ilastik_filters, labkit_filters
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet

Filters = Callable[[NDArray[np.float32]], Iterator[NDArray[np.float32]]]


@pytest.mark.parametrize(("filters", "count"), [(ilastik_filters, 1 + 6 * 8), (labkit_filters, 1 + 4 + 6 + 4 * 4),
                                                (convpaint_filters, 3)])
def test_they_look_at_as_many_filters_as_the_programs_do(filters: Filters, count: int) -> None:
    plane = np.random.default_rng(0).normal(size=(37, 50)).astype(np.float32)
    found = list(filters(plane))
    assert len(found) == count
    assert {one.shape for one in found} == {plane.shape}
    flat = list(filters(np.full((37, 50), 7, np.float32)))
    assert all(np.ptp(one) < 1e-3 for one in flat), "nothing to be seen where nothing is"


def test_a_classifier_learns_the_painted_pixels_and_no_others() -> None:
    truth = np.ones((20, 30), np.uint8)
    truth[:, 15:] = 3
    paint = truth.copy()
    paint[::2] = 0
    image = Image(truth[None].astype(np.float32), "NYX", "two halves")
    asked: list[int] = []

    def made(count: int) -> DecisionTreeClassifier:
        asked.append(count)
        return DecisionTreeClassifier()

    training = TrainingSet((Pair(image, Scribbles.from_array(paint[None])),))
    predict = classified(training, lambda image, plane: np.moveaxis(image.plane(plane), 0, -1), made)
    np.testing.assert_array_equal(predict(image, 0), truth)
    assert asked == [1]


def test_how_unsteady_an_answer_is() -> None:
    rows = [Row(name, "instant", strokes, 0.0, "cell", dice, 0, 0.0)
            for name, dices in (("one", [0.1, 0.5, 0.7, 0.6]), ("other", [0.5, 0.5, 0.5, 0.6]))
            for strokes, dice in zip((4, 5, 6, 7), dices, strict=True)]
    assert unsteadiness(rows, "instant") == pytest.approx(((0.2 + 0.1) / 2 + (0.0 + 0.1) / 2) / 2)
    assert unsteadiness([one for one in rows if one.strokes != 6], "instant") is None
    assert unsteadiness(rows, "forest") is None

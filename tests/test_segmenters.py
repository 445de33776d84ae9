"""What every registered method promises: coverage, order, probabilities, notes."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from segmenters_scene import entry, model, stack  # noqa: F401 (fixtures)

from napari_unet import segmenters
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.method import View
from napari_unet.core.parameters import Field, fields
from napari_unet.core.registry import Entry

pytestmark = pytest.mark.filterwarnings("ignore:.*no axis that is known to be z")  # networks of volumes


def test_registry_has_the_methods_asked_for() -> None:
    assert {"threshold", "slic", "mean_shift", "region_growing", "unet", "instant"} <= set(segmenters.REGISTRY.names())


def test_a_method_is_a_frozen_dataclass_whose_parameters_are_explained(entry: Entry[Any]) -> None:
    method = entry.item()
    assert dataclasses.is_dataclass(method)
    assert method.__dataclass_params__.frozen
    assert isinstance(method, segmenters.Segmenter)
    assert entry.summary
    assert entry.title
    parameters: tuple[Field, ...] = fields(method)
    assert parameters
    for parameter in parameters:
        assert parameter.parameter.help, parameter.name
        for candidate in parameter.parameter.auto:
            assert parameter.check(candidate) == candidate


def test_every_pixel_of_every_plane_once(model: Any) -> None:
    image, training = stack()
    seen = np.zeros(image.shape, int)
    patches = list(model.segment(training.pairs[0].image))
    for patch in patches:
        assert patch.labels.dtype == np.uint8
        assert patch.labels.shape == seen[patch.where].shape
        assert set(np.unique(patch.labels)) <= set(model.classes.ids)
        seen[patch.where] += 1
    assert (seen == 1).all()
    assert [patch.done for patch in patches] == list(range(1, len(patches) + 1))
    assert patches[-1].total == len(patches)


def test_note_is_for_people(model: Any) -> None:
    assert isinstance(model.note, str)
    assert len(model.note) > 5


def test_planes_asked_for_come_in_order(model: Any) -> None:
    image = stack()[1].pairs[0].image
    order = []
    for patch in model.segment(image, [2, 0]):
        number = image.plane_of(patch.where)
        if number not in order:
            order.append(number)
    assert order == [2, 0]


def test_the_plane_looked_at_comes_first(model: Any) -> None:
    image = stack()[1].pairs[0].image
    view: Latest[View | None] = Latest(View((1, slice(0, 10), slice(0, 10))))
    assert image.plane_of(next(iter(model.segment(image, view=view))).where) == 1


def test_no_such_plane(model: Any) -> None:
    with pytest.raises(UserError, match="planes 0 to 2, there is no plane 3"):
        list(model.segment(stack()[1].pairs[0].image, [3]))


def test_other_number_of_channels(model: Any) -> None:
    with pytest.raises(UserError, match="channel"):
        list(model.segment(Image(np.zeros((8, 9, 3), np.uint8), "YXC")))


def test_probabilities_sum_to_one_or_are_refused(model: Any) -> None:
    image = stack()[1].pairs[0].image
    try:
        patches = list(model.segment(image, [1], probabilities=True))
    except UserError as error:
        assert "probabilities" in str(error)  # noqa: PT017
        return
    ids = np.array(model.classes.ids)
    for patch in patches:
        assert patch.probabilities is not None
        assert patch.probabilities.shape == (len(ids), *patch.labels.shape)
        assert patch.probabilities.dtype == np.float32
        np.testing.assert_allclose(patch.probabilities.sum(axis=0), 1, atol=1e-5)
        assert patch.probabilities.min() >= 0
        clear = np.abs(patch.probabilities[0] - 0.5) > 1e-2
        assert (ids[patch.probabilities.argmax(axis=0)] == patch.labels)[clear].all()

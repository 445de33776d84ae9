"""A trained network segments: tiles, order, probabilities, odd input."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from predict_scene import NETWORKS, pixels, probabilities, weights_of
from torch import nn

from napari_unet.core.errors import InputWarning, UsageError, UserError
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.method import View, assemble
from napari_unet.networks.unet import UNet
from napari_unet.predicting import devices, tile_run
from napari_unet.predicting.network_model import NetworkModel, most_likely
from napari_unet.predicting.tiling import mirror_indices
from napari_unet.predicting.weights import load_into

SHAPES = ((1, 37), (33, 1), (61, 94), (64, 48), (3, 2))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_tiles_give_the_logits_of_the_whole_plane(name: str, shape: tuple[int, int]) -> None:
    network = NETWORKS[name]
    weights = weights_of(network, channels=2)
    plane = pixels(2, *shape)
    module = network.build(2, 3).eval()
    load_into(module, weights)
    rows, columns = (-(-length // network.stride) * network.stride for length in shape)
    if name == "2015":  # mirrored once, at the border of the plane
        halo = network.halo
        at = mirror_indices(-halo, rows + halo, shape[0])[:, None], mirror_indices(-halo, columns + halo, shape[1])
        forward = module.valid
    else:
        at, forward = (mirror_indices(0, rows, shape[0])[:, None], mirror_indices(0, columns, shape[1])), module
    with torch.inference_mode():
        whole = forward(torch.from_numpy(plane[(slice(None), *at)])[None])[0, :, :shape[0], :shape[1]].numpy()
    for tile in (1 if min(shape) < 4 else 16, 40, None):
        tiled = NetworkModel(weights, "cpu", tile=tile, full_precision=True).logits(plane)
        assert np.abs(tiled - whole).max() <= 1e-4
    assert whole.std() > 0.05 or min(shape) < 4


@pytest.mark.parametrize("name", NETWORKS)
def test_tiles_give_the_labels_of_the_whole_plane_in_16_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_fast_bfloat16", lambda: True)
    weights = weights_of(NETWORKS[name])
    plane = pixels(1, 61, 94)
    whole, tiled = (probabilities(NetworkModel(weights, "cpu", tile=tile).logits(plane)) for tile in (1000, 16))
    first, second = np.sort(whole, axis=0)[::-1][:2]
    sure = first - second > 1e-2
    assert sure.mean() > 0.3
    assert np.array_equal(whole.argmax(0)[sure], tiled.argmax(0)[sure])


def test_a_smaller_halo_would_break_the_law() -> None:
    class Short(UNet):
        halo = 16

    weights = weights_of(UNet(depth=2, width=4))
    plane = pixels(1, 96, 96)
    short = dataclasses.replace(weights, network=Short(depth=2, width=4))
    whole, tiled = (NetworkModel(short, "cpu", tile=tile, full_precision=True).logits(plane) for tile in (1000, 16))
    assert weights.network.halo > 16
    assert np.abs(whole - tiled).max() > 1e-4


def test_a_network_without_halo_sees_the_whole_plane() -> None:
    class Everything(UNet):
        halo = None

        def build(self, channels: int, classes: int) -> nn.Module:
            module = super().build(channels, classes)
            module.register_forward_pre_hook(lambda _m, inputs: seen.append(tuple(inputs[0].shape)))
            return module

    seen: list[tuple[int, ...]] = []
    model = NetworkModel(weights_of(Everything(depth=2, width=4)), "cpu", tile=8)
    assert len(list(model.segment(Image(pixels(2, 30, 41), "NYX")))) == 2
    assert all(shape[-2:] == (32, 44) for shape in seen)
    assert seen


def test_every_pixel_of_every_plane_is_written_once() -> None:
    image = Image(pixels(2, 3, 45, 70), "TZYX")
    model = NetworkModel(weights_of(UNet(depth=2, width=4)), "cpu", tile=32)
    written = np.zeros(image.shape, int)
    patches = list(model.segment(image))
    for number, patch in enumerate(patches, 1):
        written[patch.where] += 1
        assert patch.labels.dtype == np.uint8
        assert set(np.unique(patch.labels)) <= {1, 2, 4}
        assert patch.probabilities is None
        assert (patch.done, patch.total) == (number, len(patches))
    assert (written == 1).all()
    some = np.zeros(image.shape, np.uint8)
    assemble(image, model.segment(image, [4, 1, 4]), some)
    assert [int(number) for number in np.flatnonzero(some.reshape(6, -1).any(1))] == [1, 4]
    assert np.array_equal(some[0, 1], assemble(image, patches)[0, 1])


def test_planes_are_read_one_by_one_and_never_changed() -> None:
    class Lazy:
        shape, dtype = (4, 20, 20), np.dtype(np.float32)

        def __init__(self) -> None:
            self.data, self.reads = pixels(4, 20, 20), []
            self.data.flags.writeable = False

        def __getitem__(self, index: tuple[object, ...]) -> np.ndarray:
            self.reads.append(index[0])
            return self.data[index]

    data = Lazy()
    patches = NetworkModel(weights_of(UNet(depth=1, width=2)), "cpu", tile=10)
    monkey = iter(patches.segment(Image(data, "NYX"), [2, 0]))
    assert data.reads == []
    next(monkey)
    assert data.reads in ([2], [2, 0])  # one batch may hold tiles of both
    assert len(list(monkey)) == 7
    assert data.reads == [2, 0]


def test_probabilities_sum_to_one_and_agree_with_labels_and_logits() -> None:
    image = Image(pixels(3, 40, 50), "CYX")
    model = NetworkModel(weights_of(UNet(depth=2, width=4), channels=3), "cpu", full_precision=True)
    (patch,) = model.segment(image, probabilities=True)
    assert patch.probabilities.dtype == np.float32
    assert np.allclose(patch.probabilities.sum(0), 1, atol=1e-6)
    assert np.array_equal(np.array([1, 2, 4])[patch.probabilities.argmax(0)], patch.labels)
    plane, _ = model.weights.normalisation(image.plane(0))
    assert np.allclose(patch.probabilities, probabilities(model.logits(plane)), atol=1e-6)


def test_best_class_takes_the_first_of_equals() -> None:
    scores = torch.tensor([[0.0, 1, 2, 3, 3], [0, 2, 1, 3, 1], [0, 1, 2, 0, 3]])[:, None]
    assert most_likely(scores).tolist() == [[0, 1, 0, 0, 0]]
    many = torch.from_numpy(pixels(7, 9, 9))
    assert np.array_equal(most_likely(many), many.argmax(0))
    assert not most_likely(many[:1]).any()


def test_what_is_in_view_comes_first_and_the_view_may_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tile_run._BATCH_PIXELS, "cpu", 1)
    image = Image(pixels(3, 64, 64), "NYX")
    model = NetworkModel(weights_of(UNet(depth=1, width=2)), "cpu", tile=32)
    view: Latest[View | None] = Latest(View((1, slice(40, 60), slice(40, 60))))
    order = []
    for patch in model.segment(image, view=view):
        plane, rows, columns = patch.where
        order.append((plane, rows.start, columns.start))
        if len(order) == 2:
            view.put(View((2, slice(40, 60), slice(0, 60))))
    assert order == [
        (1, 32, 32), (1, 0, 0),  # in view, then the rest of its plane
        (2, 32, 0), (2, 32, 32), (2, 0, 0), (2, 0, 32),  # the view has moved
        (1, 0, 32), (1, 32, 0), (0, 0, 0), (0, 0, 32), (0, 32, 0), (0, 32, 32),  # what was begun, then the others
    ]


@pytest.mark.parametrize("dtype", ["?", "u1", "i1", ">u2", "i4", "u8", "f2", ">f4", "f8"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (23, 17)])
def test_any_dtype_and_size_works(dtype: str, shape: tuple[int, int]) -> None:
    data = (np.random.default_rng(0).random(shape) * 100).astype(dtype)
    before = data.copy()
    model = NetworkModel(weights_of(UNet(depth=2, width=2)), "cpu")
    assert (assemble(Image(data), model.segment(Image(data))) > 0).all()
    assert np.array_equal(data, before)
    constant = Image(np.full(shape, 7, dtype))
    assert (assemble(constant, model.segment(constant)) > 0).all()


def test_pixels_that_are_no_numbers_become_background_with_one_warning() -> None:
    data = pixels(2, 2, 40, 40)
    data[0, 1, 3, 4:9] = np.nan
    data[1, 0, 20, 20] = np.inf
    data[1, 1, 20, 20] = -np.inf
    image = Image(data, "NCYX")
    weights = weights_of(UNet(depth=1, width=4), channels=2, classes=(1, 3))
    patches = []
    with pytest.warns(InputWarning, match="'image': 6 of 3200 pixels are NaN or infinite") as caught:
        patches += NetworkModel(weights, "cpu", tile=16).segment(image, probabilities=True)
    assert len(caught) == 1
    labels, chance = np.zeros(image.shape, np.uint8), np.zeros((2, 2, 40, 40), np.float32)
    for patch in patches:
        labels[patch.where] = patch.labels
        chance[patch.where[0], :, *patch.where[1:]] = patch.probabilities
    for where in ((0, 3, slice(4, 9)), (1, 20, 20)):
        assert (labels[where] == 1).all()
        assert (chance[where[0], 0, where[1], where[2]] == 1).all()
        assert (chance[where[0], 1, where[1], where[2]] == 0).all()
    assert (labels == 3).any()


def test_an_image_without_any_number_is_refused_before_the_first_patch() -> None:
    model = NetworkModel(weights_of(UNet(depth=1, width=2)), "cpu")
    with pytest.raises(UserError, match=r"'image' holds no numbers at all.*Choose another image"):
        next(iter(model.segment(Image(np.full((3, 9, 9), np.nan), "NYX"))))
    data = pixels(2, 9, 9)
    data[0] = np.nan
    with pytest.warns(InputWarning, match="81 of 162"):
        labels = assemble(Image(data, "NYX"), model.segment(Image(data, "NYX")))
    assert (labels[0] == 1).all()


def test_another_number_of_channels_is_refused_at_once() -> None:
    model = NetworkModel(weights_of(UNet(depth=1, width=2), channels=3), "cpu")
    with pytest.raises(UserError, match=r"'image' has 1 channel, but this model learnt from images with 3\. Choose"):
        model.segment(Image(pixels(9, 9)))
    with pytest.raises(UserError, match="the plane has 2 channels"):
        model.logits(pixels(2, 9, 9))
    with pytest.raises(UserError, match="there is no plane 5"):
        model.segment(Image(pixels(3, 9, 9), "CYX"), [5])


def test_settings_out_of_bounds_are_refused() -> None:
    weights = weights_of(UNet(depth=1, width=2))
    with pytest.raises(UsageError, match=r"tta cannot be 500. Allowed: true, false, or 0 to 72 versions"):
        NetworkModel(weights, tta=500)
    with pytest.raises(UsageError, match="tile cannot be 0"):
        NetworkModel(weights, tile=0)
    with pytest.raises(UserError, match="no device called 'abacus'"):
        list(NetworkModel(weights, "abacus").segment(Image(pixels(9, 9))))

"""Prediction: tiles agree with the whole, every pixel once, view first, and what happens when things go wrong."""

from __future__ import annotations

import dataclasses
import itertools
import threading
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import InputWarning, UsageError, UserError, WorkError
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.method import View, assemble
from napari_unet.networks.unet import UNet
from napari_unet.networks.unet2015 import UNet2015
from napari_unet.predicting import devices, tile_run
from napari_unet.predicting.network_model import NetworkModel, most_likely
from napari_unet.predicting.tiling import mirror_indices
from napari_unet.predicting.weights import Weights, load_into, snapshot

NETWORKS = {
    **{f"{norm}-{upsampling}": UNet(2, 4, norm, 1, upsampling) for norm, upsampling in itertools.product(
        ("batch", "channel", "none"), ("transposed", "bilinear", "nearest", "unpool"))},
    "dilated": UNet(depth=2, width=4, dilation=3),
    "shallow": UNet(depth=1, width=4, upsampling="bilinear"),
    "deep": UNet(depth=4, width=2),
    "2015": UNet2015(width=2),
}
SHAPES = ((1, 37), (33, 1), (61, 94), (64, 48), (3, 2))


def weights_of(network: object, channels: int = 1, classes: tuple[int, ...] = (1, 2, 4), seed: int = 0) -> Weights:
    """Random weights, with statistics that are not those of a fresh batch norm."""
    torch.manual_seed(seed)
    module = network.build(channels, len(classes))
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.5, 2)
            nn.init.normal_(layer.bias, 0, 0.3)
    return snapshot(module, network, "unet", channels, ClassTable.default(classes))


def pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def probabilities(logits: np.ndarray) -> np.ndarray:
    return torch.softmax(torch.from_numpy(logits), 0).numpy()


# The law: tiled is whole


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


# Patches


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


# Input


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
    with pytest.raises(UserError, match=r"'image' has 1 channel, but this model was trained on 3\. Choose an image"):
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


# Averages over turned versions


@pytest.mark.parametrize("tta", [True, 4, 7])
@pytest.mark.parametrize("name", ["batch-transposed", "channel-bilinear", "2015"])
def test_averages_agree_with_the_whole_plane_too(name: str, tta: bool | int) -> None:
    weights = weights_of(NETWORKS[name])
    plane = pixels(1, 45, 62)
    whole, tiled = (NetworkModel(weights, "cpu", tta, tile, full_precision=True).logits(plane) for tile in (1000, 20))
    assert np.abs(whole - tiled).max() <= 1e-4
    assert np.abs(whole - NetworkModel(weights, "cpu", full_precision=True).logits(plane)).max() > 1e-2


def test_average_over_flips_and_turns_turns_with_the_image() -> None:
    weights = weights_of(UNet(depth=2, width=4))
    plane = pixels(1, 48, 32)
    model = NetworkModel(weights, "cpu", tta=True, full_precision=True)
    expected = model.logits(plane)
    for turns, mirror in itertools.product(range(4), (False, True)):
        def turned(array: np.ndarray, turns: int = turns, mirror: bool = mirror) -> np.ndarray:
            return np.rot90(array[..., ::-1] if mirror else array, turns, (-2, -1))

        assert np.abs(model.logits(np.ascontiguousarray(turned(plane))) - turned(expected)).max() <= 1e-4


@dataclasses.dataclass(frozen=True)
class Pointwise:
    """Looks at single pixels: what a rotation does to it is known."""

    stride = 4
    halo = 4

    def build(self, channels: int, classes: int) -> nn.Module:
        module = nn.Sequential()
        module.add_module("head", nn.Conv2d(channels, classes, 1))
        return module


def test_seven_rotations_of_a_network_that_sees_single_pixels_change_nothing() -> None:
    weights = weights_of(Pointwise(), classes=(1, 2))
    y, x = np.mgrid[:50, :70].astype(np.float32)
    plane = (np.sin(y / 15) + np.cos(x / 12))[None]
    plain, averaged = (NetworkModel(weights, "cpu", tta, 16, full_precision=True).logits(plane) for tta in (False, 7))
    assert np.abs(probabilities(plain) - probabilities(averaged)).max() < 5e-3


# When things go wrong


@dataclasses.dataclass(frozen=True)
class Moody(Pointwise):
    """Fails in a way of its own."""

    mood: str = ""

    def build(self, channels: int, classes: int) -> nn.Module:
        module = super().build(channels, classes)
        module.register_forward_hook(self.spoil)
        return module

    def spoil(self, _module: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
        half = torch.is_autocast_enabled("cpu")
        if self.mood == "greedy" and inputs[0].numel() > 300:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        if self.mood == "insatiable":
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        if self.mood == "half unsupported" and half:
            raise RuntimeError('"conv" not implemented for \'BFloat16\'')
        if self.mood == "broken":
            raise RuntimeError("shape mismatch")
        if self.mood == "nan" or (self.mood == "half nan" and half):
            return output * float("nan")
        return output


@pytest.mark.parametrize("mood", ["greedy", "half unsupported", "half nan"])
def test_prediction_finds_a_way_round(mood: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_fast_bfloat16", lambda: True)
    image = Image(pixels(3, 40, 52), "NYX")
    weights = weights_of(Moody(mood=mood))
    calm = NetworkModel(dataclasses.replace(weights, network=Moody()), "cpu", full_precision=mood != "greedy")
    written = np.zeros(image.shape, int)
    labels = np.zeros(image.shape, np.uint8)
    patches = list(NetworkModel(weights, "cpu").segment(image))
    for patch in patches:
        written[patch.where] += 1
        labels[patch.where] = patch.labels
    assert (written == 1).all()
    assert patches[-1].done == patches[-1].total
    assert np.array_equal(labels, assemble(image, calm.segment(image)))


@pytest.mark.parametrize(("mood", "error", "words"), [
    ("insatiable", UserError, "not enough memory on CPU .as asked. to predict even .* Close other programs"),
    ("broken", WorkError, "The network failed on CPU .as asked.: shape mismatch"),
    ("nan", UserError, "gives no numbers .NaN., so its weights are broken. Train it again"),
])
def test_hopeless_failures_are_told_and_are_no_runtime_errors(mood: str, error: type, words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        list(NetworkModel(weights_of(Moody(mood=mood)), "cpu").segment(Image(pixels(12, 12))))
    assert not isinstance(caught.value, RuntimeError)  # Qt workers swallow those


# Weights, threads, random numbers


def test_a_snapshot_does_not_follow_the_training() -> None:
    network = UNet(depth=1, width=2)
    module = network.build(1, 2)
    weights = snapshot(module, network, "unet", 1, ClassTable.default(), step=3)
    plane = pixels(1, 16, 16)
    model = NetworkModel(weights, "cpu", full_precision=True)
    before = model.logits(plane)
    with torch.no_grad():
        for tensor in module.parameters():
            tensor.add_(1)
    assert np.array_equal(model.logits(plane), before)
    assert model.note == "unet, trained for 3 steps, 2 classes"
    assert all(tensor.dtype in (torch.float32, torch.int64) for tensor in weights.tensors.values())
    with pytest.raises(TypeError):
        weights.tensors["head.bias"] = torch.zeros(2)


def test_weights_that_do_not_fit_are_refused_and_nothing_is_loaded() -> None:
    network = UNet(depth=1, width=2, norm="none")
    weights, module = weights_of(network), network.build(1, 2)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(UserError, match=r"do not fit.*head.weight has shape \(3, 2, 1, 1\) instead of \(2, 2, 1, 1\)"):
        load_into(module, weights)
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    tensors = dict(weights.tensors)
    tensors["other"] = tensors.pop("head.bias")
    with pytest.raises(UserError, match=r"head.bias is missing; other is unknown"):
        load_into(network.build(1, 3), dataclasses.replace(weights, tensors=tensors))


def test_predictions_that_take_turns_keep_their_own_weights() -> None:
    image = Image(pixels(40, 40))
    models = [NetworkModel(weights_of(UNet(depth=1, width=4), seed=seed), "cpu", tile=8) for seed in (1, 2)]
    alone = [assemble(image, model.segment(image)) for model in models]
    assert not np.array_equal(*alone)
    together = [np.zeros(image.shape, np.uint8) for _ in models]
    for patches in zip(*[model.segment(image) for model in models], strict=True):
        for out, patch in zip(together, patches, strict=True):
            out[patch.where] = patch.labels
    assert np.array_equal(together, alone)


def test_the_module_is_built_once_per_thread_and_disturbs_no_random_numbers() -> None:
    built = []

    class Counted(UNet):
        def build(self, channels: int, classes: int) -> nn.Module:
            built.append(threading.get_ident())
            return super().build(channels, classes)

    weights = [weights_of(Counted(depth=1, width=2), seed=seed) for seed in range(3)]
    built.clear()
    image = Image(pixels(9, 9))

    def publish() -> None:
        for one in weights:
            list(NetworkModel(one, "cpu").segment(image))

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    publish()
    assert torch.equal(torch.rand(3), expected)
    assert len(built) == 1
    thread = threading.Thread(target=publish)
    thread.start()
    thread.join()
    assert len(built) == 2
    assert built[0] != built[1]


def test_tiles_of_several_planes_share_a_batch() -> None:
    batches = []

    class Watched(UNet):
        def build(self, channels: int, classes: int) -> nn.Module:
            module = super().build(channels, classes)
            module.register_forward_pre_hook(lambda _m, inputs: batches.append(tuple(inputs[0].shape)))
            return module

    model = NetworkModel(weights_of(Watched(depth=1, width=2)), "cpu")
    list(model.segment(Image(pixels(9, 16, 16), "NYX")))
    assert sum(shape[0] for shape in batches) == 9
    assert len(batches) == 1
    assert tile_run.tile_size(model.weights, devices.choose_device("cpu")) == 512


def test_no_warning_without_reason() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(NetworkModel(weights_of(UNet()), "cpu").segment(Image(pixels(20, 20))))

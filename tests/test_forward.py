"""A network on a device: what happens when memory or precision fail, weights and threads."""

from __future__ import annotations

import dataclasses
import threading
import warnings

import numpy as np
import pytest
import torch
from predict_scene import Pointwise, pixels, weights_of
from torch import nn

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError, WorkError
from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.networks.unet import UNet
from napari_unet.predicting import devices, tile_run
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.weights import load_into, snapshot


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

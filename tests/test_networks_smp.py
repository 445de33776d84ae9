"""Networks of segmentation-models-pytorch: registered only where it is, loaded late, and never downloading unasked."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from napari_unet import networks, segmenters
from napari_unet.core import parameters
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UsageError, UserError
from napari_unet.learning.learner import Learner
from napari_unet.losses import REGISTRY as LOSSES
from napari_unet.networks import smp
from napari_unet.predicting.devices import choose_device
from napari_unet.predicting.weights import Network, snapshot

INSTALLED = importlib.util.find_spec(smp.LIBRARY) is not None


class Encoder(nn.Module):
    """Halves the picture, with a norm that meets single values on a patch of 2 px."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(channels, 4, 2, stride=2), nn.BatchNorm2d(4), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stand-in for the library that keeps what it was asked for."""
    asked = []

    def create_model(name: str, *, encoder_name: str, encoder_weights: str | None, in_channels: int, classes: int
                     ) -> nn.Module:
        asked.append((name, encoder_name, encoder_weights, in_channels))
        model = nn.Module()
        model.encoder, model.decoder = Encoder(in_channels), nn.Conv2d(4, 6, 3, padding=1)
        model.segmentation_head = nn.Sequential(nn.Conv2d(6, classes, 3), nn.Upsample(scale_factor=2))
        if name == "pspnet":
            raise ValueError("wrong stride")
        if encoder_weights:
            if encoder_name == "vgg11":
                raise OSError("no route to host")
            for parameter in model.encoder.parameters():
                nn.init.constant_(parameter, 0.25)
        return model

    found = types.ModuleType(smp.LIBRARY)
    found.create_model = create_model
    found.encoders = types.SimpleNamespace(get_encoder_names=lambda: ["resnet18", "resnet34", "vgg11"])
    found.asked = asked
    monkeypatch.setitem(sys.modules, smp.LIBRARY, found)
    return found


def test_keeps_the_contract_of_a_network(library: Any) -> None:
    network = smp.SegmentationModels()
    assert isinstance(network, Network)
    module = network.build(2, 3)
    assert module(torch.randn(2, 2, 32, 64)).shape == (2, 3, 32, 64)
    assert (module.head.kernel_size, module.head.out_channels) == ((1, 1), 3)
    assert list(module.state_dict())[-1].startswith("head")
    assert all(field.parameter.help for field in parameters.fields(network))
    assert module(torch.randn(1, 2, 2, 2)).shape == (1, 3, 2, 2)  # a single value per channel, while learning


def test_weights_are_asked_for_only_when_a_training_begins(library: Any) -> None:
    network = smp.SegmentationModels(architecture="fpn", encoder="resnet34", pretrained=True)
    plain = network.build(1, 2)
    assert library.asked == [("fpn", "resnet34", None, 1)]

    def learner(initial: Any = None) -> Learner:
        library.asked.clear()
        return Learner(network, 1, (1, 2), choose_device("cpu"), LOSSES["cross_entropy"], initial=initial)

    module = learner().module
    assert [weights for *_, weights, _ in library.asked] == [None, "imagenet"]
    assert all((parameter == 0.25).all() for parameter in module.encoder.parameters())
    assert not (module.decoder.weight == 0.25).any()
    weights = snapshot(plain, network, "smp", 1, ClassTable.default((1, 2)))
    module = learner(weights).module  # continued: what was learnt stays
    assert [weights for *_, weights, _ in library.asked] == [None]
    assert torch.equal(module.encoder.layers[0].weight, plain.encoder.layers[0].weight)


def test_nothing_is_asked_for_without_the_wish(library: Any) -> None:
    Learner(smp.SegmentationModels(), 3, (1, 2), choose_device("cpu"), LOSSES["cross_entropy"])
    assert library.asked == [("unet", "resnet18", None, 3)]


def test_errors_say_what_to_do(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"architecture cannot be 'net'. Allowed: one of unet, unetplusplus"):
        smp.SegmentationModels("net")
    with pytest.raises(UsageError, match=r"encoder cannot be 'resnet19'.*Allowed: for example resnet18, resnet34"):
        smp.SegmentationModels(encoder="resnet19").build(1, 2)
    with pytest.raises(UsageError, match=r"'resnet18' does not work with the 'pspnet'.*\(wrong stride\)\. Choose"):
        smp.SegmentationModels("pspnet").build(1, 2)
    offline = smp.SegmentationModels(encoder="vgg11", pretrained=True)
    module = offline.build(1, 2)
    with pytest.raises(UserError, match=r"'vgg11' could not be downloaded \(no route to host\)\. Check the connection"):
        offline.begin(module)
    monkeypatch.setitem(sys.modules, smp.LIBRARY, None)
    with pytest.raises(UserError, match="installed but cannot be loaded"):
        smp.SegmentationModels().build(1, 2)


def test_in_the_registry_only_where_the_library_is() -> None:
    assert ("smp" in networks.REGISTRY) == INSTALLED
    assert ("smp" in segmenters.REGISTRY) == INSTALLED


def test_the_registry_is_filled_without_loading_the_library(tmp_path: Path) -> None:
    folder = tmp_path / smp.LIBRARY
    folder.mkdir()
    (folder / "__init__.py").write_text("raise SystemExit('loaded too early')")
    code = "from napari_unet import segmenters; print('smp' in segmenters.REGISTRY)"
    done = subprocess.run([sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"],
                          capture_output=True, text=True, check=False, timeout=1200)
    assert (done.stdout.strip(), done.stderr) == ("True", "")


@pytest.mark.skipif(not INSTALLED, reason="segmentation-models-pytorch is an extra")
@pytest.mark.parametrize("architecture", next(f for f in parameters.fields(smp.SegmentationModels)).choices)
def test_every_architecture_of_the_library_works(architecture: str) -> None:
    network = smp.SegmentationModels(architecture)
    module, shape = network.build(2, 3), (network.stride, 3 * network.stride)  # the smallest plane, while learning
    logits = module(torch.randn(1, 2, *shape))
    assert logits.shape == (1, 3, *shape)
    logits.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in module.parameters() if p.grad is not None)

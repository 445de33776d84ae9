"""What every registered network promises: tiles agree with the whole, it learns from strokes, it can be saved."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from training_scene import Scene

from napari_unet import segmenters
from napari_unet.core import parameters
from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.core.random_numbers import own_random_numbers
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import Work
from napari_unet.io.model_file import load_model, save_model
from napari_unet.networks import REGISTRY
from napari_unet.networks._axes_unet import _through
from napari_unet.predicting import devices
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.tiling import mirror_indices
from napari_unet.predicting.weights import Weights, load_into, snapshot

SMALL = {"width": 4, "layers": 2}
NAMES = REGISTRY.names()
pytestmark = pytest.mark.filterwarnings("ignore:.*no axis that is known to be z")  # those of volumes see planes alone
LOCAL = [name for name in NAMES if REGISTRY[name]().halo is not None]


def small(name: str, **options: Any) -> Any:
    """Make a network with few channels."""
    known = {field.name for field in parameters.fields(REGISTRY[name])}
    return REGISTRY[name](**{key: value for key, value in {**SMALL, **options}.items() if key in known})


def weights_of(name: str, channels: int = 1, classes: tuple[int, ...] = (1, 2, 4), **options: Any) -> Weights:
    """Random weights, with statistics that are not those of a fresh batch norm."""
    torch.manual_seed(0)
    network = small(name, **options)
    module = network.build(channels, len(classes))
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.5, 2)
            nn.init.normal_(layer.bias, 0, 0.3)
    return snapshot(module, network, name, channels, ClassTable.default(classes))


def pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def at_once(weights: Weights, plane: np.ndarray) -> np.ndarray:
    """Return the logits of a plane without the machinery of prediction: mirrored to a multiple of the stride."""
    network = weights.network
    module = network.build(weights.channels, len(weights.classes.ids)).eval()
    load_into(module, weights)
    edge = network.halo if getattr(network, "padding", "zero") == "mirror" else 0
    rows, columns = (mirror_indices(-edge, -(-length // network.stride) * network.stride + edge, length)
                     for length in plane.shape[1:])
    forward = module.valid if edge else module
    with torch.inference_mode():
        logits = forward(torch.from_numpy(plane[:, rows[:, None], columns])[None])[0]
    return logits[:, :plane.shape[1], :plane.shape[2]].numpy()


@pytest.mark.parametrize("name", LOCAL)
def test_tiles_give_the_logits_of_the_whole_plane(name: str) -> None:
    weights = weights_of(name, channels=2)
    halo = weights.network.halo
    plane = pixels(2, 2 * halo + 83, 61)  # tiles in the middle see neither end
    whole = at_once(weights, plane)
    assert whole.std() > 0.05
    for tile in (64, 150):
        tiled = NetworkModel(weights, "cpu", tile=tile, full_precision=True).logits(plane)
        assert np.abs(tiled - whole).max() <= 1e-4


@pytest.mark.parametrize("name", LOCAL)
def test_a_halo_less_by_a_stride_would_not_do(name: str) -> None:
    weights = weights_of(name)
    network = weights.network
    if "reach" in dir(network):
        assert network.reach <= network.halo < network.reach + network.stride
    module = network.build(1, 3).eval().double()
    load_into(module, weights)
    _leaky(module)
    size = (2 * network.halo // network.stride + 3) * network.stride
    x = torch.from_numpy(pixels(1, 1, size, 2 * network.stride)).double().requires_grad_()
    start = size // 2 // network.stride * network.stride
    logits = module(x)
    farthest = 0
    for place in range(start, start + network.stride):
        (slope,) = torch.autograd.grad(logits[0, 0, place].sum(), x, retain_graph=True)
        rows = slope[0, 0].abs().sum(1).nonzero()
        farthest = max(farthest, int((rows - place).abs().max()))
    assert farthest <= network.halo
    assert farthest > network.halo - network.stride - 2  # pooling passes on one pixel of four only


def _leaky(module: nn.Module) -> None:
    """Let all activations pass: a ReLU that is off would hide a path."""
    for layer in module.modules():
        if isinstance(layer, nn.ReLU):
            layer.forward = lambda x: nn.functional.leaky_relu(x, 0.5)  # type: ignore[method-assign]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LOCAL])
def test_a_network_without_a_halo_sees_the_whole_plane(name: str) -> None:
    weights = weights_of(name)
    plane = pixels(1, 50, 139)
    tiled = NetworkModel(weights, "cpu", tile=16, full_precision=True).logits(plane)
    assert np.abs(tiled - at_once(weights, plane)).max() <= 1e-4
    changed = plane.copy()
    changed[:, :16, :16] += 1  # a corner has a say in the opposite one
    far = at_once(weights, changed)[:, -16:, -16:] - at_once(weights, plane)[:, -16:, -16:]
    assert np.abs(far).max() > 1e-6


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (1, 37), (33, 65)], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_planes_of_any_size(name: str, shape: tuple[int, int]) -> None:
    weights = weights_of(name, channels=3, classes=(1, 3))
    plane = pixels(3, *shape)
    logits = NetworkModel(weights, "cpu", full_precision=True).logits(plane)
    assert logits.shape == (2, *shape)
    assert np.abs(logits - at_once(weights, plane)).max() <= 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_16_bits_give_the_labels_of_32_where_they_are_sure(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_fast_bfloat16", lambda: True)
    weights = weights_of(name)
    plane = pixels(1, 61, 94)
    exact, rough = (torch.softmax(torch.from_numpy(NetworkModel(weights, "cpu", full_precision=full).logits(plane)), 0)
                    for full in (True, False))
    assert not torch.equal(exact, rough)  # or nothing was tested
    first, second = exact.sort(0, descending=True)[0][:2]
    margin = first - second
    sure = margin > margin.quantile(0.7)
    assert float((exact.argmax(0)[sure] == rough.argmax(0)[sure]).float().mean()) > 0.99


@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("name", NAMES)
def test_every_layer_learns(name: str, autocast: bool) -> None:
    with own_random_numbers(0):  # with other numbers, a layer this small may be silent throughout
        module = small(name).build(2, 3)
        x = torch.randn(2, 2, 64, 64).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        logits = module(x)
    assert logits.dtype is torch.float32
    nn.functional.cross_entropy(logits, (x[:, 0] > 0).long()).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in module.parameters())
    assert all(p.grad.abs().sum() > 0 for name, p in module.named_parameters() if name.endswith("weight"))


@pytest.mark.parametrize("planes", [1, 2, 3, 4])
def test_gradients_of_volumes_in_16_bits_are_those_in_32(planes: int) -> None:
    """Of two planes torch's are wrong by more than they are large."""
    with own_random_numbers(0):
        network = REGISTRY["unet3d"]().build(1, 2)
        block, x = network.decoder[0], torch.randn(2, 2 * network.layout.widths[0], planes, 32, 32)
    found: list[list[torch.Tensor]] = []
    for autocast in (False, True):
        block.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            out = _through(block, x)
        (out.float() ** 2).sum().backward()
        found.append([p.grad.flatten().clone() for p in block.parameters() if p.ndim == 5])
    for one, other in zip(*found, strict=True):
        assert float(nn.functional.cosine_similarity(one, other, 0)) > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_no_layer_looks_at_a_whole_plane_to_normalise_it(name: str) -> None:
    layers = REGISTRY[name]().build(1, 2).modules() if name != "unet2015" else small(name).build(1, 2).modules()
    assert not any(isinstance(layer, (nn.GroupNorm, nn.InstanceNorm2d)) for layer in layers)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_builds_the_same_network(name: str) -> None:
    first, second = (weights_of(name).tensors for _ in range(2))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", NAMES)
def test_a_few_steps_learn_a_small_scene_and_a_file_keeps_it(name: str, tmp_path: Path) -> None:
    scene = Scene(channels=2)
    truth = np.where(scene.data[0] > 0.5, 2, 1)
    for square in (slice(4, 14), slice(18, 28)):
        truth[square, square] = 2
        scene.paint[square, square.start + 2:square.start + 8] = 2
    scene.paint[[1, 16, 30]] = 1
    scene.paint[:, [1, 16, 30]] = 1
    known = {field.name for field in parameters.fields(segmenters.REGISTRY[name])}
    options = {"width": 2 if name == "unet2015" else 8, "depth": 2, "layers": 2, "token": 8, "dropout": 0.0}
    method = segmenters.REGISTRY[name](  # augmentation, or places in so small a plane would be learnt by heart
        seconds=None, steps=80, device="cpu", threads=1, batch=1, augmentation=0.5, learning_rate=0.01,
        **{key: value for key, value in options.items() if key in known})
    model = Work(method.fit(scene.training)).result()
    labels = assemble(scene.image, model.segment(scene.image))
    dice = 2 * ((labels == 2) & (truth == 2)).sum() / ((labels == 2).sum() + (truth == 2).sum())
    assert (labels == scene.paint)[scene.paint > 0].mean() > 0.9
    assert dice > 0.7
    save_model(tmp_path / "model.pt", model)
    again = load_model(tmp_path / "model.pt", "cpu")
    assert again.weights.network == model.weights.network
    assert np.array_equal(assemble(scene.image, again.segment(scene.image)), labels)


@pytest.mark.parametrize("name", NAMES)
def test_learns_from_a_plane_of_a_few_pixels(name: str) -> None:
    data = np.zeros((5, 3), np.float32)
    data[2:] = 1
    paint = np.zeros((5, 3), np.uint8)
    paint[0], paint[4] = 1, 2
    known = {field.name for field in parameters.fields(segmenters.REGISTRY[name])}
    method = segmenters.REGISTRY[name](seconds=None, steps=2, device="cpu", threads=1, batch=1, **{
        key: value for key, value in SMALL.items() if key in known})
    image = Image(data)
    model = Work(method.fit(TrainingSet((Pair(image, Scribbles.from_array(paint)),)))).result()
    assert set(np.unique(assemble(image, model.segment(image)))) <= {1, 2}


@pytest.mark.parametrize("name", NAMES)
def test_head_alone_gives_the_classes(name: str) -> None:
    """Classes come and go by the rows of the head: the others' logits must not change."""
    module = small(name).build(1, 4).eval()
    x = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        four = module(x)
        grown = nn.Conv2d(module.head.in_channels, 2, 1)
        with torch.no_grad():
            grown.weight.copy_(module.head.weight[1:3])
            grown.bias.copy_(module.head.bias[1:3])
        module.head = grown
        assert torch.allclose(module(x), four[:, 1:3], atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_help_is_there_for_people(name: str) -> None:
    doc = inspect.getdoc(REGISTRY[name])
    assert doc
    assert len(doc.partition("\n")[0]) < 120

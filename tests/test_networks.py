"""Networks: shapes, reach, initialisation, and the published U-Net to the letter."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from napari_unet.core import parameters
from napari_unet.core.errors import UsageError
from napari_unet.networks import REGISTRY
from napari_unet.networks._filter_bank import COUNT, FilterBank
from napari_unet.networks._layers import ChannelNorm, he_initialise
from napari_unet.networks.patch_classifier import STEP, PatchClassifier, PatchClassifierModule
from napari_unet.networks.unet import UNet
from napari_unet.networks.unet2015 import MARGIN, UNet2015
from napari_unet.predicting.weights import Network

NORMS = ("batch", "channel", "none")
UPSAMPLINGS = ("transposed", "bilinear", "nearest", "unpool", "smoothed")


@pytest.mark.parametrize("name", REGISTRY.names())
def test_every_network_keeps_the_contract(name: str) -> None:
    narrow = {"width": 4} if any(field.name == "width" for field in parameters.fields(REGISTRY[name])) else {}
    network = REGISTRY[name](**narrow)
    assert isinstance(network, Network)
    module = network.build(3, 5).eval()
    height, width = network.stride, 3 * network.stride
    with torch.inference_mode():
        assert module(torch.randn(2, 3, height, width)).shape == (2, 5, height, width)
    assert isinstance(module.head, nn.Conv2d)
    assert (module.head.kernel_size, module.head.out_channels) == ((1, 1), 5)
    assert list(module.state_dict())[-1].startswith("head")
    assert network.halo is None or network.halo % network.stride == 0
    assert hash(network) == hash(type(network)(**parameters.as_dict(network)))
    assert all(field.parameter.help for field in parameters.fields(network))


@pytest.mark.parametrize(("norm", "upsampling"), list(itertools.product(NORMS, UPSAMPLINGS)))
def test_unet_learns_with_every_norm_and_upsampling(norm: str, upsampling: str) -> None:
    torch.manual_seed(0)
    module = UNet(depth=2, width=4, norm=norm, upsampling=upsampling).build(1, 2)
    x = torch.randn(2, 1, 16, 24)
    for autocast in (False, True):
        module.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            logits = module(x)
        assert logits.dtype is torch.float32
        nn.functional.cross_entropy(logits, (x[:, 0] > 0).long()).backward()
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in module.parameters())
        # every layer takes part
        assert all(p.grad.abs().sum() > 0 for name, p in module.named_parameters() if name.endswith("weight"))


def _reach(module: nn.Module, size: int, stride: int) -> int:
    """Largest distance over which an input pixel has an influence, over all places within the stride."""
    x = torch.randn(1, 1, size, size, dtype=torch.double, requires_grad=True)
    logits = module.double().eval()(x)
    worst = 0
    for place in range(size // 2, size // 2 + stride):
        total = logits[0, 0, place, place]
        (slope,) = torch.autograd.grad(total, x, retain_graph=True)
        touched = slope[0, 0].nonzero()
        worst = max(worst, int((touched - place).abs().max()))
    return worst


@pytest.mark.parametrize(("upsampling", "depth", "dilation"), [
    *itertools.product(UPSAMPLINGS, (1, 2), (1, 2)), ("transposed", 3, 1), ("bilinear", 3, 1), ("smoothed", 3, 1),
])
def test_halo_covers_exactly_what_a_pixel_depends_on(upsampling: str, depth: int, dilation: int) -> None:
    torch.manual_seed(0)
    network = UNet(depth, 4, "none", dilation, upsampling)
    module = network.build(1, 1)
    for layer in module.modules():  # a ReLU that is off would hide a path
        if isinstance(layer, nn.ReLU):
            layer.forward = lambda x: nn.functional.leaky_relu(x, 0.5)
    size = 2 * (network.halo + network.stride)
    measured = _reach(module, size, network.stride)
    # where the maxima lie decides which of the four pixels of a cell counts, so one picture shows less than all
    assert network.reach - (upsampling == "unpool") <= measured <= network.reach
    assert network.reach <= network.halo < network.reach + network.stride


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_a_part_of_the_logits_is_cut_from_the_whole(upsampling: str) -> None:
    torch.manual_seed(0)
    module = UNet(depth=3, width=2, upsampling=upsampling).build(1, 2).eval()
    x = torch.randn(1, 1, 64, 80)
    sizes = []
    module.decoder[0].register_forward_hook(lambda _m, _i, out: sizes.append(tuple(out.shape[-2:])))
    with torch.inference_mode():
        whole = module(x)
        for rows, columns in (((0, 64), (0, 80)), ((24, 31), (33, 34)), ((0, 1), (79, 80)), ((3, 64), (0, 77))):
            part = module(x, part=(rows, columns))
            assert torch.allclose(part, whole[..., slice(*rows), slice(*columns)], atol=1e-5)
    # two convolutions more on each side, from an even pixel to an even pixel; switches need the whole
    assert sizes[2] == ((64, 80) if upsampling == "unpool" else (12, 6))


def test_reach_of_the_standard_unet_by_hand() -> None:
    # 572 - 388 = 184 pixels around an aligned output (2015 paper), one stride minus a pixel more in the worst place
    assert UNet().reach == 184 // 2 + 15 == 107
    assert (UNet().stride, UNet().halo) == (16, 112)
    # bilinear looks one coarse pixel further at each level: 2 + 4 + 8 + 16 less the half pixels it lies between
    assert UNet(upsampling="bilinear").reach > UNet().reach
    # two convolutions, each reaching one coarse pixel further
    assert UNet(dilation=2).reach == 107 + 2 * 16


def test_wrong_parameters_say_what_is_allowed() -> None:
    with pytest.raises(UsageError, match=r"UNet: depth cannot be 0. Allowed: a whole number from 1 to 6"):
        UNet(depth=0)
    with pytest.raises(UsageError, match=r"norm cannot be 'group'. Allowed: one of batch, channel, none"):
        UNet(norm="group")
    with pytest.raises(UsageError, match="UNet2015: dropout cannot be 1"):
        UNet2015(dropout=1)


def test_he_initialisation_keeps_the_spread_of_activations() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 64, 32, 32).relu()
    for layer in (nn.Conv2d(64, 64, 3), nn.ConvTranspose2d(64, 64, 2, stride=2)):
        he_initialise(layer)
        assert not layer.bias.any()
        # He et al. 2015, eq. 8: the mean square of the input is half the variance of the output
        assert float(layer(x).detach().var()) == pytest.approx(2 * float((x**2).mean()), rel=0.15)


def test_channel_norm_looks_at_one_pixel_only() -> None:
    x = torch.randn(1, 6, 4, 5)
    by_hand = (x - x.mean(1, keepdim=True)) / torch.sqrt(x.var(1, keepdim=True, unbiased=False) + 1e-5)
    assert torch.allclose(ChannelNorm(6)(x), by_hand, atol=1e-6)


def test_unpooling_puts_values_back_where_the_maxima_were() -> None:
    torch.manual_seed(0)
    module = UNet(depth=1, width=2, norm="none", upsampling="unpool").build(1, 1)
    seen = {}
    module.encoder[0].register_forward_hook(lambda _m, _i, out: seen.update(skip=out.detach()))
    module.decoder[0].register_forward_pre_hook(lambda _m, inputs: seen.update(joined=inputs[0].detach()))
    module(torch.randn(1, 1, 8, 8))
    risen, skip = seen["joined"][0, 2:], seen["skip"][0]
    for channel, y, x in itertools.product(range(2), range(0, 8, 2), range(0, 8, 2)):
        cell, source = risen[channel, y:y + 2, x:x + 2].flatten(), skip[channel, y:y + 2, x:x + 2].flatten()
        assert (cell != 0).sum() <= 1
        if (cell != 0).any() and source.max() > 0:
            assert int(cell.abs().argmax()) == int(source.argmax())


def test_published_network_to_the_letter() -> None:
    with torch.inference_mode():
        assert UNet2015(width=1).build(1, 2).core(torch.zeros(1, 1, 572, 572)).shape == (1, 2, 388, 388)
    with torch.device("meta"):  # shapes only: 31 million weights
        module = UNet2015().build(1, 2)
    convolutions = [m for m in module.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    assert len(convolutions) == 23  # "In total the network has 23 convolutional layers."
    assert max(m.out_channels for m in convolutions) == 1024
    assert {m.kernel_size for m in convolutions if isinstance(m, nn.Conv2d)} == {(3, 3), (1, 1)}
    assert {m.kernel_size for m in convolutions if isinstance(m, nn.ConvTranspose2d)} == {(2, 2)}
    assert not any("Norm" in type(m).__name__ for m in module.modules())


def test_published_network_sees_exactly_its_margin() -> None:
    torch.manual_seed(0)
    network = UNet2015(width=2)
    module = network.build(1, 2).eval()
    x = torch.randn(1, 1, 48, 32)
    rows = np.pad(np.arange(48), MARGIN, mode="reflect")
    columns = np.pad(np.arange(32), MARGIN, mode="reflect")
    with torch.inference_mode():
        by_hand = module.core(x[..., rows[:, None], columns])
        assert by_hand.shape == (1, 2, 52, 36)  # n - 184, two more than asked for on each side
        assert torch.equal(module(x), by_hand[..., 2:-2, 2:-2])
    assert network.halo >= MARGIN


def test_published_network_drops_out_only_while_learning() -> None:
    torch.manual_seed(0)
    module = UNet2015(width=2).build(1, 2)
    x = torch.randn(1, 1, 16, 16)
    with torch.no_grad():
        assert not torch.equal(module.train()(x), module(x))
        assert torch.equal(module.eval()(x), module(x))


@pytest.mark.parametrize("extra", [
    {"halvings": 1}, {"halvings": 3}, {"filters": True}, {"halvings": 2, "filters": True},
    {"surroundings": True}, {"filters": True, "surroundings": True},
])
def test_unet_with_other_views_of_the_picture_is_exact_on_a_part_of_it(extra: dict[str, Any]) -> None:
    torch.manual_seed(0)
    network = UNet(depth=2, width=4, features=3, channelwise=True, **extra)
    module = network.build(2, 3).eval()
    stride, halo = network.stride, network.halo
    top, left = halo + 5 * stride, halo + 6 * stride
    x = torch.randn(1, 2, top + 4 * stride + halo, left + 5 * stride + halo)
    above, before = max(0, top - halo), max(0, left - halo)
    with torch.inference_mode():
        whole = module(x)[..., top : top + 2 * stride, left : left + 3 * stride]
        read = x[..., above : top + 2 * stride + halo, before : left + 3 * stride + halo]
        part = ((top - above, top - above + 2 * stride), (left - before, left - before + 3 * stride))
        torch.testing.assert_close(module(read, part), whole, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(module(x, ((3, 40), (0, 21))), module(x)[..., 3:40, :21], rtol=1e-4, atol=1e-4)
    assert module.head.in_channels == 2 * len(network.prior)


def test_filters_agree_with_scipy() -> None:
    plane = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    with torch.inference_mode():
        found = FilterBank()(torch.from_numpy(plane)[None, None], ((0, 64), (0, 64)))[0].numpy()
    assert found.shape == (COUNT, 64, 64)
    np.testing.assert_array_equal(found[0], plane)
    for number, sigma in ((1, 1.0), (5, 2.0)):
        smooth = ndimage.gaussian_filter(plane, sigma, mode="nearest", radius=int(np.ceil(3 * sigma)))
        np.testing.assert_allclose(found[number], smooth, atol=1e-5)
        np.testing.assert_allclose(
            found[number + 1][1:-1, 1:-1], sigma * np.hypot(*np.gradient(smooth))[1:-1, 1:-1], atol=1e-5)
        # both eigenvalues together are the Laplacian
        np.testing.assert_allclose(
            found[number + 2] + found[number + 3], sigma**2 * ndimage.laplace(smooth, mode="nearest"), atol=1e-4)
        assert (found[number + 2] >= found[number + 3]).all()


@pytest.mark.parametrize(("scale", "width"), [(1, 2), (2, 4), (3, 8), (4, 16)])
def test_each_scale_answers_most_to_ridges_of_its_size(scale: int, width: int) -> None:
    ridge = np.exp(-0.5 * ((np.arange(256, dtype=np.float32) - 128) / width) ** 2)
    plane = torch.from_numpy(np.repeat(ridge[:, None], 64, axis=1))[None, None]
    with torch.inference_mode():
        found = FilterBank()(plane, ((0, 256), (0, 64)))[0, :, 128, 32].numpy()
    assert found[4::4].argmin() == scale  # the lower eigenvalue of the Hessian, across the ridge
    np.testing.assert_allclose(found[3::4], 0, atol=1e-3)  # along it


def test_windows_cut_one_by_one_give_the_numbers_of_the_plane_at_once() -> None:
    torch.manual_seed(0)
    network = PatchClassifier(width=2, extent=8)
    module = network.build(1, 3).eval()
    assert isinstance(module, PatchClassifierModule)
    x = torch.randn(1, 1, network.window + 3 * STEP, network.window + 2 * STEP)
    with torch.inference_mode():
        at_once = module.windows(x)
        assert at_once.shape == (1, 3, 4, 3)
        for row, column in itertools.product(range(4), range(3)):
            window = x[..., row * STEP:row * STEP + network.window, column * STEP:column * STEP + network.window]
            alone = module.windows(window)
            assert alone.shape == (1, 3, 1, 1)
            assert torch.allclose(alone[..., 0, 0], at_once[..., row, column], atol=1e-5)

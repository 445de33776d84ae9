"""Networks that see depth: slabs and tiles agree with the whole, and they learn from strokes on a few planes."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from napari_unet import losses, segmenters
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import InputWarning, UsageError, UserError
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.method import View, assemble
from napari_unet.core.normalisation import Normalisation
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import Work
from napari_unet.exchange.model_export import export_model
from napari_unet.io.model_file import load_model, save_model
from napari_unet.learning.augmentation import Augmentation
from napari_unet.learning.learner import as_planes
from napari_unet.learning.patch_sampler import PatchSampler
from napari_unet.learning.plane_cache import PlaneCache
from napari_unet.learning.strokes import single_strokes
from napari_unet.learning.volume_sampler import VolumeSampler
from napari_unet.networks.planned import Planned
from napari_unet.networks.unet3d import UNet3D
from napari_unet.networks.unet25d import UNet25D
from napari_unet.predicting import network_model
from napari_unet.predicting.block_answer import answer_block, plan_blocks
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.slabs import DepthReach, depth_reach, slab_of, slab_size, slabs_of
from napari_unet.predicting.tiling import mirror_indices
from napari_unet.predicting.weights import Weights, load_into, snapshot

NETWORKS: dict[str, Any] = {
    "cubes": UNet3D(depth=1, width=2),
    "flat first": UNet3D(width=2, kernels="1x3x3 3x3x3 3x3x3", poolings="1x2x2 2x2x2"),
    "rows coarse": Planned(width=2, kernels="3x1x3 3x3x3", poolings="2x1x2"),
    "one level": UNet3D(width=2, kernels="3x3x3", poolings=""),
    "2.5-D": UNet25D(neighbours=2, depth=2, width=2),
}
every = pytest.mark.parametrize("name", NETWORKS)


def weights_of(name: str, channels: int = 1) -> Weights:
    """Random weights, with statistics that are not those of a fresh norm."""
    torch.manual_seed(0)
    network = NETWORKS[name]
    module = network.build(channels, 3)
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.5, 2)
            nn.init.normal_(layer.bias, 0, 0.3)
    registered = "unet25d" if name == "2.5-D" else "planned" if isinstance(network, Planned) else "unet3d"
    return snapshot(module, network, registered, channels, ClassTable.default((1, 2, 4)))


def pixels(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def at_once(weights: Weights, volume: np.ndarray) -> np.ndarray:
    """Return the logits of a volume without the machinery of prediction: mirrored to multiples of the strides."""
    network = weights.network
    module = network.build(weights.channels, 3).eval()
    load_into(module, weights)
    along = network.along_z
    edge = along.halo if along.beyond else 0
    planes = mirror_indices(-edge, -(-volume.shape[1] // along.stride) * along.stride + edge, volume.shape[1])
    rows, columns = (mirror_indices(0, -(-length // network.stride) * network.stride, length)
                     for length in volume.shape[2:])
    whole = volume[:, planes[:, None, None], rows[:, None], columns]
    with torch.inference_mode():
        logits = module(torch.from_numpy(whole)[None])[0].numpy()
    return logits[:, :volume.shape[1], :volume.shape[2], :volume.shape[3]]


@every
def test_slabs_and_tiles_give_the_logits_of_the_whole_volume(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = weights_of(name, channels=2)
    reach = weights.network.along_z
    volume = pixels(2, 2 * reach.halo + 5, weights.network.halo + 9, 2 * weights.network.halo + 19)
    whole = at_once(weights, volume)
    assert whole.std() > 0.05
    for tile, thickness in ((16, 6), (64, 100)):
        monkeypatch.setattr(NetworkModel, "_slab_size", lambda *_, found=(thickness, tile): found)
        tiled = NetworkModel(weights, "cpu", tile=tile, full_precision=True).logits(volume)
        assert np.abs(tiled - whole).max() <= 1e-4


@every
def test_a_halo_less_by_a_stride_would_not_do_along_z(name: str) -> None:
    weights = weights_of(name)
    network, reach = weights.network, weights.network.along_z
    module = network.build(1, 3).eval().double()
    load_into(module, weights)
    for layer in module.modules():
        if isinstance(layer, nn.ReLU):  # one that is off would hide a path
            layer.forward = lambda x: nn.functional.leaky_relu(x, 0.5)
    planes = (2 * reach.halo // reach.stride + 3) * reach.stride
    x = torch.from_numpy(pixels(1, 1, planes, 2 * network.stride, 2 * network.stride)).double().requires_grad_()
    logits = module(x)
    ahead = reach.halo if reach.beyond else 0
    start = planes // 2 // reach.stride * reach.stride
    farthest = 0
    for place in range(start, start + reach.stride):
        (slope,) = torch.autograd.grad(logits[0, 0, place - ahead].sum(), x, retain_graph=True)
        seen = slope[0, 0].abs().sum((1, 2)).nonzero()
        farthest = max(farthest, int((seen - place).abs().max()))
    assert reach.halo - reach.stride - 2 < farthest <= reach.halo


@every
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9, 5), (5, 1, 33), (3, 21, 2)])
def test_volumes_of_any_size(name: str, shape: tuple[int, int, int]) -> None:
    weights = weights_of(name)
    volume = pixels(1, *shape)
    logits = NetworkModel(weights, "cpu", full_precision=True).logits(volume)
    assert np.abs(logits - at_once(weights, volume)).max() <= 1e-4


@every
def test_every_layer_learns(name: str) -> None:
    torch.manual_seed(0)
    module = NETWORKS[name].build(1, 3)
    x = torch.randn(1, 1, 16, 32, 32)
    for autocast in (False, True):
        module.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            logits = module(x)
        assert logits.dtype is torch.float32
        nn.functional.cross_entropy(logits, (x[:, 0, : logits.shape[2]] > 0).long()).backward()
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in module.parameters())
        assert all(p.grad.abs().sum() > 0 for at, p in module.named_parameters() if at.endswith("weight"))


@every
def test_the_gradient_is_zero_where_nothing_is_painted(name: str) -> None:
    logits = torch.randn(2, 3, 4, 8, 8, requires_grad=True)
    targets = torch.full((2, 4, 8, 8), -1)
    targets[0, 1, 2, 3:6] = 1
    targets[1, 3, 4:6, 5] = 0
    losses.REGISTRY["dice_cross_entropy"](*as_planes(logits, targets)).backward()
    painted = (targets >= 0)[:, None].expand_as(logits)
    assert float(logits.grad[~painted].abs().max()) == 0
    assert float(logits.grad[painted].abs().min()) > 0


def test_the_loss_of_a_volume_is_that_of_its_painted_planes() -> None:
    logits, targets = torch.randn(2, 3, 4, 6, 5), torch.full((2, 4, 6, 5), -1)
    targets[0, 2, 1], targets[1, 0, 3] = 1, 2
    flat, labels = as_planes(logits, targets)
    assert torch.equal(flat, torch.stack([logits[0, :, 2], logits[1, :, 0]]))
    assert torch.equal(labels, torch.stack([targets[0, 2], targets[1, 0]]))
    assert len(as_planes(logits, torch.full((2, 4, 6, 5), -1))[0]) == 1


# -- slabs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("planes", "stride", "halo", "beyond"), [
    (1, 1, 2, True), (7, 1, 2, True), (7, 4, 8, False), (40, 4, 8, False), (3, 8, 24, False)])
def test_slabs_answer_every_plane_once(planes: int, stride: int, halo: int, beyond: bool) -> None:
    image = Image(np.zeros((2, planes, 4, 4), np.uint8), "TZYX")
    along = DepthReach(stride, halo, beyond)
    for at_once_ in (1, 5, 100):
        slabs = slabs_of(image, range(2 * planes), along, at_once_)
        assert sorted(itertools.chain.from_iterable(one.write for one in slabs)) == list(range(2 * planes))
        for one in slabs:
            assert len({number // planes for number in one.read}) == 1  # never of two moments
            first = one.keep[0] + (halo if beyond else 0)
            assert one.read[first : first + len(one.write)] == one.write


def test_a_slab_reads_mirrored_planes_beyond_the_ends() -> None:
    assert slab_of(range(4), 0, 1, DepthReach(1, 2, True)).read == (2, 1, 0, 1, 2)
    assert slab_of(range(6), 4, 6, DepthReach(4, 4)).read == (0, 1, 2, 3, 4, 5, 4, 3)


def test_slabs_are_as_large_as_the_memory_allows() -> None:
    network = UNet3D(depth=2)
    assert (network.halos, network.along_z) == ((24, 24, 24), DepthReach(4, 24))
    assert slab_size((100, 100, 100), network, 2**20) == (100, 100)
    planes, side = slab_size((500, 2000, 2000), network, 2**20)
    assert (planes + 48) * (side + 48) ** 2 <= 2**20
    assert slab_size((500, 2000, 2000), network, 1000)[0] == 4  # the least there is


def test_networks_of_planes_are_none() -> None:
    flat = Planned(kernels="1x3x3 1x3x3", poolings="1x2x2")
    assert depth_reach(flat) is None
    assert flat.build(1, 2)(torch.zeros(1, 1, 8, 8)).shape == (1, 2, 8, 8)
    assert UNet3D(kernels="1x3x3 3x3x3", poolings="1x2x2").halos[0] == 2


# -- models --------------------------------------------------------------------------------------------------------


def counted(model: NetworkModel, image: Image, **options: Any) -> tuple[np.ndarray, int]:
    patches = list(model.segment(image, **options))
    assert [one.done for one in patches] == list(range(1, len(patches) + 1))
    return assemble(image, patches), len(patches)


@pytest.mark.filterwarnings("ignore:.*NaN")
@every
def test_a_plane_asked_for_alone_is_the_same_as_with_all_others(name: str) -> None:
    data = pixels(9, 20, 18)
    data[2, :5] = np.nan
    before = data.copy()
    image = Image(data, "ZYX", "volume")
    model = NetworkModel(weights_of(name), "cpu", full_precision=True)
    whole, count = counted(model, image)
    assert np.array_equal(data, before, equal_nan=True)
    assert count == 9
    assert (whole[2, :5] == 1).all()
    again = NetworkModel(model.weights, "cpu", full_precision=True)
    for plane in (4, 0, 8, 5, 4, 2):
        assert np.array_equal(assemble(image, again.segment(image, [plane]))[plane], whole[plane])


def test_planes_that_come_together_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image(pixels(12, 16, 16), "ZYX")
    model = NetworkModel(weights_of("cubes"), "cpu")
    runs = []
    plain = NetworkModel._computed
    monkeypatch.setattr(NetworkModel, "_computed", lambda self, *given: runs.append(1) or plain(self, *given))
    for plane in range(12):
        list(model.segment(image, [plane]))
    assert len(runs) == 1
    list(model.segment(image, [3]))  # given once, and not kept for ever
    assert len(runs) == 2
    list(model.segment(image, [4], probabilities=True))
    assert len(runs) == 3


def test_planes_that_all_tiles_of_a_slab_need_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    plain = Normalisation.plane
    monkeypatch.setattr(Normalisation, "plane", lambda self, *given: reads.append(given[1]) or plain(self, *given))
    monkeypatch.setattr("napari_unet.predicting.tile_run.KEPT_PIXELS", 3 * 40 * 40)  # fewer than a slab reads
    image = Image(pixels(12, 40, 40), "ZYX")
    list(NetworkModel(weights_of("cubes"), "cpu", tile=8).segment(image))
    assert sorted(reads) == list(range(12))


def test_other_images_are_not_mistaken_for_the_one_before() -> None:
    model = NetworkModel(weights_of("cubes"), "cpu", full_precision=True)
    first, second = (Image(pixels(4, 8, 8) * factor + offset, "ZYX") for factor, offset in ((1, 0), (-1, 3)))
    list(model.segment(first, [0]))
    expected = assemble(second, NetworkModel(weights_of("cubes"), "cpu", full_precision=True).segment(second))
    assert np.array_equal(assemble(second, model.segment(second, [1]))[1], expected[1])


def test_closing_a_run_keeps_nothing_half_done() -> None:
    image = Image(pixels(12, 40, 40), "ZYX")
    model = NetworkModel(weights_of("cubes"), "cpu", tile=8, full_precision=True)
    expected = assemble(image, model.segment(image))
    run = model.segment(image, [3])
    next(run)
    run.close()
    assert np.array_equal(assemble(image, model.segment(image, [4]))[4], expected[4])


def test_what_is_looked_at_comes_first() -> None:
    image = Image(pixels(24, 40, 40), "ZYX")
    model = NetworkModel(weights_of("2.5-D"), "cpu", tile=16)
    view: Latest[View | None] = Latest(View((20, slice(33, 40), slice(33, 40))))
    first = next(iter(model.segment(image, view=view)))
    assert first.where[-2].stop == 40
    assert image.plane_of(first.where) == 20


@every
@pytest.mark.parametrize("tta", [True, 3])
def test_averages_over_turned_versions_agree_with_tiles(name: str, tta: bool | int, monkeypatch) -> None:
    weights = weights_of(name)
    volume = pixels(1, 6, 30, 27)
    found = []
    for thickness, tile in ((100, 64), (2, 16)):
        monkeypatch.setattr(NetworkModel, "_slab_size", lambda *_, size=(thickness, tile): size)
        found.append(NetworkModel(weights, "cpu", tta=tta, tile=tile, full_precision=True).logits(volume))
    assert np.abs(found[0] - found[1]).max() <= 1e-3


@every
def test_by_blocks_it_says_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_unet.core import plane_facts

    image = Image(pixels(6, 70, 60), "ZYX")
    model = NetworkModel(weights_of(name), "cpu", tile=16, full_precision=True)
    whole = assemble(image, model.segment(image))
    monkeypatch.setattr(plane_facts, "LARGE_PLANE", 1000, raising=False)
    plan = plan_blocks(image, model, 16)
    assert plan.depth > 1 or name == "2.5-D"
    for block in plan:
        labels = answer_block(model, image, block)
        assert np.array_equal(labels, whole[block.plane][block.box.slices])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_planes_of_a_large_slab_are_kept_as_they_are_stored(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = (pixels(6, 70, 60) * 30 + 100).clip(0, 255).astype(dtype)
    if dtype is np.float32:
        data[3, 20:30, 20:30] = np.nan
    image = Image(data, "ZYX")
    model = NetworkModel(weights_of("cubes"), "cpu", tile=16, full_precision=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        whole = assemble(image, model.segment(image))
        monkeypatch.setattr(network_model, "KEPT_PIXELS", 3 * 70 * 60)
        kept = []
        made = network_model.WindowedPlane
        monkeypatch.setattr(network_model, "WindowedPlane", lambda *given: kept.append(made(*given)) or kept[-1])
        assert np.array_equal(assemble(image, model.segment(image)), whole)
    assert kept
    assert all(one._stored.dtype == dtype for one in kept)


def test_an_image_without_depth_is_seen_plane_by_plane_and_said() -> None:
    model = NetworkModel(weights_of("cubes"), "cpu", full_precision=True)
    image = Image(pixels(3, 12, 12), "TYX", "film")
    with pytest.warns(InputWarning, match="'film' has no axis that is known to be z"):
        labels = assemble(image, model.segment(image))
    assert model.seen(image) == "planes"
    alone = Image(image.data[1], "YX")
    with pytest.warns(InputWarning):
        assert np.array_equal(assemble(alone, model.segment(alone)), labels[1])
    assert model.seen(Image(image.data, "ZYX")) == "volumes"


@every
def test_a_file_keeps_it_and_an_export_says_why_not(name: str, tmp_path) -> None:
    model = NetworkModel(weights_of(name), "cpu", full_precision=True)
    save_model(tmp_path / "mödel.pt", model)
    again = NetworkModel(load_model(tmp_path / "mödel.pt", "cpu").weights, "cpu", full_precision=True)
    assert again.weights.network == model.weights.network
    image = Image(pixels(5, 12, 12), "ZYX")
    assert np.array_equal(assemble(image, again.segment(image)), assemble(image, model.segment(image)))
    with pytest.raises(UserError, match="it looks at volumes"):
        Work(export_model(tmp_path / "x.onnx", again)).result()


@pytest.mark.parametrize("options", [
    {"kernels": "3x3"}, {"kernels": "3x3x3 3x3x3", "poolings": ""}, {"kernels": "5x5x5"}, {"poolings": "3x1x1"},
    {"kernels": "3x3x3 " * 50}, {"patch": "64"}, {"patch": "0x1x1"}, {"patch": "9" * 5000}, {"patch": "1x1x١"}])
def test_a_file_that_lies_about_its_layers_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"kernels|poolings|patch"):
        UNet3D(**options)


# -- training ------------------------------------------------------------------------------------------------------


class Bars:
    """A volume whose planes say nothing alone: a bar is bright or dark like noise, but goes on along z."""

    def __init__(self, planes: int = 16, side: int = 32) -> None:
        generator = np.random.default_rng(0)
        self.truth = np.ones((planes, side, side), np.uint8)
        self.truth[:, side // 2 :] = 2
        noise = generator.normal(size=(planes, side, side))
        noise[:, side // 2 :] = generator.normal(size=(side - side // 2, side))
        self.image = Image(noise.astype(np.float32), "ZYX", "bars", scale=(1, 1, 1), unit="micrometer")
        self.paint = np.zeros(self.truth.shape, np.uint8)

    def painted(self) -> TrainingSet:
        return TrainingSet((Pair(self.image, Scribbles.from_array(self.paint)),))

    def dice(self, model: Any) -> float:
        labels = assemble(self.image, model.segment(self.image))
        return float(2 * ((labels == 2) & (self.truth == 2)).sum() / ((labels == 2).sum() + (self.truth == 2).sum()))


def painted_in_planes() -> Bars:
    scene = Bars()
    for plane in (3, 11):
        scene.paint[plane, 3:13, 4:28], scene.paint[plane, 19:29, 4:28] = 1, 2
    return scene


def painted_along_z() -> Bars:
    scene = Bars()
    scene.paint[2:14, 5:9, 10], scene.paint[2:14, 22:26, 20] = 1, 2
    scene.paint[8, 3:13, 5], scene.paint[8, 19:30, 8] = 1, 2
    return scene


QUICK = {"seconds": None, "device": "cpu", "threads": 1, "learning_rate": 0.02, "augmentation": 0.3}


@pytest.mark.parametrize(("method", "painted"), [
    ("unet25d", painted_in_planes), ("unet3d", painted_along_z), ("planned", painted_in_planes)])
def test_depth_is_learnt_from_a_few_strokes(method: str, painted) -> None:
    scene = painted()
    known = {"unet25d": {"depth": 1, "width": 8, "neighbours": 2}, "unet3d": {"depth": 1, "width": 4},
             "planned": {"memory": 0.05}}[method]
    fit = segmenters.REGISTRY[method](steps=40, batch=2, **QUICK, **known).fit(scene.painted())
    model = Work(fit).result()
    assert model.seen(scene.image) == "volumes"
    assert scene.dice(model) > 0.85  # a network of planes sees noise on both sides


def test_live_strokes_are_taken_up_and_classes_come(tmp_path) -> None:
    scene = painted_in_planes()
    box = Latest(scene.painted())
    fit = segmenters.REGISTRY["unet3d"](steps=12, depth=1, width=2, **QUICK).fit(box)
    seen = set()
    for event in fit:
        seen |= set(getattr(event, "versions", ()))
        if getattr(event, "step", 0) == 4:
            scene.paint[6, 0, :8] = 3
            box.put(TrainingSet((Pair(scene.image, Scribbles.from_array(scene.paint, version=5)),)))
        model = event.model or None
    assert seen == {0, 5}
    assert model is None or model.classes.ids == (1, 2, 3)
    going_on = segmenters.REGISTRY["unet3d"](steps=2, **QUICK).continue_from(model.weights)
    assert Work(going_on.fit(scene.painted())).result().weights.network == model.weights.network


def test_images_of_planes_learn_too_and_it_is_said() -> None:
    paint = np.zeros((24, 24), np.uint8)
    paint[2, 2:20], paint[15, 2:20] = 1, 2
    for method in ("unet3d", "unet25d"):
        image = Image(pixels(24, 24), "YX", "flat")
        training = TrainingSet((Pair(image, Scribbles.from_array(paint)),))
        fit = segmenters.REGISTRY[method](steps=2, depth=1, width=2, **QUICK).fit(training)
        with pytest.warns(InputWarning, match="no axis that is known to be z"):
            labels = assemble(image, Work(fit).result().segment(image))
        assert set(np.unique(labels)) <= {1, 2}


def test_a_planned_network_asked_for_volumes_says_where_there_are_none() -> None:
    paint = np.zeros((3, 24, 24), np.uint8)
    paint[0, 2, 2:20], paint[1, 15, 2:20] = 1, 2
    for dimensions, said in (("volume", 1), ("auto", 0)):
        training = TrainingSet((Pair(Image(pixels(3, 24, 24), "TYX", "times"), Scribbles.from_array(paint)),))
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            fit = segmenters.REGISTRY["planned"](steps=1, dimensions=dimensions, memory=0.03, **QUICK).fit(training)
            Work(fit).result()
        assert sum("no axis that is known to be z" in str(one.message) for one in found) == said


# -- patches -------------------------------------------------------------------------------------------------------


def sampler(scene: Bars, along: DepthReach, thickness: int) -> VolumeSampler:
    training = scene.painted()
    return VolumeSampler(training, single_strokes(training), (1, 2), PlaneCache(Normalisation()),
                         np.random.default_rng(0), along, thickness)


def test_patches_hold_all_that_is_painted_in_them() -> None:
    scene = painted_along_z()
    made = sampler(scene, DepthReach(2, 4), 8)
    batch = made.draw(6, 16)
    assert batch.images.shape == (6, 1, 8, 16, 16)
    assert batch.targets.shape == (6, 8, 16, 16)
    assert ((batch.targets >= 0).any((2, 3)).sum(1) > 1).any()  # strokes along z are on several planes
    image, target = made.cut(0, 8, 0, 0, 32, ahead=3)
    expected = np.where(scene.paint[5:13] > 0, scene.paint[5:13].astype(int) - 1, -1)
    assert np.array_equal(target, expected)
    plain = PatchSampler.cut(made, 0, 8, 0, 0, 32)[0]
    assert np.array_equal(image[:, 3], plain)


def test_a_patch_thicker_than_the_volume_is_mirrored_and_unpainted() -> None:
    scene = Bars(planes=3)
    scene.paint[:, 0] = 1
    image, target = sampler(scene, DepthReach(8, 8), 8).cut(0, 1, 0, 0, 32, ahead=4)
    assert image.shape[1] == 8
    assert (target >= 0).any((1, 2)).sum() == 3
    assert np.array_equal(image[:, 1], image[:, 3])  # about the first plane


def test_neighbours_come_with_a_patch_of_one_plane() -> None:
    scene = painted_in_planes()
    image, target = sampler(scene, DepthReach(1, 2, beyond=True), 1).cut(0, 0, 0, 0, 32)
    assert image.shape == (1, 5, 32, 32)
    assert target.shape == (1, 32, 32)
    assert np.array_equal(image[:, 0], image[:, 4])  # mirrored about the first plane


def test_held_out_strokes_are_not_in_the_targets() -> None:
    import dataclasses

    scene = painted_in_planes()
    training = scene.painted()
    strokes = [dataclasses.replace(one, held_since=0) if one.plane == 3 else one for one in single_strokes(training)]
    made = VolumeSampler(training, strokes, (1, 2), PlaneCache(Normalisation()), np.random.default_rng(0),
                         DepthReach(4, 4), 16)
    _, target = made.cut(0, 3, 0, 0, 32, ahead=3)
    assert (target >= 0).any((1, 2)).nonzero()[0].tolist() == [11]
    shown = made.centred(next(one for one in strokes if one.held), 32)
    assert (shown.targets >= 0).any((2, 3)).sum() == 1


def test_planes_of_a_patch_are_changed_alike() -> None:
    images = torch.rand(2, 1, 1, 40, 40).expand(-1, -1, 6, -1, -1).contiguous()
    targets = torch.randint(-1, 2, (2, 1, 40, 40)).expand(-1, 6, -1, -1).contiguous()
    changed, labels = Augmentation(noise=0, share=1)(images, targets, 32, torch.Generator().manual_seed(0))
    assert changed.shape == (2, 1, 6, 32, 32)
    assert labels.shape == (2, 6, 32, 32)
    assert torch.allclose(changed, changed[:, :, :1].expand_as(changed), atol=1e-5)
    assert torch.equal(labels, labels[:, :1].expand_as(labels))
    same, kept = Augmentation.none()(images, targets, 40, torch.Generator())
    assert torch.allclose(same, images, atol=1e-5)
    assert torch.equal(kept, targets)

"""The store of features: bounded memory, least recently used, gone with the image, the same in tiles as whole."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError, WorkError
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.method import View
from napari_unet.instant import features
from napari_unet.instant.features import FeatureStore, FeatureTile
from napari_unet.networks._unet import UNetModule
from napari_unet.networks.unet import UNet
from napari_unet.predicting.devices import choose_device
from napari_unet.predicting.weights import Weights, snapshot

FLOAT32 = choose_device("cpu").full_precision()


def body(seed: int = 0) -> Weights:
    """A small feature network of one channel and six features."""
    torch.manual_seed(seed)
    network = UNet(depth=2, width=4, features=6)
    return snapshot(network.build(1, 2), network, "unet", 1, ClassTable.default((1, 2)))


def picture(shape: tuple[int, ...] = (40, 60), seed: int = 0, axes: str = "YX") -> Image:
    return Image(np.random.default_rng(seed).normal(size=shape).astype(np.float32), axes)


@pytest.fixture
def tiles_of_16(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(features, "TILE", 16)
    features._tiles.cache_clear()
    yield
    features._tiles.cache_clear()


def joined(store: FeatureStore, image: Image, plane: int = 0) -> np.ndarray:
    """Features of a whole plane, (F, Y, X)."""
    tiles = [store.tile(image, plane, number) for number in range(len(store.boxes(image)))]
    out = np.full((tiles[0].count, *image.plane_shape), np.nan, np.float32)
    for tile in tiles:
        assert np.isnan(out[(slice(None), *tile.box.slices)]).all()
        out[(slice(None), *tile.box.slices)] = tile.enlarged().float().numpy()
    assert np.isfinite(out).all()
    return out


def test_features_are_what_the_network_gives_each_channel_alone() -> None:
    image, weights = picture((40, 60, 3), axes="YXC"), body()
    found = joined(FeatureStore(weights, FLOAT32), image)
    module = UNetModule(weights.network.layout, 1, 2).eval()
    module.load_state_dict(dict(weights.tensors))
    normalised, _ = weights.normalisation(image.plane(0))
    with torch.no_grad():
        each = [module.features(torch.from_numpy(channel)[None, None])[0] for channel in normalised]
    np.testing.assert_allclose(found, torch.cat(each), rtol=1e-3, atol=1e-3)


@pytest.mark.usefixtures("tiles_of_16")
def test_tiles_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture((50, 70))
    store = FeatureStore(body(), FLOAT32)
    assert len(store.boxes(image)) > 9
    in_tiles = joined(store, image)
    monkeypatch.setattr(features, "TILE", 512)
    features._tiles.cache_clear()
    whole = joined(FeatureStore(body(), FLOAT32), image)
    np.testing.assert_allclose(in_tiles, whole, rtol=2e-3, atol=2e-3)


def test_a_tile_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    image, store = picture(), FeatureStore(body(), FLOAT32)
    assert not store.holds(image, 0, 0)
    first = store.tile(image, 0, 0)
    assert store.holds(image, 0, 0)
    monkeypatch.setattr(store.network, "_scores", None)  # cannot compute any more
    assert store.tile(image, 0, 0) is first


@pytest.mark.usefixtures("tiles_of_16")
def test_memory_is_bounded_and_what_was_used_last_stays() -> None:
    image = picture((3, 32, 32), axes="ZYX")
    tile = 16 * 16 * 6 * 2
    plane = 32 * 32 * 4
    store = FeatureStore(body(), FLOAT32, limit=3 * tile + 2 * plane)
    for number in range(3):
        store.tile(image, 0, number)
    store.tile(image, 0, 0)  # used again, so that 1 is the oldest
    store.tile(image, 1, 0)
    store.tile(image, 1, 1)
    assert store.bytes <= store.limit
    # for the first tile of the second plane went tile 1, for the second the first plane itself
    assert [store.holds(image, 0, number) for number in range(3)] == [True, False, True]
    store.tile(image, 1, 2)
    assert [store.holds(image, 0, number) for number in range(3)] == [True, False, False]
    assert store.holds(image, 1, 0)
    assert store.holds(image, 1, 1)


def test_the_tile_in_use_is_kept_however_small_the_memory() -> None:
    image, store = picture(), FeatureStore(body(), FLOAT32, limit=1)
    assert store.tile(image, 0, 0).enlarged().shape == (6, 40, 60)
    assert store.holds(image, 0, 0)
    other = picture(seed=1)
    store.tile(other, 0, 0)
    assert not store.holds(image, 0, 0)


def test_features_go_with_their_image() -> None:
    image, store = picture(), FeatureStore(body(), FLOAT32)
    store.tile(image, 0, 0)
    changed = dataclasses.replace(image, data=image.data + 1)
    assert not store.holds(changed, 0, 0)
    store.tile(changed, 0, 0)
    both = store.bytes
    del image
    gc.collect()
    assert store.bytes == both / 2
    del changed
    gc.collect()
    assert store.bytes == 0


def test_hidden_pixels_are_known_and_spoil_nothing_else() -> None:
    image = picture()
    spoilt = image.data.copy()
    spoilt[3:5, 7] = np.nan
    store = FeatureStore(body(), FLOAT32)
    tile = store.tile(Image(spoilt), 0, 0)
    assert tile.hidden is not None
    np.testing.assert_array_equal(tile.hidden, np.isnan(spoilt))
    assert torch.isfinite(tile.enlarged()).all()
    assert tile.bytes == 40 * 60 * (6 * 2 + 1)
    assert store.tile(image, 0, 0).hidden is None


@pytest.mark.usefixtures("tiles_of_16")
def test_what_is_looked_at_comes_first() -> None:
    image = picture((2, 32, 48), axes="ZYX")
    store = FeatureStore(body(), FLOAT32)
    view: Latest[View | None] = Latest(None)
    order = store.ordered(image, (0, 1), view)
    assert next(order) == (0, 0, 11)
    view.put(View((1, slice(20, 30), slice(40, 48))))
    rest = list(order)
    assert rest[0][:2] == (1, 5)
    assert [plane for plane, *_ in rest] == [1] * 6 + [0] * 5
    assert [left for *_, left in rest] == list(range(10, -1, -1))
    assert sorted((plane, number) for plane, number, _ in [(0, 0, 0), *rest]) == [
        (plane, number) for plane in (0, 1) for number in range(6)
    ]


def failing(error: Exception) -> type[nn.Module]:
    class Fails:
        def __call__(self, *_: object) -> tuple[list[Tensor], object]:
            raise error

    return Fails  # type: ignore[return-value]


def test_trouble_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    store = FeatureStore(body(), FLOAT32)
    monkeypatch.setattr(store.network, "_scores", failing(RuntimeError("not enough memory: buy some"))())
    with pytest.raises(UserError, match=r"There is not enough memory to look at the image\. Close other programs"):
        store.tile(picture(), 0, 0)
    monkeypatch.setattr(store.network, "_scores", failing(RuntimeError("boom"))())
    with pytest.raises(WorkError, match=r"Features could not be computed on CPU .*boom"):
        store.tile(picture(), 0, 0)


def test_a_full_graphics_card_leaves_the_work_to_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    store = FeatureStore(body(), dataclasses.replace(FLOAT32, name="cuda:0"))
    right = store.network._scores

    def network(planes: object, tiling: object, tiles: object, device: object) -> object:
        if device.name != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return right(planes, tiling, tiles, device)

    monkeypatch.setattr(store.network, "_scores", network)
    assert isinstance(store.tile(picture(), 0, 0), FeatureTile)
    assert store.device.name == "cpu"

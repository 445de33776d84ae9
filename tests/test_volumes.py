"""Answers that look beyond planes: what is depth and what is not, exactness, memory, saved models, strange volumes."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from test_features import FLOAT32, body

from napari_unet.comparison.contenders import make_method
from napari_unet.core.classes import ClassTable
from napari_unet.core.depth import Depth, elongation, has_depth, planes_beside, stack_planes
from napari_unet.core.errors import InputWarning
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.method import assemble
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import Work
from napari_unet.instant import answers as answers_module
from napari_unet.instant import cut_features
from napari_unet.instant.answers import InstantAnswers
from napari_unet.instant.features import FeatureStore
from napari_unet.instant.instant_model import InstantModel, fit_instantly, fit_to_pixels
from napari_unet.instant.linear_heads import LinearHead
from napari_unet.instant.painted_features import PaintedFeatures, gather_features
from napari_unet.instant.viewing_depth import painted_volumes, settled_depth
from napari_unet.instant.volume_model import VolumeModel, network_model
from napari_unet.io.model_file import load_model, save_model
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.segmenters.instant_answer import Instant

SHAPE = (12, 20, 24)


def volume(shape: tuple[int, ...] = SHAPE, axes: str = "ZYX", seed: int = 0, **more: object) -> Image:
    """Noise, a bright block in the middle of it."""
    pixels = np.random.default_rng(seed).normal(100, 20, shape).astype(np.float32)
    pixels[..., shape[-3] // 4 : -(shape[-3] // 4) or None, 5:15, 6:18] += 80
    return Image(pixels, axes, "block", **more)  # type: ignore[arg-type]


def painted(image: Image, planes: tuple[int, ...] = (6,)) -> TrainingSet:
    paint = np.zeros((image.n_planes, *image.plane_shape), np.uint8)
    for plane in planes:
        paint[plane, 1, 1:20], paint[plane, 8:10, 8:16] = 1, 2
    return TrainingSet((Pair(image, Scribbles.from_array(paint.reshape(image.shape))),))


def small_store(limit: int = 2**28, **more: object) -> FeatureStore:
    """Features of a small network with a prior."""
    weights = body()
    return FeatureStore(weights, FLOAT32, limit, **more)  # type: ignore[arg-type]


def tile_values(store: FeatureStore, image: Image, plane: int, depth: str) -> np.ndarray:
    return store.tile(image, plane, 0, depth=depth).enlarged().float().numpy()  # type: ignore[arg-type]


# --- what is depth ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("axes", "shape", "deep"), [
    ("ZYX", (4, 8, 8), True), ("TYX", (4, 8, 8), False), ("NYX", (4, 8, 8), False), ("ZYX", (1, 8, 8), False),
    ("TZYX", (2, 4, 8, 8), True), ("ZCYX", (4, 2, 8, 8), True), ("YX", (8, 8), False),
])
def test_only_an_axis_known_to_be_z_is_depth(axes: str, shape: tuple[int, ...], deep: bool) -> None:
    image = Image(np.zeros(shape, np.uint8), axes)
    assert has_depth(image) is deep
    assert not has_depth(dataclasses.replace(image, guessed_axes=True))
    if not deep:
        assert planes_beside(image, 0) == ()
        assert stack_planes(image, 0) == (0,)


def test_planes_of_one_time_are_behind_one_another() -> None:
    image = Image(np.zeros((2, 3, 8, 8), np.uint8), "TZYX")
    assert stack_planes(image, 4) == (3, 4, 5)
    assert [planes_beside(image, plane) for plane in (0, 3, 4, 5)] == [(1,), (4,), (3, 5), (4,)]
    turned = Image(np.zeros((3, 2, 8, 8), np.uint8), "ZTYX")
    assert stack_planes(turned, 3) == (1, 3, 5)
    assert planes_beside(turned, 3) == (1, 5)


@pytest.mark.parametrize(("scale", "longer", "depth"), [
    ((), 1, "three cuts"), ((2.0, 0.5, 0.5), 4, "three cuts"), ((9.0, 1.0, 1.0), 9, "neighbours"),
    ((0.1, 1.0, 1.0), 0.1, "neighbours"), ((1000.0, 1.0, 1.0), 1000, "plane"), ((0.0, 1.0, 1.0), 1, "three cuts"),
    ((float("nan"), 1.0, 1.0), 1, "three cuts"), ((0.0, 0.0, 0.0), 1, "three cuts"),
])
def test_voxels_say_how_far_it_makes_sense_to_look(scale: tuple[float, ...], longer: float, depth: str) -> None:
    image = volume(scale=scale)
    assert elongation(image) == pytest.approx(longer)
    assert settled_depth([image], small_store(), None) == depth


def test_a_person_may_look_farther_than_is_sensible_but_not_than_is_possible() -> None:
    long, store = volume(scale=(9.0, 1.0, 1.0)), small_store()
    assert settled_depth([long], store, "three cuts") == "three cuts"
    assert settled_depth([long], store, "plane") == "plane"
    with pytest.warns(InputWarning, match=r"volume 'plane', not 'three cuts': it has no axis that is known to be z"):
        assert settled_depth([volume(axes="TYX")], store, "three cuts") == "plane"
    with pytest.warns(InputWarning, match=r"'neighbours', not 'three cuts': it has only 3 planes along z"):
        assert settled_depth([volume((3, 20, 24))], store, "three cuts") == "neighbours"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nobody asked for more
        assert settled_depth([volume((3, 20, 24))], store, None) == "neighbours"
        assert settled_depth([volume(axes="TYX")], store, None) == "plane"


def test_what_does_not_fit_the_memory_looks_at_neighbours_and_says_so() -> None:
    image, store = volume(), small_store(cut_limit=2**10)
    with pytest.warns(InputWarning, match=r"'neighbours', not 'three cuts': its cuts take .* GB of memory, and"):
        assert settled_depth([image], store, None) == "neighbours"
    both = small_store(cut_limit=int(1.5 * small_store().cuts.bytes_of(image)))
    with pytest.warns(InputWarning, match="with all that is painted cuts take more memory"):
        assert settled_depth([image, volume(seed=1)], both, None) == "neighbours"
    times = volume((2, *SHAPE), axes="TZYX")
    assert painted_volumes(painted(times, (3, 5))) == [times]
    assert painted_volumes(painted(times, (3, 5, 15))) == [times, times]


@pytest.mark.parametrize("shape", [(3, 4096, 4096), (4096, 64, 64)])
def test_thin_and_long_volumes_are_not_cut(shape: tuple[int, ...]) -> None:
    """Nothing is looked at to know this."""
    image = Image(np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), shape, (0, 0, 0)), "ZYX", "odd")
    store = Instant().store()
    with pytest.warns(InputWarning, match="only 3 planes" if shape[0] == 3 else r"3\.2 GB of memory, and 2\.0 GB"):
        assert settled_depth([image], store, "three cuts") == "neighbours"


# --- features ---------------------------------------------------------------------------------------------------------


def test_planes_beside_are_looked_at_in_the_mean() -> None:
    image, store = volume(), small_store()
    count = store.tile(image, 5, 0).count
    found = tile_values(store, image, 5, "neighbours")
    assert len(found) == 2 * count
    alone = [tile_values(store, image, plane, "plane") for plane in (4, 6)]
    np.testing.assert_allclose(found[count:], (alone[0] + alone[1]) / 2, rtol=2e-3, atol=2e-3)
    np.testing.assert_array_equal(tile_values(store, image, 0, "neighbours")[count:],
                                  tile_values(store, image, 1, "plane"))


def cut_by_hand(store: FeatureStore, image: Image, plane: int) -> np.ndarray:
    """Features of a plane's voxels in both other cuts, each cut looked at as a picture of its own, (F, Y, X)."""
    read = [store._plane(image, number).values for number in stack_planes(image, plane)]
    whole = np.stack(read, axis=1)
    place = stack_planes(image, plane).index(plane)
    found = 0
    for axis in (2, 3):
        rows = []
        for cut in np.moveaxis(whole, axis, 0):
            tiling = store.network.tiling(cut.shape[1:])
            (tile,) = tiling.tiles(None)
            each = [store.network.features([channel[None]], tiling, tile)[0] for channel in cut]
            rows.append(np.concatenate([group.values.numpy() for one in each for group in one])[:, place])
        found = found + np.stack(rows, axis=axis - 1) / 2
    return found


@pytest.mark.parametrize(("shape", "axes", "plane"), [
    ((12, 20, 24), "ZYX", 7), ((2, 9, 10, 12), "TZYX", 13), ((9, 2, 10, 12), "ZCYX", 3), ((40, 9, 11), "ZYX", 39),
])
def test_cuts_are_looked_at_as_pictures(
    shape: tuple[int, ...], axes: str, plane: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each time alone, every channel alone, however many cuts go at a time, in tiles as whole."""
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    image, expected = Image(pixels, axes), None
    for batch, size in ((2**17, 512), (1, 512), (2**11, 16)):
        monkeypatch.setattr(cut_features, "BATCH_PIXELS", batch)
        monkeypatch.setattr(cut_features, "TILE", size)
        cut_features._cut_tiles.cache_clear()
        store = small_store()
        expected = cut_by_hand(store, image, plane) if expected is None else expected
        own = store.tile(image, plane, 0).count
        found = tile_values(store, image, plane, "three cuts")[2 * own :]
        np.testing.assert_allclose(found, expected, rtol=3e-3, atol=3e-3)
    cut_features._cut_tiles.cache_clear()


def test_looking_along_depth_goes_on_where_it_was_left() -> None:
    image, store = volume(), small_store()
    work = store.look_along_depth(image, 3)
    steps = sum(1 for _ in zip(range(14), work, strict=False))
    assert steps == 14
    assert not store.cuts.holds(image, 3)
    work.close()
    assert store.tile(image, 3, 0, depth="three cuts").count
    assert store.cuts.holds(image, 3)
    assert list(store.look_along_depth(image, 3)) == []
    np.testing.assert_array_equal(tile_values(store, image, 3, "three cuts"),
                                  tile_values(small_store(), image, 3, "three cuts"))


def test_planes_of_no_numbers_are_left_out() -> None:
    pixels = np.array(volume().data)
    pixels[5] = np.nan
    image, store = Image(pixels, "ZYX"), small_store()
    count = store.tile(image, 4, 0).count
    np.testing.assert_array_equal(tile_values(store, image, 4, "neighbours")[count:],
                                  tile_values(store, image, 3, "plane"))
    assert np.isfinite(tile_values(store, image, 4, "three cuts")).all()
    filled = np.array(pixels)
    filled[5] = filled[4]
    np.testing.assert_allclose(tile_values(store, image, 4, "three cuts")[2 * count :],
                               tile_values(small_store(), Image(filled, "ZYX"), 4, "three cuts")[2 * count :])


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def block() -> Image:
    return volume()


@pytest.fixture(scope="module")
def answer(store: FeatureStore, block: Image) -> InstantModel:
    return Work(fit_instantly(store, painted(block))).result()


def labels(model: object, image: Image) -> np.ndarray:
    found: np.ndarray = assemble(image, model.segment(image))  # type: ignore[attr-defined]
    return found


def test_a_volume_is_answered_as_one_and_saved_as_one(answer: InstantModel, block: Image, tmp_path: Path) -> None:
    assert answer.deep is not None
    assert answer.deep.depth == "three cuts"
    assert "three cuts" in answer.note
    found = labels(answer, block)
    network = answer.as_network()
    assert isinstance(network, VolumeModel)
    save_model(tmp_path / "volume.pt", network)
    for model in (network, load_model(tmp_path / "volume.pt"), dataclasses.replace(network, full_precision=False)):
        assert isinstance(model, VolumeModel)
        np.testing.assert_array_equal(labels(model, block), found)
    for patch in network.segment(block, [3], probabilities=True):
        assert patch.probabilities is not None
        np.testing.assert_allclose(patch.probabilities.sum(axis=0), 1, rtol=1e-5)


def test_what_learnt_from_a_volume_answers_pictures_plane_by_plane(answer: InstantModel, block: Image) -> None:
    flat = Image(block.data[6], "YX", "flat")
    plain = NetworkModel(answer.as_network().weights)
    for model in (answer, answer.as_network()):
        with pytest.warns(InputWarning, match=r"'flat' is answered plane by plane, though what was learnt"):
            found = labels(model, Image(block.data[6], "YX", "flat"))
        assert (found == labels(plain, flat)).mean() > 0.99
    with pytest.warns(InputWarning, match="Averaging over turned versions looks at planes"):
        labels(dataclasses.replace(answer.as_network(), tta=4), Image(np.array(block.data), "ZYX"))


def test_the_answer_in_planes_comes_first_and_newer_strokes_need_no_second_look(
    store: FeatureStore, block: Image
) -> None:
    image = Image(np.array(block.data), "ZYX")
    models = [event.model for event in fit_instantly(store, painted(image)) if event.model is not None]
    assert [one.deep is None for one in models] == [True, False]  # type: ignore[attr-defined]
    again = [event.model for event in fit_instantly(store, painted(image, (6, 3))) if event.model is not None]
    assert again[0].deep is not None  # type: ignore[attr-defined]


def test_a_person_can_say_how_far_to_look(store: FeatureStore, block: Image) -> None:
    for depth in ("plane", "neighbours"):
        model = Work(Instant(volume=depth, head="ridge").fit(painted(block), store)).result()  # type: ignore[arg-type]
        assert (model.deep.depth if model.deep else "plane") == depth
    assert isinstance(network_model(model.as_network().weights), VolumeModel)


@pytest.mark.parametrize(("misleading", "depth"), [(False, "three cuts"), (True, "plane")])
def test_strokes_left_out_decide_about_depth(misleading: bool, depth: str) -> None:
    """Features that are the same all over a stroke, and say nothing of the class, mislead."""
    rng, stroke, store = np.random.default_rng(0), np.repeat(np.arange(16), 40), small_store()
    ids = np.where(stroke < 8, 1, 2).astype(np.uint8)
    features = rng.normal(0, 1, (len(ids), 18))
    features[:, :6] += ids[:, None]
    features[:, 6:] += 4 * (rng.normal(0, 1, (16, 12))[stroke] if misleading else ids[:, None])
    found = PaintedFeatures(features.astype(np.float16), ids, np.zeros((640, 2), np.int32), np.arange(640), stroke, 16,
                            1, ClassTable.default((1, 2)), "three cuts")
    model = Work(fit_to_pixels(found, store, head="logistic")).result()
    assert (model.deep.depth if model.deep else "plane") == depth


def test_a_line_through_planes_is_one_stroke(store: FeatureStore, block: Image) -> None:
    paint = np.zeros(block.shape, np.uint8)
    paint[1:11, 2, 3:20], paint[4:8, 9, 7:17], paint[2, 15, 3:9] = 1, 2, 1
    training = TrainingSet((Pair(block, Scribbles.from_array(paint)),))
    found = Work(gather_features(store, training, depth="plane")).result()
    assert found.strokes == 3
    assert [len(np.unique(found.stroke[found.ids == one])) for one in (1, 2)] == [2, 1]
    flat = Image(block.data, "NYX")
    apart = Work(gather_features(store, TrainingSet((Pair(flat, Scribbles.from_array(paint)),)))).result()
    assert apart.strokes == 15


def test_the_window_is_answered_in_volumes_and_follows_what_is_chosen(block: Image) -> None:
    chosen: Latest[Depth | None] = Latest(None)
    box, weights = Latest(painted(block)), Instant().store().weights
    answers = InstantAnswers(box, lambda: weights, "cpu", volume=chosen)

    def settled() -> InstantModel:
        answers.over(None)
        while answers.unfinished:
            answers._rested = None
            model = answers.over(None)
        assert isinstance(model, InstantModel)
        return model

    assert settled().deep is not None
    chosen.put("plane")
    assert settled().deep is None


def test_a_small_volume_is_looked_at_while_nothing_is_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    image, weights = volume(), Instant().store().weights
    empty = TrainingSet((Pair(image, Scribbles.empty(image.shape)),))
    for most, looked in ((0, False), (2**28, True)):
        monkeypatch.setattr(answers_module, "AHEAD_ALONG", most)
        answers = InstantAnswers(Latest(empty), lambda: weights, "cpu")
        for _ in range(1000):
            if not answers.look_ahead(image, 6, None):
                break
        assert answers._store is not None
        assert answers._store.cuts.holds(image, 6) is looked


def test_a_head_of_a_lesser_depth_takes_the_first_features(answer: InstantModel) -> None:
    assert answer.deep is not None
    count = len(answer.deep.head.weights)
    features = np.random.default_rng(0).normal(size=(5, count + 7)).astype(np.float32)
    np.testing.assert_allclose(answer.logits(features), answer.logits(features[:, :count]))
    bare = dataclasses.replace(answer, deep=None, head=LinearHead(answer.head.weights, answer.head.offsets))
    np.testing.assert_allclose(answer.logits(features[:, : len(answer.head.weights)]), bare.logits(features))


def test_a_network_begins_with_the_answer_in_volumes_and_learns_from_planes(block: Image) -> None:
    image = Image(np.array(block.data), "ZYX")
    method = make_method("unet", seconds=None, steps=1, device="cpu", patch=32, hold_out="never", volume="neighbours")
    models = [event.model for event in Work(method.fit(painted(image))) if event.model is not None]
    first, last = models[0], models[-1]
    assert isinstance(first, VolumeModel)
    assert isinstance(last, NetworkModel)
    assert (first.weights.network.beyond, last.weights.network.beyond) == ("neighbours", "plane")  # type: ignore[attr-defined]
    assert not any(name.startswith("beyond") for name in last.weights.tensors)
    assert set(np.unique(labels(last, image))) <= {1, 2}


def test_one_plane_of_strokes_and_odd_volumes_are_answered(store: FeatureStore) -> None:
    for image in odd_volumes():
        training = painted(image, (image.n_planes // 2,))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InputWarning)
            model = Work(fit_instantly(store, training, head="ridge")).result()
            assert set(np.unique(labels(model, image))) <= {1, 2}


def odd_volumes() -> Iterator[Image]:
    yield volume((1, 20, 24))
    yield volume((2, 20, 24))
    yield volume(scale=(0.0, 1.0, 1.0))
    yield volume(scale=(1000.0, 1.0, 1.0))
    empty = np.array(volume().data)
    empty[[0, 1, 5, 11]] = np.nan
    yield Image(empty, "ZYX")

"""Features of painted pixels, looked up once for all heads."""

from __future__ import annotations

import numpy as np
import pytest
from bands_scene import TWO, picture, strokes, trained_on

from napari_unet.core.depth import Depth
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import Work
from napari_unet.instant import painted_features as painted_module
from napari_unet.instant.feature_tile import FeatureTile
from napari_unet.instant.features import FeatureStore
from napari_unet.instant.instant_model import fit_instantly, fit_to_pixels
from napari_unet.instant.painted_features import balanced_sample, gather_features
from napari_unet.learning.strokes import single_strokes


def test_features_of_strokes_are_those_of_the_same_paint_alone(store: FeatureStore) -> None:
    stack = Image(np.stack([picture(seed).plane(0)[0] for seed in range(3)]), "ZYX", "stack")
    paint = np.stack([strokes(*TWO), strokes(), strokes((30, 4, 1), (30, 60, 3))])
    paint[2, 40, 3] = 2  # a pixel
    other = Pair(picture(7), Scribbles.from_array(strokes((20, 4, 1), (40, 34, 2))))
    training = TrainingSet((Pair(stack, Scribbles.from_array(paint)), other))
    painted = Work(gather_features(store, training)).result()
    assert len(painted.ids) == np.count_nonzero(paint) + np.count_nonzero(other.scribbles.planes[0])
    every = single_strokes(training)
    chosen = [one for one in every if one.class_id == 2]
    some = painted.of(chosen, len(every))
    assert (some.ids == 2).all()
    assert some.strokes == len(chosen) == 3
    for one in every:
        mine = painted.of([one], len(every))
        image = training.pairs[one.pair].image
        whole = store.tile(image, one.plane, 0).enlarged().flatten(1).numpy()
        np.testing.assert_allclose(mine.features, whole[:, np.sort(one.pixels)].T, rtol=2e-3, atol=1e-6)
    assert len(painted.of([], len(every)).ids) == 0


def test_of_labels_on_every_pixel_some_are_drawn_evenly(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painted_module, "MOST_KEPT", 600 * 101 + 5)
    paint = np.ones((2, 64, 80), np.uint8)
    paint[0, :, 30:50] = 2
    paint[1, 20:22, 60:70] = 3  # few: all are taken
    training = trained_on(Image(np.stack([picture(seed).plane(0)[0] for seed in (0, 1)]), "ZYX"), paint)
    first, again = (Work(gather_features(store, training)).result() for _ in range(2))
    assert np.bincount(first.ids).tolist() == [0, 290, 290, 20]
    assert set(first.planes[first.ids == 1, 1].tolist()) == {0, 1}
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(paint.reshape(2, -1)[first.planes[:, 1], first.pixels], first.ids)


def test_a_head_on_what_was_looked_up_is_the_instant_answer(store: FeatureStore) -> None:
    training = trained_on(picture(), strokes(*TWO))
    painted = Work(gather_features(store, training)).result()
    first, second = Work(fit_to_pixels(painted, store)).result(), Work(fit_instantly(store, training)).result()
    assert np.array_equal(first.head.weights, second.head.weights)
    features = painted.features.astype(np.float32)
    plane = next(iter(second.segment(training.pairs[0].image, probabilities=True))).probabilities
    assert plane is not None
    chance = np.exp(first.logits(features))
    where = np.flatnonzero(training.pairs[0].scribbles.planes[0])
    np.testing.assert_allclose(chance / chance.sum(1, keepdims=True), plane.reshape(2, -1)[:, where].T, atol=1e-5)


def test_what_holds_no_number_takes_no_share(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painted_module, "MOST_KEPT", 600 * 101)
    plane = picture().plane(0)[0].copy()
    plane[:, :40] = np.nan
    paint = np.full((64, 80), 2, np.uint8)
    paint[:, :40] = paint[:10, 40:60] = 1
    painted = Work(gather_features(store, trained_on(Image(plane), paint))).result()
    assert np.bincount(painted.ids).tolist() == [0, 200, 400]


@pytest.mark.parametrize("most", [100, 10_000])
def test_paint_where_there_is_no_number_at_all_is_said(
    store: FeatureStore, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(painted_module, "MOST_KEPT", most * 101)
    paint = np.repeat([1, 2], 40)[None].repeat(64, 0).astype(np.uint8)
    with pytest.raises(UserError, match="Every painted pixel of background is NaN"):
        Work(gather_features(store, trained_on(Image(np.full((64, 80), np.nan, np.float32)), paint))).result()


def test_of_more_channels_fewer_pixels_are_kept(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painted_module, "MOST_KEPT", 600 * 101)
    paint = np.repeat([1, 2], 40)[None].repeat(64, 0).astype(np.uint8)
    image = Image(np.stack([picture(seed).plane(0)[0] for seed in (0, 1)]), "CYX")
    painted = Work(gather_features(store, trained_on(image, paint))).result()
    assert painted.features.shape == (300, 202)


def test_of_very_much_paint_every_class_is_drawn() -> None:
    labels = np.repeat([0, 1, 2], [900, 5, 200])
    kept = balanced_sample(labels, 300, seed=0)
    np.testing.assert_array_equal(np.bincount(labels[kept]), [148, 5, 147])
    assert len(np.unique(kept)) == 300
    np.testing.assert_array_equal(kept, balanced_sample(labels, 300, seed=0))
    assert not np.array_equal(kept, balanced_sample(labels, 300, seed=1))
    np.testing.assert_array_equal(balanced_sample(labels, 5000, seed=0), np.arange(len(labels)))


def test_of_very_much_paint_a_stroke_changes_little_of_what_is_drawn(
    store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(painted_module, "MOST_KEPT", 600 * 101)
    paint = np.repeat([1, 2], 40)[None].repeat(64, 0).astype(np.uint8)
    paint[:20, :60] = 0
    image, drawn, tiles = picture(), [], []
    make = FeatureStore.tile
    monkeypatch.setattr(FeatureStore, "tile", lambda *given: (tiles.append(given[2:4]), make(*given))[1])
    for _ in range(2):
        found = Work(gather_features(store, trained_on(image, paint.copy()))).result()
        assert np.bincount(found.ids).tolist() == [0, 300, 300]
        drawn.append(set(found.pixels.tolist()))
        paint[3:5, 3:13] = 1
    assert len(drawn[1] - drawn[0]) <= 20
    before = len(tiles)
    Work(gather_features(store, trained_on(image, paint.copy()))).result()
    assert len(tiles) == before, "all of it is known: no tile is made for it"


@pytest.mark.parametrize("depth", ["plane", "neighbours"])
def test_only_new_paint_is_looked_up_and_nothing_differs(
    store: FeatureStore, monkeypatch: pytest.MonkeyPatch, depth: Depth
) -> None:
    """Stroke after stroke, some of them erased or painted over, on two planes and two images."""
    stack = Image(np.stack([picture(seed).plane(0)[0] for seed in (0, 1)]), "ZYX", "stack")
    flat, rng = Image(picture(2).plane(0)[0][None], "ZYX", "flat"), np.random.default_rng(0)
    paints = [np.zeros((2, 64, 80), np.uint8), np.zeros((1, 64, 80), np.uint8)]
    paints[0][0, 3:6, 10:40], paints[0][1, 30:33, 10:40] = 1, 2
    before = [np.zeros_like(paint) for paint in paints]
    look_up = FeatureTile.at
    for _ in range(5):
        training = TrainingSet(tuple(
            Pair(image, Scribbles.from_array(paint.copy()))
            for image, paint in zip((stack, flat), paints, strict=True)))
        asked: list[int] = []
        with monkeypatch.context() as patch:
            patch.setattr(FeatureTile, "at", lambda tile, pixels, asked=asked: (
                asked.append(len(pixels)), look_up(tile, pixels))[1])
            found = Work(gather_features(store, training, depth=depth)).result()
        new = [int(np.count_nonzero((now > 0) & (then == 0))) for now, then in zip(paints, before, strict=True)]
        assert sum(asked) <= sum(new)
        fresh = Work(gather_features(FeatureStore(store.weights, store.device), training, depth=depth)).result()
        np.testing.assert_array_equal(found.features, fresh.features)
        np.testing.assert_array_equal(found.pixels, fresh.pixels)
        before = [paint.copy() for paint in paints]
        for paint in paints:
            plane, y, x = rng.integers(len(paint)), rng.integers(58), rng.integers(60)
            paint[plane, y : y + 3, x : x + 20] = rng.integers(0, 3)
    assert store.known.bytes > 0

"""What networks say where nobody painted."""

from __future__ import annotations

import numpy as np
import pytest
from bands_scene import TWO, picture, strokes, trained_on

from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import Work
from napari_unet.instant import unpainted_ground as ground_module
from napari_unet.instant.features import FeatureStore
from napari_unet.instant.instant_model import fit_instantly
from napari_unet.instant.unpainted_ground import UnpaintedGround, agreement_lost, distance_from_paint


def corner_painted(height: int, width: int) -> np.ndarray:
    paint = np.zeros((height, width), np.uint8)
    paint[0, 0] = 1
    return paint


class TestDistance:
    def test_it_is_measured_from_the_nearest_paint(self) -> None:
        distance = distance_from_paint(corner_painted(4, 5))
        assert distance[0, 0] == 0
        assert distance[3, 4] == pytest.approx(5.0)

    def test_of_a_large_plane_it_is_that_of_blocks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ground_module, "MOST_DISTANCES", 25)
        distance = distance_from_paint(corner_painted(11, 9))
        assert distance.shape == (11, 9)
        assert distance[1, 1] == 0, "in the block that is painted"
        assert distance[10, 8] == pytest.approx(np.hypot(10, 8), rel=0.2)

    def test_without_paint_everything_is_far(self) -> None:
        assert np.isinf(distance_from_paint(np.zeros((3, 3), np.uint8))).all()


class TestAgreement:
    """By how much two sets of labels agree less far from paint."""

    distance = np.arange(1000, dtype=np.float32)

    def labels(self, *parts: tuple[int, int, int]) -> np.ndarray:
        """Return 1 everywhere but in parts (first, last + 1, id)."""
        found = np.ones(1000, np.uint8)
        for start, stop, number in parts:
            found[start:stop] = number
        return found

    def test_nothing_is_lost_by_those_that_agree(self) -> None:
        same = self.labels((100, 200, 2), (800, 900, 2))
        assert agreement_lost(same, same.copy(), self.distance) == 0

    def test_what_differs_near_paint_is_no_loss(self) -> None:
        assert agreement_lost(self.labels((0, 100, 2)), self.labels((50, 150, 2)), self.distance) == 0

    def test_what_one_claims_far_away_is_one(self) -> None:
        one, other = self.labels((0, 100, 2), (750, 850, 2)), self.labels((0, 100, 2), (750, 1000, 2))
        # class 2: the same near paint; far from it 100 of 250 pixels, Dice 2 * 100 / 350. Class 1: 2 * 0 / 150
        assert agreement_lost(one, other, self.distance) == pytest.approx(1.0, abs=0.02)
        assert agreement_lost(one, self.labels((0, 100, 2), (750, 900, 2)), self.distance) == pytest.approx(
            1 - 2 * 100 / 250, abs=0.01)

    def test_a_class_of_a_few_pixels_does_not_decide(self) -> None:
        one, other = self.labels((0, 100, 2), (998, 999, 2)), self.labels((0, 100, 2), (999, 1000, 2))
        assert agreement_lost(one, other, self.distance) < 0.01

    @pytest.mark.parametrize("size", [0, 1])
    def test_where_there_is_no_ground_nothing_is_lost(self, size: int) -> None:
        labels = np.ones(size, np.uint8)
        assert agreement_lost(labels, labels, np.ones(size, np.float32)) == 0


class TestSample:
    def test_it_holds_unpainted_pixels_with_numbers_alone(self, store: FeatureStore) -> None:
        pixels = np.array(picture().plane(0)[0])
        pixels[40:, :20] = np.nan
        paint = strokes(*TWO)
        ground = UnpaintedGround.of(store, trained_on(Image(pixels), paint))
        (tile,) = ground.tiles
        rows, columns = np.divmod(tile.pixels, 80)
        assert len(tile.pixels) == 64 * 80 - 24 * 20 - np.count_nonzero(paint), "all there are of a small plane"
        assert not paint[rows, columns].any()
        assert np.isfinite(pixels[rows, columns]).all()
        assert np.array_equal(tile.distance, distance_from_paint(paint)[rows, columns])

    def test_models_are_asked_about_its_pixels(self, store: FeatureStore) -> None:
        image = picture()
        training = trained_on(image, strokes(*TWO))
        ground = UnpaintedGround.of(store, training)
        for head in ("logistic", "trees"):
            model = Work(fit_instantly(store, training, 0, head)).result()  # type: ignore[arg-type]
            said = Work(ground.labels(model)).result()
            assert np.array_equal(said, assemble(image, model.segment(image)).ravel()[ground.tiles[0].pixels])

    def test_of_many_pixels_some_are_drawn_from_everywhere(
        self, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ground_module, "MOST_PIXELS", 1000)
        training = trained_on(picture(), strokes(*TWO))
        (tile,) = UnpaintedGround.of(store, training).tiles
        assert len(tile.pixels) == 1000
        assert len(np.unique(tile.pixels % 80)) > 70
        assert np.array_equal(tile.pixels, UnpaintedGround.of(store, training).tiles[0].pixels), "the same every time"

    def test_tiles_without_paint_are_those_farthest_from_it(
        self, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ground_module, "OTHER_TILES", 1)
        height, width = 600, 1100  # two rows of three tiles
        paint = strokes(*TWO, shape=(height, width))
        training = TrainingSet((Pair(Image(np.zeros((1, height, width), np.float32), "NYX"),
                                     Scribbles.from_array(paint[None])),))
        assert len(store.boxes(training.pairs[0].image)) == 6
        assert [one.number for one in UnpaintedGround.of(store, training).tiles] == [0, 5]

    def test_where_everything_is_painted_there_is_none(self, store: FeatureStore) -> None:
        ground = UnpaintedGround.of(store, trained_on(picture(), np.where(np.arange(80) < 40, 1, 2)[None].repeat(
            64, axis=0).astype(np.uint8)))
        assert ground.distance.shape == (0,)

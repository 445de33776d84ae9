"""Classical methods in volumes: what each that sees them promises, when they do, and what is said if they cannot."""

from __future__ import annotations

import contextvars
import dataclasses
import re
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from segmenters_scene import ENTRIES, fitted, small

from napari_unet.classical.parameter_search import default_candidate
from napari_unet.core.errors import InputWarning, UserError
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.leaving import NoLongerWantedError, heed
from napari_unet.core.method import View, assemble
from napari_unet.core.registry import Entry
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.sight import seen_by, sees_of
from napari_unet.segmenters import _volumes
from napari_unet.segmenters._classical import ClassicalMethod
from napari_unet.segmenters.contours import Contours
from napari_unet.segmenters.slic import Slic
from napari_unet.segmenters.threshold import Threshold

DEEP = tuple(one for one in ENTRIES if issubclass(one.item, ClassicalMethod) and sees_of(one.item) == "both")
SHAPE = (12, 30, 34)


def balls(shape: tuple[int, ...] = SHAPE, longer: float = 1.0) -> np.ndarray:
    """Return where two balls are, in a volume whose voxels are so many times as long as wide."""
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    return sum(((z - shape[0] / 2) * longer) ** 2 + (y - row) ** 2 + (x - column) ** 2 < 49
               for row, column in ((9, 9), (19, 23))) > 0


def pixels(seed: int = 0) -> np.ndarray:
    return np.where(balls(), 160, 60) + np.random.default_rng(seed).normal(0, 8, SHAPE)


def training(image: Image, planes: tuple[int, ...] = (4, 7), **more: Any) -> TrainingSet:
    paint = np.zeros(image.shape, np.uint8)
    for plane in planes:
        paint[plane, 8:11, 6:12], paint[plane, 17:21, 21:26] = 2, 2
        paint[plane, 1:3, 18:32], paint[plane, 25:28, 2:14] = 1, 1
    return TrainingSet((Pair(image, Scribbles.from_array(paint)),), **more)


def plain(entry: Entry[Any], **options: Any) -> Any:
    """Return a method whose parameters take no search."""
    return dataclasses.replace(default_candidate(small(entry)), **options)


def answer(model: Any, image: Image) -> np.ndarray:
    return np.asarray(assemble(image, model.segment(image)))


@pytest.fixture(scope="module", params=DEEP, ids=lambda entry: entry.name)
def entry(request: pytest.FixtureRequest) -> Entry[Any]:
    return request.param


@pytest.fixture(scope="module")
def image() -> Image:
    return Image(pixels().astype(np.uint8), "ZYX", "balls")


@pytest.fixture(scope="module")
def model(entry: Entry[Any], image: Image) -> Any:
    return fitted(plain(entry, volume="volume"), training(image))


@pytest.fixture(scope="module")
def labels(model: Any, image: Image) -> np.ndarray:
    return answer(model, image)


def test_those_that_scikit_image_has_in_3_d_see_volumes() -> None:
    assert {"threshold", "slic", "watershed", "random_walker", "region_growing", "flood", "contours",
            "mean_shift"} <= {one.name for one in DEEP}
    assert sees_of(next(one.item for one in ENTRIES if one.name == "felzenszwalb")) == "planes"


def test_the_docs_say_which_method_looks_at_what() -> None:
    text = (Path(__file__).parent.parent / "docs" / "how_it_works.md").read_text(encoding="utf-8")
    deep, flat = (set(re.findall(r"`(\w+)`", re.search(rf"^\| {re.escape(words)} \|(.*)$", text, re.MULTILINE)[1]))
                  for words in ("planes or volumes", "planes"))
    assert deep == {one.name for one in DEEP}
    assert flat == {one.name for one in ENTRIES if issubclass(one.item, ClassicalMethod)} - deep


# --- laws -------------------------------------------------------------------------------------------------------------


def test_a_volume_is_answered_as_one_also_where_nothing_is_painted(
    model: Any, image: Image, labels: np.ndarray
) -> None:
    assert seen_by(model, image) == "volumes"
    assert "Looked at as a volume" in model.note
    truth = np.where(balls(), 2, 1)
    assert np.mean(labels == truth) > 0.93
    assert np.mean(labels[11] == truth[11]) > 0.93


def test_planes_are_those_of_the_volume_in_any_order_and_one_at_a_time(
    model: Any, image: Image, labels: np.ndarray
) -> None:
    order = []
    for patch in model.segment(image, [7, 2, 11]):
        order.append(image.plane_of(patch.where))
        np.testing.assert_array_equal(patch.labels, labels[order[-1]])
        patch.labels[:] = 9  # whoever gets it may write on it
    assert order == [7, 2, 11]
    np.testing.assert_array_equal(next(iter(model.segment(image, [2]))).labels, labels[2])
    view: Latest[View | None] = Latest(View((8, slice(0, 9), slice(0, 9))))
    assert image.plane_of(next(iter(model.segment(image, view=view))).where) == 8


def test_memberships_sum_to_one_or_are_refused(model: Any, image: Image, labels: np.ndarray) -> None:
    try:
        patches = list(model.segment(image, [3, 6], probabilities=True))
    except UserError as error:
        assert "probabilities" in str(error)  # noqa: PT017
        return
    for patch, plane in zip(patches, (3, 6), strict=True):
        assert patch.probabilities is not None
        np.testing.assert_allclose(patch.probabilities.sum(axis=0), 1, atol=1e-5)
        np.testing.assert_array_equal(patch.labels, labels[plane])


def test_times_are_volumes_of_their_own(model: Any, image: Image, labels: np.ndarray) -> None:
    times = Image(np.stack([image.data, image.data[:, ::-1]]), "TZYX")
    found = answer(model, times)
    np.testing.assert_array_equal(found[0], labels)
    assert np.mean(found[1] == np.where(balls()[:, ::-1], 2, 1)) > 0.93


def test_turned_round_it_is_answered_alike(entry: Entry[Any], model: Any, image: Image, labels: np.ndarray) -> None:
    found = answer(model, Image(image.data[::-1], "ZYX"))[::-1]
    same = np.mean(found == labels)
    assert same == 1 if entry.name in ("threshold", "clustering", "region_growing") else same > 0.96


@pytest.mark.parametrize("dtype", ["<u2", ">f8"])
def test_the_same_picture_in_another_type(model: Any, image: Image, labels: np.ndarray, dtype: str) -> None:
    other = (image.data.astype(np.float64) * 257).astype(dtype)
    assert np.mean(answer(model, Image(other, "ZYX")) == labels) > 0.995


def test_a_volume_of_one_plane_is_that_plane(model: Any, image: Image) -> None:
    one, flat = Image(image.data[6:7], "ZYX", "one"), Image(image.data[6], "YX", "flat")
    with pytest.warns(InputWarning, match="answers 'one' plane by plane, though it learnt from volumes: it has a sing"):
        found = answer(model, one)
    with pytest.warns(InputWarning, match="answers 'flat' plane by plane"):
        np.testing.assert_array_equal(found[0], answer(model, flat))
    assert model.seen(one) == "planes"


def test_nothing_is_changed_and_it_can_be_cancelled(entry: Entry[Any]) -> None:
    data = pixels().astype(np.float32)
    before, volume = data.copy(), Image(data, "ZYX")
    fit = plain(entry, volume="volume").fit(training(volume))
    next(fit)
    fit.close()
    model = fitted(plain(entry, volume="volume"), training(volume))
    segmenting = model.segment(volume)
    next(segmenting)
    segmenting.close()
    np.testing.assert_array_equal(data, before)


@pytest.mark.parametrize("after", [1, 3, 8])
def test_what_is_not_wanted_any_more_is_left_after_the_step_it_is_in(
    entry: Entry[Any], model: Any, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """Of volumes each step takes its time, and between two of them nothing is told."""
    taken: list[str] = []
    left = threading.Event()

    def noted(name: str, take: Any) -> Any:
        def step(*given: Any) -> Any:
            taken.append(name)
            if len(taken) == after:
                left.set()
            return take(*given)

        return step

    def until_left(work: Any) -> int:
        taken.clear()
        left.clear()
        heed(left)
        with pytest.raises(NoLongerWantedError):
            work()
        return len(taken)

    for name in ("prepared", "survey", "describe", "decide"):
        monkeypatch.setattr(entry.item, name, noted(name, getattr(entry.item, name)))
    volume = Image(pixels(), "ZYX")
    context = contextvars.copy_context()
    assert context.run(until_left, lambda: fitted(small(entry), training(volume))) == after
    if after == 1:
        assert context.run(until_left, lambda: answer(model, volume)) == after


def test_voxels_that_are_no_numbers(entry: Entry[Any]) -> None:
    data = pixels().astype(np.float32)
    data[4, 5:8, 6:9], data[9], data[7, 9, 9] = np.nan, np.nan, np.inf
    volume = Image(data, "ZYX", "holes")
    model = fitted(plain(entry, volume="volume"), training(volume))
    with pytest.warns(InputWarning, match=r"1030 of 12240 pixels are NaN or infinite") as told:
        found = answer(model, volume)
    assert len(told) == 1
    assert (found[~np.isfinite(data)] == 1).all()
    good = np.isfinite(data)
    assert np.mean(found[good] == np.where(balls(), 2, 1)[good]) > 0.9


@pytest.mark.parametrize("shape", [(2, 5, 7), (12, 1, 9), (5, 9, 1), (3, 1, 1), (9, 2, 3)])
def test_odd_volumes(entry: Entry[Any], model: Any, shape: tuple[int, ...]) -> None:
    volume = Image(np.arange(np.prod(shape), dtype=np.uint8).reshape(shape), "ZYX")
    assert set(np.unique(answer(model, volume))) <= {1, 2}
    paint = np.zeros(shape, np.uint8)
    paint[0].flat[0], paint[-1].flat[-1] = 1, 2
    own = fitted(plain(entry, volume="volume"), TrainingSet((Pair(volume, Scribbles.from_array(paint)),)))
    assert set(np.unique(answer(own, volume))) <= {1, 2}


def test_blank_volumes(entry: Entry[Any], model: Any) -> None:
    blank = Image(np.full(SHAPE, 7, np.uint16), "ZYX")
    assert set(np.unique(answer(model, blank))) <= {1, 2}
    own = fitted(plain(entry, volume="volume"), training(blank))
    assert set(np.unique(answer(own, blank))) <= {1, 2}


def test_long_voxels(entry: Entry[Any]) -> None:
    """The same balls, sampled along z half as often."""
    shape = (8, *SHAPE[1:])
    where = balls(shape, 2.0)
    data = np.where(where, 160, 60) + np.random.default_rng(1).normal(0, 8, shape)
    volume = Image(data, "ZYX", scale=(1.0, 0.5, 0.5))
    model = fitted(plain(entry), training(volume, (3, 5)))
    assert model.seen(volume) == "volumes"
    assert np.mean(answer(model, volume) == np.where(where, 2, 1)) > 0.92


# --- when volumes are looked at ---------------------------------------------------------------------------------------


def seen(image: Image, **options: Any) -> str:
    method = Threshold(kind="otsu", background=0.0, sigma=1.0, offset=0.0, **options)
    return fitted(method, training(image)).seen(image)


@pytest.mark.parametrize(("axes", "scale", "expected"), [
    ("ZYX", (), "volumes"), ("ZYX", (0.0, 1.0, 1.0), "volumes"), ("ZYX", (float("nan"),) * 3, "volumes"),
    ("ZYX", (9.0, 1.0, 1.0), "volumes"), ("ZYX", (1.0, 9.0, 9.0), "volumes"), ("TYX", (), "planes"),
    ("NYX", (), "planes"),
])
def test_only_z_makes_volumes(axes: str, scale: tuple[float, ...], expected: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nobody asked for more, so that nothing has to be said
        assert seen(Image(pixels(), axes, scale=scale)) == expected


def test_a_guess_is_not_z() -> None:
    assert seen(Image(pixels(), "ZYX", guessed_axes=True)) == "planes"


def test_very_long_voxels_are_planes_unless_a_person_says_otherwise() -> None:
    long = Image(pixels(), "ZYX", "long", scale=(1000.0, 1.0, 1.0))
    model = fitted(Threshold(kind="otsu", background=0.0, sigma=1.0), training(long))
    assert model.seen(long) == "planes"
    assert "Looked at plane by plane ('long': its voxels are 1e+03 times as long as wide, and up to 20" in model.note
    assert seen(Image(pixels(), "ZYX", scale=(1000.0, 1.0, 1.0)), volume="volume") == "volumes"
    assert seen(Image(pixels(), "ZYX"), volume="planes") == "planes"
    with pytest.warns(InputWarning, match=r"looks at 'film' plane by plane: it has no axis that is known to be z"):
        assert seen(Image(pixels(), "TYX", "film"), volume="volume") == "planes"


def test_what_does_not_fit_the_memory_is_planes_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    volume = Image(pixels(), "ZYX", "large")
    model = fitted(Threshold(kind="otsu", sigma=1.0, background=0.0), training(volume))
    monkeypatch.setattr(_volumes, "MEMORY", 2**16)
    with pytest.warns(InputWarning, match="answers 'large' plane by plane, though it learnt from volumes: as a volume"):
        assert set(np.unique(answer(model, volume))) == {1, 2}
    assert model.seen(volume) == "planes"
    with pytest.warns(InputWarning, match="Threshold looks at 'other' plane by plane: as a volume it takes 0.0 GB"):
        assert seen(Image(pixels(), "ZYX", "other"), volume="volume") == "planes"
    model = fitted(Threshold(kind="otsu", sigma=1.0, background=0.0), training(Image(pixels(), "ZYX", "third")))
    assert "Looked at plane by plane ('third': as a volume it takes 0.0 GB of memory, and 0.0 GB may be" in model.note
    monkeypatch.undo()
    monkeypatch.setattr(Slic, "swift_voxels", 100)
    method = Slic(background=0.0, sigma=1.0, filters=False, looks=1, size=4.0)
    model = fitted(method, training(third := Image(pixels(), "ZYX", "third")))
    assert model.seen(third) == "planes"
    assert "('third': a volume of 0.0 million voxels takes it long (volume 'volume' looks at it all" in model.note
    deep = dataclasses.replace(method, volume="volume")
    assert fitted(deep, training(fourth := Image(pixels(), "ZYX"))).seen(fourth) == "volumes"


@pytest.mark.parametrize("alike", [True, False])
def test_strokes_left_out_decide(alike: bool) -> None:
    """Where planes have nothing in common, a blur along z mixes what is not the same."""
    where = np.zeros(SHAPE, bool)
    where[:, 6:16, 4:14] = True
    if not alike:
        where[::2] = where[::2, :, ::-1]
    data = np.where(where, 160, 60) + np.random.default_rng(0).normal(0, 8, SHAPE)
    paint = np.zeros(SHAPE, np.uint8)
    for plane in (2, 5, 8, 9):
        paint[plane, 8:14] = np.where(where[plane, 8:14], 2, 1)
        paint[plane, 20:23, 4:30] = 1
    volume = Image(data.astype(np.float32), "ZYX")
    method = Threshold(kind="otsu", background=0.0, sigma=3.0, offset=0.0)
    model = fitted(method, TrainingSet((Pair(volume, Scribbles.from_array(paint)),)))
    assert model.seen(volume) == ("volumes" if alike else "planes")
    assert ("Looked at as a volume (mean Dice" if alike else "Looked at plane by plane (mean Dice") in model.note
    assert model.method.volume == ("volume" if alike else "planes")


def test_pictures_beside_a_volume_make_planes_of_all() -> None:
    volume = Image(pixels(), "ZYX")
    flat = Image(pixels()[6], "YX")
    paint = training(volume).pairs[0].scribbles.planes[4]
    both = TrainingSet((*training(volume).pairs, Pair(flat, Scribbles.from_array(paint))))
    model = fitted(Threshold(kind="otsu", sigma=1.0, background=0.0), both)
    assert model.seen(volume) == model.seen(flat) == "planes"
    assert model.method.volume is None


def test_without_strokes_a_volume_is_one() -> None:
    volume = Image(pixels(), "ZYX")
    model = fitted(Threshold(), TrainingSet((Pair(volume, Scribbles.empty(volume.shape)),)))
    assert model.seen(volume) == "volumes"
    assert np.mean(answer(model, volume) == np.where(balls(), 2, 1)) > 0.95


def test_a_kind_for_planes_stays_in_planes() -> None:
    volume = Image(pixels(), "ZYX", "curves")
    method = Contours(kind="snake", background=0.0, sigma=1.0, filters=False, looks=1, volume="volume")
    with pytest.warns(InputWarning, match="Contours looks at 'curves' plane by plane: snakes are curves in planes"):
        assert fitted(method, training(volume)).seen(volume) == "planes"
    deep = fitted(dataclasses.replace(method, kind=None), training(volume))
    assert deep.seen(volume) == "volumes"
    assert deep.method.kind in ("chan_vese", "geodesic")


def test_stored_numbers_and_no_data_are_read_alike_in_all_planes() -> None:
    data = (pixels() * 3).astype(np.int32)
    data[:, :2] = -9999
    data += 2**26  # float32 skips whole numbers there: each plane alone would be counted from its own least
    data[:, :2] = -9999
    volume = Image(data, "ZYX")
    model = fitted(Threshold(kind="manual", background=0.0, sigma=0.0), training(volume))
    with pytest.warns(InputWarning, match="without data"):
        found = answer(model, volume)
    assert np.mean(found[:, 2:] == np.where(balls(), 2, 1)[:, 2:]) > 0.97
    assert (found[:, :2] == 1).all()


@pytest.mark.parametrize("fading", ["evened", "halved", "kept"])
def test_a_plane_without_objects_stays_empty(fading: str) -> None:
    """Alone, it would be stretched until its noise looks like objects; a fall of the light is made up for."""
    where = balls()
    where[[0, 1, 10, 11]] = False
    data = np.where(where, 160, 60) + np.random.default_rng(0).normal(0, 8, SHAPE)
    volume = Image(data.astype(np.float32), "ZYX")
    method = Threshold(kind="otsu", background=0.0, sigma=1.0, volume="volume", fading=fading)
    assert np.mean(answer(fitted(method, training(volume)), volume) == np.where(where, 2, 1)) > 0.97
    fall = np.linspace(1, 0.5, len(data))[:, None, None]
    dim = Image((np.where(balls(), 160, 60) * fall).astype(np.float32), "ZYX")
    right = np.mean(answer(fitted(method, training(dim)), dim) == np.where(balls(), 2, 1))
    assert (right > 0.99) == (fading == "evened")

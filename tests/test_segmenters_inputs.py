"""What every registered method makes of its input: untouched, odd sizes, types, colour, no strokes, cancelled."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from segmenters_scene import entry, fitted, model, pair, scene, small, stack  # noqa: F401 (fixtures)

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import InputWarning, UserError
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.method import Progress, assemble
from napari_unet.core.registry import Entry
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.segmenters._classical import ClassicalMethod

pytestmark = pytest.mark.filterwarnings("ignore:.*no axis that is known to be z")  # networks of volumes


def is_classical(entry: Entry[Any]) -> bool:
    return issubclass(entry.item, ClassicalMethod)


def test_inputs_are_not_changed(entry: Entry[Any]) -> None:
    image, _, strokes = scene()
    image = image.astype(np.float32)
    before, painted = image.copy(), strokes.copy()
    training = TrainingSet((pair(image, strokes),))
    model = fitted(small(entry), training)
    list(model.segment(training.pairs[0].image))
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(strokes, painted)
    np.testing.assert_array_equal(training.pairs[0].scribbles.planes[0], painted)


def test_two_fits_are_equal(entry: Entry[Any], model: Any) -> None:
    image = stack()[1].pairs[0].image
    again = fitted(small(entry), stack()[1])
    np.testing.assert_array_equal(
        assemble(image, model.segment(image)), assemble(image, again.segment(image))
    )


def test_a_mailbox_is_read(entry: Entry[Any]) -> None:
    image, training = stack()
    model = fitted(small(entry), Latest(training))
    assert assemble(training.pairs[0].image, model.segment(training.pairs[0].image)).shape == image.shape


def test_fit_and_segment_can_be_cancelled(entry: Entry[Any], model: Any) -> None:
    fit = small(entry).fit(stack()[1])
    assert isinstance(next(fit), Progress)
    fit.close()
    with pytest.raises(StopIteration):
        next(fit)
    segmenting = model.segment(stack()[1].pairs[0].image)
    next(segmenting)
    segmenting.close()
    with pytest.raises(StopIteration):
        next(segmenting)


def test_one_class_only_says_what_to_paint(entry: Entry[Any]) -> None:
    image, _, strokes = scene()
    training = TrainingSet((pair(image, np.where(strokes == 1, 1, 0)),))
    method = small(entry)
    if is_classical(entry):
        with pytest.raises(UserError, match=r"Only background is painted. Paint a little of a second class too"):
            fitted(method, training)
    else:
        with pytest.raises(UserError, match=r"[Pp]aint"):
            fitted(method, training)


def test_no_strokes(entry: Entry[Any]) -> None:
    image, truth, strokes = scene()
    training = TrainingSet((pair(image, np.zeros_like(strokes)),))
    if not is_classical(entry):
        with pytest.raises(UserError, match=r"[Pp]aint"):
            fitted(small(entry), training)
        return
    model = fitted(small(entry), training)
    labels = assemble(training.pairs[0].image, model.segment(training.pairs[0].image))
    assert set(np.unique(labels)) == {1, 2}
    assert np.mean(labels == truth) > 0.9
    assert "No strokes" in model.note
    assert "brighter part" in model.note


def test_a_class_without_paint_is_never_predicted(entry: Entry[Any]) -> None:
    image, _, strokes = scene()
    classes = ClassTable.named({1: "background", 2: "cell", 3: "debris", 7: "dust"})
    model = fitted(small(entry), TrainingSet((pair(image, strokes),), classes))
    assert set(np.unique(assemble(Image(image), model.segment(Image(image))))) <= {1, 2}


def test_three_classes_that_are_painted_in_different_images_of_different_sizes(entry: Entry[Any]) -> None:
    first, _, strokes = scene()
    second = np.full((30, 25), 60, np.uint8)
    second[10:20, 5:20] = 110
    second[23:28, 5:20] = 170  # as bright as the discs, not painted
    painted = np.zeros(second.shape, np.uint8)
    painted[12:18, 7:17] = 3
    painted[1:4, 2:20] = 1
    training = TrainingSet((pair(first, strokes), pair(second, painted)))
    model = fitted(small(entry), training)
    assert set(model.classes.ids) == {1, 2, 3}
    for one in training.pairs:
        labels = assemble(one.image, model.segment(one.image))
        assert set(np.unique(labels)) <= {1, 2, 3}
    if is_classical(entry):
        assert np.mean(labels[11:19, 6:19] == 3) > 0.9


@pytest.mark.parametrize("shape", [(1, 1), (3, 2), (1, 40), (40, 1)])
def test_tiny_images(entry: Entry[Any], model: Any, shape: tuple[int, int]) -> None:
    image = Image(np.arange(shape[0] * shape[1], dtype=np.uint8).reshape(shape))
    labels = assemble(image, model.segment(image))
    assert labels.min() >= 1
    if shape == (1, 1):
        return
    strokes = np.zeros(shape, np.uint8)
    strokes.ravel()[0], strokes.ravel()[-1] = 1, 2
    own = fitted(small(entry), TrainingSet((Pair(image, Scribbles.from_array(strokes)),)))
    assert set(np.unique(assemble(image, own.segment(image)))) <= {1, 2}


@pytest.mark.filterwarnings("ignore:.*same value everywhere")
def test_blank_image(entry: Entry[Any], model: Any) -> None:
    _, _, strokes = scene()
    blank = Image(np.full(strokes.shape, 7, np.uint16))
    assert set(np.unique(assemble(blank, model.segment(blank)))) <= {1, 2}
    own = fitted(small(entry), TrainingSet((Pair(blank, Scribbles.from_array(strokes)),)))
    assert set(np.unique(assemble(blank, own.segment(blank)))) <= {1, 2}


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "<u2", ">i2", ">u4", "i8", "u8", "f2", ">f4", "f8"])
def test_pixel_types(entry: Entry[Any], model: Any, dtype: str) -> None:
    _, truth, strokes = scene()
    if np.dtype(dtype).kind == "b":
        image = truth == 2
    else:
        image = (truth.astype(np.float64) * 40).astype(dtype)
    if is_classical(entry):
        model = fitted(small(entry), TrainingSet((pair(image, strokes),)))
    with warnings.catch_warnings():
        if dtype in ("?", "i1"):  # a picture of other contrast than the one learnt from, which is said
            warnings.filterwarnings("ignore", ".*is on another scale", InputWarning)
        labels = assemble(Image(image), model.segment(Image(image)))
    if is_classical(entry):
        assert np.mean(labels == truth) > 0.95
    else:
        assert set(np.unique(labels)) <= {1, 2}


def test_pixels_that_are_not_numbers(entry: Entry[Any], model: Any) -> None:
    image, _, strokes = scene()
    image = image.astype(np.float32)
    image[5:9, 20:25] = np.nan
    image[10, 10] = np.inf
    image[10, 30] = -np.inf
    one = pair(image, strokes)
    with warnings.catch_warnings():
        # a network says so in training too
        warnings.simplefilter("ignore", InputWarning)
        own = fitted(small(entry), TrainingSet((one,)))
    for fit in (model, own):
        with pytest.warns(InputWarning, match=r"22 of 1920 pixels are NaN or infinite") as record:
            labels = assemble(one.image, fit.segment(one.image))
        assert sum("NaN" in str(one.message) for one in record) == 1
        assert (labels[~np.isfinite(image)] == 1).all()


def test_nothing_but_nan(model: Any) -> None:
    image = Image(np.full((12, 13), np.nan, np.float32), name="empty well")
    with pytest.raises(UserError, match="'empty well' holds no numbers at all"):
        list(model.segment(image))


def test_colour(entry: Entry[Any]) -> None:
    image, truth, strokes = scene()
    colour = np.stack([255 - image, image, np.full_like(image, 80)], axis=-1)
    training = TrainingSet((pair(colour, strokes, "YXC"),))
    model = fitted(small(entry), training)
    labels = assemble(training.pairs[0].image, model.segment(training.pairs[0].image))
    assert labels.shape == truth.shape
    if is_classical(entry):
        assert np.mean(labels == truth) > 0.95

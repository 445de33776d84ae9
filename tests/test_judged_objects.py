"""Objects in a comparison: ways are given how sure a method is, and what they find is kept and saved."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_unet.comparison import soft_answers
from napari_unet.comparison.contenders import Contender
from napari_unet.comparison.object_contest import ObjectContest
from napari_unet.comparison.outcome import Comparison
from napari_unet.comparison.packed_objects import PackedObjects
from napari_unet.comparison.runner import run_comparison
from napari_unet.comparison.soft_answers import SoftAnswers
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.method import Patch
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import run_to_end
from napari_unet.io import load_objects
from napari_unet.objects.image_objects import ObjectSearch, find_in_image
from napari_unet.objects.object_map import ObjectMap
from napari_unet.report.folder import ComparisonFolder

SHAPE = (2, 40, 60)
CLASSES = ClassTable.named({1: "background", 2: "nucleus"})


def likely() -> np.ndarray:
    """How likely nucleus is: on each plane a bright square, and one of which the model is unsure."""
    soft = np.full(SHAPE, 0.05, np.float32)
    soft[:, 5:20, 5:20], soft[:, 5:20, 35:50] = 0.95, 0.55
    return soft


@dataclasses.dataclass
class Sure:
    """A model that says how sure it is, if it can."""

    can: bool = True
    classes: ClassTable = CLASSES
    note: str = "made up"

    def segment(
        self, image: Image, planes: Sequence[int] | None = None, probabilities: bool = False
    ) -> Iterator[Patch]:
        if probabilities and not self.can:
            raise UserError("It has none.")
        wanted = list(range(image.n_planes) if planes is None else planes)
        for done, plane in enumerate(wanted, 1):
            for half in (slice(0, 30), slice(30, 60)):
                where = image.where(plane, slice(0, 40), half)
                soft = likely()[where]
                both = np.stack([1 - soft, soft]) if probabilities else None
                yield Patch(where, np.where(soft > 0.5, 2, 1).astype(np.uint8), both, done, len(wanted))


def judged(model: Sure, planes: tuple[int, ...] | None = None, **options: Any) -> Comparison:
    truth = np.where(likely() > 0.9, 2, 1).astype(np.uint8)
    image = Image(np.zeros(SHAPE, np.uint8), "NYX", "cells")
    training = TrainingSet((Pair(image, Scribbles.empty(SHAPE)),), CLASSES)
    contest = ObjectContest((ObjectSearch(), ObjectSearch("parts")), **options)
    return run_to_end(run_comparison(training, [Contender("sure", model=model)], references=[truth], objects=contest,
                                     planes=[planes]))


def precision(found: Comparison, way: str) -> set[float | None]:
    return {row.value for row in found.rows if (row.metric, row.way) == ("average_precision", way)}


def test_ways_are_given_how_sure_a_method_is() -> None:
    sure, unsure = judged(Sure()), judged(Sure(can=False))
    assert precision(sure, "auto") == {1.0}, "what the model is unsure of is no object"
    assert precision(sure, "parts") == precision(unsure, "auto") == {0.5}
    soft = likely()
    alone = run_to_end(find_in_image(np.where(soft > 0.5, 2, 1), "NYX", ObjectSearch(), ids=(1, 2),
                                     probabilities=np.stack([1 - soft, soft])))
    kept = sure.found["sure"]["auto"][0]
    assert kept is not None
    np.testing.assert_array_equal(kept.whole().numbers, alone.numbers)
    both = sure.objects.plane_objects(0, sure.images[0], sure.references[0][1], 1, sure.found["sure"])
    assert both is not None
    assert np.unique(both[0]).size == 2
    assert sure.objects.plane_objects(0, sure.images[0], sure.references[0][1], 1, {}) is None


def test_too_many_probabilities_are_not_kept_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soft_answers, "MOST", 100)
    found = judged(Sure())
    assert precision(found, "auto") == {0.5}
    assert "Objects of cells were found without probabilities" in found.notes["sure"]
    assert SoftAnswers([]).said == ""


def test_objects_are_packed_and_come_back() -> None:
    numbers = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5) % 7
    packed = PackedObjects.of(ObjectMap.of(numbers, spacing=(1, 1, 0.5, 0.5)))
    np.testing.assert_array_equal(packed.whole().numbers, numbers)
    np.testing.assert_array_equal(packed.plane(4), numbers[1, 1])
    assert packed.whole().spacing == (1, 1, 0.5, 0.5)


def test_the_folder_of_a_comparison_holds_them(tmp_path: Path) -> None:
    found = judged(Sure())
    ComparisonFolder(tmp_path / "c").save(found)
    read = load_objects(tmp_path / "c" / "objects" / "sure_auto.tif")
    assert read.found.count == 2
    assert read.classes.name(2) == "nucleus"
    (tmp_path / "c" / "objects" / "mine.tif").write_bytes(b"mine")
    again = dataclasses.replace(found, found={})
    ComparisonFolder(tmp_path / "c", overwrite=True).save(again)
    assert [one.name for one in (tmp_path / "c" / "objects").iterdir()] == ["mine.tif"], "earlier ones go, others stay"


def test_planes_that_were_not_judged_are_not_saved_as_if_they_had_no_object(tmp_path: Path) -> None:
    ComparisonFolder(tmp_path / "c").save(judged(Sure(), planes=(1,)))
    read = load_objects(tmp_path / "c" / "objects" / "sure_parts.tif")
    assert read.found.numbers.shape == SHAPE[1:], "one plane, as the mask beside it"
    assert read.found.count == 2

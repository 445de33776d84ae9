"""What was taken from a prediction is known to be so when a project is opened again."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_unet.core.scribbles import Scribbles
from napari_unet.project.stroke_files import StrokeFiles


def test_marks_come_back_and_go_with_the_paint(tmp_path: Path) -> None:
    paint = np.zeros((2, 600, 700), np.uint8)
    paint[1, 500:560, 500:560] = 2
    marks = paint[1] > 0
    marks[:, :520] = False
    strokes = Scribbles(paint.shape, {1: paint[1]}, 1, {1: marks.astype(np.uint8)})
    files = StrokeFiles(tmp_path)
    assert files.write("a", None, strokes, "ZYX") > 0
    assert files.write("a", None, strokes, "ZYX") == 0
    found = StrokeFiles(tmp_path).read("a", mend=False)
    assert found is not None
    assert found.scribbles.same_paint(strokes)
    assert np.array_equal(found.scribbles.derived[1], marks)
    over = found.scribbles.replacing({1: np.where(marks, np.uint8(1), paint[1])}, 2)
    assert not over.derived, "a person has painted over all of it"
    files.write("a", None, over, "ZYX")
    again = StrokeFiles(tmp_path).read("a", mend=False)
    assert again is not None
    assert not again.scribbles.derived


def test_without_a_prediction_taken_over_there_is_no_second_array(tmp_path: Path) -> None:
    StrokeFiles(tmp_path).write("a", None, Scribbles((4, 4), {0: np.ones((4, 4), np.uint8)}), "YX")
    assert [one.name for one in tmp_path.iterdir()] == ["a.zarr"]

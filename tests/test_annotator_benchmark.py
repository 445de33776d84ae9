"""The simulated annotator: laws of the person's brush, and a short run of the whole benchmark."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from _annotator.painter import MOST_PIXELS, MOST_SECONDS, Painter, Stroke, most_wrong
from benchmark_scripts import load_script
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from small_set import write_small_set


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """The script, which is no part of the package."""
    return load_script("annotator")


def scene(seed: int, size: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """Truth with unknown pixels, and labels that are wrong in places."""
    rng = np.random.default_rng(seed)

    def fields(classes: int) -> np.ndarray:
        smooth = ndimage.gaussian_filter(rng.normal(size=(classes, size, size)), (0, 4, 4))
        return (smooth.argmax(axis=0) + 1).astype(np.uint8)

    truth, shown = fields(3), fields(3)
    truth[rng.random(truth.shape) < 0.02] = 0
    return truth, shown


def pixels_of(stroke: Stroke, size: int = 48) -> np.ndarray:
    out = np.zeros((size, size), bool)
    out[stroke.pixels] = True
    return out


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_a_stroke_is_right_fresh_in_one_error_and_in_time(seed: int) -> None:
    truth, shown = scene(seed)
    painter = Painter([truth], seed)
    for number in range(6):
        before = painter.painted[0].copy()
        stroke = painter.first(painter.class_ids[number]) if number < 2 else painter.correct([shown])
        if stroke is None:
            break
        mine = pixels_of(stroke)
        assert mine.any()
        assert (truth[mine] == stroke.class_id).all()
        assert (before[mine] == 0).all()
        assert stroke.size <= MOST_PIXELS
        assert 0 < stroke.seconds <= MOST_SECONDS
        if number >= 2:
            errors = (truth == stroke.class_id) & (shown != truth) & (before == 0)
            parts, _ = ndimage.label(errors, np.ones((3, 3)))
            assert len(np.unique(parts[mine])) == 1
            assert (parts[mine] > 0).all()
        painter.put(stroke)
        np.testing.assert_array_equal(painter.painted[0][~mine], before[~mine])


def test_the_same_seed_paints_the_same() -> None:
    truth, shown = scene(3)
    strokes = [[(painter := Painter([truth], 7)).first(1), painter.correct([shown])] for _ in range(2)]
    for first, second in zip(*strokes, strict=True):
        assert first is not None
        assert second is not None
        np.testing.assert_array_equal(first.pixels, second.pixels)


def test_a_person_who_sees_no_error_paints_nothing() -> None:
    truth, _ = scene(0)
    assert Painter([truth]).correct([np.where(truth > 0, truth, 1).astype(np.uint8)]) is None


def test_a_blob_is_worse_than_as_many_scattered_pixels() -> None:
    wrong = np.zeros((120, 120), bool)
    wrong[20:27, 20:27] = True
    wrong[70:110:6, 70:110:6] = True
    _, place = most_wrong(wrong)
    assert place == (23, 23)


def test_a_wrong_stroke_is_painted_with_another_class() -> None:
    truth, _ = scene(1)
    painter = Painter([truth])
    stroke = painter.first(1)
    painter.put(stroke, 2)
    assert (painter.painted[0][stroke.pixels] == 2).all()


def test_every_method_takes_part(benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()  # every piece of work takes as long, however busy the machine is
    monkeypatch.setattr(benchmark, "time", SimpleNamespace(perf_counter=lambda: next(ticks) * 0.3))
    table, picture = tmp_path / "annotator.csv", tmp_path / "annotator.png"
    benchmark.main([
        "--data", str(write_small_set(tmp_path)), "--seeds", "0", "--strokes", "4",
        "--pace", "0.1", "--dense-seconds", "0.4", "--device", "cpu", "--csv", str(table), "--png", str(picture),
    ])
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:6] == ["set", "method", "strokes", "seconds", "class", "dice"]
    by_method = {row["method"]: [one for one in rows if one["method"] == row["method"]] for row in rows}
    assert set(by_method) == {"forest", "instant", "deep", "scratch", "dense"}
    assert max(int(row["strokes"]) for row in by_method["deep"]) == 4
    assert all(0 <= float(row["dice"]) <= 1 for row in rows)
    assert float(by_method["instant"][-1]["dice"]) > 0.6
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "of dense after 4 strokes" in capsys.readouterr().out

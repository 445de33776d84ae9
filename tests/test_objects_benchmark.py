"""The simulated person of ``benchmarks/objects.py`` draws the line that a real one would, and scores are true."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from benchmark_scripts import ROOT, load_script
from test_drawn_lines import discs

from napari_unet.core.components import label_components
from napari_unet.objects.class_field import ClassField
from napari_unet.objects.finding import find_objects
from napari_unet.objects.hints import Hints


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    yield load_script("objects")
    for name in [one for one in sys.modules if one.partition(".")[0] == "_objects"]:
        del sys.modules[name]


def scene(script):
    """Three nuclei of which two hang together, and one that the answer has in two pieces."""
    labels = discs((50, 140), (25, 20, 13), (25, 42, 13), (25, 75, 12), (25, 115, 14))
    true = label_components(labels == 2).astype(np.int32)
    true[:, 31:60][true[:, 31:60] > 0] = 9
    said = labels.copy()
    said[:, 115:117] = 1
    return script.Answered(ClassField(said), Hints(), true, labels == 2, ((0, 0),))


def test_the_table_of_speed_counts_objects(script, monkeypatch, capsys):
    monkeypatch.setattr("_objects.speed.SCENES", ((120, 36),))
    script.main(["--speed"])
    scene, objects, seconds, follow, tenth = capsys.readouterr().out.splitlines()[-1].split()
    assert scene == "120x120"
    assert 25 <= int(objects) <= 36
    assert float(seconds) >= 0
    assert float(follow) > 0
    assert float(tenth) > 0


def test_the_worst_error_is_put_right_first(script):
    from _objects.agreement import ap50
    from _objects.hand import drawn

    def finder(planes):
        return lambda one: find_objects(one.field, one.hints, "parts")

    plane = scene(script)
    before = ap50(plane.true, finder([])(plane).numbers)
    one, = drawn([plane], finder, 1)
    assert [line.kind for line in one.hints.lines] == ["cut"]
    both, = drawn([plane], finder, 10)
    assert [line.kind for line in both.hints.lines] == ["cut", "join"], "two errors, two lines"
    assert before < ap50(plane.true, finder([])(one).numbers) < ap50(plane.true, finder([])(both).numbers) == 1


def test_average_precision_is_counted_by_hand(script):
    from _objects.agreement import ap50

    true = np.array([[1, 1, 0, 2, 2, 0, 3]])
    found = np.array([[4, 4, 0, 5, 0, 7, 0]])
    assert ap50(true, found) == pytest.approx(1 / 5), "of exactly one half shared, none is found"
    assert ap50(true, true) == 1
    assert ap50(true * 0, true * 0) == 1


def test_the_plain_watershed_parts_two_discs(script):
    labels = discs((40, 60), (20, 18, 12), (20, 40, 12))
    assert script.plain_watershed(labels == 2, (1.0, 1.0)).max() == 2

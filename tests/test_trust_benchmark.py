"""A short run of the benchmark on trust: what is said of each method is held against the labels."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from benchmark_scripts import load_script

from napari_unet.learning.true_dice import HeldOutEvidence, IntervalModel, expected_dice

ROOT = Path(__file__).parent.parent
DATA = ROOT / "napari_unet" / "sample_data"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """The script, which is no part of the package."""
    return load_script("trust")


def test_every_interval_is_held_against_the_truth(
    benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--data", str(DATA), "--sets", "nuclei", "--seeds", "0", "--strokes", "3", "--side", "512",
             "--planes", "1", "--methods", "threshold", "region_growing", "--cache", str(tmp_path)]
    benchmark.main(words)
    shown = capsys.readouterr().out
    assert "strokes are drawn from those of the sets" in shown
    kept = json.loads((tmp_path / "nuclei_0_3.json").read_text(encoding="utf-8"))
    assert {one["method"] for one in kept} == {"threshold", "region_growing"}
    inside = []
    for one in kept:
        known = HeldOutEvidence(**one["evidence"])
        assert known.strokes == 3
        assert known.agreement is not None, "there are two fits"
        likely = expected_dice(known)
        inside.append(likely.low <= one["truth"] <= likely.high)
        assert re.search(rf"{one['method']} .* likely {likely.text}; truth {one['truth']:.3f} "
                         f"{'in' if inside[-1] else 'OUT'}", shown)
    assert f"hold the truth in {np.mean(inside):.0%}" in shown
    benchmark.main(words)
    again = capsys.readouterr().out
    assert re.sub(r"\d+\.\d s", "", again) == re.sub(r"\d+\.\d s", "", shown), "what was kept is read again"
    benchmark.main([*words, "--strokes", "500"])
    assert "there are no 500 strokes of each class. Left out." in capsys.readouterr().out


def made_up(benchmark: ModuleType, truth: dict[str, float], model: IntervalModel) -> list[object]:
    """Cases of three sets whose truth follows a model, but for what belongs to the set."""
    chance = np.random.default_rng(0)
    found = []
    for name, offset in truth.items():
        for seed, strokes in ((0, 4), (1, 16)):
            for method in "abcdef":
                known = HeldOutEvidence(float(chance.uniform(0.6, 0.9)), strokes, float(chance.uniform(0.5, 0.95)))
                value = expected_dice(known, model).value + offset
                found.append(benchmark.Judged(name, seed, method, known, value))
    return found


def test_constants_are_found_again(benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["_trust.fitting"], "RIDGE", 1e-6)  # it pulls weights towards 0
    model = IntervalModel(-0.5, 0.4, 0.6, (0.1, 0.0), (0.1, 0.0))
    cases = made_up(benchmark, {"one": 0.0, "two": 0.0, "three": 0.0}, model)
    found = benchmark.fit_interval(cases)
    assert found.dice == pytest.approx(model.dice, abs=1e-3)
    assert found.agreement == pytest.approx(model.agreement, abs=1e-3)
    assert max(*found.below, *found.above) < 1e-3, "there is no error"
    shifted = benchmark.fit_interval(made_up(benchmark, {"one": 0.0, "two": 0.1, "three": -0.1}, model))
    assert shifted.below[0] > 0.1, "an error of a set is seen only where the set was left out"
    assert benchmark.fit_interval(cases, two_fits=False).agreement == 0


def test_a_named_best_is_right_or_wrong_by_truth(benchmark: ModuleType) -> None:
    clear = HeldOutEvidence(1.0, 16, 0.98), HeldOutEvidence(0.5, 16, 0.4)
    cases = [[benchmark.Judged("one", seed, method, known, truth)
              for method, known, truth in zip("ab", clear, truths, strict=True)]
             for seed, truths in enumerate([(0.9, 0.5), (0.5, 0.9), (0.70, 0.71)])]
    said = "\n".join(benchmark.conclusions(cases, 16))
    assert "a best is named in 3 of 3 cases, 2 times rightly (within 0.02); in 2 of the 2 cases where" in said

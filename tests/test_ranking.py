"""Presets, and how sure a ranking is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from comparison_scene import few, rows
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from napari_unet.comparison.contenders import PRESETS, contender_names, expand_presets, make_contenders, preset_methods
from napari_unet.core.errors import UsageError
from napari_unet.networks import REGISTRY as NETWORKS
from napari_unet.report.paired_differences import bootstrap_interval, by_plane, paired_difference, rank_methods
from napari_unet.segmenters import REGISTRY


def test_presets_are_read_from_the_registry() -> None:
    offered = {entry.name for entry in REGISTRY if entry.extras.get("preset", True)} - {"unet25d", "unet3d"}
    assert set(preset_methods("everything")) == offered
    assert set(preset_methods("networks")) == {name for name in NETWORKS.names() if name in offered}
    assert set(preset_methods("classical")) == offered - set(preset_methods("networks"))
    assert set(preset_methods("quick")) < set(preset_methods("classical"))
    with pytest.raises(UsageError, match=r"There is no preset 'all'\. Allowed: quick, classical, networks, everything"):
        preset_methods("all")
    assert not set(PRESETS) & set(REGISTRY.names())


def test_presets_mix_with_names_and_each_method_comes_once() -> None:
    assert contender_names(["threshold", "quick", "unet"])[0] == "threshold"
    assert sorted(contender_names(["threshold", "quick", "unet"])) == sorted({*preset_methods("quick"), "threshold",
                                                                              "unet"})
    assert expand_presets(["networks"])["unet2015"] == {"width": 16}, "a minute on a processor"
    assert expand_presets(["unet2015"])["unet2015"] == {}
    assert expand_presets(["networks", "unet2015"])["unet2015"] == {}, "named by itself"
    method: Any = make_contenders(["networks"], {"unet2015": {"width": 8}},
                                  {})[contender_names(["networks"]).index("unet2015")]
    assert method.method.width == 8


def test_means_spreads_and_paired_differences_by_hand() -> None:
    given_ = [*rows("b", [0.5, 0.6, 0.7]), *rows("a", [0.6, 0.7, 0.8]), *rows("none", [None, None])]
    first, second = rank_methods(given_)
    assert (first.method, first.best, first.difference, first.planes) == ("a", True, None, 3)
    assert first.mean == pytest.approx(0.7)
    assert first.spread == pytest.approx(0.1)
    assert second.difference is not None
    assert second.difference.mean == pytest.approx(-0.1)
    assert (second.difference.low, second.difference.high) == (pytest.approx(-0.1), pytest.approx(-0.1))
    assert not second.level, "planes differ more than methods, but always by as much"


def test_a_difference_that_the_planes_do_not_agree_on_is_a_tie() -> None:
    first, second = rank_methods([*rows("a", [0.9, 0.5, 0.8, 0.7, 0.6]), *rows("b", [0.6, 0.8, 0.5, 0.9, 0.5])])
    assert first.method == "a"
    assert second.difference is not None
    assert second.difference.tie
    assert second.level


def test_the_mean_over_classes_is_taken_on_each_plane() -> None:
    both = [*rows("a", [0.2, 0.4]), *rows("a", [0.6, None], class_id=3)]
    assert by_plane(both, "dice") == {"a": {("i", 0): pytest.approx(0.4), ("i", 1): pytest.approx(0.4)}}
    assert by_plane(both, "dice", 3) == {"a": {("i", 0): 0.6}}


def test_one_that_did_only_easy_planes_beats_nobody() -> None:
    first, second = rank_methods([*rows("slow", [0.99]), *rows("whole", [0.8, 0.7])])
    assert (first.method, second.method) == ("whole", "slow")
    assert second.difference is not None
    assert second.difference.mean == pytest.approx(0.19)
    assert (second.difference.low, second.spread) == (None, None)
    assert not second.level


def test_lower_is_better_where_the_registry_says_so() -> None:
    first, _ = rank_methods([*rows("a", [3, 5], "components_error"), *rows("b", [1, 2], "components_error")],
                            "components_error")
    assert first.method == "b"


def test_nothing_in_common() -> None:
    assert paired_difference({("i", 0): 1.0}, {("i", 1): 1.0}) is None
    assert rank_methods([]) == ()


@pytest.mark.parametrize("count", [8, 30, 200])
def test_intervals_agree_with_students_on_normal_numbers(count: int) -> None:
    values = np.random.default_rng(count).normal(0.1, 1, count)
    low, high = bootstrap_interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert low == pytest.approx(expected.low, abs=0.2 * (expected.high - expected.low) / 2)
    assert high == pytest.approx(expected.high, abs=0.2 * (expected.high - expected.low) / 2)


@few
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=20))
def test_an_interval_is_ordered_repeatable_and_inside_the_values(values: list[float]) -> None:
    array = np.array(values)
    low, high = bootstrap_interval(array)
    assert low is not None
    assert high is not None
    assert array.min() - 1e-9 <= low <= high <= array.max() + 1e-9
    assert bootstrap_interval(array) == (low, high)
    mirrored = bootstrap_interval(-array)
    assert mirrored == (pytest.approx(-high, abs=1e-6), pytest.approx(-low, abs=1e-6))

"""Records of a project: what goes into JSON comes back, and what somebody else has written there is checked."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.project.records import (
    ImageRecord,
    ImageSource,
    ModelRecord,
    ProjectState,
    ResultRecord,
    new_id,
)

IDS = st.from_regex(r"[0-9a-z][0-9a-z_-]{5,20}", fullmatch=True)
WORDS = st.text(st.characters(categories=("L", "N", "P", "Zs", "S")), max_size=30)
NUMBERS = st.floats(-1e200, 1e200)
MOMENTS = st.floats(0, 32_503_680_000)
STEPS = st.floats(1e-9, 1e9)
PATHS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=50)
SETTINGS = st.dictionaries(
    WORDS, st.recursive(st.none() | st.booleans() | st.integers(-2**60, 2**60) | NUMBERS | WORDS,
                        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3)),
    max_size=4)


@st.composite
def images(draw: Any, image_id: str) -> ImageRecord:
    letters = draw(st.sampled_from(["YX", "NYX", "YXC", "TCYX", "TZCYX", ""]))
    count = len(letters) or 3
    labels = len(letters.replace("C", ""))
    numbers = lambda of: tuple(draw(st.lists(of, min_size=labels, max_size=labels)))  # noqa: E731
    stored = bool(letters) and draw(st.booleans())
    source = ImageSource(("images/a.ome.zarr",), 0, True, letters) if stored else (
        ImageSource(tuple(draw(st.lists(PATHS, min_size=1, max_size=3))), draw(st.integers(0, 5))))
    return ImageRecord(
        image_id, draw(WORDS), source, letters, tuple(draw(st.integers(1, 500)) for _ in range(count)),
        draw(st.sampled_from(["uint8", "float32"])), numbers(STEPS) if letters else (), draw(WORDS),
        tuple(draw(st.lists(WORDS, max_size=2))), draw(st.sampled_from(["", f"{image_id}-strokes"])),
        draw(st.integers(0, 2**40)), draw(WORDS), draw(st.booleans()), draw(st.booleans()), draw(WORDS),
        numbers(NUMBERS) if letters else (), draw(WORDS), tuple(draw(st.lists(NUMBERS, max_size=2))),
    )


@st.composite
def states(draw: Any) -> ProjectState:
    ids = draw(st.lists(IDS, max_size=4, unique=True))
    files = draw(st.lists(st.integers(0, 9999), max_size=3, unique=True))
    return ProjectState(
        tuple(draw(images(one)) for one in ids), ClassTable.default(draw(st.sets(st.integers(1, 255), max_size=4))),
        draw(st.sampled_from([None, *ids])),
        tuple(ModelRecord(f"models/{one:04d}.pt", draw(WORDS), draw(st.integers(0, 10**6)),
                          draw(st.none() | st.floats(0, 1)), draw(MOMENTS), draw(st.integers(0, 99)),
                          draw(st.dictionaries(WORDS, WORDS, max_size=2)), draw(st.booleans()), draw(st.booleans()))
              for one in files),
        tuple(ResultRecord(one, f"results/{one}.ome.zarr", draw(WORDS), draw(MOMENTS), draw(WORDS)) for one in ids[:2]),
        draw(SETTINGS), tuple(draw(st.lists(IDS, max_size=2))), tuple(draw(st.lists(IDS, max_size=2))),
    )


@given(states())
def test_a_state_comes_back_from_json_as_it_was(state: ProjectState) -> None:
    assert ProjectState.from_json(json.loads(json.dumps(state.to_json()))) == state


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(
                        ["images", "classes", "models", "results", "settings", "current", "removed"]), inner)))
def test_any_json_is_a_state_or_a_user_error(value: Any) -> None:
    with contextlib.suppress(UserError):
        ProjectState.from_json(value)


GOOD: dict[str, Any] = ImageRecord("a1", "cells", ImageSource(("../cells.tif",)), "NYX", (3, 8, 8), "uint8").to_json()


@pytest.mark.parametrize(("key", "value", "said"), [
    ("id", "../../etc", "small letters"),
    ("id", "con", "small letters"),
    ("id", 7, "small letters"),
    ("id", "", "small letters"),
    ("shape", [3, 8, -8], "whole numbers"),
    ("shape", [2**60, 2**60, 2], "whole numbers"),
    ("shape", [3, 8, True], "whole numbers"),
    ("shape", [10**400, 8, 8], "whole numbers"),
    ("scale", [1, 2, "3"], "numbers"),
    ("scale", [1, 1, 0], "larger than 0"),
    ("scale", [1.0], "do not fit"),
    ("axes", "NYXC", "do not fit"),
    ("axes", "YYX", "do not fit"),
    ("axes", "N?X", "do not fit"),
    ("name", None, "a text"),
    ("name", "x" * 5000, "a text"),
    ("size", -1, "whole number"),
    ("size", 2**70, "whole number"),
    ("learn", 1, "true or false"),
    ("source", "cells.tif", "no JSON object"),
    ("source", {"paths": []}, "names no file"),
    ("source", {"paths": ["a\0b"]}, "paths"),
    ("source", {"paths": ["../../outside"], "stored": True, "axes": "NYX"}, "images/NAME"),
    ("source", {"paths": ["images/../../x"], "stored": True, "axes": "NYX"}, "images/NAME"),
    ("source", {"paths": ["/etc/passwd"], "stored": True, "axes": "NYX"}, "images/NAME"),
    ("source", {"paths": ["images/a.zarr"], "stored": True, "axes": "YX"}, "do not fit"),
    ("source", {"paths": ["images/a.zarr"], "stored": True, "axes": "NNY"}, "no sense"),
])
def test_an_image_that_nobody_of_us_wrote_is_refused(key: str, value: Any, said: str) -> None:
    ImageRecord.from_json(GOOD)
    with pytest.raises(UserError, match=said):
        ImageRecord.from_json({**GOOD, key: value})


@pytest.mark.parametrize("file", ["../x.pt", "models/../../x.pt", "/models/x.pt", "models\\x.pt", "models/",
                                  "models/a/b", "models/.hidden", "C:/models/x.pt", "models/nul.pt", 5])
def test_a_model_lies_in_the_project(file: Any) -> None:
    with pytest.raises(UserError, match="models/NAME"):
        ModelRecord.from_json({"file": file, "name": "a"})


@pytest.mark.parametrize("time", [1e308, -1.0, 10**17, "now"])
def test_a_moment_is_one_that_every_system_can_show(time: Any) -> None:
    with pytest.raises(UserError, match="until the year 3000"):
        ModelRecord.from_json({"file": "models/0001.pt", "name": "a", "time": time})


def test_what_steers_a_terminal_is_spelled() -> None:
    assert ImageRecord.from_json({**GOOD, "name": "a\x1b[31m"}).name == "a\\x1b[31m"


def test_ids_are_not_repeated() -> None:
    one = ImageRecord.from_json(GOOD)
    with pytest.raises(UserError, match="Two images"):
        ProjectState((one, one))


def test_settings_are_plain_json() -> None:
    deep: Any = []
    for _ in range(100):
        deep = [deep]
    for wrong in ({"a": object()}, {"a": float("nan")}, {"a": deep}, {"a": "\ud800"}):
        with pytest.raises(UserError, match="plain JSON"):
            ProjectState(settings=wrong)


def test_an_image_taken_out_is_remembered_and_can_come_back() -> None:
    one = ImageRecord.from_json(GOOD)
    state = ProjectState((one,), current="a1", results=(ResultRecord("a1", "results/a1.ome.zarr"),))
    without = state.without_image("a1")
    assert (without.images, without.results, without.current, without.removed) == ((), (), None, ("a1",))
    assert without.replacing(one).images == (one,)
    assert without.replacing(one).removed == ()


def test_ids_differ() -> None:
    assert new_id() != new_id()

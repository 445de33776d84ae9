"""Recipes: what was saved makes the same method again; anything else is refused with a reason."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tifffile import imwrite

import napari_unet
from napari_unet.cli import main
from napari_unet.comparison.contenders import make_contenders, make_method
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.parameters import as_dict
from napari_unet.io.recipe import Recipe, is_recipe, load_recipe, save_recipe
from napari_unet.segmenters import REGISTRY
from napari_unet.segmenters.forest import Forest


@pytest.mark.parametrize("name", REGISTRY.names())
def test_every_method_comes_back_with_its_parameters(tmp_path: Path, name: str) -> None:
    method: Any = REGISTRY[name]()
    save_recipe(tmp_path / "r.json", method)
    recipe = load_recipe(tmp_path / "r.json")
    assert recipe.method == name
    assert recipe.make() == method
    assert type(recipe.make()) is REGISTRY[name]
    assert recipe.made_by == napari_unet.__version__
    assert make_method(tmp_path / "r.json") == method
    assert os.listdir(tmp_path) == ["r.json"]


@settings(max_examples=30)
@given(st.sampled_from(["forest", "boosting", None]), st.floats(0.3, 8), st.integers(1, 2000), st.floats(0, 10000))
def test_values_come_back_to_the_last_bit(tmp_path_factory: Any, kind: Any, smallest: float, trees: int,
                                          background: float) -> None:
    path = tmp_path_factory.mktemp("r") / "r.json"
    method = Forest(kind=kind, smallest=smallest, trees=trees, background=background)
    save_recipe(path, method)
    assert load_recipe(path).make() == method


def test_a_recipe_is_small_and_can_be_read_by_people(tmp_path: Path) -> None:
    save_recipe(tmp_path / "r.json", Forest(trees=30))
    contents = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert contents == {
        "format": "napari-unet recipe", "version": 1, "made by": f"napari-unet {napari_unet.__version__}",
        "method": "forest", "parameters": as_dict(Forest(trees=30)),
    }


def test_one_written_by_hand_needs_only_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "Mine.JSON"
    path.write_text('{"format": "napari-unet recipe", "version": 1, "method": "forest", "parameters": {"trees": 30}}')
    assert load_recipe(path).make() == Forest(trees=30)
    assert load_recipe(path).make(depth=4) == Forest(trees=30, depth=4)
    assert make_method(str(path), depth=4) == Forest(trees=30, depth=4)


def test_which_names_are_recipes() -> None:
    assert is_recipe("a/b.json")
    assert is_recipe(Path("forest"))
    assert not is_recipe("forest")


GOOD = {"format": "napari-unet recipe", "version": 1, "made by": "napari-unet 0.0.1", "method": "forest",
        "parameters": {}}


@pytest.mark.parametrize(("text", "words"), [
    ("", r"is no recipe, or is damaged \(Expecting value"),
    (json.dumps(GOOD)[:-8], r"is no recipe, or is damaged \(.*\)\. Save the recipe again"),
    ("[" * 100_000, "is no recipe, or is damaged"),
    ("\udcff", "is no recipe, or is damaged"),
    ("[1, 2]", r"is no recipe of napari-unet\. Choose a file"),
    (json.dumps({**GOOD, "format": "x"}), "is no recipe of napari-unet"),
    (json.dumps({**GOOD, "version": 9}), r"has version 9 of the recipe format, this napari-unet reads version 1\."),
    (json.dumps({**GOOD, "method": 3}), "a part of it is missing or wrong: it needs"),
    (json.dumps({**GOOD, "parameters": [1]}), "a part of it is missing or wrong: it needs"),
    (json.dumps({**GOOD, "method": "oracle"}), r"there is no method called 'oracle' here \(there are: .*forest"),
    (json.dumps({**GOOD, "parameters": {"branches": 2}}),
     r"forest has no parameter 'branches'\. Allowed: background, kind.*made by napari-unet 0\.0\.1"),
    (json.dumps({**GOOD, "parameters": {"trees": "many"}}), r"trees cannot be 'many'\. Allowed: a whole number"),
    (json.dumps({**GOOD, "parameters": {"smallest": 4, "largest": 2}}), "be used: Forest: largest 2 px is below"),
])
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=words) as caught:
        load_recipe(path)
    assert str(path) in str(caught.value)


def test_missing_files_folders_and_giants(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.json does not exist\. Choose a recipe"):
        load_recipe(tmp_path / "none.json")
    with pytest.raises(UserError, match=r"is a folder\. Choose a recipe"):
        load_recipe(tmp_path)
    (tmp_path / "big.json").write_bytes(b" " * (2**20 + 1))
    with pytest.raises(UserError, match="too large for a recipe"):
        load_recipe(tmp_path / "big.json")


def test_an_existing_file_is_replaced_only_when_allowed(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text("precious")
    with pytest.raises(UserError, match="exists already and is not overwritten"):
        save_recipe(path, Forest())
    assert path.read_text() == "precious"
    save_recipe(path, Forest(), overwrite=True)
    assert load_recipe(path) == Recipe.of(Forest())
    with pytest.raises(UserError, match="is not a registered method"):
        save_recipe(tmp_path / "s.json", "forest")


# -- in place of a name -----------------------------------------------------------------------------------------------


def test_a_comparison_takes_recipes_where_it_takes_names(tmp_path: Path) -> None:
    save_recipe(tmp_path / "few trees.json", Forest(trees=5, seed=7))
    save_recipe(tmp_path / "net.json", make_method("unet", seconds=5.0, seed=7, width=4))
    made = make_contenders(["threshold", tmp_path / "few trees.json", str(tmp_path / "net.json")],
                           {"few trees": {"depth": 3}}, {"seconds": 60.0, "seed": 1, "device": "cpu"})
    assert [one.name for one in made] == ["threshold", "few trees", "net"]
    assert made[1].method == Forest(trees=5, seed=7, depth=3), "a recipe's own parameters count, and those given for it"
    network: Any = made[2].method
    assert (network.seconds, network.seed, network.width, network.device) == (5.0, 7, 4, "cpu")


def test_options_for_nobody_and_two_of_one_name(tmp_path: Path) -> None:
    save_recipe(tmp_path / "forest.json", Forest(trees=5))
    with pytest.raises(UsageError, match="Parameters were given for 'slic', which is not compared"):
        make_contenders(["forest"], {"slic": {}}, {})
    with pytest.raises(UserError, match="no parameter 'branches'"):
        make_contenders([tmp_path / "forest.json"], {"forest": {"branches": 3}}, {})
    made = make_contenders(["forest", tmp_path / "forest.json"], {}, {})
    assert [one.name for one in made] == ["forest", "forest (2)"], "a recipe of the same name stays apart"


def test_a_method_is_fitted_again_from_its_recipe(tmp_path: Path) -> None:
    image = np.zeros((40, 40), np.uint8)
    image[10:30, 10:30] = 100
    strokes = np.zeros_like(image)
    strokes[15:20, 12:28], strokes[2:5, 3:37] = 2, 1
    save_recipe(tmp_path / "r.json", Forest(trees=5, largest=2.0))
    model = napari_unet.train(image, strokes, network=str(tmp_path / "r.json")).result()
    assert model.method == Forest(trees=5, largest=2.0)
    again = napari_unet.train(image, strokes, network=str(tmp_path / "r.json"), trees=3).result()
    assert again.method == dataclasses.replace(model.method, trees=3)
    mask = napari_unet.predict(image, model).result()
    assert (mask == (image > 0)).mean() > 0.95


def test_compare_runs_recipes_in_folds_and_writes_recipes_and_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = np.random.default_rng(0).integers(0, 30, (2, 40, 48), np.uint8)
    image[:, 10:30, 10:30] += 120
    strokes = np.zeros_like(image)
    strokes[:, 15:18, 12:28] = strokes[:, 24:27, 12:28] = 2
    strokes[:, 2:5, 3:45] = strokes[:, 34:37, 3:45] = 1
    imwrite(tmp_path / "i.tif", image, photometric="minisblack")
    imwrite(tmp_path / "s.tif", strokes, photometric="minisblack")
    save_recipe(tmp_path / "few.json", Forest(trees=5, largest=2.0))
    words = ["compare", str(tmp_path / "i.tif"), str(tmp_path / "s.tif"), "--methods", f"{tmp_path}/few.json,threshold",
             "--set", "threshold.kind=otsu", "--metrics", "overlap"]
    out = tmp_path / "out"
    assert main([*words, "--set", "few.depth=3", "--folds", "2", "--save-models", "-o", str(out)]) == 0
    said = capsys.readouterr().out
    assert "every stroke was kept from the methods once, in 2 folds of whole strokes" in said
    assert load_recipe(out / "recipes" / "few.json").make() == Forest(trees=5, largest=2.0, depth=3)
    assert load_recipe(out / "recipes" / "threshold.json").parameters["kind"] == "otsu"
    assert os.listdir(out / "models") == ["few.pt"]
    table = (out / "table.csv").read_text(encoding="utf-8")
    assert "few,i,0,2,class 2,dice," in table
    assert "components" not in table
    assert main([*words, "--preset", "quick", "--set", "slick.size=3", "-o", str(tmp_path / "o")]) == 2
    assert "METHOD.NAME=VALUE with one of instant, forest, " in capsys.readouterr().err
    assert main([*words, "-o", str(tmp_path / "o"), "--folds", "0"]) == 2
    assert main(["compare", *words[1:3], "--methods", f"{tmp_path}/none.json", "-o", str(tmp_path / "o")]) == 1
    assert "none.json does not exist. Choose a recipe" in capsys.readouterr().err
    assert main(["compare", *words[1:3], "--methods", "classicals", "-o", str(tmp_path / "o")]) == 2
    assert "There is no method called 'classicals'" in capsys.readouterr().err
    assert not (tmp_path / "o").exists(), "nothing is made before the names are right"

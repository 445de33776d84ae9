"""Files that version 0.1.0 wrote still open, and answer as they did: models, and a recipe of every method."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import napari_unet
from napari_unet import segmenters
from napari_unet.io import read_image, read_labels
from napari_unet.io.model_file import load_model
from napari_unet.io.recipe import load_recipe

FOLDER = Path(__file__).parent / "written_by_0_1_0"
RECIPES = sorted((FOLDER / "recipes").glob("*.json"))


@pytest.mark.parametrize("name", ["unet", "forest", "instant"])
def test_a_model_answers_as_it_did(name: str) -> None:
    model = load_model(FOLDER / f"{name}.pt", device="cpu")
    mask = napari_unet.predict(read_image(FOLDER / "image.tif"), model, device="cpu").result()
    before = read_labels(FOLDER / f"{name}_mask.tif")[0]
    assert set(np.unique(before)) == {0, 1}
    assert np.mean(mask != before) < 0.002  # rounding differs between processors, and only where two classes are level


def test_recipes_of_all_methods_are_there() -> None:
    assert {file.stem for file in RECIPES} <= set(segmenters.REGISTRY.names())
    assert len(RECIPES) == 25


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_a_recipe_makes_the_same_method(file: Path) -> None:
    recipe = load_recipe(file)
    assert recipe.made_by == "0.1.0"
    assert recipe.method == file.stem
    now = segmenters.REGISTRY[file.stem]()
    if hasattr(now, "batch"):
        now = dataclasses.replace(now, batch=4)  # what it was; today's default, None, is 4 but for planned networks
    assert recipe.make() == now

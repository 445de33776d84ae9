"""Model files, recipes and OME-Zarr metadata that lie: each part that is wrong is named, and nothing is made of it."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import zarr

from napari_unet import io
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.parameters import fields
from napari_unet.io.model_file import load_model, save_model
from napari_unet.io.recipe import FORMAT, load_recipe
from napari_unet.networks import REGISTRY as NETWORKS
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.weights import snapshot
from napari_unet.segmenters import REGISTRY as METHODS

HUGE = int("9" * 309)
ONES = torch.ones(2, 3)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    network = NETWORKS["unet"](depth=1, width=2)
    weights = snapshot(network.build(1, 2), network, "unet", 1, ClassTable.default(), step=3)
    save_model(tmp_path / "m.pt", NetworkModel(weights, "cpu"))
    return tmp_path / "m.pt"


def refused(path: Path, key: str, value: Any, within: str = "") -> str:
    """Change one part of a model file; returns why it is refused then."""
    contents = torch.load(path, weights_only=True)
    (contents[within] if within else contents)[key] = value
    torch.save(contents, path)
    with pytest.raises(UserError) as caught:
        load_model(path, device="cpu")
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 800
    return str(caught.value)


@pytest.mark.parametrize("value", [HUGE, -1, 0, 1.5, True, "1", None, [1], 10**6, torch.tensor(1), float("nan")])
def test_channels_are_a_number_of_a_camera(model: Path, value: Any) -> None:
    assert "('channels' holds" in (said := refused(model, "channels", value))
    assert "a whole number from 1 to 4096" in said


@pytest.mark.parametrize("value", [HUGE, -1, 1.5, True, "1", None, {}, torch.ones(3)])
def test_a_step_is_a_number(model: Path, value: Any) -> None:
    assert "('step' holds" in refused(model, "step", value)


@pytest.mark.parametrize("value", [
    None, 3, [1, 99], {"low": "a"}, {"low": float("nan")}, {"low": 99.0, "high": 1.0}, {"high": HUGE}, {"usual": 3},
    {"usual": [[1]]}, {"usual": [["a", "b"]]}, {"usual": [[None, 1]]}, {"usual": [[0, float("inf")]]}, {"wrong": 1},
    {3: 4}, {"low": ONES}, {"usual": [[[[[[1]]]]]]},
])
def test_a_normalisation_is_one(model: Path, value: Any) -> None:
    assert "('normalisation' holds" in refused(model, "normalisation", value)


@pytest.mark.parametrize("value", [
    [], [3], "ab", [{"id": 1}], [{"id": HUGE, "name": "a", "color": "#000000"}],
    [{"id": 1, "name": 3, "color": "#000000"}], [{"id": 1, "name": "a\ud800", "color": "#000000"}],
    [{"id": 1, "name": "a", "color": "red"}], [{"id": 1, "name": "a", "color": None}],
    [{"id": 1, "name": "a", "color": "#000000", "more": 1}], [{"id": 1, "name": "a", "color": "#000000"}] * 300,
])
def test_classes_have_an_id_a_name_and_a_colour(model: Path, value: Any) -> None:
    said = refused(model, "classes", value)
    assert any(word in said for word in ("'classes' holds", "'id' holds", "'name' holds", "'color' holds", "colour of"))


@pytest.mark.parametrize("value", [
    ONES.to_sparse(), ONES.to(torch.complex64), torch.full((2, 3), float("nan")), ONES[:1].expand(2**40, 3),
    torch.empty(3, device="meta"), torch.nested.nested_tensor([ONES, ONES], layout=torch.jagged)
    if hasattr(torch.nested, "nested_tensor") else None, "a", None,
], ids=["sparse", "complex", "nan", "claims its size", "without memory", "nested", "text", "nothing"])
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_tensors_are_plain(model: Path, value: Any) -> None:
    said = refused(model, "head.bias", value, within="tensors")
    assert "tensors: head.bias" in said or "was cut off" in said, "torch refuses some of them itself"


@pytest.mark.parametrize("knobs", [{"width": HUGE}, {"width": ONES}, {"width": float("nan")}, {3: 4}, [1], None])
def test_parameters_of_a_network_are_allowed_ones(model: Path, knobs: Any) -> None:
    assert "width cannot be" in (said := refused(model, "knobs", knobs)) or "'knobs' holds" in said


@pytest.mark.parametrize(("key", "value"), [
    ("format", ONES), ("format", 3), ("version", ONES), ("version", "1"), ("version", True), ("network", 3),
    ("network", "a\ud800"), ("network", "x" * 10_000), ("method", ["forest"]),
])
def test_words_are_words(model: Path, key: str, value: Any) -> None:
    assert refused(model, key, value)


def test_a_network_larger_than_its_file_takes_no_memory(model: Path) -> None:
    """With these parameters it would take 40 GB; shapes are compared before anything is made."""
    most = {one.name: int(one.parameter.max) for one in fields(NETWORKS["unet"]) if one.name in ("width", "depth")}
    assert "do not fit the network" in refused(model, "knobs", most)


def test_an_archive_that_would_unfold_is_not_opened(model: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed.pt"
    with zipfile.ZipFile(model) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for one in old.namelist():
            new.writestr(one, old.read(one))
        new.writestr("archive/data/bomb", bytes(10**7))
    with pytest.raises(UserError, match=r"packed\.pt is not a model file"):
        load_model(packed)


@pytest.mark.parametrize("method", METHODS.names())
@pytest.mark.parametrize("value", [HUGE, -HUGE, "1e400", float("nan"), float("inf"), "9" * 309, [], {"a": 1}, "\ud800"])
def test_a_recipe_takes_no_value_that_is_none(tmp_path: Path, method: str, value: Any) -> None:
    numbers = [one for one in fields(METHODS[method]) if one.type in (int, float) and not one.choices]
    for one in numbers[:3]:
        recipe = {"format": FORMAT, "version": 1, "method": method, "parameters": {one.name: value}}
        (tmp_path / "r.json").write_text(json.dumps(recipe), encoding="utf-8")
        with pytest.raises(UserError, match=f"{one.name} cannot be") as caught:
            load_recipe(tmp_path / "r.json")
        assert len(str(caught.value)) < 500


def test_what_a_recipe_says_about_itself_is_not_trusted(tmp_path: Path) -> None:
    recipe = {"format": FORMAT, "version": 1, "method": "forest", "parameters": {"no": 1}, "made by": "\x1b[31m" * 99}
    (tmp_path / "r.json").write_text(json.dumps(recipe), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_recipe(tmp_path / "r.json")
    assert "\x1b" not in str(caught.value)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    classes = ClassTable.named({1: "background", 2: "nucleus"})
    io.save_mask(tmp_path / "m.zarr", np.ones((2, 8, 8), np.uint8), classes=classes, axes="ZYX")
    return tmp_path / "m.zarr"


def rewritten(store: Path, change: Any) -> None:
    attributes = json.loads((store / ".zattrs").read_text())
    attributes.pop("napari_unet", None)
    change(attributes)
    (store / ".zattrs").write_text(json.dumps(attributes))


@pytest.mark.parametrize("name", [".", "..", "", "./.", "a/../..", "/", "/etc", "C:\\x", 3, None, ["a"], "\0"])
def test_a_group_that_names_itself_or_a_place_elsewhere(tmp_path: Path, name: Any) -> None:
    group = zarr.open_group(str(tmp_path / "g.zarr"), mode="w", zarr_format=2)
    group.attrs["labels"] = [name]
    with pytest.raises(UserError, match=r"g\.zarr is a zarr group without an image"):
        io.read_labels(tmp_path / "g.zarr")


@pytest.mark.parametrize("datasets", [5, 1.5, "abc", {"a": 1}, [], [5], [{"path": "."}], [{"path": ".."}],
                                      [{"path": 0}], [{"path": "../../m.zarr/0"}], None, True])
def test_datasets_that_are_no_list_of_arrays(store: Path, datasets: Any) -> None:
    rewritten(store, lambda attributes: attributes["multiscales"][0].update(datasets=datasets))
    if datasets in ([5], [{"path": "."}], [{"path": ".."}], [{"path": 0}], [{"path": "../../m.zarr/0"}]):
        with pytest.raises(UserError, match=r"m\.zarr names no array as its full resolution"):
            io.read_labels(store)
    else:
        assert io.read_labels(store)[0].shape == (2, 8, 8), "no image is described: the one array that lies in it"


@pytest.mark.parametrize("rgba", ["red", None, 5, [1], ["a", "b", "c"], [HUGE, -HUGE, float("nan")], {},
                                  [[1], [2], [3]]])
def test_colours_that_are_none_leave_the_usual_ones(store: Path, rgba: Any) -> None:
    rewritten(store, lambda attributes: attributes["image-label"].update(colors=[{"label-value": 1, "rgba": rgba}]))
    _, classes = io.read_labels(store)
    assert classes is not None
    assert classes.name(2) == "nucleus"
    assert len(classes.color(2)) == 7


@pytest.mark.parametrize("part", ["colors", "properties"])
@pytest.mark.parametrize("value", [5, "x", {}, [5], [None], [{"label-value": HUGE}], [{"label-value": "a"}]])
def test_lists_of_classes_that_are_none(store: Path, part: str, value: Any) -> None:
    rewritten(store, lambda attributes: attributes["image-label"].update({part: value}))
    assert io.read_labels(store)[0].shape == (2, 8, 8)


@pytest.mark.parametrize("scale", [[HUGE] * 3, [float("nan")] * 3, ["a"] * 3, [None] * 3, [0, -1, 1e-320]])
def test_steps_that_are_none_are_unknown(store: Path, scale: Any) -> None:
    def change(attributes: Any) -> None:
        attributes["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"] = scale

    rewritten(store, change)
    assert all(np.isfinite(step) and step > 0 for step in io.read_image(store).scale)


def test_a_record_of_ours_that_was_spoiled_is_left_out(store: Path) -> None:
    for classes in ([{"id": 1, "name": "a", "color": "red"}], [{"id": float("inf"), "name": "a", "color": "#000000"}],
                    [{"id": 1, "name": "a\ud800", "color": "#000000"}], 5):
        spoiled = store.with_name("s.zarr")
        shutil.rmtree(spoiled, ignore_errors=True)
        shutil.copytree(store, spoiled)
        attributes = json.loads((spoiled / ".zattrs").read_text())
        attributes["napari_unet"]["classes"] = classes
        (spoiled / ".zattrs").write_text(json.dumps(attributes))
        _, found = io.read_labels(spoiled)
        assert found is not None
        assert found.name(2) == "nucleus", "what OME-Zarr itself says still counts"

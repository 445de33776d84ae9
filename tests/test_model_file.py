"""Model files: what was saved comes back, whole; anything else is refused with a reason."""

from __future__ import annotations

import dataclasses
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.core.normalisation import Normalisation
from napari_unet.io.model_file import load_model, save_model
from napari_unet.networks.unet import UNet
from napari_unet.networks.unet2015 import UNet2015
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.weights import snapshot


def a_model(name: str = "unet") -> NetworkModel:
    torch.manual_seed(0)
    network = UNet(depth=1, width=2, upsampling="bilinear") if name == "unet" else UNet2015(width=1, dropout=0.25)
    classes = ClassTable.named({1: "background", 3: "cell wall", 9: "Zellkern µ"})
    weights = snapshot(network.build(2, 3), network, name, 2, classes, Normalisation(0.5, 99.5), step=412)
    return NetworkModel(weights, "cpu", tta=True)


@pytest.mark.parametrize("name", ["unet", "unet2015"])
def test_a_model_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    model, path = a_model(name), tmp_path / "model.pt"
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    save_model(path, model)
    loaded = load_model(path, device="cpu")
    assert torch.equal(torch.rand(2), expected)  # a running training is not disturbed
    for field in dataclasses.fields(model.weights):
        if field.name not in ("tensors", "provenance"):
            assert getattr(loaded.weights, field.name) == getattr(model.weights, field.name)
    assert loaded.weights.tensors.keys() == model.weights.tensors.keys()
    assert all(torch.equal(tensor, model.weights.tensors[key]) for key, tensor in loaded.weights.tensors.items())
    assert (loaded.device, loaded.tta) == ("cpu", False)
    image = Image(np.random.default_rng(0).random((2, 20, 24)), "CYX")
    straight = dataclasses.replace(model, tta=False)
    assert np.array_equal(assemble(image, loaded.segment(image)), assemble(image, straight.segment(image)))
    assert os.listdir(tmp_path) == ["model.pt"]


def test_an_existing_file_is_replaced_only_when_allowed(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_text("precious")
    with pytest.raises(UserError, match=r"model\.pt exists already and is not overwritten\. Choose another name"):
        save_model(path, a_model())
    assert path.read_text() == "precious"
    save_model(path, a_model(), overwrite=True)
    assert load_model(path).weights.step == 412


def test_a_failure_while_saving_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.pt"
    path.write_text("precious")

    def fail(_contents: object, file: Path) -> None:
        Path(file).write_text("half")
        raise RuntimeError("PytorchStreamWriter failed writing file data/3: file write failed")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(UserError, match=r"model\.pt could not be written .*file write failed"):
        save_model(path, a_model(), overwrite=True)
    assert path.read_text() == "precious"
    assert os.listdir(tmp_path) == ["model.pt"]


def test_places_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no folder .*missing to save model.pt in"):
        save_model(tmp_path / "missing" / "model.pt", a_model())
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="folder is not overwritten: it is not a file"):
        save_model(tmp_path / "folder", a_model(), overwrite=True)
    with pytest.raises(UserError, match=r"Only trained networks and forests can be saved, not str\. Train"):
        save_model(tmp_path / "model.pt", "a string")


class Bomb:
    """Unpickling it would run code."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return sys.exit, (3,)


def _foreign(path: Path, kind: str) -> None:
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Bomb()))
    elif kind == "torch pickle":
        torch.save({"format": "napari-unet model", "bomb": Bomb()}, path)
    elif kind == "text":
        path.write_text("this is no model")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "zip":
        path.write_bytes(b"PK\x03\x04" + bytes(40))
    elif kind == "truncated":
        save_model(path, a_model())
        path.write_bytes(path.read_bytes()[:-700])
    elif kind == "half":
        save_model(path, a_model())
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("kind", ["pickle", "torch pickle", "text", "empty", "zip", "truncated", "half"])
def test_foreign_and_broken_files_are_never_unpickled(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "model.pt"
    _foreign(path, kind)
    with pytest.raises(UserError, match=r"model\.pt is not a model file of napari-unet, or was cut off"):
        load_model(path)


def test_missing_files_and_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.pt does not exist\. Choose a model file"):
        load_model(tmp_path / "none.pt")
    with pytest.raises(UserError, match=r"is a folder\. Choose a model file"):
        load_model(tmp_path)


def _without(key: str) -> Callable[[dict[str, Any]], None]:
    return lambda contents: contents.pop(key)


def _with(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda contents: contents.update({key: value})


@pytest.mark.parametrize(("change", "words"), [
    (_with("format", "something else"), r"was not saved by napari-unet"),
    (_with("version", 99), r"has version 99 of the model format, this napari-unet reads version 1\. Update"),
    (_with("network", "hourglass"), r"a network called 'hourglass', but there is none.*there are: .*unet.*register"),
    (_with("knobs", {"depth": 99}), r"cannot be used: UNet: depth cannot be 99"),
    (_with("knobs", {"height": 9}), r"unet has no parameter 'height'\. Allowed: depth, width, "),
    (_with("knobs", {"depth": 2, "width": 2}), r"do not fit .* is missing"),
    (_with("channels", 5), r"encoder\.0\.0\.weight has shape \(2, 2, 3, 3\) instead of \(2, 5, 3, 3\)"),
    (_with("channels", "many"), r"a part of it is missing or wrong \('channels' holds 'many'"),
    (_with("classes", [{"id": 1, "name": "", "color": "#000000"}]), r"Every class needs a name"),
    (_with("classes", "none"), r"missing or wrong \('classes' holds 'none'"),
    (_with("tensors", {"head.weight": 3}), r"wrong \('tensors: head.weight' holds 3, where"),
    (_without("tensors"), r"a part of it is missing or wrong \('tensors' is missing\)\. Save the model again"),
    (_without("normalisation"), r"'normalisation' is missing"),
    (lambda contents: contents["tensors"].pop("head.bias"), r"head\.bias is missing"),
])
def test_parts_that_do_not_fit_are_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    path = tmp_path / "model.pt"
    save_model(path, a_model())
    contents = torch.load(path, weights_only=True)
    change(contents)
    torch.save(contents, path)
    with pytest.raises(UserError, match=words) as caught:
        load_model(path)
    assert str(path) in str(caught.value)


def test_a_saved_list_is_no_model(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "model.pt")
    with pytest.raises(UserError, match="was not saved by napari-unet"):
        load_model(tmp_path / "model.pt")

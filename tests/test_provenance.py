"""Where results come from: noted while they are made, in model files and beside masks, read with patience."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from cli_scene import files, run

import napari_unet
from napari_unet import segmenters
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.fingerprints import WHOLE, image_hash, stroke_hash
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.provenance import ImageFacts, Provenance, made_by, of_model
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.work import run_to_end
from napari_unet.io import create_mask, provenance_path, save_mask
from napari_unet.io.model_file import load_model, save_model
from napari_unet.io.provenance_file import LARGEST, provenance_from, provenance_text, read_provenance
from napari_unet.report.citations import works_of
from napari_unet.report.methods_paragraph import methods_paragraph
from napari_unet.session.annotation_session import Session

__all__ = ["files"]

SMALL = {"width": 4, "depth": 2, "patch": 32, "device": "cpu", "steps": 6, "seconds": None}
TWO = ClassTable.named({1: "background", 2: "cell"})


def a_picture() -> tuple[Image, np.ndarray]:
    """A bright square in noise, and four strokes."""
    image = np.random.default_rng(0).integers(0, 40, (40, 48), np.uint8)
    image[10:30, 10:30] += 120
    strokes = np.zeros_like(image)
    strokes[14:16, 12:27] = strokes[22:24, 12:27] = 2
    strokes[2:4, 3:45] = strokes[35:37, 3:45] = 1
    return Image(image, "YX", "cells", (0.5, 0.5), "micrometer"), strokes


def whole() -> Provenance:
    image, strokes = a_picture()
    facts = ImageFacts.of(image, Scribbles.from_array(strokes))
    model = Provenance.here("model", method="unet", settings={"batch": 4, "loss": None}, images=(facts,), steps=3,
                            seconds=1.5, dice=0.75, score="Dice 0.750", classes=TWO, seed=0, deterministic=True,
                            device="CPU (as asked)")
    return Provenance.here("mask", begun="2026-01-01T00:00:00+00:00", images=(facts,), model=model)


# -- fingerprints -----------------------------------------------------------------------------------------------------


def test_equal_paint_has_one_name_and_other_paint_another() -> None:
    _, strokes = a_picture()
    one = stroke_hash(Scribbles.from_array(strokes, version=3))
    assert one == stroke_hash(Scribbles.from_array(strokes.copy(), version=9))
    names = {one}
    for where, value in (((14, 12), 1), ((14, 27), 2), ((0, 0), 1)):
        other = strokes.copy()
        other[where] = value
        names.add(stroke_hash(Scribbles.from_array(other)))
    names.add(stroke_hash(Scribbles.from_array(np.roll(strokes, 1, axis=1))))  # the same in another place
    names.add(stroke_hash(Scribbles.from_array(strokes[None])))
    names.add(stroke_hash(Scribbles.from_array(np.stack([strokes * 0, strokes]))))
    names.add(stroke_hash(Scribbles.from_array(np.stack([strokes, strokes * 0]))))
    assert len(names) == 8


def test_an_image_is_known_by_its_pixels_axes_and_type() -> None:
    image, _ = a_picture()
    data = image.data
    one = image_hash(image)
    assert one == image_hash(Image(data.copy(), "YX", "another name"))
    names = {one, image_hash(Image(data.astype(np.uint16), "YX")), image_hash(Image(data[None], "NYX")),
             image_hash(Image(data[None], "ZYX"))}
    data = data.copy()
    data[39, 47] += 1
    names.add(image_hash(Image(data, "YX")))
    assert len(names) == 5


class Watched:
    """Pixels that say which parts of them were read."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape, self.dtype, self.read = shape, np.dtype(np.uint8), 0

    def __getitem__(self, index: Any) -> np.ndarray:
        sizes = [1 if isinstance(one, int) else len(range(*one.indices(length)))
                 for one, length in zip(index, self.shape, strict=True)]
        self.read += int(np.prod(sizes))
        return np.zeros([size for one, size in zip(index, sizes, strict=True) if not isinstance(one, int)], np.uint8)


def test_of_a_large_image_only_windows_are_read_and_only_once() -> None:
    pixels = Watched((9, 4096, 4096))
    image = Image(pixels, "ZYX")
    assert image_hash(image) == image_hash(image)
    assert pixels.read == 3 * 5 * 256**2 < WHOLE


# -- files ------------------------------------------------------------------------------------------------------------


def test_it_comes_back_from_its_text_as_it_was() -> None:
    made = whole()
    assert provenance_from(provenance_text(made)) == made
    told = json.loads(provenance_text(made))
    assert told["format"] == "napari-unet provenance"
    assert told["versions"]["torch"].startswith(torch.__version__.split("+")[0])
    assert "note" not in told, "what is not known is left out"


def test_what_is_unknown_or_wrong_in_it_is_left_out_and_the_rest_is_read() -> None:
    told = json.loads(provenance_text(whole()))
    told |= {"version": 99, "something new": {"deep": [1]}, "seed": "seven", "platform": ["no text"],
             "images": [{"name": "a", "shape": "wide", "painted": {"2": 5}}, 7], "classes": [[1, "x"]]}
    found = provenance_from(json.dumps(told))
    assert found is not None
    assert (found.seed, found.platform, found.classes, found.images) == (None, "", None, ())
    assert found.model == whole().model
    told["images"] = [{"name": "a", "shape": "wide", "painted": {"2": 5}}]
    found = provenance_from(json.dumps(told))
    assert found is not None
    assert found.images == (ImageFacts("a", painted={2: 5}),)


@pytest.mark.parametrize("text", [
    "", "[]", "{}", "null", '{"format": "another"}', "[" * 100_000, b"bytes", " " * (LARGEST + 1),
    '{"format": "napari-unet provenance", "model": "x"} trailing'])
def test_anything_else_is_nothing_of_the_kind(text: object) -> None:
    assert provenance_from(text) is None


def test_names_of_others_are_harmless_in_it() -> None:
    text = provenance_text(Provenance.here("mask", images=(ImageFacts("a\x1b[2J\udc80µ"),), note="\u202ex"))
    text.encode("utf-8")
    assert "\x1b" not in text
    found = provenance_from(text)
    assert found is not None
    assert (found.images[0].name, found.note) == ("a\\x1b[2J\\udc80µ", "\\u202ex")


def test_models_within_models_have_an_end() -> None:
    text = '{"format": "napari-unet provenance", "model": ' + '{"model": ' * 400 + "{}" + "}" * 401
    found = provenance_from(text)
    depth = 0
    while found is not None:
        found, depth = found.model, depth + 1
    assert depth < 6


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_provenance(tmp_path / "no.json")
    (tmp_path / "other.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(UserError, match="does not say where a result comes from"):
        read_provenance(tmp_path / "other.json")


def test_a_mask_has_it_beside_and_both_are_replaced_together(tmp_path: Path) -> None:
    painted, path = np.ones((8, 8), np.uint8), tmp_path / "cells.tif"
    save_mask(path, painted, classes=TWO, provenance=whole())
    beside = provenance_path(path)
    assert sorted(os.listdir(tmp_path)) == ["cells.tif", "cells.tif.provenance.json"]
    told = read_provenance(beside)
    assert dataclasses.replace(told, ended="") == whole()
    assert told.ended
    save_mask(path, painted, classes=TWO, provenance=dataclasses.replace(whole(), note="second"), overwrite=True)
    assert read_provenance(beside).note == "second"
    third = dataclasses.replace(whole(), note="third")
    cut = create_mask(path, (8, 8), classes=TWO, overwrite=True, provenance=third)
    cut[...] = painted
    cut.abandon()
    assert read_provenance(beside).note == "second"
    save_mask(path, painted, classes=TWO, overwrite=True)  # by who knows nothing: nothing wrong is left beside it
    assert os.listdir(tmp_path) == ["cells.tif"]


def test_what_a_mask_that_is_gone_left_behind_is_replaced_and_a_file_of_others_is_not(tmp_path: Path) -> None:
    painted, path = np.ones((8, 8), np.uint8), tmp_path / "cells.ome.zarr"
    provenance_path(path).write_text(provenance_text(whole()))
    save_mask(path, painted, classes=TWO, provenance=dataclasses.replace(whole(), note="new"))
    assert read_provenance(provenance_path(path)).note == "new"
    other = tmp_path / "other.tif"
    provenance_path(other).write_text("mine")
    with pytest.raises(UserError, match=r"other\.tif\.provenance\.json exists already"):
        save_mask(other, painted, classes=TWO, provenance=whole())
    assert not other.exists()
    save_mask(other, painted, classes=TWO)
    assert provenance_path(other).read_text() == "mine"


def test_labels_inside_an_image_have_it_beside_the_image(tmp_path: Path) -> None:
    store = tmp_path / "image.ome.zarr"
    save_mask(store, np.ones((8, 8), np.uint8), classes=TWO)
    path = store / "labels" / "cells"
    assert provenance_path(path) == tmp_path / "image.ome.zarr.cells.provenance.json"


# -- models -----------------------------------------------------------------------------------------------------------


def test_a_model_knows_where_it_comes_from_and_its_file_does(tmp_path: Path) -> None:
    image, strokes = a_picture()
    with made_by("napari-unet train ..."):
        model = napari_unet.train(image, strokes, classes=TWO, seed=5, **SMALL).result()
    save_model(tmp_path / "m.pt", model)
    told = of_model(load_model(tmp_path / "m.pt"))
    assert told == of_model(model)
    assert told is not None
    assert (told.method, told.steps, told.seed, told.made_by) == ("unet", 6, 5, "napari-unet train ...")
    assert told.settings["width"] == 4
    assert told.images == (ImageFacts.of(image, Scribbles.from_array(strokes)),)
    assert told.classes == TWO
    assert told.device.startswith("CPU")
    assert told.begun <= told.ended
    assert "random weights" in told.note
    assert told.seconds is not None


def test_a_model_from_painting_names_the_strokes_it_learnt_from_not_newer_ones() -> None:
    image, strokes = a_picture()
    first = Scribbles.from_array(strokes, version=1)
    more = strokes.copy()
    more[12:14, 12:20] = 2
    second = Scribbles.from_array(more, version=2)
    box = Latest(TrainingSet((Pair(image, first),), TWO))
    fit = segmenters.REGISTRY["unet"](start="scratch", **SMALL).fit(box)
    for event in fit:
        if event.model is not None:
            told = of_model(event.model)
            assert told is not None
            assert told.images[0].strokes == stroke_hash(first if event.versions == (1,) else second)
        if getattr(event, "step", 0) == 3:
            box.put(TrainingSet((Pair(image, second),), TWO))
    assert told.images[0].strokes == stroke_hash(second)
    assert told.made_by == "window"


def test_a_training_that_goes_on_tells_of_the_model_it_began_with() -> None:
    image, strokes = a_picture()
    method = segmenters.REGISTRY["unet"](start="scratch", **SMALL)
    training = TrainingSet((Pair(image, Scribbles.from_array(strokes)),), TWO)
    model = run_to_end(method.fit(training))
    for _ in range(3):
        model = run_to_end(method.continue_from(model.weights).fit(training))
    told = of_model(model)
    assert told is not None
    assert told.steps == 24
    assert told.model is not None
    assert told.model.steps == 18
    assert told.model.model is None, "or each training would make the file larger"
    assert "went on from a model with 18 steps" in told.note


def test_a_forest_knows_it_too(tmp_path: Path) -> None:
    image, strokes = a_picture()
    model = napari_unet.train(image, strokes, network="forest", trees=3, largest=2.0, classes=TWO).result()
    save_model(tmp_path / "m.pt", model)
    told = of_model(load_model(tmp_path / "m.pt"))
    assert told is not None
    assert (told.method, told.settings["trees"], told.steps) == ("forest", 3, None)
    assert told.images[0].painted == {1: 168, 2: 60}


def test_of_a_model_that_does_not_know_it_that_is_said(tmp_path: Path) -> None:
    old = Path(__file__).parent / "written_by_0_1_0" / "unet.pt"
    model = load_model(old)
    assert of_model(model) is None
    save_model(tmp_path / "again.pt", model)
    told = of_model(load_model(tmp_path / "again.pt"))
    assert told is not None
    assert "How it was trained was not noted." in told.note
    assert "how the model was trained" not in methods_paragraph(told)
    assert "the method, the strokes and images it learnt from, the device" in methods_paragraph(told)


def test_an_instant_answer_names_its_strokes_as_a_network_too(tmp_path: Path) -> None:
    image, strokes = a_picture()
    training = TrainingSet((Pair(image, Scribbles.from_array(strokes)),), TWO)
    fit = segmenters.REGISTRY["instant"](device="cpu", seed=4).fit(training)
    models = []
    while True:
        try:
            models.append(next(fit).model)
        except StopIteration as end:
            models.append(end.value)
            break
    models = [model for model in models if model is not None]
    assert len(models) >= 2
    for model in models:
        save_model(tmp_path / "m.pt", model.as_network("cpu"), overwrite=True)
        told = of_model(load_model(tmp_path / "m.pt"))
        assert told is not None
        assert (told.method, told.seed, told.steps) == ("instant", 4, 0)
        assert told.images == (ImageFacts.of(image, training.pairs[0].scribbles),)
        text = " ".join(methods_paragraph(told).split())
        assert "The last layer alone was fitted to the strokes, on features learnt beforehand on drawn images." in text


# -- the same again ---------------------------------------------------------------------------------------------------


def tensors(path: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["tensors"]
    return found


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


@pytest.mark.parametrize("start", ["scratch", "auto"])
def test_a_deterministic_training_is_the_same_in_two_processes_and_in_a_session(
    files: Path, tmp_path: Path, start: str
) -> None:
    """Bit by bit, whatever number of threads a process has otherwise."""
    small = {"width": 4, "depth": 2, "patch": 32} if start == "scratch" else {"batch": 1, "patch": 32}
    sizes = [word for name, value in small.items() for word in ("--set", f"{name}={value}")]
    options = ["--steps", "4", "--deterministic", "--seed", "3", "--device", "cpu", *sizes]
    words = ["train", str(files / "images.tif"), str(files / "scribbles.tif"), *options, "-o"]
    threads = torch.get_num_threads()
    assert run(*words, tmp_path / "here.pt") == 0
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    other = {**os.environ, "OMP_NUM_THREADS": "2" if threads == 1 else "1"}
    subprocess.run([sys.executable, "-m", "napari_unet", *words, str(tmp_path / "there.pt")], check=True, env=other,
                   capture_output=True, timeout=1200)
    assert same(tensors(tmp_path / "here.pt"), tensors(tmp_path / "there.pt"))

    session = Session()
    image = Image(tifffile.imread(files / "images.tif"), "NYX", "images")
    session.put_pair("a", image, Scribbles.from_array(tifffile.imread(files / "scribbles.tif")))
    method = segmenters.REGISTRY["unet"](steps=4, seconds=None, seed=3, device="cpu", deterministic=True, **small)
    model: Any = run_to_end(session.training(method))
    assert same(dict(model.weights.tensors), tensors(tmp_path / "here.pt"))
    if start == "auto":
        return  # what comes is no matter of the start
    assert run(*words, tmp_path / "other.pt", "--seed", "4") == 0
    assert not same(tensors(tmp_path / "other.pt"), tensors(tmp_path / "here.pt"))
    told = of_model(load_model(tmp_path / "here.pt"))
    assert told is not None
    assert told.deterministic


def test_a_time_limit_cannot_be_deterministic(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError, match="needs a number of steps and no time limit"):
        segmenters.REGISTRY["unet"](deterministic=True)
    code = run("train", files / "images.tif", files / "scribbles.tif", "-o", tmp_path / "m.pt", "--deterministic")
    assert code == 2
    assert "--steps 500" in capsys.readouterr().err


# -- for a paper ------------------------------------------------------------------------------------------------------


def test_the_methods_paragraph_says_what_was_done_and_cites_what_was_used() -> None:
    told = whole()
    text = " ".join(methods_paragraph(told).split())
    for words in ("A U-Net (method 'unet')", "cell 60 px", "one image of 48 x 40 px, uint8, 0.5 x 0.5 micrometer a",
                  "3 steps in 2 s", "in one thread and deterministically", "Its score: Dice 0.750",
                  "The model then segmented one image", f"PyTorch {torch.__version__}", "Ronneberger"):
        assert words in text
    numbers = [int(line.split(".")[0]) for line in methods_paragraph(told).split("References\n")[1].splitlines()
               if line.split(".")[0].isdigit()]
    assert numbers == list(range(1, len(numbers) + 1))
    for number in numbers:
        assert f"[{number}]" in text


def test_what_nobody_noted_is_said_not_made_up() -> None:
    text = " ".join(methods_paragraph(Provenance("mask")).split())
    assert "Not known, so please add it by hand: the version of napari-unet, how the model was trained" in text
    model = dataclasses.replace(whole().model, score="", dice=None)
    assert "a score of the model" in " ".join(methods_paragraph(model).split())


def test_every_citation_is_one() -> None:
    for entry in segmenters.REGISTRY:
        for work in works_of(entry.name):
            assert "doi:10." in work or "arXiv:" in work or "(20" in work
    assert any("Breiman" in work for work in works_of("forest"))
    assert works_of("no such method") == []

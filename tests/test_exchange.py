"""Models that leave give the same answers as files: ONNX, packages of bioimage.io, torch.export."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from exchange_scene import USUAL, instant_network, network_model, pictures

from napari_unet.cli import main
from napari_unet.core.errors import InputWarning, UsageError, UserError
from napari_unet.core.image import Image
from napari_unet.core.normalisation import Normalisation
from napari_unet.exchange import model_export as exporting
from napari_unet.exchange.answer_module import AnswerModule
from napari_unet.exchange.model_export import export_model
from napari_unet.exchange.plane_normalisation import PlaneNormalisation
from napari_unet.exchange.tensor_trees import TensorTrees
from napari_unet.io.model_file import load_model, save_model
from napari_unet.networks.planned import Planned
from napari_unet.networks.unet import UNet
from napari_unet.predicting.feature_groups import FeatureGroup
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.oblivious_trees import DEPTH, ObliviousTrees, as_float16
from napari_unet.segmenters.threshold import Threshold

LEFT_OPEN = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""Packages of bioimage.io leave files to the garbage collection."""
TWO = Normalisation(usual=((20.0, 180.0), (3.0, 4.0)), steps=(1.0, None))


def ours(model: NetworkModel, plane: np.ndarray) -> np.ndarray:
    """What the model says of a plane (C, Y, X): probabilities (classes, Y, X)."""
    image = Image(plane, "CYX")
    out = np.zeros((len(model.classes.ids), *image.plane_shape), np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)  # of pixels without a number
        for patch in model.segment(image, probabilities=True):
            assert patch.probabilities is not None
            out[(slice(None), *patch.where)] = patch.probabilities
    return out


@pytest.mark.parametrize("normalisation", [
    Normalisation(), USUAL, TWO, Normalisation(usual=((100.0, 140.0),)), Normalisation(2.0, 90.0, ((0.0, 9.0),)),
], ids=["alone", "usual", "two channels", "of before", "other percentiles"])
@pytest.mark.parametrize("make", [
    lambda shape: pictures(shape), lambda shape: pictures(shape) / 255, lambda shape: pictures(shape) * 257,
    lambda shape: np.random.default_rng(0).normal(2, 1, shape), lambda shape: pictures(shape) * 0.1 + 1000,
    lambda shape: np.full(shape, 7, np.float32), lambda shape: np.where(pictures(shape) > 250, 99, 3),
    lambda shape: np.where(pictures(shape) > 128, np.nan, pictures(shape, 1)),
    lambda shape: np.full(shape, np.nan), lambda shape: np.where(pictures(shape) > 254, np.inf, pictures(shape, 2)),
], ids=["plain", "parts of one", "stretched", "computed", "offset", "constant", "sparse", "half empty", "empty",
        "infinite"])
def test_planes_are_normalised_as_by_us(normalisation: Normalisation, make: Any) -> None:
    for shape in ((2, 40, 31), (2, 1, 1), (2, 300, 290)):  # the last is judged by every second pixel
        plane = make(shape).astype(np.float32)
        right, valid = normalisation.plane(Image(plane, "CYX"), 0)
        found, numbers = PlaneNormalisation(normalisation, 2)(torch.from_numpy(plane[None]))
        np.testing.assert_allclose(found[0].numpy(), right, atol=2e-6)
        np.testing.assert_array_equal(numbers[0, 0].numpy(), valid)


@pytest.mark.filterwarnings("ignore::napari_unet.core.errors.InputWarning")
@pytest.mark.parametrize("values", [
    [(-9999, 90)], [(1e20, 90)], [(-3.4e38, 90)], [(-9999, 1)], [(-9999, 90), (-32768, 40)], [(-999, 60), (1e20, 70)],
    [(-9999, 90), (np.nan, 20)], [(1e20, 90), (3e19, 90)], [(200, 90)], [(-9999, 4000)],
], ids=str)
def test_numbers_that_stand_for_nothing_are_left_out_as_by_us(values: list[tuple[float, int]]) -> None:
    for low, high in ((0, 255), (-20000, -9000), (-1e4, 1e4)):
        plane = np.random.default_rng(0).uniform(low, high, (2, 60, 60)).astype(np.float32)
        places = np.random.default_rng(1).permutation(3600)
        for value, count in values:
            plane[0].ravel()[places[:count]], places = value, places[count:]
        right, valid = Normalisation().plane(Image(plane.copy(), "CYX"), 0)
        found, numbers = PlaneNormalisation(Normalisation(), 2)(torch.from_numpy(plane[None]))
        np.testing.assert_array_equal(numbers[0, 0].numpy(), valid)
        np.testing.assert_allclose(found[0].numpy(), right, atol=2e-6)


def test_trees_by_gathering_answer_as_those_that_ask_in_numpy() -> None:
    rng = torch.Generator().manual_seed(0)
    trees = ObliviousTrees(torch.randint(6, (9, DEPTH), generator=rng), torch.randn(9, DEPTH, generator=rng),
                           torch.rand(9, 2**DEPTH, 4, generator=rng))
    fine, coarse = torch.randn(2, 4, 16, 24, generator=rng), torch.randn(2, 2, 8, 12, generator=rng) * 1e5
    logits = torch.randn(2, 3, 16, 24, generator=rng)
    groups = [FeatureGroup(1, (0, 2, 4, 5), fine), FeatureGroup(2, (1, 3), coarse)]
    found = TensorTrees(trees)(logits, groups)
    features = torch.empty(2, 6, 16, 24)
    features[:, [0, 2, 4, 5]], features[:, [1, 3]] = fine, groups[1].enlarged((16, 24))
    for number in range(2):
        right = trees(logits[number].flatten(1), as_float16(features[number]).flatten(1)).reshape(3, 16, 24)
        torch.testing.assert_close(found[number], right)


@pytest.mark.parametrize("network", [
    UNet(depth=2, width=3), UNet(depth=1, width=4, upsampling="bilinear", norm="channel", dilation=2),
    UNet(depth=2, width=2, upsampling="nearest", features=5, halvings=2), UNet(depth=2, width=2, filters=True),
    instant_network(), instant_network(eye=True, trees=0), instant_network(eye=True, eye_kernel="even"),
], ids=["plain", "bilinear", "views", "filters", "instant", "eye", "eye and trees"])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_the_module_that_leaves_holds_the_whole_answer(network: UNet, channels: int) -> None:
    model = network_model(network, channels, classes=3)
    module, plane = AnswerModule(model.weights), pictures((channels, 37, 50))
    plane[0, 3:9, 5] = np.nan
    with torch.inference_mode():
        found = module(torch.from_numpy(plane[None]))[0][0].numpy()
    np.testing.assert_allclose(found, ours(model, plane), atol=1e-5)


def exported(folder: Path, model: NetworkModel, name: str) -> Path:
    path = folder / name
    assert export_model(path, model).result() <= 1e-3
    return path


@pytest.fixture(scope="module")
def instant_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[NetworkModel, Path]:
    """An instant answer of three classes with trees, and its ONNX file."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    model = network_model(instant_network(), classes=3)
    return model, exported(tmp_path_factory.mktemp("onnx"), model, "cells.onnx")


def test_an_instant_answer_with_trees_is_the_same_in_onnx(instant_file: tuple[NetworkModel, Path]) -> None:
    from napari_unet.foreign.onnx_session import OnnxSession

    model, path = instant_file
    session = OnnxSession(path.read_bytes(), path.name)
    assert session.inputs["image"] == ("batch", 1, "y", "x")
    for count, shape in ((1, (64, 64)), (3, (17, 90)), (1, (1, 1)), (2, (5, 3))):
        planes = pictures((count, 1, *shape), seed=count)
        if shape != (1, 1):
            planes[0, 0, 0, 0] = np.nan
        found = session.run({"image": planes})
        for plane, own, logits in zip(planes, found["probabilities"], found["logits"], strict=True):
            right = ours(model, plane)
            np.testing.assert_array_equal(own[:, 0, 0] if np.isnan(plane[0, 0, 0]) else [1, 0, 0], [1, 0, 0])
            normalised, valid = model.weights.normalisation.plane(Image(plane, "CYX"), 0)
            odd = np.abs(logits - model.logits(normalised)).max(0) > 1e-3
            assert odd.mean() <= 0.01, "trees flip where a feature is rounded to the other side of a question"
            lead = np.sort(right, 0)
            same = own.argmax(0) == right.argmax(0)
            assert same[valid & (lead[-1] - lead[-2] > 1e-2)].all()


def test_onnx_of_colours_and_of_a_network_from_nothing(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    for name, network, channels in (("unet", UNet(depth=2, width=3), 1), ("two_eyes", UNet(
            depth=1, width=2, channelwise=True, eye=True, eye_kernel="even", trees=2), 3)):
        model = network_model(network, channels)
        foreign = load_model(exported(tmp_path, model, f"{name}.onnx"))
        plane = pictures((channels, 43, 70), seed=5)
        found = next(iter(foreign.segment(Image(plane, "CYX"), probabilities=True)))
        right = ours(model, plane)
        assert (np.abs(found.probabilities - right).max(0) > 1e-3).mean() <= 0.01
        assert (found.labels == np.array(model.classes.ids)[right.argmax(0)])[np.abs(right[0] - right[1]) > 0.01].all()


@LEFT_OPEN
def test_a_package_validates_and_tells_what_it_is(tmp_path: Path) -> None:
    spec = pytest.importorskip("bioimageio.spec")
    pytest.importorskip("onnx")
    model = network_model(UNet(depth=1, width=2), classes=3)
    path = tmp_path / "touching cells.zip"
    export_model(path, model, authors=("Ada Byron",), licence="CC-BY-4.0").result()
    with spec.ValidationContext(perform_io_checks=False):
        told = spec.load_model_description(path)
    assert not isinstance(told, spec.InvalidDescr)
    assert told.validation_summary.status in ("passed", "valid-format")
    assert (told.authors[0].name, str(told.license), told.name) == ("Ada Byron", "CC-BY-4.0", "touching cells")
    assert told.cite
    assert told.outputs[0].axes[1].channel_names == ["background", "nucleus", "rim_of_it"]
    with zipfile.ZipFile(path) as archive:
        assert {"README.md", "provenance.json", "model.onnx", "test_image.npy", "test_probabilities.npy"} <= set(
            archive.namelist())
        assert "rim of it" in archive.read("README.md").decode()
    foreign: Any = load_model(path)
    assert foreign.classes == model.classes, "names and colours come back"
    with pytest.raises(UserError, match="licence"):
        export_model(tmp_path / "other.zip", model, licence="no such licence").result()
    assert not (tmp_path / "other.zip").exists()


@LEFT_OPEN
def test_the_package_runs_in_bioimageio_core(tmp_path: Path) -> None:
    core = pytest.importorskip("bioimageio.core")
    pytest.importorskip("onnx")
    path = exported(tmp_path, network_model(UNet(depth=1, width=2)), "cells.zip")
    summary = core.test_model(path, weight_format="onnx")
    assert summary.status == "passed", summary.details


@pytest.mark.soak
def test_torch_export_gives_the_same_for_every_size(tmp_path: Path) -> None:
    model = network_model(UNet(depth=1, width=2))
    program = torch.export.load(exported(tmp_path, model, "cells.pt2")).module()
    plane = pictures((1, 29, 64), seed=3)
    with torch.inference_mode():
        found = program(torch.from_numpy(np.stack([plane, plane, plane])))[0].numpy()
    np.testing.assert_allclose(found[2], ours(model, plane), atol=1e-5)


def test_a_planned_network_of_planes_leaves_too(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    network: Any = Planned(width=2, kernels="1x3x3 1x3x3", poolings="1x2x2")
    assert export_model(tmp_path / "p.onnx", network_model(network)).result() < 1e-3


def test_what_cannot_leave_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = network_model(UNet(depth=1, width=2))
    with pytest.raises(UsageError, match=r"\.onnx"):
        export_model(tmp_path / "m.pb", model).result()
    with pytest.raises(UserError, match="only networks"):
        export_model(tmp_path / "m.onnx", Threshold()).result()
    (tmp_path / "m.onnx").write_text("mine")
    with pytest.raises(UserError, match="not overwritten"):
        export_model(tmp_path / "m.onnx", model).result()
    assert (tmp_path / "m.onnx").read_text() == "mine"
    pytest.importorskip("onnx")
    with pytest.raises(UserError, match="cannot be exported"):  # pooling switches have no counterpart
        export_model(tmp_path / "n.onnx", network_model(UNet(depth=1, width=2, upsampling="unpool"))).result()

    def another(weights: Any, provenance: Any) -> bytes:
        return exporting_graph(network_model(UNet(depth=1, width=2, norm="none")).weights, provenance)

    exporting_graph = exporting.onnx_graph
    monkeypatch.setattr(exporting, "onnx_graph", another)
    with pytest.raises(UserError, match="another answer"):
        export_model(tmp_path / "n.onnx", model).result()
    assert not (tmp_path / "n.onnx").exists()
    assert len(list(tmp_path.iterdir())) == 1, "nothing unfinished is left"


def test_without_the_extra_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r'pip install "napari-unet-live\[exchange\]"'):
        export_model(tmp_path / "m.onnx", network_model(UNet(depth=1, width=2))).result()


def test_the_command_line_exports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    save_model(tmp_path / "m.pt", network_model(UNet(depth=1, width=2)))
    assert main(["export-model", str(tmp_path / "m.pt"), "-o", str(tmp_path / "m.onnx")]) == 0
    told = capsys.readouterr()
    assert told.out.strip() == str(tmp_path / "m.onnx")
    assert "logits within" in told.err
    assert main(["export-model", str(tmp_path / "m.pt"), "-o", str(tmp_path / "m.onnx")]) == 1
    assert main(["export-model", str(tmp_path / "m.pt"), "-o", str(tmp_path / "m.doc")]) == 2

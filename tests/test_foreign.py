"""Models of other programs: what they take is done to the picture, and what cannot be done is said before."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from exchange_scene import convolution_file, foreign_package, other_graph, pictures
from scipy import ndimage

from napari_unet.cli import main
from napari_unet.core.errors import InputWarning, UserError
from napari_unet.core.image import Image
from napari_unet.foreign.input_steps import read_steps
from napari_unet.io.model_file import load_model

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def probabilities(model: Any, plane: np.ndarray) -> np.ndarray:
    (patch,) = model.segment(Image(plane, "YX"), probabilities=True)
    found: np.ndarray = patch.probabilities
    return found


def test_a_graph_of_fixed_size_is_asked_piece_by_piece(tmp_path: Path) -> None:
    whole = load_model(convolution_file(tmp_path / "free.onnx"))
    pieces = load_model(convolution_file(tmp_path / "fixed.onnx", size=(40, 32)))
    plane = pictures((101, 77))
    found, right = probabilities(pieces, plane), probabilities(whole, plane)
    np.testing.assert_allclose(found[:, 1:-1, 1:-1], right[:, 1:-1, 1:-1], atol=1e-6)  # that has zeros beyond a border
    low, high = np.percentile(plane, (1, 99))
    scores = ndimage.uniform_filter((plane - low) / (high - low), 3)
    np.testing.assert_allclose(found[1, 3:-3, 3:-3], 1 / (1 + np.exp(-scores))[3:-3, 3:-3], atol=1e-4)
    assert found.sum(0) == pytest.approx(1)


def test_one_channel_is_the_foreground_and_empty_pixels_are_background(tmp_path: Path) -> None:
    model = load_model(convolution_file(tmp_path / "one.onnx", outputs=1))
    assert [one.name for one in model.classes.classes] == ["background", "class 2"]
    plane = pictures((40, 40))
    plane[:3] = np.nan
    with pytest.warns(UserWarning, match="120 of 1600"):
        (patch,) = model.segment(Image(plane, "YX"))
    assert set(np.unique(patch.labels[:3])) == {1}
    assert set(np.unique(patch.labels)) == {1, 2}


@pytest.mark.parametrize("channels", [1, 2])
def test_pixels_that_a_model_gives_no_number_for_are_told(tmp_path: Path, channels: int) -> None:
    from onnx import TensorProto, helper, save_model

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, channels, None, None]) for name in "xy"]
    half = helper.make_tensor("half", TensorProto.FLOAT, [1], [0.5])
    nodes = [helper.make_node("Sub", ["x", "half"], ["d"]), helper.make_node("Sqrt", ["d"], ["y"])]
    graph = helper.make_graph(nodes, "roots", ends[:1], ends[1:], [half])
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
               tmp_path / "m.onnx")
    plane = np.zeros((channels, 20, 20), np.float32)
    plane[:, 5:] = 9
    with pytest.warns(InputWarning, match=r"m.onnx gives no number \(NaN\) for 100 pixels"):
        (patch,) = load_model(tmp_path / "m.onnx").segment(Image(plane, "CYX"), probabilities=True)
    assert set(np.unique(patch.labels[:5])) == {1}
    np.testing.assert_allclose(patch.probabilities.sum(0), 1, rtol=1e-6)


def test_a_package_is_done_as_its_description_says(tmp_path: Path) -> None:
    graph = convolution_file(tmp_path / "w.onnx")
    model = load_model(foreign_package(tmp_path / "theirs.zip", graph))
    assert [one.name for one in model.classes.classes] == ["outside", "inside"]
    plane = pictures((50, 33))  # neither is 32 and some 16
    normal = (plane - plane.mean()) / (plane.std() + 1e-6)
    right = 1 / (1 + np.exp(-ndimage.uniform_filter(normal, 3)))
    np.testing.assert_allclose(probabilities(model, plane)[1, 1:-1, 1:-1], right[1:-1, 1:-1], atol=1e-4)
    old = {"format_version": "0.4.9", "inputs": [
        {"name": "raw", "axes": "bcyx", "shape": {"min": [1, 1, 16, 16], "step": [0, 0, 16, 16]}, "preprocessing": [
            {"name": "scale_linear", "kwargs": {"gain": [0.01], "offset": [0.5], "axes": "yx"}}]}],
        "outputs": [{"name": "p", "axes": "bcyx", "halo": [0, 0, 4, 4], "shape": {}}]}
    found = probabilities(load_model(foreign_package(tmp_path / "old.zip", graph, **old)), plane)
    scores = ndimage.uniform_filter(plane * 0.01 + 0.5, 3)
    assert found[1, 5:-5, 5:-5] == pytest.approx((1 / (1 + np.exp(-scores)))[5:-5, 5:-5], abs=1e-4)


@pytest.mark.parametrize(("step", "right"), [
    ({"id": "scale_range", "kwargs": {"axes": ["y", "x"], "min_percentile": 0, "max_percentile": 100}}, (0, 1)),
    ({"id": "fixed_zero_mean_unit_variance", "kwargs": {"mean": 4, "std": 2}}, (-2, 3)),
    ({"name": "zero_mean_unit_variance", "kwargs": {"mode": "fixed", "mean": [4], "std": [2], "axes": "xy"}}, (-2, 3)),
    ({"id": "clip", "kwargs": {"min": 2, "max": 9}}, (2, 9)),
    ({"id": "binarize", "kwargs": {"threshold": 4}}, (0, 1)),
    ({"id": "ensure_dtype", "kwargs": {"dtype": "float32"}}, (0, 10)),
], ids=lambda one: str(one)[:30])
def test_steps_do_what_the_format_says(step: dict[str, Any], right: tuple[float, float]) -> None:
    (do,) = read_steps([step], "model")
    found = do(np.array([[[0, 10, 4]]], np.float32))
    assert (found[0, 0, 0], found[0, 0, 1]) == pytest.approx(right, abs=1e-5)


@pytest.mark.parametrize("changed", [
    {}, {"last": True}, {"size": (40, 48)}, {"last": True, "size": (40, 48)}, {"end": "Softmax"},
    {"end": "Softmax", "last": True}, {"end": "Sigmoid", "outputs": 1}, {"end": "Sigmoid", "outputs": 2, "last": True},
    {"outputs": 1}, {"outputs": 3, "end": "Softmax"}, {"more": {"logits": 2}, "end": "Softmax"}, {"kind": "UINT8"},
    {"kind": "UINT8", "last": True, "size": (33, 64), "end": "Softmax"},
], ids=str)
def test_graphs_by_other_makers_are_used_as_they_are_meant(changed: dict[str, Any], tmp_path: Path) -> None:
    plane = np.zeros((70, 90), np.float32)
    plane[20:50, 30:60] = 9
    model = load_model(other_graph(tmp_path / "theirs.onnx", **changed))
    image = Image(plane, "YX")
    (patch,) = model.segment(image, probabilities=True)
    bright = max(model.classes.ids)
    np.testing.assert_array_equal(patch.labels == bright, plane > 0)
    np.testing.assert_allclose(patch.probabilities.sum(0), 1, atol=1e-5)
    assert ("channels come last" in model.note) is bool(changed.get("last"))
    assert ("logits: 2 channels" in model.note) is ("more" in changed)
    assert ("0 and 255" in model.note) is ("kind" in changed)
    assert ("(sigmoid)" in model.note) is (changed.get("end") == "Sigmoid" and changed["outputs"] > 1)


@pytest.mark.parametrize(("changed", "said"), [
    ({"end": "ArgMax"}, "numbers of classes and no scores. Save it without its last step"),
    ({"more": {"features": 16}}, r"2 outputs that could be its classes \(features: 16 channels, answer: 2 channels\)"),
    ({"size": (None, 64)}, "must both be free, or both fixed"),
], ids=str)
def test_graphs_that_could_mean_two_things_are_refused(changed: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        load_model(other_graph(tmp_path / "theirs.onnx", **changed))


def _without(path: Path, graph: Path) -> Path:
    foreign_package(path, graph)
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(path.with_name("part.zip"), "w") as part:
        part.writestr("rdf.yaml", whole.read("rdf.yaml"))
    return path.with_name("part.zip")


def _cut(path: Path, graph: Path) -> Path:
    foreign_package(path, graph).write_bytes(path.read_bytes()[:200])
    return path


def _damaged(path: Path, graph: Path) -> Path:
    path = path.with_suffix(".onnx")
    path.write_bytes(graph.read_bytes()[:-60])
    return path


def _no_zip(path: Path, _: Path) -> Path:
    path.write_bytes(b"PK")
    return path


def _empty(path: Path, _: Path) -> Path:
    zipfile.ZipFile(path, "w").close()
    return path


def _of_the_future(path: Path, _: Path) -> Path:
    return convolution_file(path.with_suffix(".onnx"), opset=99)


def _described(**changed: Any) -> Callable[[Path, Path], Path]:
    return lambda path, graph: foreign_package(path, graph, **changed)


_VOLUME = [{"type": "batch"}, {"type": "channel", "channel_names": ["grey"]},
           *({"type": "space", "id": axis, "size": 16} for axis in "zyx")]
_CODE = [{"axes": "bcyx", "shape": [1, 1, 8, 8], "preprocessing": [{"id": "custom", "source": "x.py"}]}]
BAD: dict[str, tuple[Callable[[Path, Path], Path], str]] = {
    "missing weights": (_without, "does not hold weights.onnx"),
    "damaged package": (_cut, "damaged"),
    "damaged graph": (_damaged, "cannot be run"),
    "no package": (_no_zip, "damaged"),
    "another zip": (_empty, "no rdf.yaml"),
    "opset of the future": (_of_the_future, "newer"),
    "torch alone": (_described(weights={"pytorch_state_dict": {"source": "w"}}), "pytorch_state_dict"),
    "weights elsewhere": (_described(weights={"onnx": {"source": "https://example.org/w.onnx"}}), "not in it"),
    "code": (_described(inputs=_CODE), "'custom'"),
    "two inputs": (_described(inputs=[{"axes": "yx"}, {"axes": "yx"}]), "2 inputs"),
    "volumes": (_described(inputs=[{"axes": _VOLUME}]), "bczyx"),
    "nonsense": (_described(outputs=[3]), "description"),
    "missing": (lambda path, _: path, "does not exist"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_used_is_said(kind: str, tmp_path: Path) -> None:
    make, words = BAD[kind]
    path = make(tmp_path / "bad.zip", convolution_file(tmp_path / "w.onnx"))
    with pytest.raises(UserError, match=words):
        load_model(path)


def test_the_command_line_predicts_with_it_and_refuses_other_channels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = convolution_file(tmp_path / "theirs.onnx", outputs=1)
    tifffile.imwrite(tmp_path / "grey.tif", pictures((60, 50)).astype(np.uint8))
    tifffile.imwrite(tmp_path / "colour.tif", pictures((60, 50, 3)).astype(np.uint8))
    given = ["--model", str(path), "-o"]
    assert main(["predict", str(tmp_path / "grey.tif"), *given, str(tmp_path / "m.tif")]) == 0
    assert set(np.unique(tifffile.imread(tmp_path / "m.tif"))) == {0, 1}
    assert main(["predict", str(tmp_path / "colour.tif"), *given, str(tmp_path / "n.tif")]) == 1
    assert "3 channels, but theirs.onnx takes 1" in capsys.readouterr().err
    assert not (tmp_path / "n.tif").exists()


def test_it_takes_part_in_a_comparison(tmp_path: Path) -> None:
    truth = np.ones((64, 64), np.uint8)
    truth[16:40, 16:40] = 2
    strokes = np.zeros_like(truth)
    strokes[4:6, 4:60], strokes[50:52, 4:60], strokes[60, 4:60] = 1, 1, 1
    strokes[20:22, 20:30], strokes[26:28, 20:30], strokes[34:36, 20:30] = 2, 2, 2
    for name, array in (("image", truth * 90), ("strokes", strokes), ("truth", truth)):
        tifffile.imwrite(tmp_path / f"{name}.tif", array)
    path = convolution_file(tmp_path / "theirs.onnx", outputs=1)
    assert main(["compare", str(tmp_path / "image.tif"), str(tmp_path / "strokes.tif"), "--reference",
                 str(tmp_path / "truth.tif"), "--methods", "threshold", "--model", str(path), "-o",
                 str(tmp_path / "out")]) == 0
    assert "model,image,0,2,class 2,dice,0.99" in (tmp_path / "out" / "table.csv").read_text()

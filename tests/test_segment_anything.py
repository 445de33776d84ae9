"""Segment anything: points from strokes, asked of a small model of the same interface. No weights of anybody were run.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sam_scene
import torch
from sam_scene import onnx_pair
from segmenters_scene import fitted, pair

from napari_unet.classical.point_prompts import prompts_by_likeness, prompts_of_strokes, stroke_points
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.method import assemble
from napari_unet.core.scribbles import TrainingSet
from napari_unet.foreign import prompted_onnx
from napari_unet.foreign.prompted_files import VARIABLE, load_prompted
from napari_unet.segmenters import REGISTRY
from napari_unet.segmenters.segment_anything import SegmentAnything


def discs(*shape: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three bright discs; two of them and the ground are painted: image, truth, strokes."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    disc = np.zeros(shape, bool)
    for row, column in ((0.25, 0.25), (0.25, 0.75), (0.75, 0.5)):
        disc |= np.hypot(y - row * shape[0], x - column * shape[1]) < 0.15 * min(shape)
    image = (np.where(disc, 200, 40) + np.random.default_rng(0).normal(0, 5, shape)).clip(0, 255).astype(np.uint8)
    strokes = np.zeros(shape, np.uint8)
    for column in (0.25, 0.75):
        row, at = int(0.25 * shape[0]), int(column * shape[1])
        strokes[row - 2 : row + 2, at - 8 : at + 8] = 2
    strokes[int(0.5 * shape[0]) :, 2:6] = 1
    return image, np.where(disc, 2, 1).astype(np.uint8), strokes


def dice(labels: np.ndarray, truth: np.ndarray) -> float:
    return 2 * ((labels == 2) & (truth == 2)).sum() / ((labels == 2).sum() + (truth == 2).sum())


@pytest.mark.parametrize("raw", [False, True], ids=["normalised", "raw"])
def test_what_is_under_strokes_and_what_looks_alike_is_found(
    tmp_path: Path, raw: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(prompted_onnx, "SIDE", sam_scene.SIDE)  # a raw encoder does not say it
    method = SegmentAnything(weights=str(onnx_pair(tmp_path, raw)), device="cpu")
    image, truth, strokes = discs(200, 256)
    model = fitted(method, TrainingSet((pair(image, strokes),)))
    labels = assemble(Image(image), model.segment(Image(image)))
    assert dice(labels, truth) > 0.85
    assert (labels[strokes > 0] == strokes[strokes > 0]).all()
    other = np.ascontiguousarray(image[::-1, ::-1])
    again = assemble(Image(other), model.segment(Image(other)))
    assert dice(again, truth[::-1, ::-1]) > 0.8, "an image without strokes"
    (patch,) = model.segment(Image(other), probabilities=True)
    np.testing.assert_allclose(patch.probabilities.sum(0), 1, atol=1e-5)
    assert "tiny_encoder.onnx" in model.note


@pytest.mark.parametrize("shape", [(1, 40), (37, 300), (256, 256)])
def test_odd_sizes_colours_and_holes(tmp_path: Path, shape: tuple[int, int]) -> None:
    pytest.importorskip("onnxruntime")
    method = SegmentAnything(weights=str(onnx_pair(tmp_path)), device="cpu")
    generator = np.random.default_rng(0)
    image = generator.normal(size=(*shape, 3)).astype(np.float32)
    image[:, :5] = np.nan
    strokes = np.zeros(shape, np.uint8)
    strokes[:, 8:10], strokes[:, 20:22] = 1, 3
    training = TrainingSet((pair(image, strokes, "YXC"),))
    model = fitted(method, training)
    with pytest.warns(UserWarning, match="NaN"):
        labels = assemble(training.pairs[0].image, model.segment(training.pairs[0].image))
    assert labels.shape == shape
    assert set(np.unique(labels)) == {1, 3}
    assert (labels[:, :5] == 1).all()


def test_points_lie_on_strokes_and_the_nearest_others_outside() -> None:
    paint = np.zeros((40, 60), np.uint8)
    paint[5, 5:26] = 2
    paint[20:31, 40] = 3
    paint[35, 0:60] = 1
    prompts = prompts_of_strokes(paint, (1, 2, 3), 3)
    assert [one.index for one in prompts] == [1, 2]
    for prompt, number in zip(prompts, (2, 3), strict=True):
        rows, columns = prompt.points.astype(int).T
        assert (paint[rows[prompt.inside], columns[prompt.inside]] == number).all()
        assert prompt.inside.sum() == 3
        assert not (paint[rows[~prompt.inside], columns[~prompt.inside]] == number).any()
    assert sorted(prompts[0].points[prompts[0].inside][:, 1]) == [8, 15, 22]
    np.testing.assert_array_equal(stroke_points(np.array([[4, 7]]), 3), [[4, 7]])


def test_places_that_look_alike_are_the_most_alike_first_and_never_painted() -> None:
    features = np.zeros((2, 8, 8), np.float32)
    features[0] = 1
    for place, size in (((1, 1), 3.0), ((5, 6), 1.5), ((6, 1), 0.9)):
        features[(1, *place)] = size
    looks = np.eye(2, dtype=np.float32)
    prompts = prompts_by_likeness(features, looks, (1, 2), (80, 160), 10, 0.1)
    assert [tuple(one.points[0]) for one in prompts] == [(14.5, 29.5), (54.5, 129.5)]
    paint = np.zeros((80, 160), np.uint8)
    paint[15, 30] = 2
    left = prompts_by_likeness(features, looks, (1, 2), (80, 160), 10, 0.1, paint)
    assert [tuple(one.points[0]) for one in left] == [(54.5, 129.5)]


def test_without_weights_or_package_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    image, _, strokes = discs(64, 64)
    with pytest.raises(UserError, match=f"needs its weights.*not downloaded.*{VARIABLE}.*pip install segment-anything"):
        fitted(SegmentAnything(), TrainingSet((pair(image, strokes),)))
    with pytest.raises(UserError, match="are not there"):
        load_prompted(str(tmp_path / "none.pth"))
    width = torch.zeros(768, 3, 16, 16)
    torch.save({"image_encoder.patch_embed.proj.weight": width}, tmp_path / "vit b.pth")
    monkeypatch.setitem(sys.modules, "segment_anything", None)
    with pytest.raises(UserError, match=r"weights for segment_anything, which is not installed. Install it: pip"):
        load_prompted(str(tmp_path / "vit b.pth"))
    torch.save({"other": width}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="no weights of segment_anything, micro-sam, mobile_sam or sam2"):
        load_prompted(str(tmp_path / "other.pth"))
    torch.save({"harm": Path("x")}, tmp_path / "pickled.pth")
    with pytest.raises(UserError, match="cannot be read as weights"):
        load_prompted(str(tmp_path / "pickled.pth"))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gone.onnx"))
    with pytest.raises(UserError, match="are not there"):
        load_prompted("")


def test_an_encoder_needs_its_decoder(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    encoder = onnx_pair(tmp_path)
    decoder = tmp_path / "tiny_decoder.onnx"
    content = decoder.read_bytes()
    decoder.unlink()
    with pytest.raises(UserError, match=r"no decoder beside it. Put tiny_decoder.onnx"):
        load_prompted(str(encoder))
    decoder.write_bytes(encoder.read_bytes())
    with pytest.raises(UserError, match="is no decoder as segment_anything exports it: it lacks image_embeddings"):
        load_prompted(str(encoder))
    encoder.write_bytes(content)
    decoder.write_bytes(content)
    with pytest.raises(UserError, match="is no encoder of pictures"):
        load_prompted(str(encoder))


class TinyPredictor:
    """The verbs of ``SamPredictor``, over brightness."""

    def __init__(self, model: Any) -> None:
        self.model, self.picture = model, np.zeros(0)

    def set_image(self, picture: np.ndarray) -> None:
        assert picture.dtype == np.uint8
        self.picture = picture[..., 0].astype(np.float32)

    def get_image_embedding(self) -> torch.Tensor:
        height, width = self.picture.shape
        square = np.zeros((max(height, width),) * 2, np.float32)
        square[:height, :width] = self.picture
        small = torch.nn.functional.interpolate(torch.from_numpy(square)[None, None], (16, 16), mode="area")
        return torch.cat([small / 255, torch.full_like(small, 0.4)], 1)

    def predict(self, point_coords: np.ndarray, point_labels: np.ndarray, multimask_output: bool, return_logits: bool
                ) -> tuple[np.ndarray, None, None]:
        assert return_logits
        assert not multimask_output
        x, y = point_coords.astype(int).T
        values = self.picture[y, x]
        middle = (values[point_labels == 1].mean() + (values[point_labels == 0].mean() if (point_labels == 0).any()
                                                      else 0)) / 2
        return (self.picture - middle)[None] / 10, None, None


def test_a_package_is_asked_with_its_own_verbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Module(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.image_encoder = torch.nn.Module()
            self.image_encoder.patch_embed = torch.nn.Module()
            self.image_encoder.patch_embed.proj = torch.nn.Conv2d(3, 768, 2)

    built: list[Any] = []

    def build(checkpoint: None) -> Module:
        assert checkpoint is None, "the package is not to unpickle"
        built.append(Module())
        return built[-1]

    package: Any = types.ModuleType("segment_anything")
    package.__spec__ = types.SimpleNamespace(name="segment_anything")
    package.sam_model_registry, package.SamPredictor = {"vit_b": build}, TinyPredictor
    monkeypatch.setitem(sys.modules, "segment_anything", package)
    saved = Module()
    torch.save(saved.state_dict(), tmp_path / "w.pth")
    image, truth, strokes = discs(90, 128)
    model = fitted(SegmentAnything(weights=str(tmp_path / "w.pth"), device="cpu"), TrainingSet((pair(image, strokes),)))
    assert dice(assemble(Image(image), model.segment(Image(image))), truth) > 0.95
    proj = "image_encoder.patch_embed.proj.weight"
    assert torch.equal(built[-1].state_dict()[proj], saved.state_dict()[proj])
    assert "w.pth (segment_anything)" in model.note
    broken = saved.state_dict()
    del broken["image_encoder.patch_embed.proj.bias"]
    torch.save(broken, tmp_path / "broken.pth")
    with pytest.raises(UserError, match="cannot be loaded by segment_anything as vit_b"):
        load_prompted(str(tmp_path / "broken.pth"))


def test_it_is_in_the_list_but_in_no_preset() -> None:
    from napari_unet.comparison.contenders import preset_methods

    assert "segment_anything" in REGISTRY
    assert "segment_anything" not in preset_methods("everything")


def test_what_was_learnt_with_other_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    (tmp_path / "mine").mkdir()
    (tmp_path / "theirs").mkdir()
    monkeypatch.setenv(VARIABLE, str(onnx_pair(tmp_path / "mine")))
    image, _, strokes = discs(200, 256)
    model = fitted(SegmentAnything(device="cpu"), TrainingSet((pair(image, strokes),)))
    assemble(Image(image), model.segment(Image(image)))
    monkeypatch.setenv(VARIABLE, str(onnx_pair(tmp_path / "theirs")))
    assemble(Image(image), model.segment(Image(image)))  # the same weights elsewhere
    monkeypatch.setattr(prompted_onnx, "SIDE", sam_scene.SIDE)
    monkeypatch.setenv(VARIABLE, str(onnx_pair(tmp_path / "theirs", raw=True)))
    with pytest.raises(UserError, match="learnt with other weights"):
        assemble(Image(image), model.segment(Image(image)))

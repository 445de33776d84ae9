"""Synthetic training images and pre-training: seeded, strokes never wrong, a run that resumes, a file to ship."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent.parent))  # the tools are no part of the package

from napari_unet import pretrained
from pretraining import imaging, noise, pack, scenes, train
from pretraining.episodes import episode, stroke
from pretraining.head import RidgeHead, episode_loss


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("channels", [1, 3])
def test_an_episode_is_made_by_seed_and_number(number: int, channels: int) -> None:
    one, same = (episode(7, number, 48, channels=channels) for _ in range(2))
    np.testing.assert_array_equal(one.images, same.images)
    np.testing.assert_array_equal(one.labels, same.labels)
    np.testing.assert_array_equal(one.painted, same.painted)
    assert not np.array_equal(one.images, episode(8, number, 48, channels=channels).images)
    assert one.images.shape == (2, channels, 48, 48)
    assert one.images.dtype == np.float32
    assert np.isfinite(one.images).all()
    assert one.labels.min() >= 0
    assert one.labels.max() < one.classes
    assert len(np.unique(one.labels[0])) >= 2
    # two classes at least are painted, and only in the first field
    assert len(np.unique(one.labels[one.painted])) >= 2
    assert not one.painted[1].any()


def test_a_stroke_stays_in_its_class() -> None:
    rng = np.random.default_rng(0)
    for number in range(30):
        labels = episode(3, number, 48).labels[0]
        for wanted in np.unique(labels):
            painted = stroke(rng, labels, int(wanted))
            assert painted.any()
            assert (labels[painted] == wanted).all()


@pytest.mark.parametrize("family", scenes.FAMILIES)
def test_every_family_draws_fields_of_one_experiment(family: str) -> None:
    seen = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        draw = scenes.recipe(rng, family)
        fields = [draw(rng, 48) for _ in range(2)]
        assert fields[0].classes == fields[1].classes >= 2
        for field in fields:
            assert field.labels.shape == field.objects.shape == field.inner.shape == (48, 48)
            assert field.labels.min() >= 0
            assert field.labels.max() < field.classes
            assert field.inner.min() >= 0
            assert field.inner.max() <= 1
            assert field.objects.min() >= 0
        assert not np.array_equal(fields[0].labels, fields[1].labels) or len(np.unique(fields[0].labels)) == 1
        seen = max(seen, len(np.unique(fields[0].labels)))
    assert seen >= 2


@pytest.mark.parametrize("modality", imaging.MODALITIES)
def test_every_modality_renders(modality: str) -> None:
    rng = np.random.default_rng(1)
    scene = scenes.recipe(rng, "blobs")(rng, 40)
    for channels in (1, 3):
        seen = imaging.look(rng, scene.classes, channels, modality)
        picture = imaging.render(rng, scene, seen)
        assert seen.modality == modality
        assert picture.shape == (channels, 40, 40)
        assert picture.dtype == np.float32
        assert np.isfinite(picture).all()
        assert np.ptp(picture) > 0


def test_noise_has_unit_variance_and_only_the_wavelengths_asked_for() -> None:
    field = noise.fractal(np.random.default_rng(0), 64, beta=1, finest=4, coarsest=16)
    power = np.abs(np.fft.fft2(field)) ** 2
    frequency = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.fftfreq(64))
    assert field.std() == pytest.approx(1, abs=1e-4)
    assert abs(field.mean()) < 1e-5
    outside = (frequency > 1 / 4 + 1e-9) | (frequency < 1 / 16 - 1e-9)
    assert power[outside].sum() < 1e-8 * power.sum()


def test_the_head_in_the_graph_is_the_head_of_the_program() -> None:
    """Both solve the same class-balanced ridge regression, one to 0 and 1, the other to -1 and 1."""
    from sklearn.linear_model import Ridge

    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(60, 5)).astype(np.float32), rng.integers(0, 3, 60)
    head = RidgeHead()
    found = head.solve(torch.from_numpy(features), torch.from_numpy(labels), 3).detach().numpy()
    weight = 1 / (3 * np.bincount(labels)[labels])
    same = Ridge(alpha=float(np.exp(-4))).fit(features, np.eye(3)[labels], sample_weight=weight)
    np.testing.assert_allclose(found[:-1], same.coef_.T, atol=2e-3)
    np.testing.assert_allclose(found[-1], same.intercept_, atol=2e-3)


def test_a_class_without_a_stroke_is_not_asked_for() -> None:
    features = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(1, 8, 8, dtype=torch.int64)
    labels[:, 3:6], labels[:, 6:] = 1, 2
    painted = torch.zeros(1, 8, 8, dtype=torch.bool)
    painted[:, 0], painted[:, 4] = True, True
    head = RidgeHead().requires_grad_(False)
    loss, accuracy = episode_loss(head, features, labels, painted, 3)
    features[:, :, 6:] = 100  # where the third class is, which has no stroke
    same, _ = episode_loss(head, features, labels, painted, 3)
    features[:, :, 1:3] = 100  # where the first class is
    other, _ = episode_loss(head, features, labels, painted, 3)
    assert 0 < float(loss) == pytest.approx(float(same))
    assert float(other) != pytest.approx(float(loss))
    assert 0 <= float(accuracy) <= 1
    told = torch.stack([labels[0] == one for one in range(4)])[None].float()
    _, accuracy = episode_loss(head, told, labels, painted, 3)
    assert float(accuracy) == pytest.approx(1, abs=1e-5)


def run(folder: Path, steps: int) -> None:
    train.main([str(folder), "--size", "32", "--steps", str(steps), "--workers", "0", "--device", "cpu", "--seed", "5",
                "--hours", "1e6"])  # so long that the learning rate does not feel how fast the machine is


def test_a_run_learns_resumes_and_is_packed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    threads = torch.get_num_threads()
    try:
        run(tmp_path / "whole", 3)
        run(tmp_path / "parts", 2)
        with (tmp_path / "parts" / "curve.csv").open("a") as file:
            file.write("50,9,1,1\n")  # after the last checkpoint, then cut off
        run(tmp_path / "parts", 3)
        run(tmp_path / "parts", 3)
    finally:
        torch.set_num_threads(threads)
    assert "trained for 3 steps" in capsys.readouterr().out
    whole, parts = (torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("whole", "parts"))
    assert whole["step"] == parts["step"] == 3
    fresh = train.Training(5, 2e-3, torch.device("cpu")).module.state_dict()
    assert not torch.equal(fresh["encoder.0.0.weight"], whole["module"]["encoder.0.0.weight"])
    for name, tensor in whole["module"].items():
        torch.testing.assert_close(tensor, parts["module"][name], rtol=0, atol=1e-6)
    with (tmp_path / "parts" / "curve.csv").open(newline="") as file:
        rows = [[float(value) for value in row] for row in csv.reader(file)]
    assert [row[0] for row in rows] == [2, 3]
    assert all(row[2] > 0 and 0 <= row[3] <= 1 for row in rows)

    out = tmp_path / "features.pt"
    pack.main([str(tmp_path / "whole"), "--out", str(out)])
    facts = pretrained.feature_provenance(out)
    assert (facts["seed"], facts["steps"], facts["size"]) == (5, 3, 32)
    assert facts["sha256"] in capsys.readouterr().out
    weights = pretrained.load_features(out)
    mean = whole["mean"]["encoder.0.0.weight"]
    assert torch.equal(weights.tensors["encoder.0.0.weight"], mean.half().float())


def test_pack_refuses_what_cannot_be_shipped(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="Train first"):
        pack.pack(tmp_path, tmp_path / "out.pt")
    with pytest.raises(SystemExit, match="body holds numbers that float16 cannot hold"):
        pack.half({"head.weight": torch.tensor([1e9]), "body": torch.tensor([1e9])})

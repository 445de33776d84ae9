"""Random changes of patches: geometry and labels stay together, chance has one source."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.transform import rotate

from napari_unet.learning.augmentation import Augmentation, _blurred

NONE = Augmentation.none()


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def scene(batch=6, size=64):
    """Patches whose first channel shows the class, 0 to 2, and targets that are fully painted."""
    target = torch.zeros(size, size, dtype=torch.int64)
    target[size // 8:size // 2, size // 4:] = 1
    target[size // 2:, : size // 3] = 2
    image = torch.stack((target.float(), torch.linspace(0, 1, size)[None].expand(size, size)))
    return image.expand(batch, -1, -1, -1).clone(), target.expand(batch, -1, -1).clone()


def test_nothing_is_changed_at_strength_zero():
    images, targets = scene()
    changed, labels = Augmentation().times(0)(images, targets, 64, chance())
    assert torch.allclose(changed, images, atol=1e-5)
    assert torch.equal(labels, targets)
    middle, labels = NONE(images, targets, 32, chance())
    assert torch.allclose(middle, images[..., 16:48, 16:48], atol=1e-5)
    assert torch.equal(labels, targets[..., 16:48, 16:48])
    assert NONE.margin(192) == 0


@pytest.mark.parametrize("change", [
    {"flip": True}, {"quarter_turns": True}, {"shift": 0.2}, {"rotation": 180.0}, {"scale": 0.5}, {"elastic": 4.0},
], ids=lambda change: next(iter(change)))
def test_labels_move_with_the_image(change):
    _, targets = scene(16)
    images = torch.nn.functional.one_hot(targets, 3).permute(0, 3, 1, 2).float()
    moved, labels = dataclasses.replace(NONE, share=1.0, **change)(images, targets, 64, chance())
    assert not torch.equal(labels, targets)
    # where one channel has it all there is no border near, so label and image must agree
    sure = (moved.amax(1) > 0.999) & (labels >= 0)
    assert sure.float().mean() > 0.5
    assert torch.equal(moved.argmax(1)[sure], labels[sure])


def test_flips_and_turns_are_the_eight_symmetries_of_a_square():
    images, targets = scene(200, 16)
    moved, labels = dataclasses.replace(NONE, flip=True, quarter_turns=True)(images, targets, 16, chance())
    allowed = [torch.rot90(base, turns, (-2, -1)) for base in (images[0], images[0].flip(-1)) for turns in range(4)]
    which = [[torch.allclose(one, other, atol=1e-4) for other in allowed].index(True) for one in moved]
    assert set(which) == set(range(8))
    assert torch.equal(moved[:, 0].round().long(), labels)


def test_free_rotation_agrees_with_scikit_image():
    generator = chance(3)
    smooth = torch.from_numpy(gaussian_filter(torch.rand(65, 65, generator=generator).numpy(), 3))[None, None]
    turned, _ = dataclasses.replace(NONE, share=1.0, rotation=180.0)(
        smooth, torch.zeros(1, 65, 65, dtype=torch.int64), 65, chance(5))
    differences = [
        float(torch.from_numpy(rotate(smooth[0, 0].numpy(), angle) - turned[0, 0].numpy())[20:45, 20:45].abs().max())
        for angle in torch.arange(-180, 180, 0.5).tolist()
    ]
    assert min(differences) < 2e-3
    assert sorted(differences)[20] > 2e-3  # the right angle, not any angle


def test_outside_the_patch_nothing_is_painted():
    images, targets = scene()
    moved, labels = dataclasses.replace(NONE, share=1.0, shift=0.3)(images, targets, 64, chance())
    assert (labels < 0).any()
    assert torch.isfinite(moved).all()
    assert moved[:, 0].min() >= 0  # mirrored, not black
    assert moved[:, 0].max() <= 2


def test_unpainted_pixels_stay_unpainted():
    images, _ = scene()
    targets = torch.full((6, 64, 64), -1)
    _, labels = Augmentation(share=1.0)(images, targets, 64, chance())
    assert (labels == -1).all()


def test_elastic_displacements_have_the_standard_deviation_asked_for():
    size = 48
    ramp = torch.arange(300.0).expand(400, 1, 300, 300)[..., :300, :300].clone()
    moved, _ = dataclasses.replace(NONE, share=1.0, elastic=10.0)(
        ramp, torch.zeros(400, 300, 300, dtype=torch.int64), size, chance())
    corner = moved[:, 0, 0, 0] - (300 - size) / 2  # a node of the coarse grid, so no interpolation
    assert float(corner.std()) == pytest.approx(10, rel=0.12)
    assert abs(float(corner.mean())) < 1.5
    # smooth: neighbouring displacements differ by much less than the displacements
    assert float((moved[:, 0, :, 1:] - moved[:, 0, :, :-1] - 1).abs().mean()) < 1.0


@pytest.mark.parametrize("change", [
    {"gain": 0.3}, {"offset": 0.2}, {"gamma": 0.5}, {"shading": 0.2}, {"noise": 0.1}, {"blur": 2.0},
], ids=lambda change: next(iter(change)))
def test_changes_of_intensity_leave_labels_alone(change):
    images, targets = scene()
    changed, labels = dataclasses.replace(NONE, share=1.0, **change)(images, targets, 64, chance())
    assert torch.equal(labels, targets)
    assert (changed - images).abs().amax((1, 2, 3)).min() > 1e-4  # every patch
    assert torch.isfinite(changed).all()


def test_gain_and_offset_are_linear_and_gamma_keeps_the_order():
    images, targets = scene()
    both, _ = dataclasses.replace(NONE, share=1.0, gain=0.3, offset=0.2)(images, targets, 64, chance())
    slope = (both[:, :, 0, 63] - both[:, :, 0, 0])[:, 1]
    assert ((slope > 1 / 1.3 - 1e-4) & (slope < 1.3 + 1e-4)).all()
    middle = both[:, 1, 0, 21] - both[:, 1, 0, 0]
    assert torch.allclose(middle, slope / 3, atol=1e-4)
    bent, _ = dataclasses.replace(NONE, share=1.0, gamma=0.5)(images, targets, 64, chance())
    assert (bent[:, 1, 0, 1:] >= bent[:, 1, 0, :-1]).all()


def test_blur_agrees_with_scipy():
    images = torch.rand(2, 1, 40, 40, generator=chance())
    blurred = _blurred(images, torch.tensor([0.0, 1.7]))
    assert torch.allclose(blurred[0], images[0], atol=1e-6)
    expected = gaussian_filter(images[1, 0].double().numpy(), 1.7, mode="nearest", radius=6)
    assert torch.allclose(blurred[1, 0].double(), torch.from_numpy(expected), atol=1e-5)


def test_shading_is_smooth():
    images, targets = torch.zeros(4, 1, 64, 64), torch.zeros(4, 64, 64, dtype=torch.int64)
    shaded, _ = dataclasses.replace(NONE, share=1.0, shading=0.3)(images, targets, 64, chance())
    assert float((shaded[..., 1:] - shaded[..., :-1]).abs().max()) < 0.1 * float(shaded.abs().max())


def test_the_share_of_changed_patches():
    images, targets = scene(400, 16)
    changed, _ = dataclasses.replace(NONE, share=0.25, offset=0.2)(images, targets, 16, chance())
    share = ((changed - images).abs().amax((1, 2, 3)) > 1e-4).float().mean()
    assert float(share) == pytest.approx(0.25, abs=0.08)


def test_the_generator_is_the_only_source_of_chance():
    images, targets = scene()
    before, state = images.clone(), torch.get_rng_state()
    first, second, other = (Augmentation()(images, targets, 48, chance(seed)) for seed in (1, 1, 2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert not torch.equal(first[0], other[0])
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(images, before)


def test_strength():
    half = Augmentation().times(0.5)
    assert half.elastic == Augmentation().elastic / 2
    assert half.flip
    assert Augmentation().times(2).rotation == 180

"""Random changes of patches that a microscope could have made. Works on tensors; knows no images and no strokes."""

from __future__ import annotations

import dataclasses
import math

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """How strongly patches are changed; 0 (or False) switches one change off.

    Parameters
    ----------
    flip : bool
        Mirror images.
    quarter_turns : bool
        Turns by 90, 180 and 270 degrees.
    shift : float
        Largest shift, as a share of the patch.
    rotation : float
        Largest free rotation, in degrees either way.
    scale : float
        Largest change of size: factors from 1/(1 + scale) to 1 + scale.
    elastic : float
        Standard deviation in pixels of random displacements on a coarse 3x3 grid, interpolated bicubically
        (Ronneberger et al. 2015, section 3.1, there 10 px).
    gain : float
        Largest change of contrast: factors from 1/(1 + gain) to 1 + gain.
    offset : float
        Largest change of brightness, of the normalised range.
    gamma : float
        Largest change of the exponent: from 1/(1 + gamma) to 1 + gamma.
    shading : float
        Standard deviation of an uneven background, smooth over a third of the patch, of the normalised range.
    noise : float
        Largest standard deviation of gaussian noise, of the normalised range.
    blur : float
        Largest standard deviation of a gaussian blur, in pixels.
    share : float
        Probability of each change (flips and quarter turns apart) in a patch.
    """

    flip: bool = True
    quarter_turns: bool = True
    shift: float = 0.05
    rotation: float = 180.0
    scale: float = 0.25
    elastic: float = 10.0
    gain: float = 0.25
    offset: float = 0.1
    gamma: float = 0.3
    shading: float = 0.1
    noise: float = 0.08
    blur: float = 1.0
    share: float = 0.25

    @classmethod
    def none(cls) -> Augmentation:
        """Return an augmentation that changes nothing."""
        return cls(False, False, *(0.0,) * 11)

    def times(self, strength: float) -> Augmentation:
        """Return one whose changes are all this much stronger; at 0 nothing is changed."""
        if strength == 0:
            return self.none()
        scaled = {
            name: getattr(self, name) * strength
            for name in ("shift", "scale", "elastic", "gain", "offset", "gamma", "shading", "noise", "blur")
        }
        return dataclasses.replace(self, rotation=min(180.0, self.rotation * strength), **scaled)

    def margin(self, size: int) -> int:
        """Pixels to cut in addition on each side of a patch, so that few mirrored borders are seen."""
        turned = self.rotation > 0 or self.scale > 0
        return math.ceil(size * (0.125 * turned + self.shift) + self.elastic) if turned or self.elastic else 0

    def __call__(self, images: Tensor, targets: Tensor, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Change a batch of patches.

        Parameters
        ----------
        images : Tensor, shape (B, C, S, S) or (B, C, Z, S, S), float32
            On the generator's device. The planes of a patch are changed alike, as if seen from above; their order may
            turn round.
        targets : Tensor, shape (B, S, S) or (B, Z, S, S), int64
            Class index, -1 = not painted.
        size : int
            Side of the patches to return, at most S; they are taken from the middle.
        generator : torch.Generator
            The only source of randomness.

        Returns
        -------
        images : Tensor, shape (B, C, [Z,] size, size), float32
        targets : Tensor, shape (B, [Z,] size, size), int64
            What came from outside the patch is not painted.
        """
        if images.ndim == 5:
            return self._of_volumes(images, targets, size, generator)
        changed, labels = self._of_planes(images, targets[:, None], size, generator, 1)
        return changed, labels[:, 0]

    def _of_volumes(
        self, images: Tensor, targets: Tensor, size: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        depth = images.shape[2]
        changed, labels = self._of_planes(images.flatten(1, 2), targets, size, generator, depth)
        changed = changed.unflatten(1, (-1, depth))
        if self.flip:
            turned = _Draws(len(images), self.share, generator).integers(2).bool()
            changed = torch.where(turned[:, None, None, None, None], changed.flip(2), changed)
            labels = torch.where(turned[:, None, None, None], labels.flip(1), labels)
        return changed, labels

    def _of_planes(
        self, images: Tensor, targets: Tensor, size: int, generator: torch.Generator, depth: int
    ) -> tuple[Tensor, Tensor]:
        """Change (B, C * depth, S, S) and (B, planes, S, S), all planes of a patch alike."""
        grid = self._grid(images, size, generator)
        # nearest neighbour of labels + 1, so that what lies outside becomes 0 and then -1
        moved = F.grid_sample(
            (targets + 1).float(), grid, mode="nearest", padding_mode="zeros", align_corners=False
        )
        images = F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
        return self._intensity(images, generator, depth), moved.round().long() - 1

    def _grid(self, images: Tensor, size: int, generator: torch.Generator) -> Tensor:
        """Return where each output pixel comes from: (B, size, size, 2) as x, y in -1 to 1, see grid_sample."""
        batch, _, height, width = images.shape
        draws = _Draws(batch, self.share, generator)
        axis = torch.arange(size, device=images.device, dtype=torch.float32) - (size - 1) / 2
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        offsets = torch.stack((x, y), -1)

        angle = draws.maybe(draws.uniform(math.radians(self.rotation)))
        factor = torch.exp(draws.maybe(draws.uniform(math.log1p(self.scale))))
        cosine, sine = torch.cos(angle) * factor, torch.sin(angle) * factor
        matrix = torch.stack((cosine, -sine, sine, cosine), -1).view(batch, 2, 2)
        quarters = draws.integers(4 if self.quarter_turns else 1)
        turn = torch.tensor([[1, 0, 0, 1], [0, -1, 1, 0], [-1, 0, 0, -1], [0, 1, -1, 0]], dtype=torch.float32,
                            device=images.device).view(4, 2, 2)[quarters]
        mirror = torch.ones(batch, 1, 2, device=images.device)
        mirror[:, 0, 0] -= 2.0 * draws.integers(2 if self.flip else 1)
        # whole pixels, so that a patch that is not turned or scaled stays as sharp as it was
        shift = draws.maybe(draws.uniform(self.shift * size, 2)).round()
        moved = torch.einsum("bij,yxj->byxi", matrix @ turn * mirror, offsets) + shift[:, None, None]
        if self.elastic:
            coarse = draws.maybe(draws.normal(self.elastic, 2, 3, 3))
            field = F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=True)
            moved = moved + field.permute(0, 2, 3, 1)
        return moved * moved.new_tensor([2 / width, 2 / height])

    def _intensity(self, images: Tensor, generator: torch.Generator, depth: int) -> Tensor:
        batch, channels, height, width = images.shape
        draws = _Draws(batch, self.share, generator)
        if self.gamma:
            exponent = torch.exp(draws.maybe(draws.uniform(math.log1p(self.gamma), 1, 1, 1)))
            images = images.sign() * images.abs().pow(exponent)
        if self.gain:
            gain = draws.maybe(draws.uniform(math.log1p(self.gain), channels // depth, 1, 1))
            images = images * torch.exp(gain.repeat_interleave(depth, 1))
        if self.offset:
            offset = draws.maybe(draws.uniform(self.offset, channels // depth, 1, 1))
            images = images + offset.repeat_interleave(depth, 1)
        if self.shading:
            coarse = draws.maybe(draws.normal(self.shading, 1, 3, 3))
            images = images + F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=True)
        if self.blur:
            images = _blurred(images, draws.maybe(draws.uniform(self.blur).abs()))
        if self.noise:
            deviation = draws.maybe(draws.uniform(self.noise, 1, 1, 1))
            images = images + deviation * draws.normal(1.0, channels, height, width)
        return images


class _Draws:
    """Draws of one batch."""

    def __init__(self, batch: int, share: float, generator: torch.Generator) -> None:
        self._batch, self._share, self._generator = batch, share, generator

    def _empty(self, *shape: int) -> Tensor:
        return torch.empty(self._batch, *shape, device=self._generator.device)

    def uniform(self, bound: float, *shape: int) -> Tensor:
        """Return (B, *shape) values from -bound to bound."""
        return self._empty(*shape).uniform_(-bound, bound, generator=self._generator)

    def normal(self, deviation: float, *shape: int) -> Tensor:
        """Return (B, *shape) gaussian values."""
        return self._empty(*shape).normal_(0, deviation, generator=self._generator)

    def integers(self, below: int) -> Tensor:
        """Return (B,) whole numbers."""
        return torch.randint(below, (self._batch,), generator=self._generator, device=self._generator.device)

    def maybe(self, values: Tensor) -> Tensor:
        """Set the values of patches that are not to be changed to 0."""
        chosen = self._empty(*(1,) * (values.ndim - 1)).uniform_(generator=self._generator) < self._share
        return values * chosen


def _blurred(images: Tensor, deviation: Tensor) -> Tensor:
    """Blur each patch by its own gaussian, (B,) standard deviations in pixels; 0 leaves a patch as it is."""
    batch, channels, height, width = images.shape
    radius = max(1, math.ceil(3 * float(deviation.max())))
    distance = torch.arange(-radius, radius + 1, device=images.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (distance / deviation.clamp(min=1e-3)[:, None]) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0)
    flat = F.pad(images.reshape(1, batch * channels, height, width), (radius,) * 4, mode="replicate")
    flat = F.conv2d(flat, kernel[:, None, :, None], groups=batch * channels)
    return F.conv2d(flat, kernel[:, None, None, :], groups=batch * channels).view_as(images)

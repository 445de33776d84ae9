"""The layers of U-Nets of volumes, with kernels and pooling by axis and level. Knows nothing of images or training.

Tiles agree with the whole along all three axes: every operation is local and aligned to the grid of voxels.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
from collections.abc import Sequence
from typing import Annotated, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.core import parameters
from napari_unet.core.errors import UsageError
from napari_unet.core.parameters import Parameter
from napari_unet.learning.network_planning import NetworkPlan
from napari_unet.predicting.slabs import DepthReach

from ._layers import VolumeNorm, full_precision_head, he_initialise
from ._receptive_field import AxisPath

Steps = tuple[int, int, int]
"""Along planes, rows and columns."""

MOST_LEVELS = 6
"""Halvings at most."""

Part = tuple[tuple[int, int], ...]
"""First and last + 1 along planes (of a volume only), rows and columns."""


@dataclasses.dataclass(frozen=True)
class AxesLayout:
    """What a U-Net of volumes does along each axis.

    Parameters
    ----------
    width : int
        Channels at full resolution, doubled at each level, up to :attr:`MOST_CHANNELS`.
    kernels : tuple of (int, int, int)
        Of the convolutions by level, the finest first: 1 or 3 along planes, rows and columns.
    pools : tuple of (int, int, int)
        Of the pooling after each level but the coarsest: 1 or 2.
    """

    width: int
    kernels: tuple[Steps, ...]
    pools: tuple[Steps, ...]

    MOST_CHANNELS = 320

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels by level."""
        return tuple(min(self.width * 2**level, max(self.width, self.MOST_CHANNELS))
                     for level in range(len(self.kernels)))

    @property
    def paths(self) -> tuple[AxisPath, AxisPath, AxisPath]:
        """What it does along planes, rows and columns."""
        planes, rows, columns = (AxisPath(tuple(one[axis] for one in self.kernels),
                                          tuple(one[axis] for one in self.pools)) for axis in range(3))
        return planes, rows, columns

    @property
    def stride(self) -> int:
        """Of rows and columns, whichever is larger."""
        return max(path.stride for path in self.paths[1:])

    @property
    def halo(self) -> int:
        """Of rows and columns, whichever is larger, as a multiple of the stride."""
        return math.ceil(max(path.reach for path in self.paths[1:]) / self.stride) * self.stride

    @property
    def along_z(self) -> DepthReach:
        """How it looks along z."""
        return DepthReach(self.paths[0].stride, self.paths[0].halo)


def written_steps(steps: tuple[Steps, ...]) -> str:
    """Return sizes by level as they are kept in files: ``"1x2x2 2x2x2"``."""
    return " ".join("x".join(map(str, one)) for one in steps)


def read_steps_of_levels(text: str, allowed: tuple[int, ...], what: str) -> tuple[Steps, ...]:
    """Return what :func:`written_steps` wrote.

    Raises
    ------
    UsageError
        If it is anything else, or a size is not allowed.
    """
    words = text.split() if len(text) <= 100 else ["?"]
    known = {str(size): size for size in allowed}
    parts = [word.split("x") for word in words]
    if len(parts) > MOST_LEVELS + 1 or any(len(one) != 3 or not set(one) <= set(known) for one in parts):
        raise UsageError(f"{what} cannot be {text[:80]!r}. Allowed: for each of at most {MOST_LEVELS + 1} levels three "
                         f"sizes ({' or '.join(known)}) along planes, rows and columns, e.g. '1x3x3 3x3x3'.")
    return tuple((known[one[0]], known[one[1]], known[one[2]]) for one in parts)


class AxesUNetModule(nn.Module):
    """Maps (B, channels, Z, Y, X) to float32 logits (B, classes, Z, Y, X), and planes to those of planes."""

    def __init__(self, layout: AxesLayout, channels: int, classes: int) -> None:
        super().__init__()
        self.layout = layout
        widths = layout.widths
        self.encoder = nn.ModuleList(
            _two_convolutions(incoming, width, kernel) for incoming, width, kernel
            in zip((channels, *widths), widths, layout.kernels, strict=False))
        self.rise = nn.ModuleList(nn.ConvTranspose3d(wide, narrow, pool, stride=pool) for (narrow, wide), pool
                                  in zip(itertools.pairwise(widths), layout.pools, strict=True))
        self.decoder = nn.ModuleList(_two_convolutions(2 * width, width, kernel) for width, kernel
                                     in zip(widths[:-1], layout.kernels[:-1], strict=True))
        self.head = nn.Conv2d(widths[0], classes, 1)
        he_initialise(self)

    def forward(self, x: Tensor, part: Part | None = None) -> Tensor:
        """Return logits.

        Parameters
        ----------
        x : Tensor, shape (B, channels, Z, Y, X) or (B, channels, Y, X)
            Z, Y and X are multiples of the strides; a plane is a volume that shows it again and again.
        part : pairs of (int, int), optional
            First plane (of a volume), and one after the last; the same for rows and columns: all that is wanted.
        """
        if x.ndim == 4:
            alone = x[:, :, None].expand(-1, -1, self.layout.along_z.stride, -1, -1)
            return self.forward(alone, part and ((0, 1), *part))[:, :, 0]
        cuts = [path.cuts(*ends, length) for path, ends, length
                in zip(self.layout.paths, part, x.shape[2:], strict=True)] if part else []  # an export has no sizes
        kept = []
        for level, pool in enumerate(self.layout.pools):
            x = _through(self.encoder[level], x)
            kept.append(_part(x, [axis[level].skip for axis in cuts]))
            x = functional.max_pool3d(x, pool)
        x = _through(self.encoder[-1], x)
        if part and not self.layout.pools:
            x = _part(x, [slice(*ends) for ends in part])
        for level in reversed(range(len(self.layout.pools))):
            risen = self.rise[level](_part(x, [axis[level].coarse for axis in cuts]))
            x = _through(self.decoder[level], torch.cat([kept.pop(), risen], dim=1))
            x = _part(x, [axis[level].right for axis in cuts])
        return full_precision_head(self.head, x.flatten(2, 3)).unflatten(2, x.shape[2:4])


def _part(x: Tensor, slices: Sequence[slice]) -> Tensor:
    if not slices:
        return x
    planes, rows, columns = slices
    return x[..., planes, rows, columns]


def _through(block: nn.Module, x: Tensor) -> Tensor:
    """Run a block; where it learns on a processor from fewer planes than its kernels have, in 32 bits.

    In 16 bits the gradients of such kernels are wrong there, some from memory that nobody has written (torch 2.13).
    """
    kernel = next(layer.kernel_size[0] for layer in block.modules() if isinstance(layer, nn.Conv3d))
    wrong = (torch.is_autocast_enabled("cpu") and torch.is_grad_enabled() and x.device.type == "cpu"
             and 1 < x.shape[2] < kernel)
    with torch.autocast("cpu", enabled=False) if wrong else contextlib.nullcontext():
        found: Tensor = block(x.float() if wrong else x)
    return found


def _two_convolutions(incoming: int, width: int, kernel: Steps) -> nn.Sequential:
    """Two times convolution, norm, ReLU; the norm brings the bias."""
    layers: list[nn.Module] = []
    for channels in (incoming, width):
        padding = kernel[0] // 2, kernel[1] // 2, kernel[2] // 2
        layers += [nn.Conv3d(channels, width, kernel, padding=padding, bias=False), VolumeNorm(width),
                   nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BuiltFromLayout:
    """A network that is described by an :class:`AxesLayout`, and by the pieces that suit it, as they were planned.

    Raises
    ------
    UsageError
        If a parameter is out of its bounds.
    """

    kernels: Annotated[str, Parameter("Sizes of convolutions by level, along planes, rows and columns",
                                      fitted=True)] = ""
    poolings: Annotated[str, Parameter("How each level is halved along planes, rows and columns", fitted=True)] = ""
    patch: Annotated[str, Parameter("Planes, rows and columns of the pieces that it learnt from", fitted=True)] = ""
    pieces: Annotated[int, Parameter("Pieces learnt from at a time", min=1, max=64, fitted=True)] = 2

    def __post_init__(self) -> None:
        parameters.check(self)
        check_piece(self.patch)
        _ = self.layout

    @property
    def layout(self) -> AxesLayout:
        """What it does along each axis."""
        raise NotImplementedError

    @property
    def stride(self) -> int:
        """Pixels of a plane per pixel of the coarsest level."""
        return self.layout.stride

    @property
    def halo(self) -> int:
        """Pixels around a tile on which its inner pixels depend, along rows and columns."""
        return self.layout.halo

    @property
    def halos(self) -> Steps:
        """The same along planes, rows and columns, each by itself."""
        planes, rows, columns = (path.halo for path in self.layout.paths)
        return planes, rows, columns

    @property
    def along_z(self) -> DepthReach:
        """How it looks along z."""
        return self.layout.along_z

    @property
    def piece(self) -> Steps | None:
        """Planes, rows and columns of the pieces that suit it, where that was planned."""
        if not self.patch:
            return None
        planes, rows, columns = map(int, self.patch.split("x"))
        return planes, rows, columns

    def fitted_to(self, plan: NetworkPlan) -> Self:
        """Return the network as it was planned."""
        return dataclasses.replace(
            self, kernels=written_steps(plan.kernels), poolings=written_steps(plan.pools),
            patch="x".join(map(str, plan.patch)), pieces=plan.batch)

    def build(self, channels: int, classes: int) -> nn.Module:
        """Return the module with He initialisation, from torch's global generator.

        Parameters
        ----------
        channels : int
            Image channels.
        classes : int
            Output channels.
        """
        return AxesUNetModule(self.layout, channels, classes)


def layout_of(width: int, halvings: int, kernels: str, poolings: str) -> AxesLayout:
    """Return the layout that texts in a file describe; without any, all axes are alike.

    Raises
    ------
    UsageError
        If they are no such texts, or do not go together.
    """
    if not kernels and not poolings:
        return AxesLayout(width, ((3, 3, 3),) * (halvings + 1), ((2, 2, 2),) * halvings)
    sizes = read_steps_of_levels(kernels, (1, 3), "kernels")
    pools = read_steps_of_levels(poolings, (1, 2), "poolings")
    if len(sizes) != len(pools) + 1:
        raise UsageError(f"kernels {kernels!r} are for {len(sizes)} levels and poolings {poolings!r} for "
                         f"{len(pools) + 1}. Give one of kernels more than of poolings.")
    return AxesLayout(width, sizes, pools)


def check_piece(text: str) -> None:
    """Check a text like ``"16x64x64"``, or an empty one.

    Raises
    ------
    UsageError
        If it is none.
    """
    parts = text.split("x")
    if text and not (len(parts) == 3 and all(one.isascii() and one.isdigit() and 0 < int(one) <= 4096
                                             for one in parts if len(one) < 6) and all(len(one) < 6 for one in parts)):
        raise UsageError(f"patch cannot be {text[:40]!r}. Allowed: planes x rows x columns, e.g. '16x64x64'.")

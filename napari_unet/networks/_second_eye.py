"""A small classifier of photographs as a layer: what lies at a place, seen coarsely. Learns nothing here.

The first eleven blocks of EfficientNet-Lite0 (Tan and Le 2019, "EfficientNet"; Liu 2020, its "Lite" form without
squeeze-and-excitation), which is local, so that tiles agree with the whole. The picture is enlarged twice before; batch
norms are folded into the convolutions. At each halving one pixel more is padded after a line than before it, as when it
was trained: it has learnt to make up for that, and what moves its features lies in the middle of their cells.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_unet.predicting.enlarging import NEAR, Kernel
from napari_unet.predicting.feature_groups import Part, Resolution

from ._fixed import aligned_span

ENLARGED = 2
"""How much larger the picture is made."""

STEM = 32
"""Channels of the first convolution (3x3, halving)."""

BLOCKS = (
    (1, 3, 1, 16), (6, 3, 2, 24), (6, 3, 1, 24), (6, 5, 2, 40), (6, 5, 1, 40), (6, 3, 2, 80), (6, 3, 1, 80),
    (6, 3, 1, 80), (6, 5, 1, 112), (6, 5, 1, 112), (6, 5, 1, 112),
)
"""Of each block: how much wider it is inside, its kernel, its stride, its channels."""

TAPS = (7, 10)
"""After which blocks features are taken."""

LEVELS = ((8, 80), (8, 112))
"""Pixels of the plane to a side of a cell, and features, of each tap."""

COUNT = sum(count for _, count in LEVELS)
"""Features of a grey picture, or of a colour picture."""

STRIDE = 8
"""Pixels of the plane per pixel of the coarsest features."""

TRUST = 0.2
"""How far to trust its features, see :attr:`.unet.UNet.prior`: chosen by the mean over eight real sets."""

AT_ONCE = 2**20
"""Numbers in the middle of a block that are computed at a time: they stay in the processor's cache."""

COLOURS = 3
"""A picture of so many channels is taken for red, green and blue; any other is looked at channel by channel."""


def eye_reach(enlarged: int, stride: int) -> int:
    """Return the largest distance, in pixels of the plane, on which a feature depends, one more cell included.

    Parameters
    ----------
    enlarged : int
        How much larger the picture is made.
    stride : int
        Pixels of the plane per pixel of the coarsest features.
    """
    ends = []
    for cell in (-1, 1):
        low = high = cell
        for _, kernel, step, _ in reversed(((1, 3, 2, STEM), *BLOCKS)):
            before, _ = _padding(kernel, step)
            low, high = step * low - before, step * high - before + kernel - 1
        ends += [low // enlarged - 1, high // enlarged + 1]
    return max(stride - ends[0], ends[-1] + 1)


def _padding(kernel: int, stride: int) -> tuple[int, int]:
    """Return the zeros before and after a line."""
    before = (kernel - stride) // 2
    return before, kernel - stride - before


REACH = eye_reach(ENLARGED, STRIDE)


def reach_through(kernel: Kernel) -> int:
    """Return how far a pixel depends on others when what is seen is brought to it so."""
    return REACH + STRIDE * (NEAR[kernel] - NEAR["linear"])


class SecondEye(nn.Module):
    """Maps planes (B, C, Y, X), with about 0 to 1 for black to white, to what is seen at each place.

    Parameters
    ----------
    kernel : str
        How that is brought to the pixels.
    """

    def __init__(self, kernel: Kernel = "linear") -> None:
        super().__init__()
        self.kernel = kernel
        for name, shape in shapes().items():  # no parameters: it does not learn, but its numbers go with a model
            self.register_buffer(name, torch.zeros(shape))

    @staticmethod
    def resolutions(channels: int, first: int = 0, kernel: Kernel = "linear") -> tuple[Resolution, ...]:
        """Return the resolutions of what :meth:`cells` gives, for columns that begin with ``first``."""
        pictures = eye_pictures(channels)
        found = []
        for stride, count in LEVELS:
            columns = (range(first + number * COUNT, first + number * COUNT + count) for number in range(pictures))
            found.append(Resolution(stride, tuple(itertools.chain.from_iterable(columns)), kernel))
            first += count
        return tuple(found)

    @torch.no_grad()
    def cells(self, x: Tensor, part: Part) -> list[Tensor]:
        """Return features (B, pictures * F, y, x) on the cells of a part, one tensor for each of :data:`LEVELS`."""
        (top, bottom), (left, right) = (aligned_span(*ends, reach_through(self.kernel), STRIDE, length)
                                        for ends, length in zip(part, x.shape[-2:], strict=True))
        pictures = eye_pictures(x.shape[1])
        plane = x[..., top:bottom, left:right].float().clamp(0, 1)
        plane = plane.reshape(len(x) * pictures, -1, *plane.shape[-2:])
        wanted = []
        for one, values in zip(self.resolutions(1, kernel=self.kernel), self.taps(plane), strict=True):
            (first, last), (before, after) = one.cells(part, x.shape[-2:])
            rows = slice(first - top // one.stride, last - top // one.stride)
            columns = slice(before - left // one.stride, after - left // one.stride)
            wanted.append(values[..., rows, columns].reshape(len(x), -1, last - first, after - before))
        return wanted

    def taps(self, plane: Tensor) -> list[Tensor]:
        """Return features of pictures (B, 1 or 3, Y, X) after each of :data:`TAPS`."""
        large = functional.interpolate(plane, scale_factor=ENLARGED, mode="bilinear", align_corners=False)
        x = (large * 255 - 127) / 128
        weight = self.get_buffer("stem_weight")
        if x.shape[1] == 1:  # all three colours are alike
            weight = weight.sum(1, keepdim=True)
        x = _convolved(x, weight, self.get_buffer("stem_bias"), 2).clamp_(0, 6)
        found = []
        for number, (_, _, stride, _) in enumerate(BLOCKS):
            x = self._block(x, number, stride)
            if number in TAPS:
                found.append(x)
        return found

    def _block(self, x: Tensor, number: int, stride: int) -> Tensor:
        """Return what a block makes of (B, C, Y, X), some rows at a time: in its middle it is six times as wide.

        On a graphics card, and where it is exported, it is one piece: a graph has no loop over rows.
        """
        names = ("expand", "depthwise", "project") if number else ("depthwise", "project")
        layers = [self._numbers(number, name, x.dtype) for name in names]
        kernel, height, whole = BLOCKS[number][1], x.shape[-2], _padding(BLOCKS[number][1], stride)
        if x.device.type != "cpu" or torch.jit.is_tracing() or torch.compiler.is_compiling():
            found = _rows(x, layers, stride, whole)
        else:
            count, parts = (height + sum(whole) - kernel) // stride + 1, []
            step = max(1, AT_ONCE // (len(layers[-2][0]) * x.shape[-1] * stride))
            for low in range(0, count, step):
                first = low * stride - whole[0]
                last = (min(count, low + step) - 1) * stride - whole[0] + kernel
                parts.append(_rows(x[..., max(0, first) : min(last, height), :], layers, stride,
                                   (max(0, -first), max(0, last - height))))
            found = torch.cat(parts, -2)
        return found + x if found.shape == x.shape and number else found

    def _numbers(self, number: int, what: str, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        return self.get_buffer(f"{what}{number}_weight").to(dtype), self.get_buffer(f"{what}{number}_bias").to(dtype)


def _rows(x: Tensor, layers: list[tuple[Tensor, Tensor]], stride: int, edge: tuple[int, int]) -> Tensor:
    """Return some rows of a block before its input is added, given how many zeros are above and below them."""
    *expand, (weight, bias), project = layers
    for layer in expand:
        x = _convolved(x, *layer).clamp_(0, 6)
    x = functional.pad(x, (*_padding(weight.shape[-1], stride), *edge))
    return _convolved(functional.conv2d(x, weight, bias, stride, groups=len(weight)).clamp_(0, 6), *project)


def _convolved(x: Tensor, weight: Tensor, bias: Tensor, stride: int = 1) -> Tensor:
    """Return a convolution of zero-padded planes that after a stride has a number for each cell."""
    before, after = _padding(weight.shape[-1], stride)
    if before == after:
        return functional.conv2d(x, weight, bias, stride, before)
    return functional.conv2d(functional.pad(x, (before, after, before, after)), weight, bias, stride)


def eye_pictures(channels: int) -> int:
    """Return how many pictures are looked at for an image with so many channels."""
    return 1 if channels == COLOURS else channels


def shapes() -> dict[str, tuple[int, ...]]:
    """Return the shapes of the numbers of the layer, by name."""
    found: dict[str, tuple[int, ...]] = {"stem_weight": (STEM, 3, 3, 3), "stem_bias": (STEM,)}
    incoming = STEM
    for number, (wider, kernel, _, width) in enumerate(BLOCKS):
        inner = wider * incoming
        if number:
            found |= {f"expand{number}_weight": (inner, incoming, 1, 1), f"expand{number}_bias": (inner,)}
        found |= {f"depthwise{number}_weight": (inner, 1, kernel, kernel), f"depthwise{number}_bias": (inner,),
                  f"project{number}_weight": (width, inner, 1, 1), f"project{number}_bias": (width,)}
        incoming = width
    return found


def folded(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the numbers of the layer from those of the classifier, with batch norms folded into convolutions.

    Raises
    ------
    KeyError
        If one is missing.
    """
    found: dict[str, Tensor] = {}
    layers = [("stem", "_conv_stem", "_bn0")]
    for number in range(len(BLOCKS)):
        names = [("expand", 0)] if number else []
        for what, norm in (*names, ("depthwise", 1), ("project", 2)):
            layers.append((f"{what}{number}", f"_blocks.{number}._{what}_conv", f"_blocks.{number}._bn{norm}"))
    for name, convolution, bn in layers:
        gain = state[f"{bn}.weight"] / torch.sqrt(state[f"{bn}.running_var"] + EPSILON)
        found[f"{name}_weight"] = state[f"{convolution}.weight"] * gain[:, None, None, None]
        found[f"{name}_bias"] = state[f"{bn}.bias"] - state[f"{bn}.running_mean"] * gain
    return found


EPSILON = 1e-3
"""Of the batch norms of the classifier."""

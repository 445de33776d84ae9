"""How numbers of cells are brought to the pixels in them: the one place that knows. Computes no feature.

All ways are linear, so that a linear head may be applied to cells before, and look no farther than :data:`NEAR` says.

``linear`` goes straight from centre to centre of cells. At a centre it keeps all variance of noise, between two half of
it, between four a quarter: answers that are undecided change there, and show the grid. ``even`` keeps as much of it
everywhere (:data:`KEPT` along each axis). Its four weights, at v = -1/2 to 1/2 cells from the middle between the inner
two, are p - q, 1/2 - p - r, 1/2 - p + r, p + q with r = v - 3q: so they add up to 1 and leave slopes as they are. Their
squares add up to what is kept, which gives p; q is the cubic for which nothing has a kink where the next four begin.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate, pad

Kernel = Literal["linear", "even"]

NEAR: dict[Kernel, int] = {"linear": 1, "even": 2}
"""Cells to each side of the one that a pixel is in which count for it."""

KEPT = 0.64
"""Of the variance of noise, along each axis. At 1/2, axons of a real set lost 0.004 of Dice; at 0.75, noise whose cells
resemble their neighbours is uneven again."""

FEW_COLUMNS, FEW_ROWS = 128, 32
"""Cells of a line up to which a product with a whole matrix, most of it 0, is quicker than sums of five."""

_BESIDE = (2 - math.sqrt(6 * KEPT - 2)) / 6
"""Weight of either neighbour at the centre of a cell."""

_SLOPE = (1 - 3 * _BESIDE) / (math.sqrt(1 - 4 * (0.5 - KEPT + _BESIDE**2 / 2 + (1 - 3 * _BESIDE) ** 2 / 2))
                              + 3 - 10 * _BESIDE)
"""Of q there."""


def enlarged(values: Tensor, stride: int, kernel: Kernel) -> Tensor:
    """Return values of cells (B, F, y, x) at every pixel, (B, F, stride y, stride x).

    Centres of cells lie at centres of their pixels; beyond the outermost cells it goes on as it ends. Asks for no
    size, so that it can be traced.
    """
    if stride == 1:
        return values
    if kernel == "linear":
        return interpolate(values, scale_factor=stride, mode="bilinear", align_corners=False)
    with torch.autocast(values.device.type, enabled=False):  # 16 bits are coarse for sums
        return _along_rows(_along_columns(values, stride), stride)


def _along_columns(values: Tensor, stride: int) -> Tensor:
    if _is_short(values, -1, FEW_COLUMNS):
        return values @ _matrix(values.shape[-1], stride).to(values.dtype).T
    wide = pad(values, (2, 2, 0, 0), mode="replicate")
    beside = torch.stack([wide[..., place : place - 4 or None] for place in range(5)], -1)
    return (beside @ _five_weights(stride, values).T).flatten(-2)


def _along_rows(values: Tensor, stride: int) -> Tensor:
    if _is_short(values, -2, FEW_ROWS):
        return _matrix(values.shape[-2], stride).to(values.dtype) @ values
    wide = pad(values, (0, 0, 2, 2), mode="replicate")
    above = torch.stack([wide[..., place : place - 4 or None, :] for place in range(5)], -2)
    return (_five_weights(stride, values) @ above).flatten(-3, -2)


def _is_short(values: Tensor, axis: int, most: int) -> bool:
    traced = torch.jit.is_tracing() or torch.compiler.is_compiling()  # a matrix would fix the size
    return not traced and values.device.type == "cpu" and values.shape[axis] <= most


def _five_weights(stride: int, like: Tensor) -> Tensor:
    """Return the weights of a cell and two to each side for each of its pixels, (stride, 5), as some numbers are."""
    table, first = even_weights(stride)
    found = np.zeros((stride, 5), np.float32)
    found[np.arange(stride)[:, None], first[:, None] + np.arange(4) + 2] = table
    return torch.from_numpy(found).to(like.device, like.dtype)


@functools.lru_cache(maxsize=64)
def _matrix(length: int, stride: int) -> Tensor:
    """Return what a line of so many cells is multiplied with, (stride length, length), float32."""
    table, first = even_weights(stride)
    found, pixels = np.zeros((length, stride, length), np.float32), np.arange(stride)
    for cell, step in itertools.product(range(length), range(4)):
        found[cell, pixels, np.clip(cell + first + step, 0, length - 1)] += table[:, step]
    with torch.inference_mode(False):  # kept for those that learn, whoever asks first
        return torch.from_numpy(found.reshape(-1, length))


def at_pixels(
    values: NDArray[np.floating], stride: int, kernel: Kernel, rows: NDArray[np.integer], columns: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Return values of cells (F, y, x) at some pixels, (F, P), as :func:`enlarged` has them there."""
    if stride == 1:
        return values[:, rows, columns].astype(np.float32)
    return _linear_at(values, stride, rows, columns) if kernel == "linear" else _even_at(values, stride, rows, columns)


@functools.lru_cache(maxsize=8)
def even_weights(stride: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return four weights for each pixel of a cell, (stride, 4), and how far from the cell the first is, (stride,)."""
    off = (np.arange(stride) + 0.5) / stride - 0.5
    middle = off - np.copysign(0.5, off)
    bend = 2 * (_SLOPE - _BESIDE)
    tilt = (_BESIDE - bend / 4) * middle + bend * middle**3
    slope = middle - 3 * tilt
    outer = (1 - np.sqrt(1 - 4 * (0.5 - KEPT + 2 * (tilt**2 + slope**2)))) / 4
    found = np.stack([outer - tilt, 0.5 - outer - slope, 0.5 - outer + slope, outer + tilt], axis=1)
    return found.astype(np.float32), np.where(off < 0, -2, -1)


def _even_at(
    values: NDArray[np.floating], stride: int, rows: NDArray[np.integer], columns: NDArray[np.integer]
) -> NDArray[np.float32]:
    from scipy.sparse import csr_array

    (table, first), (height, width) = even_weights(stride), values.shape[1:]
    near, shares = [], []
    for pixels, length in ((rows, height), (columns, width)):
        cell, place = np.divmod(pixels, stride)
        near.append(np.clip((cell + first[place])[:, None] + np.arange(4), 0, length - 1))
        shares.append(table[place])
    cells = (near[0][:, :, None] * width + near[1][:, None, :]).ravel()
    used = np.zeros(height * width, bool)
    used[cells] = True
    seen = np.ascontiguousarray(values.reshape(len(values), -1)[:, used].T, np.float32)
    places, starts = np.cumsum(used) - 1, np.arange(0, len(cells) + 1, 16)
    weights = csr_array(((shares[0][:, :, None] * shares[1][:, None, :]).ravel(), places[cells], starts),
                        (len(rows), len(seen)))
    found: NDArray[np.float32] = weights @ seen
    return found.T


def _linear_at(
    values: NDArray[np.floating], stride: int, rows: NDArray[np.integer], columns: NDArray[np.integer]
) -> NDArray[np.float32]:
    (up, down, low), (left, right, near) = (
        _between(pixels, stride, length) for pixels, length in zip((rows, columns), values.shape[1:], strict=True))
    corners = [values[:, one, other].astype(np.float32)
               for one, other in ((up, left), (up, right), (down, left), (down, right))]
    above, below = ((1 - near) * one + near * other for one, other in (corners[:2], corners[2:]))
    found: NDArray[np.float32] = (1 - low) * above + low * below
    return found


def _between(
    pixels: NDArray[np.integer], stride: int, length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return the two cells that pixels of a line lie between, and how far they are from the first."""
    place = np.maximum((pixels + np.float32(0.5)) / np.float32(stride) - np.float32(0.5), 0)
    before = np.minimum(place.astype(np.int64), length - 1)
    return before, np.minimum(before + 1, length - 1), (place - before).astype(np.float32)

"""How planes are brought to a common range, as a layer: the same as :mod:`napari_unet.core.normalisation` in tensors.

A plane stands for the image it is from: it is asked itself where its values lie and how far apart they are. What only
the type of its numbers tells, how far they could lie apart, is not known here.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from napari_unet.core.image_range import CERTAINTY, SEEN_PIXELS, TOLERANCE
from napari_unet.core.normalisation import BRIGHTEST, DIMMEST, MOST, Normalisation

from .empty_values import without_fill

_BITS = -math.log2(2 * TOLERANCE)
"""How much each difference tells that is a multiple of a step."""

LOWEST, HIGHEST = -3.0, 8.0
"""Where normalised values are cut off."""


class PlaneNormalisation(nn.Module):
    """Maps planes (B, C, Y, X) in their own numbers to normalised ones, and to where there was a number (B, 1, Y, X).

    Parameters
    ----------
    normalisation : Normalisation
        What to do.
    channels : int
    """

    def __init__(self, normalisation: Normalisation, channels: int) -> None:
        super().__init__()
        self.low, self.high = normalisation.low / 100, normalisation.high / 100
        self.counted = min(len(normalisation.usual), channels)
        usual = torch.tensor(normalisation.usual[: self.counted], dtype=torch.float64).reshape(-1, 2)
        steps = [*normalisation.steps, *[None] * self.counted][: self.counted]
        self.moved = not normalisation.steps
        for name, values in (("usual_low", usual[:, 0]), ("usual_span", usual[:, 1] - usual[:, 0]),
                             ("steps", torch.tensor([step or 0.0 for step in steps], dtype=torch.float64))):
            self.register_buffer(name, values.clone(), persistent=False)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        """Return normalised planes, and where all channels are numbers."""
        planes = without_fill(planes)
        finite = torch.isfinite(planes)
        low, high = self._percentiles(planes, finite)
        if self.counted:
            low, high = self._towards_usual(planes, finite, low, high)
        start, span = (one.to(planes.dtype)[..., None, None] for one in (low, high - low))
        right = finite & (span > 0)
        scaled = (torch.where(right, planes, 0) - start) / torch.where(span > 0, span, 1)
        return torch.where(right, scaled.clamp(LOWEST, HIGHEST), 0), finite.all(1, keepdim=True)

    def _percentiles(self, planes: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
        """Return the two percentiles of the pixels that count, (B, C), float64; smallest and largest where alike."""
        return self._of_sorted(torch.where(counted, planes, torch.inf).flatten(2).sort(-1).values, counted)

    def _of_sorted(self, values: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
        last = (counted.flatten(2).sum(-1, keepdim=True) - 1).clamp_min(0)
        found = [self._between(values, last, part) for part in (self.low, self.high)]
        ends = [torch.gather(values, 2, place)[..., 0].double() for place in (torch.zeros_like(last), last)]
        alike = ~((found[1] - found[0]).to(values.dtype) > 0)
        low, high = (torch.where(alike, end, one) for one, end in zip(found, ends, strict=True))
        empty = torch.isinf(low)
        return torch.where(empty, 0, low), torch.where(empty, 0, high)

    @staticmethod
    def _between(values: Tensor, last: Tensor, part: float) -> Tensor:
        """Return the number at a part of the way through sorted ones, interpolated, (B, C)."""
        place = last.double() * part
        before = place.floor()
        below, above = (torch.gather(values, 2, one)[..., 0].double()
                        for one in (before.long(), torch.minimum(before.long() + 1, last)))
        near = (place - before)[..., 0]
        return torch.where(near > 0, below + (above - below) * near, below)

    def _towards_usual(self, planes: Tensor, finite: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Return ranges half way to the usual one, for the channels that have one."""
        count = self.counted
        counted = finite[:, :count] & judged_pixels(planes)
        values = torch.where(counted, planes[:, :count], torch.inf).flatten(2).sort(-1).values
        own_low, own_high = self._of_sorted(values, counted)
        usual_low, usual_high = self._reference(own_low, own_high - own_low, values)
        half = _half_of(low[:, :count], high[:, :count], usual_low, usual_high)
        return (torch.cat([half[0], low[:, count:]], 1), torch.cat([half[1], high[:, count:]], 1))

    def _reference(self, low: Tensor, span: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return the usual ranges for images whose own ones are these, in their numbers."""
        usual_low, usual, step = (self.get_buffer(name) for name in ("usual_low", "usual_span", "steps"))
        own = grey_steps(values)
        known = (step > 0) & (own > 0)
        usual = torch.where(known, usual * own / torch.where(step > 0, step, 1), usual)
        dimmest = torch.where(known | (span == 0), 0, DIMMEST * usual)
        parts = (own > 0) & (values[..., 0] >= 0) & (torch.where(values.isinf(), 0, values).amax(-1) <= 1)
        alike = (span >= dimmest) & (span <= BRIGHTEST * usual) & ~(parts & (usual > 1.01))
        begin = low
        if self.moved:
            begin = torch.where(alike & ((low - usual_low).abs() <= usual), usual_low, low)
        return begin, begin + torch.where(alike, usual, span)


def grey_steps(values: Tensor) -> Tensor:
    """Return the number of which all differences between values are multiples, (B, C); 0 where there is none.

    As :func:`napari_unet.core.image_range.grey_step`; of whole numbers, one that is no difference itself counts as 1.

    Parameters
    ----------
    values : Tensor, shape (B, C, P)
        Sorted, infinite where there is none.
    """
    after = torch.cat([values[..., 1:], torch.full_like(values[..., :1], torch.inf)], -1)
    gaps = after.double() - values.double()
    real = torch.isfinite(gaps) & (gaps > 0)
    gaps, count = torch.where(real, gaps, 0), real.sum(-1)
    least = torch.where(real, gaps, torch.inf).amin(-1)
    least = torch.where(count > 0, least, 1)
    numbers = torch.where(values.isinf(), 0, values)
    regular = (gaps - (gaps / least[..., None]).round() * least[..., None] == 0).all(-1)
    whole = torch.where(regular, least, 1)
    whole = torch.where((whole == 1) | (count * whole.clamp_min(1).log2() >= CERTAINTY), whole, 0)
    rounding = numbers.abs().amax(-1).double() * 2.0**-23
    broken, tried = torch.zeros_like(least), torch.zeros_like(regular)
    for parts in range(1, 5):  # the step itself need not be among the gaps
        times = (gaps / (least[..., None] / parts)).round()
        step = gaps.sum(-1) / times.sum(-1).clamp_min(1)
        ratio = gaps / torch.where(step > 0, step, 1)[..., None]
        tried = tried | (least / parts < rounding / TOLERANCE)
        right = ((ratio - ratio.round()).abs() < TOLERANCE).all(-1) & ~tried & (broken == 0)
        broken = torch.where(right, step, broken)
    broken = torch.where(count * _BITS >= CERTAINTY, broken, 0)
    found = torch.where((numbers == numbers.round()).all(-1), whole, broken)
    return torch.where(count > 0, found, 0)


def judged_pixels(planes: Tensor) -> Tensor:
    """Return which pixels (Y, X) an image is judged by: so many of them, evenly spread."""
    rows, columns = (torch.arange(planes.shape[axis], device=planes.device) for axis in (2, 3))
    area = ((rows.amax(0) + 1) * (columns.amax(0) + 1)).double()
    every = torch.ceil(torch.sqrt(area / SEEN_PIXELS)).clamp_min(1).long()
    return (rows % every == 0)[:, None] & (columns % every == 0)[None]


def _half_of(low: Tensor, high: Tensor, usual_low: Tensor, usual_high: Tensor) -> tuple[Tensor, Tensor]:
    """Return ranges between planes' own and the usual ones."""
    own, usual = high - low, usual_high - usual_low
    flat = ~(own > 0)
    near = torch.minimum(torch.maximum(usual, own / MOST), own * MOST)
    begin = (low + torch.minimum(torch.maximum(usual_low, low - MOST * own), low + MOST * own)) / 2
    begin = torch.where(flat, (low + usual_low) / 2, begin)
    return begin, begin + torch.where(flat, usual, (own * near).clamp_min(0).sqrt())

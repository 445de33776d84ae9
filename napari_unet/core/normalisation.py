"""How planes are brought to a common range before a network sees them. Knows images and arrays only.

Planes of one experiment keep some of their differences in brightness: an empty plane must not be stretched until its
noise looks like cells. Yet the same picture must be answered alike in any form that a file may give it. So what is
usual is taken over by contrast alone, in grey steps (see :mod:`.image_range`): where black is, the image itself says.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputWarning
from .image import Image
from .image_range import ChannelRange, channel_ranges
from .pixel_values import percentile_range
from .plane_facts import PlaneFacts, plane_facts
from .window_stack import windows_of

MOST = 4.0
"""Planes of one experiment are hardly exposed more differently; 8 and 16 bits side by side are."""

BRIGHTEST, DIMMEST = 16.0, 1 / 64
"""An image whose contrast is that many times the usual one, or more, is on another scale. A dim one may be almost
empty; without a step, one that is still dimmer is taken to be on another scale, too."""

SEEN_IMAGES = 8
"""Of all images of an experiment, so many are looked at for their usual range."""

Reference = tuple[float, float]
"""Where the two percentiles usually lie, in the numbers of one image."""


@dataclasses.dataclass(frozen=True)
class Normalisation:
    """How a plane is brought to a common range: per channel, the two percentiles go to 0 and 1.

    Taken over a whole plane, never over a tile, so that neighbouring tiles agree.

    Parameters
    ----------
    low, high : float
        Percentiles.
    usual : tuple of (float, float)
        For each channel, where the two percentiles usually lie in the images of an experiment. A plane is then brought
        half way from its own range to the usual one (the mean of the lows, the geometric mean of the spans): what is
        bright in one plane stays brighter than what is dim in another, and a change of exposure is still made up for.
        Where the spans differ by more than :data:`MOST`, they are taken to differ by that much. Empty: only the plane
        counts.
    steps : tuple of float or None
        For each channel with a usual range, the step between its grey values; None: none was found. By it the usual
        range is brought to the numbers of an image. Empty in files of before, which have numbers alone.
    """

    low: float = 1.0
    high: float = 99.0
    usual: tuple[tuple[float, float], ...] = ()
    steps: tuple[float | None, ...] = ()

    def __call__(
        self, plane: NDArray[np.float32], references: Sequence[Reference] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Normalise a plane.

        Parameters
        ----------
        plane : ndarray of float32, shape (C, Y, X)
        references : sequence of (float, float), optional
            Usual ranges of the first channels in the numbers of this plane; by default :attr:`usual` as it is.

        Returns
        -------
        normalised : ndarray of float32, shape (C, Y, X)
            Not clipped at the percentiles, but at -3 and 8, so that a hot pixel stays harmless; a constant channel
            and pixels that are not finite become 0.
        valid : ndarray of bool, shape (Y, X)
            False where any channel is NaN or infinite.
        """
        references = self.usual if references is None else references
        finite = np.isfinite(plane)
        found = []
        for values, good in zip(plane, finite, strict=True):
            pixels = values if good.all() else values[good]
            found.append(percentile_range(pixels, self.low, self.high) if pixels.size else None)
        return _scaled(plane, finite, _brought(found, references))

    def facts(self, image: Image, number: int) -> PlaneFacts:
        """Return what has to be known of a plane before a part of it can be normalised."""
        return plane_facts(image, number, self.low, self.high)

    def window(
        self, image: Image, number: int, stored: NDArray[Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Normalise a part of a plane (:meth:`Image.window`), to the numbers that :meth:`plane` gives there."""
        facts = self.facts(image, number)
        values = facts.as_float32(stored)
        return _scaled(values, np.isfinite(values), _brought(facts.ranges, self.references(image)))

    def plane(self, image: Image, number: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Normalise a plane of an image, as :meth:`__call__`, in the numbers of this image."""
        if windows_of(image) is not None:  # all windows of a plane alike
            return self.window(image, number, image.window(number))
        return self(image.plane(number), self.references(image))

    def references(self, image: Image) -> tuple[Reference, ...]:
        """Return the usual ranges of the first channels in the numbers of an image.

        Of an image on another scale, that is where the percentiles usually lie in the image itself.
        """
        return tuple(self._reference(channel, own) for channel, own in enumerate(self._ranges(image)))

    def told(self, image: Image) -> str | None:
        """Say that an image is on another scale than those that were learnt from, if it is."""
        for channel, own in enumerate(self._ranges(image)):
            if self._usual_span(channel, own) is None:
                low, high = self.usual[channel]
                return (
                    f"{image.name!r} is on another scale than what was learnt from: its grey values span "
                    f"{own.span:.4g}, usual there is {high - low:.4g}. Its contrast is taken from the image alone, so "
                    "that an image which is dim as a whole looks like any other."
                )
        return None

    def fitted(self, images: Iterable[Image]) -> Normalisation:
        """Return the same with the usual range of some images that have equally many channels.

        Images may be on several scales: usual is then what is so on that of most planes. A channel that is constant in
        all of them, or holds no number, has no usual range, nor have those after it.
        """
        found = list(dict.fromkeys(images))
        if not found:
            return self
        places = np.unique(np.linspace(0, len(found) - 1, SEEN_IMAGES).round().astype(int))
        chosen = [found[int(place)] for place in places]
        usual: list[Reference] = []
        steps: list[float | None] = []
        for each in zip(*(channel_ranges(image, self.low, self.high) for image in chosen), strict=True):
            counted = [(one, image.n_planes) for one, image in zip(each, chosen, strict=True) if one.span > 0]
            if not counted:
                break
            low, high, step = _most_usual(counted)
            usual.append((low, high))
            steps.append(step)
        return dataclasses.replace(self, usual=tuple(usual), steps=tuple(steps))

    def _ranges(self, image: Image) -> tuple[ChannelRange, ...]:
        return channel_ranges(image, self.low, self.high)[: len(self.usual)] if self.usual else ()

    def _reference(self, channel: int, own: ChannelRange) -> Reference:
        low, high = self.usual[channel]
        span = self._usual_span(channel, own)
        if span is None:
            return own.low, own.high
        if not self.steps and abs(own.low - low) <= high - low:
            return low, high  # as it was when the file was written
        return own.low, own.low + span

    def _usual_span(self, channel: int, own: ChannelRange) -> float | None:
        """Return the usual span in the numbers of an image, or None if the image is on another scale."""
        low, high = self.usual[channel]
        return _span_in(high - low, self.steps[channel] if self.steps else None, own)


def warn_of_scale(normalisation: Normalisation, image: Image) -> None:
    """Tell that an image is on another scale than those that were learnt from, if it is.

    Warns
    -----
    InputWarning
        Say it once per image.
    """
    text = normalisation.told(image)
    if text is not None:
        warnings.warn(text, InputWarning, stacklevel=3)


def _brought(found: Sequence[Reference | None], references: Sequence[Reference]) -> list[Reference | None]:
    """Return the percentiles of each channel half way to the usual ones, where there are some."""
    return [_half_way(*own, *references[channel]) if own is not None and channel < len(references) else own
            for channel, own in enumerate(found)]


def _scaled(
    plane: NDArray[np.float32], finite: NDArray[np.bool_], ranges: Sequence[Reference | None]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Bring each channel of a plane, or a part of one, from its range to 0 and 1; pixel by pixel."""
    out = np.zeros_like(plane)
    for channel, (values, good, own) in enumerate(zip(plane, finite, ranges, strict=True)):
        if own is not None and np.float32(own[1] - own[0]) > 0:
            low, high = own
            with np.errstate(over="ignore", invalid="ignore"):  # a hot pixel may be infinitely far: clipped
                scaled = (values - np.float32(low)) / np.float32(high - low)
            out[channel] = np.clip(np.where(good, scaled, 0), -3, 8)
    return out, np.asarray(finite.all(axis=0))


def _span_in(span: float, step: float | None, own: ChannelRange) -> float | None:
    """Return a usual span in the numbers of an image, or None if the two are on different scales."""
    known = step is not None and own.step is not None
    if step is not None and own.step is not None:
        span = span * own.step / step
    if not 0 < span <= 1.01 * own.widest:  # what is usual could not even be written in these numbers
        return None
    dimmest = 0.0 if known or own.span == 0 else DIMMEST * span
    return span if dimmest <= own.span <= BRIGHTEST * span else None


def _most_usual(counted: Sequence[tuple[ChannelRange, int]]) -> tuple[float, float, float | None]:
    """Return low, high and step on the scale of most planes, given ranges of images and how many planes they have."""
    groups = []
    for anchor, _ in counted:
        alike = [(one, planes) for one, planes in counted if _alike(anchor, one)]
        groups.append((sum(planes for _, planes in alike), anchor, alike))
    total, anchor, alike = max(groups, key=lambda group: group[0])
    factors = [anchor.step / one.step if anchor.step and one.step else 1.0 for one, _ in alike]
    span = sum(one.span * factor * planes for (one, planes), factor in zip(alike, factors, strict=True)) / total
    return anchor.low, anchor.low + span, anchor.step


def _alike(anchor: ChannelRange, one: ChannelRange) -> bool:
    return one is anchor or _span_in(anchor.span, anchor.step, one) is not None


def _half_way(low: float, high: float, usual_low: float, usual_high: float) -> tuple[float, float]:
    """Return a range between a plane's own and the usual one."""
    own, usual = high - low, usual_high - usual_low
    if not own > 0:
        return (low + usual_low) / 2, (low + usual_low) / 2 + usual
    usual = min(max(usual, own / MOST), own * MOST)
    low = (low + min(max(usual_low, low - MOST * own), low + MOST * own)) / 2
    return low, low + (own * usual) ** 0.5

"""Thresholds of the grey value: one table of kinds, any number of classes. Looks at no neighbourhood but a blur."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.classical.appearance import smooth
from napari_unet.core.classical.background import Plane, prepare
from napari_unet.core.classical.levels import best_cut, otsu_levels
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.knobs import Knob

from . import register
from ._classical import Classical, Paint, Source


@dataclasses.dataclass(frozen=True, eq=False)
class Seen:
    """What a threshold sees of a plane: blurred channels (C, Y, X), the same much more blurred, and what is valid."""

    pixels: NDArray[np.float32]
    around: NDArray[np.float32] | None
    valid: NDArray[np.bool_]

    def grey(self, mix: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mix the channels into one (Y, X)."""
        return np.tensordot(mix, self.pixels, axes=1).astype(np.float32, copy=False)


Base = Callable[[Seen, NDArray[np.float32], int], NDArray[Any]]
"""What a kind compares the grey value with: (seen, mix, cuts) to an array (cuts, 1, 1) or (cuts, Y, X)."""


def _otsu(seen: Seen, mix: NDArray[np.float32], cuts: int) -> NDArray[Any]:
    values = seen.grey(mix)[seen.valid]
    found = otsu_levels(values, cuts + 1) if values.size else np.full(cuts, np.inf)
    return found[:, None, None].astype(np.float32)


def _zero(seen: Seen, mix: NDArray[np.float32], cuts: int) -> NDArray[Any]:
    del seen, mix
    return np.zeros((cuts, 1, 1), np.float32)


def _local_mean(seen: Seen, mix: NDArray[np.float32], cuts: int) -> NDArray[Any]:
    around = seen.pixels if seen.around is None else seen.around
    return np.broadcast_to(np.tensordot(mix, around, axes=1).astype(np.float32), (cuts, *seen.valid.shape))


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of threshold: its name for people, what it compares with, whether it needs the surroundings."""

    title: str
    base: Base
    surroundings: bool = False


KINDS = {
    "otsu": Kind("Otsu, plane by plane", _otsu),
    "manual": Kind("one threshold for all planes", _zero),
    "local": Kind("the mean of the surroundings", _local_mean, surroundings=True),
}
"""Every kind of threshold; a new kind is one line here and its name in ``Threshold.kind``."""


@dataclasses.dataclass(frozen=True, eq=False)
class Levels:
    """What was learnt: how channels are mixed (C,), what is added to the cuts (K - 1,), classes from dark to bright."""

    mix: NDArray[np.float32]
    offsets: NDArray[np.float32]
    order: NDArray[np.intp]


@register("threshold", title="Threshold")
@dataclasses.dataclass(frozen=True)
class Threshold(Classical):
    """Threshold of the grey value: Otsu, a value of your own, or local.

    Colour and several channels are mixed into one grey value first: with strokes by Fisher's linear discriminant of
    the painted pixels, without by their mean. More than two classes are divided by several thresholds; the painted
    pixels tell which class is darker. Grey values run from about 0 (darkest per cent of a plane) to 1 (brightest).
    """

    kind: Annotated[
        Literal["otsu", "manual", "local"] | None,
        Knob("How the threshold is found: by Otsu from each plane's histogram, one for all planes (manual), or from "
             "the surroundings of each pixel (local).", auto=("otsu", "manual", "local")),
    ] = None
    value: Annotated[
        float | None,
        Knob("Your own threshold, in the image's grey values (of colour: the mean of the channels). Means kind "
             "manual; auto = the best on your strokes."),
    ] = None
    sigma: Annotated[
        float | None,
        Knob("Blur first, against noise.", min=0, max=20, step=0.5, unit="px", auto=(1.0, 0.0, 2.0, 3.0)),
    ] = None
    offset: Annotated[
        float | None,
        Knob("Raise (or lower, if negative) the threshold of Otsu or local by this much; 1 is the whole range from "
             "dark to bright. auto = the best on your strokes.", min=-2, max=2, step=0.05),
    ] = None
    window: Annotated[
        float | None,
        Knob("How far the surroundings reach for kind local; about the size of your objects.",
             min=1, max=1000, step=5, unit="px", advanced=True, auto=(20.0, 8.0, 50.0)),
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.value is not None:
            if self.kind not in (None, "manual"):
                raise UsageError(
                    f"Threshold: value {self.value:g} is for kind manual, but kind is {self.kind}. Leave value at "
                    "auto, or choose kind manual."
                )
            object.__setattr__(self, "kind", "manual")

    @property
    def soft(self) -> bool:
        """A threshold has no probabilities."""
        return False

    def prepared(self, pixels: NDArray[np.float32]) -> Plane:
        """Keep the grey values of the file where the user's own threshold is in them."""
        return prepare(pixels, self.background or 0, normalise=self.value is None)

    def uses(self, knob: str) -> bool:
        """The size of the surroundings matters only where there are surroundings."""
        return knob != "window" or KINDS[self.kind or "otsu"].surroundings

    def check_ids(self, ids: tuple[int, ...]) -> None:
        """A single value of one's own divides two classes, not more."""
        if self.value is not None and len(ids) > 2:
            raise UserError(
                f"Threshold: one value ({self.value:g}) divides two classes, but {len(ids)} are painted. Leave value "
                "at auto, or paint two classes only."
            )

    def describe(self, plane: Plane, survey: Any) -> Seen:
        """Blur the plane, and once more by ``window`` where the kind compares with the surroundings."""
        del survey
        kind = KINDS[self.kind or "otsu"]
        around = smooth(plane, self.window or 20.0) if kind.surroundings else None
        return Seen(smooth(plane, self.sigma or 0), around, plane.valid)

    def learn(self, source: Source, ids: tuple[int, ...]) -> Generator[None, None, Levels]:
        """Find the mix of channels, the order of the classes and the best offsets."""
        colours, labels = [], []
        for seen, paint in source():
            colours.append(seen.pixels[:, paint > 0].T)
            labels.append(paint[paint > 0])
            yield
        colour, label = np.concatenate(colours), np.searchsorted(ids, np.concatenate(labels))
        if self.value is None:
            mix = discriminant(colour, label)
        else:
            mix = np.full(colour.shape[1], 1 / colour.shape[1], np.float32)
        grey = colour @ mix
        order = np.argsort([np.median(grey[label == index]) for index in range(len(ids))], kind="stable")
        if len(ids) < 2:
            return Levels(mix, np.zeros(0, np.float32), order)
        given = self.value if self.kind == "manual" else self.offset
        if given is not None:
            return Levels(mix, np.full(len(ids) - 1, given, np.float32), order)
        rank = np.argsort(order)
        above: list[NDArray[np.float32]] = []
        ranks: list[NDArray[np.intp]] = []
        for seen, paint in source():
            painted = paint > 0
            base = self.base(seen, mix, len(ids) - 1)
            above.append((seen.grey(mix) - base)[:, painted])
            ranks.append(rank[np.searchsorted(ids, paint[painted])])
            yield
        residual, place = np.concatenate(above, axis=1), np.concatenate(ranks)
        offsets = []
        for cut, values in enumerate(residual):
            finite = np.isfinite(values)  # an Otsu cut is infinite on a plane of one grey value
            upper = place[finite] > cut
            offsets.append(best_cut(values[finite], upper) if 0 < upper.sum() < len(upper) else 0.0)
        return Levels(mix, np.array(offsets, np.float32), order)

    def base(self, seen: Seen, mix: NDArray[np.float32], cuts: int) -> NDArray[Any]:
        """What the grey value is compared with, before the offsets."""
        return KINDS[self.kind or "otsu"].base(seen, mix, cuts)

    def decide(self, seen: Seen, learnt: Levels, ids: tuple[int, ...], paint: Paint | None) -> NDArray[np.intp]:
        """Count the cuts below each pixel; strokes on the plane itself change nothing."""
        del paint
        grey = seen.grey(learnt.mix)
        cuts = self.base(seen, learnt.mix, len(ids) - 1) + learnt.offsets[:, None, None]
        cuts = np.maximum.accumulate(cuts, axis=0) if len(cuts) > 1 else cuts
        above = np.zeros(grey.shape, np.intp)
        for cut in cuts:
            above += grey >= cut
        return learnt.order[above]

    def remark(self, learnt: Levels, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say kind, offsets, order of the classes and how channels were mixed."""
        kind = KINDS[self.kind or "otsu"]
        names = " < ".join(classes.name(ids[index]) for index in learnt.order)
        levels = ", ".join(f"{offset:.3g}" for offset in learnt.offsets)
        what = "at" if self.kind == "manual" else "offset"
        text = f"Threshold: {kind.title}, {what} {levels or 'none'}; dark to bright: {names}."
        if len(learnt.mix) > 1:
            text += f" Grey value: channels times {', '.join(f'{weight:.2f}' for weight in learnt.mix)}."
        return text


def discriminant(colours: NDArray[np.float32], labels: NDArray[np.intp]) -> NDArray[np.float32]:
    """Mix channels so that classes are told apart best (Fisher 1936; the first axis where there are more classes).

    Parameters
    ----------
    colours : ndarray of float32, shape (n, C)
    labels : ndarray of int, shape (n,)

    Returns
    -------
    ndarray of float32, shape (C,)
        Absolute values sum to 1, so that grey values stay between about -1 and 1; the mean of the channels where
        there is nothing to tell apart.
    """
    channels = colours.shape[1]
    mean = np.full(channels, 1 / channels, np.float32)
    found = np.unique(labels)
    if channels == 1 or len(found) < 2:
        return mean
    values = colours.astype(np.float64)
    centres = np.stack([values[labels == index].mean(axis=0) for index in found])
    within = sum(np.cov(values[labels == index].T, bias=True) for index in found) / len(found)
    within = within + np.eye(channels) * (1e-4 + 1e-3 * np.trace(within))
    between = np.cov(centres.T, bias=True)
    root = np.linalg.inv(np.linalg.cholesky(within))
    axis = root.T @ np.linalg.eigh(root @ between @ root.T)[1][:, -1]
    if not np.abs(axis).sum() > 0 or not np.any(between):
        return mean
    axis = axis / np.abs(axis).sum()
    return (axis * (1 if axis[np.abs(axis).argmax()] > 0 else -1)).astype(np.float32)

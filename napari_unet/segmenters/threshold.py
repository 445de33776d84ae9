"""Thresholds of the grey value: one table of kinds, any number of classes. Looks at no neighbourhood but a blur."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from napari_unet.classical.appearance import gaussian_blur
from napari_unet.classical.background import PreparedPlane, prepare_plane, widths_along
from napari_unet.classical.fisher import fisher_discriminant
from napari_unet.classical.histogram_thresholds import best_dice_threshold
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.parameters import Parameter

from . import register
from ._classical import ClassicalMethod
from ._steps import Paint, Source
from ._threshold_kinds import KINDS, GreyPlane
from ._volumes import SeesVolumes

_LEVELS = 15
_OWN_PARAMETERS = {parameter for kind in KINDS.values() for parameter in kind.parameters}


@dataclasses.dataclass(frozen=True, eq=False)
class ThresholdInput:
    """What a threshold sees of a plane or volume: blurred channels (C, Y, X), what is valid, steps along each axis."""

    pixels: NDArray[np.float32]
    valid: NDArray[np.bool_]
    spacing: tuple[float, ...]

    def grey(self, mix: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mix the channels into one (Y, X)."""
        return np.tensordot(mix, self.pixels, axes=1).astype(np.float32, copy=False)


@dataclasses.dataclass(frozen=True, eq=False)
class FittedThresholds:
    """What was learnt.

    Parameters
    ----------
    mix : ndarray of float32, shape (C,)
        How channels are mixed.
    offsets : ndarray of float32, shape (P - 1,)
        What is added to the thresholds between the P parts from dark to bright.
    order : ndarray of int, shape (P,)
        Class index of each part.
    contrast : float
        Difference of the grey values of the darkest and the brightest class (medians).
    """

    mix: NDArray[np.float32]
    offsets: NDArray[np.float32]
    order: NDArray[np.intp]
    contrast: float


@register("threshold", title="Threshold", family="cuts")
@dataclasses.dataclass(frozen=True)
class Threshold(SeesVolumes, ClassicalMethod):
    """Threshold of the grey value: a value of your own, Otsu and other rules for the histogram, or local.

    Colour and several channels are mixed into one grey value first: with strokes by Fisher's linear discriminant of
    the painted pixels, without by their mean. More than two classes are divided by several thresholds (kinds otsu,
    multi_otsu, manual and the local means; the other kinds divide two); the painted pixels tell which class is darker.
    Grey values run from about 0 (darkest per cent of a plane) to 1 (brightest). A volume has one histogram for all its
    planes, and surroundings reach along z too.
    """

    voxel_bytes: ClassVar[int] = 80
    swift_voxels: ClassVar[int] = 2**25

    kind: Annotated[
        Literal["otsu", "manual", "local_gaussian", "local_mean", "multi_otsu", "li", "triangle", "minimum", "sauvola",
                "niblack", "hysteresis"] | None,
        Parameter("How the threshold is found. From each plane's histogram: otsu, li, triangle, minimum (the valley "
                  "between two peaks; otsu where there is none), multi_otsu (several parts, each with the class "
                  "painted in it). From the surroundings of each pixel: local_gaussian, local_mean, sauvola, niblack. "
                  "One for all planes: manual, hysteresis (objects start at sure pixels and go on into less sure "
                  "ones).", auto=tuple(KINDS)),
    ] = None
    value: Annotated[float | None, Parameter("Your own threshold, in the image's grey values (of colour: the "
                                             "mean of the channels). Means kind manual; auto = the best on "
                                             "your strokes.")] = None
    sigma: Annotated[float | None, Parameter("Blur first, against noise.", min=0, max=20, step=0.5, unit="px",
                                             auto=(1.0, 0.0, 2.0, 3.0))] = None
    offset: Annotated[float | None, Parameter("Raise (or lower, if negative) the threshold of any kind but manual by "
                                              "this much; 1 is the whole range from dark to bright. auto = the best "
                                              "on your strokes (multi_otsu: 0).", min=-2, max=2, step=0.05)] = None
    window: Annotated[float | None, Parameter("How far the surroundings reach for the local kinds; about the size of "
                                              "your objects.", min=1, max=1000, step=5, unit="px", advanced=True,
                                              auto=(20.0, 8.0, 50.0))] = None
    k: Annotated[float | None, Parameter("For kinds sauvola and niblack: how far the contrast of the surroundings "
                                         "moves the threshold away from their mean, towards the objects.", min=-2,
                                         max=2, step=0.05, advanced=True, auto=(0.2, 0.05, 0.5))] = None
    parts: Annotated[int | None, Parameter("For kind multi_otsu: into how many parts, from dark to bright, the "
                                           "histogram is divided; at least as many as there are classes.", min=2,
                                           max=12, step=1, advanced=True, auto=(3, 4, 6))] = None
    drop: Annotated[float | None, Parameter("For kind hysteresis: how far the lower threshold lies below the upper "
                                            "one; 1 is the whole difference between the classes.", min=0, max=2,
                                            step=0.05, advanced=True, auto=(0.3, 0.15, 0.5))] = None

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

    def prepared(self, pixels: NDArray[np.float32], longer: float = 1.0) -> PreparedPlane:
        """Keep the grey values of the file where the user's own threshold is in them."""
        return prepare_plane(pixels, self.background or 0, self.value is None, longer, self.light)

    @property
    def reach(self) -> int | None:
        """How far around a pixel its class depends on others, in pixels; None: on the whole plane."""
        return None if self.background or self.kind != "manual" else int(4 * (self.sigma or 0) + 0.5)

    def uses(self, parameter: str) -> bool:
        """Some parameters are for some kinds."""
        return parameter not in _OWN_PARAMETERS or parameter in KINDS[self.kind or "otsu"].parameters

    def check_ids(self, ids: tuple[int, ...]) -> None:
        """A single value of one's own, or a kind that finds one threshold, divides two classes, not more."""
        if len(ids) > 2 and self.value is not None:
            raise UserError(
                f"Threshold: one value ({self.value:g}) divides two classes, but {len(ids)} are painted. Leave value "
                "at auto, or paint two classes only."
            )
        if len(ids) > 2 and not KINDS[self.kind or "otsu"].many:
            able = ", ".join(name for name, kind in KINDS.items() if kind.many)
            raise UserError(
                f"Threshold: kind {self.kind} divides two classes, but {len(ids)} are painted. Choose one of {able}, "
                "leave kind at auto, or paint two classes only."
            )

    def describe(self, plane: PreparedPlane, survey: Any) -> ThresholdInput:
        """Blur the plane."""
        del survey
        return ThresholdInput(gaussian_blur(plane, self.sigma or 0), plane.valid, plane.spacing)

    def learn(self, source: Source, ids: tuple[int, ...]) -> Generator[None, None, FittedThresholds]:
        """Find the mix of channels, the order of the classes and the best offsets."""
        colours, labels = [], []
        for seen, paint in source():
            colours.append(seen.pixels[:, paint > 0].T)
            labels.append(paint[paint > 0])
            yield
        colour, label = np.concatenate(colours), np.searchsorted(ids, np.concatenate(labels))
        if self.value is None:
            mix = fisher_discriminant(colour, label)
        else:
            mix = np.full(colour.shape[1], 1 / colour.shape[1], np.float32)
        grey = colour @ mix
        middles = np.array([np.median(grey[label == index]) for index in range(len(ids))])
        order = np.argsort(middles, kind="stable")
        contrast = float(np.ptp(middles))
        if len(ids) < 2:
            return FittedThresholds(mix, np.zeros(0, np.float32), order, contrast)
        if self.kind == "multi_otsu":
            order = yield from self._classes_of_parts(source, ids, mix)
            return FittedThresholds(mix, np.full(len(order) - 1, self.offset or 0, np.float32), order, contrast)
        if self.kind == "hysteresis":
            strict = yield from self._strict_level(source, ids, FittedThresholds(mix, middles, order, contrast))
            return FittedThresholds(mix, np.full(1, strict + (self.offset or 0), np.float32), order, contrast)
        given = self.value if self.kind == "manual" else self.offset
        if given is not None:
            return FittedThresholds(mix, np.full(len(ids) - 1, given, np.float32), order, contrast)
        rank = np.argsort(order)
        residuals: list[NDArray[np.float32]] = []
        ranks: list[NDArray[np.intp]] = []
        for seen, paint in source():
            painted = paint > 0
            values = seen.grey(mix)
            base = self._base(seen, values, len(ids) - 1, bright=order[-1] > order[0])
            residuals.append((values - base)[:, painted])
            ranks.append(rank[np.searchsorted(ids, paint[painted])])
            yield
        residual, place = np.concatenate(residuals, axis=1), np.concatenate(ranks)
        offsets = []
        for cut, values in enumerate(residual):
            finite = np.isfinite(values)  # an Otsu cut is infinite on a plane of one grey value
            upper = place[finite] > cut
            offsets.append(best_dice_threshold(values[finite], upper) if 0 < upper.sum() < len(upper) else 0.0)
        return FittedThresholds(mix, np.array(offsets, np.float32), order, contrast)

    def _classes_of_parts(
        self, source: Source, ids: tuple[int, ...], mix: NDArray[np.float32]
    ) -> Generator[None, None, NDArray[np.intp]]:
        """Give every part of the histogram the class of which most is painted in it; else that of the nearest part."""
        parts = max(self.parts or 3, len(ids))
        votes = np.zeros((parts, len(ids)))
        for seen, paint in source():
            values = seen.grey(mix)
            above = count_above(values, self._base(seen, values, parts - 1) + (self.offset or 0))
            painted = paint > 0
            np.add.at(votes, (above[painted], np.searchsorted(ids, paint[painted])), 1)
            yield
        votes /= np.maximum(votes.sum(axis=0), 1)
        known = np.flatnonzero(votes.any(axis=1))
        nearest = known[np.abs(np.arange(parts)[:, None] - known).argmin(axis=1)]
        return votes.argmax(axis=1)[nearest]

    def _strict_level(self, source: Source, ids: tuple[int, ...], begun: FittedThresholds) -> Generator[None, None,
                                                                                                        float]:
        """Find the stricter threshold between the medians of the classes (the offsets of ``begun``) that does best."""
        levels = np.linspace(float(begun.offsets[0]), float(begun.offsets[1]), _LEVELS + 2)[1:-1]
        right = np.zeros((len(levels), 2))
        size = np.zeros((len(levels), 2))
        for seen, paint in source():
            values, painted = seen.grey(begun.mix), paint > 0
            truth = np.searchsorted(ids, paint[painted])
            for place, level in enumerate(levels):
                given = self._grown(values, seen.valid, begun, level)[painted]
                size[place] += np.bincount(truth, minlength=2) + np.bincount(given, minlength=2)
                right[place] += np.bincount(truth[truth == given], minlength=2)
            yield
        score = (right / np.maximum(size, 1)).sum(axis=1)
        good = np.flatnonzero(score >= score.max() - 0.002)
        return float(levels[good[len(good) // 2]])

    def _base(
        self, seen: ThresholdInput, values: NDArray[np.float32], cuts: int, bright: bool = True
    ) -> NDArray[Any]:
        """What the grey value (Y, X) is compared with, before the offsets."""
        window = widths_along(self.window or 20.0, seen.spacing)
        grey = GreyPlane(values, seen.valid, cuts, window, 0.2 if self.k is None else self.k, bright)
        return KINDS[self.kind or "otsu"].base(grey)

    def decide(self, seen: ThresholdInput, learnt: FittedThresholds, ids: tuple[int, ...],
               paint: Paint | None) -> NDArray[np.intp]:
        """Count the cuts below each pixel; strokes on the plane itself change nothing."""
        del paint
        values = seen.grey(learnt.mix)
        if self.kind == "hysteresis" and len(ids) > 1:
            return self._grown(values, seen.valid, learnt, learnt.offsets[0])
        bright = learnt.order[-1] > learnt.order[0]  # the later class are the objects
        offsets = learnt.offsets.reshape(-1, *(1 for _ in values.shape))
        cuts = self._base(seen, values, len(learnt.offsets), bright) + offsets
        return learnt.order[count_above(values, cuts)]

    def _grown(
        self, values: NDArray[np.float32], valid: NDArray[np.bool_], learnt: FittedThresholds, level: float
    ) -> NDArray[np.intp]:
        """Objects (the second class) are what passes the stricter threshold and what passes the other and touches."""
        from skimage.filters import apply_hysteresis_threshold

        sign = np.float32(1 if learnt.order[1] == 1 else -1)
        strict = sign * np.float32(level)
        loose = strict - np.float32((0.3 if self.drop is None else self.drop) * learnt.contrast)
        rising = np.where(valid, sign * values, -np.inf)
        # scikit-image asks for more than the threshold; all other kinds for at least as much
        low, high = (np.nextafter(level, np.float32(-np.inf)) for level in (loose, strict))
        return apply_hysteresis_threshold(rising, low, high).astype(np.intp)

    def remark(self, learnt: FittedThresholds, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say kind, offsets, order of the classes and how channels were mixed."""
        kind = KINDS[self.kind or "otsu"]
        parts = [index for index, before in zip(learnt.order, [-1, *learnt.order], strict=False) if index != before]
        names = " < ".join(classes.name(ids[index]) for index in parts)
        levels = ", ".join(f"{offset:.3g}" for offset in learnt.offsets)
        what = "at" if kind.base is KINDS["manual"].base else "offset"
        where = f"{kind.title}, {'one for a volume' if self.deep else 'plane by plane'}" if kind.each else kind.title
        text = f"Threshold: {where}, {what} {levels or 'none'}; dark to bright: {names}."
        if len(learnt.mix) > 1:
            text += f" Grey value: channels times {', '.join(f'{weight:.2f}' for weight in learnt.mix)}."
        return text


def count_above(values: NDArray[np.float32], cuts: NDArray[Any]) -> NDArray[np.intp]:
    """Say in which part each value (Y, X) lies: how many of the cuts (P - 1, 1 or Y, 1 or X) it reaches.

    Cuts that cross are made to rise.
    """
    above = np.zeros(values.shape, np.intp)
    for cut in np.maximum.accumulate(cuts, axis=0) if len(cuts) > 1 else cuts:
        above += values >= cut
    return above

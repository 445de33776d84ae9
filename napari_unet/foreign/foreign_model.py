"""A model of another program as one of ours: planes in, patches of labels out. Opens no file."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import InputWarning, UserError
from napari_unet.core.image import Image, warn_not_finite
from napari_unet.core.latest import Latest
from napari_unet.core.method import Patch, View, checked_planes
from napari_unet.core.provenance import Provenance
from napari_unet.predicting.network_model import most_likely
from napari_unet.predicting.tiling import Box
from napari_unet.predicting.tta import read_mirrored

from .input_steps import InputStep, Pixels
from .onnx_session import OnnxSession

ScoreKind = Literal["", "softmax", "sigmoid"]


@dataclasses.dataclass(frozen=True)
class ForeignInput:
    """What a model takes.

    Parameters
    ----------
    name : str
        Of the input, in the graph.
    axes : str
        Of the input, ``b``, ``c``, ``y`` and ``x``.
    channels : int, optional
        None: any number.
    size : tuple of (int, int)
        For rows and columns: the least, and the step to more; a step of 0: only that size.
    halo : int
        Pixels at each border of a piece that are not to be used, where sizes are fixed.
    steps : tuple of InputStep
        What is done to the pixels before.
    empty : bool
        Whether it knows what to do with NaN.
    """

    name: str
    axes: str = "bcyx"
    channels: int | None = 1
    size: tuple[tuple[int, int], tuple[int, int]] = ((1, 1), (1, 1))
    halo: int = 0
    steps: tuple[InputStep, ...] = ()
    empty: bool = False


@dataclasses.dataclass(frozen=True)
class ForeignOutput:
    """What is taken from a model.

    Parameters
    ----------
    name : str
    axes : str
        As of :class:`ForeignInput`.
    steps : tuple of InputStep
        What is done after.
    kind : {"", "softmax", "sigmoid"}
        What the scores are known to be: probabilities that sum to 1, or each by itself. ``""``: their values tell.
    """

    name: str
    axes: str = "bcyx"
    steps: tuple[InputStep, ...] = ()
    kind: ScoreKind = ""


@dataclasses.dataclass(frozen=True, eq=False)
class ForeignModel:
    """A graph of another program, fitted already: its output channels are the classes, the first is background.

    Parameters
    ----------
    session : OnnxSession
    taken : ForeignInput
    given : ForeignOutput
    classes : ClassTable
        One for each output channel; of one channel, background and foreground.
    note : str
    provenance : Provenance, optional
        Where it comes from.
    """

    session: OnnxSession
    taken: ForeignInput
    given: ForeignOutput
    classes: ClassTable
    note: str
    provenance: Provenance | None = None

    @property
    def digest(self) -> str:
        """What the model is known by: its graph, and what is done before and after."""
        return f"{self.session.digest} {self.taken!r} {self.given!r}"

    def segment(
        self, image: Image, planes: Sequence[int] | None = None, *, probabilities: bool = False,
        view: Latest[View | None] | None = None,
    ) -> Iterator[Patch]:
        """Segment planes one after the other; see :class:`napari_unet.core.method.Model`.

        Raises
        ------
        UserError
            If the image has another number of channels, or the graph cannot do its size.
        """
        wanted = self.taken.channels
        if wanted is not None and image.n_channels != wanted:
            raise UserError(
                f"{image.name!r} has {image.n_channels} channel{'' if image.n_channels == 1 else 's'}, but "
                f"{self.session.name} takes {wanted}. Choose an image like those it was made for; if the axes are "
                "wrong, say what they are.")
        return self._segment(image, tuple(dict.fromkeys(checked_planes(image, planes))), probabilities, view)

    def _segment(
        self, image: Image, numbers: tuple[int, ...], probabilities: bool, view: Latest[View | None] | None
    ) -> Iterator[Patch]:
        ids, waiting, holes, lost = np.array(self.classes.ids, np.uint8), list(numbers), 0, 0
        while waiting:
            seen = view.get() if view is not None else None
            first = image.plane_of(seen.where) if seen is not None else None
            number = waiting.pop(waiting.index(first) if first in waiting else 0)
            plane = image.plane(number)
            hidden = ~np.isfinite(plane).all(0)
            holes += int(hidden.sum())
            maps = self.answer(plane)
            lost += int((np.isnan(maps).any(0) & ~hidden).sum())
            hidden |= np.isnan(maps).any(0)
            maps[:, hidden] = 0
            maps[0, hidden] = 1
            labels = ids[most_likely(torch.from_numpy(maps)).numpy()]
            yield Patch(image.where(number, slice(0, labels.shape[0]), slice(0, labels.shape[1])), labels,
                        maps if probabilities else None, len(numbers) - len(waiting), len(numbers))
        warn_not_finite(image, holes)
        if lost:
            warnings.warn(f"{self.session.name} gives no number (NaN) for {lost} pixels of {image.name!r}; they are "
                          "background now. Look at the result.", InputWarning, stacklevel=2)

    def answer(self, plane: Pixels) -> Pixels:
        """Return the probabilities (classes, Y, X) of a plane (C, Y, X)."""
        for step in self.taken.steps:
            plane = step(plane)
        if not self.taken.empty:
            plane = np.where(np.isfinite(plane), plane, np.float32(0))
        found = self._whole(plane)
        for step in self.given.steps:
            found = step(found)
        if len(found) + (len(found) == 1) != len(self.classes.ids):
            raise UserError(f"{self.session.name} gives {len(found)} channels, but says that there are "
                            f"{len(self.classes.ids)} classes. The file is damaged, or not for segmentation.")
        return _probabilities(found, self.given.kind)

    def _whole(self, plane: Pixels) -> Pixels:
        """Return what the graph says of a plane, in one piece where it takes any size, else in pieces."""
        height, width = plane.shape[1:]
        (rows, down), (columns, right) = self.taken.size
        if down and right:
            shape = tuple(least + math.ceil(max(0, length - least) / step) * step for length, (least, step)
                          in zip((height, width), self.taken.size, strict=True))
            return self._asked(read_mirrored(plane, Box(0, shape[0], 0, shape[1])))[:, :height, :width]
        out: Pixels | None = None
        halo = self.taken.halo
        inner = (rows - 2 * halo, columns - 2 * halo)
        for top in range(0, height, inner[0]):
            for left in range(0, width, inner[1]):
                box = Box(top - halo, top - halo + rows, left - halo, left - halo + columns)
                piece = self._asked(read_mirrored(plane, box))[:, halo : rows - halo, halo : columns - halo]
                out = np.empty((len(piece), height, width), np.float32) if out is None else out
                part = out[:, top : top + inner[0], left : left + inner[1]]
                part[:] = piece[:, : part.shape[1], : part.shape[2]]
        assert out is not None
        return out

    def _asked(self, plane: Pixels) -> Pixels:
        """Return what the graph says of one picture, (channels, Y, X) of the same rows and columns."""
        taken = self.taken
        array = _ordered(plane, "cyx", taken.axes).astype(self.session.kind(taken.name))
        found = self.session.run({taken.name: np.ascontiguousarray(array)})[self.given.name]
        if found.ndim != len(self.given.axes):
            raise UserError(f"{self.session.name} gives an array of {found.ndim} axes, not {self.given.axes}. It is "
                            "not for segmentation, or its description is wrong.")
        scores = _ordered(found, self.given.axes, "cyx").astype(np.float32)
        if scores.shape[1:] != plane.shape[1:]:
            raise UserError(f"{self.session.name} gives {scores.shape[1:]} pixels for {plane.shape[1:]}. Only models "
                            "that give a value for every pixel can be used.")
        return scores


def _ordered(values: NDArray[Any], axes: str, wanted: str) -> NDArray[Any]:
    """Bring axes into an order; those of one that are not wanted go, those that are missing come."""
    for number in reversed(range(len(axes))):
        if axes[number] not in wanted:
            values = values.take(0, axis=number)
    axes = "".join(axis for axis in axes if axis in wanted)
    values = values.transpose([axes.index(axis) for axis in wanted if axis in axes])
    for number, axis in enumerate(wanted):
        if axis not in axes:
            values = np.expand_dims(values, number)
    return values


def _probabilities(scores: Pixels, kind: ScoreKind = "") -> Pixels:
    """Return probabilities from whatever a graph gives: what sums to 1 are such, else they are logits.

    Pixels for which it gives NaN have none. Of one channel, what lies in 0 to 1 is the probability of the foreground.
    Of several that do not sum to 1, but are known to be probabilities, each is taken as its share of the sum.
    """
    unknown, scores = np.isnan(scores).any(0), np.nan_to_num(scores)
    inside = kind != "" or bool(scores.min() >= -1e-3 and scores.max() <= 1 + 1e-3)
    if len(scores) == 1:
        found = scores if inside else 1 / (1 + np.exp(-np.clip(scores, -80, 80)))
        return np.where(unknown, np.float32(np.nan), np.concatenate([1 - found, found])).astype(np.float32)
    total = scores.sum(0)
    if kind:
        scores[0, total <= 0] = 1  # none of them: background
        total = scores.sum(0)
    elif not (inside and float(np.abs(total - 1)[~unknown].max(initial=0)) < 1e-2):
        scores = np.exp(scores - scores.max(0))
        total = scores.sum(0)
    return np.where(unknown, np.float32(np.nan), scores / np.where(unknown, 1, total)).astype(np.float32)

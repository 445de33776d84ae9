"""What all classical methods share: reading strokes, choosing parameters, segmenting planes. Registers nothing."""

from __future__ import annotations

import abc
import dataclasses
import hashlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_unet.classical.background import BackgroundCorrection, PreparedPlane, prepare_plane
from napari_unet.classical.parameter_search import TriedSettings, auto_parameters, coordinate_search, default_candidate
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image, warn_not_finite
from napari_unet.core.latest import Latest
from napari_unet.core.method import Patch, Progress, View, checked_planes, newest_training_set
from napari_unet.core.scribbles import TrainingSet

from ._training_samples import TrainingSamples

Result = TypeVar("Result")
Paint = NDArray[np.uint8]
Source = Callable[[], Iterator[tuple[Any, Paint]]]
"""Each call goes once more through the painted planes: what the method sees of a plane, and its paint."""

SEARCH_SECONDS = 10.0


@dataclasses.dataclass(frozen=True)
class ClassicalMethod(BackgroundCorrection, abc.ABC):
    """A method that looks at a plane, learns from painted pixels and decides.

    A subclass says what it sees of a plane (:meth:`describe`, without looking at paint), what it learns from that and
    the paint (:meth:`learn`), and how it decides (:meth:`decide`). The parameters left to ``auto`` are chosen before
    any of the three is called.
    """

    def prepared(self, pixels: NDArray[np.float32]) -> PreparedPlane:
        """Return a plane (C, Y, X) as the method wants it: normalised, without uneven lighting."""
        return prepare_plane(pixels, self.background or 0)

    def uses(self, parameter: str) -> bool:
        """Whether a parameter matters, given the others."""
        del parameter
        return True

    def survey(self, planes: Sequence[PreparedPlane], paint: Sequence[Paint]) -> Any:
        """Look at a few planes together before any of them is described; the answer goes to :meth:`describe`."""
        del planes, paint

    @abc.abstractmethod
    def describe(self, plane: PreparedPlane, survey: Any) -> Any:
        """Return what the method sees of a plane; never depends on paint."""

    @abc.abstractmethod
    def learn(self, source: Source, ids: tuple[int, ...]) -> Generator[None, None, Any]:
        """Learn from painted planes; yields after each plane, returns what :meth:`decide` needs."""

    @abc.abstractmethod
    def decide(self, seen: Any, learnt: Any, ids: tuple[int, ...], paint: Paint | None) -> NDArray[Any]:
        """Decide about every pixel.

        Returns
        -------
        ndarray
            Either indices into ``ids``, of shape (Y, X), or memberships (float32) of shape (K, Y, X) that sum to 1.
        """

    @abc.abstractmethod
    def remark(self, learnt: Any, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say in one sentence what was chosen."""

    @property
    def soft(self) -> bool:
        """Whether :meth:`decide` returns memberships."""
        return True

    def check_ids(self, ids: tuple[int, ...]) -> None:
        """Raise :class:`UserError` if the method cannot tell so many classes apart with its parameters."""

    def modelled(self, model: ClassicalModel) -> ClassicalModel:
        """Return the model that a fit hands out; a method whose model does more overrides this."""
        return model

    def fit(self, painted: TrainingSet | Latest[TrainingSet]) -> Generator[Progress, None, ClassicalModel]:
        """Learn from the strokes; see :class:`napari_unet.core.method.Segmenter`.

        Raises
        ------
        UserError
            If just one class is painted, or no painted pixel is a number.
        """
        yield Progress("reading the strokes", 0.0)
        samples = TrainingSamples.of(newest_training_set(painted))
        self.check_ids(samples.ids)
        method, tried, cut = self, tuple[TriedSettings, ...](), False
        if samples.painted:
            trial = samples.for_search()
            trials = coordinate_search(self, trial.score, lambda candidate, parameter: candidate.uses(parameter),
                                       SEARCH_SECONDS)
            total = 1 + sum(len(values) - 1 for values in auto_parameters(self).values())
            done = 0
            while True:
                try:
                    text = next(trials)
                except StopIteration as stop:
                    method, tried, cut = stop.value
                    break
                done += 1
                yield Progress(text, min(0.1 + 0.7 * done / total, 0.8))
        else:
            method = default_candidate(self)
        few = samples.sample()
        survey = method.survey([method.prepared(pixels) for pixels, _ in few], [paint for _, paint in few])

        def source() -> Iterator[tuple[Any, Paint]]:
            for pixels, paint in samples.planes():
                yield method.describe(method.prepared(pixels), survey), paint

        learning, done = method.learn(source, samples.ids), 0
        while True:
            try:
                next(learning)
            except StopIteration as stop:
                learnt = stop.value
                break
            done += 1
            yield Progress(f"learning from plane {done}", 0.9)
        note = " ".join(filter(None, (
            samples.remark, method.remark(learnt, samples.classes, samples.ids), _chosen(self, method, tried, cut),
        )))
        model = method.modelled(ClassicalModel(
            method, samples.classes, note, samples.ids, samples.channels, survey, learnt, samples.strokes(), tried
        ))
        yield Progress("done", 1.0, model)
        return model


def _chosen(asked: Any, method: Any, tried: tuple[TriedSettings, ...], cut: bool) -> str:
    parameters = ", ".join(f"{name} {getattr(method, name)}" for name in auto_parameters(asked) if method.uses(name))
    if not tried or not parameters:
        return ""
    best = max(one.score for one in tried)
    return (
        f"Chosen on the painted pixels: {parameters} (mean Dice {best:.2f}; {len(tried)} settings tried"
        f"{', stopped by the clock' if cut else ''})."
    )


def run_to_end(generator: Generator[Any, Any, Result]) -> Result:
    """Run a generator to its end and return its result."""
    while True:
        try:
            next(generator)
        except StopIteration as stop:
            return stop.value


def plane_fingerprint(pixels: NDArray[np.float32]) -> bytes:
    """Tell a plane (C, Y, X) by its contents, so that a painted plane is known again however it was loaded."""
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.digest()


@dataclasses.dataclass(frozen=True, eq=False)
class ClassicalModel:
    """A fitted classical method.

    Parameters
    ----------
    method : ClassicalMethod
        With every parameter chosen.
    classes : ClassTable
        Those of the training set; only ``ids`` are ever predicted (and the first class where pixels are no numbers).
    note : str
    ids : tuple of int
        Painted ids.
    channels : int or None
        Number of channels learnt from, None if it does not matter.
    survey, learnt : object
        What the method found out.
    strokes : mapping of bytes to ndarray
        Painted planes by :func:`plane_fingerprint`.
    tried : tuple of TriedSettings
        All settings that were tried, with their scores.
    """

    method: ClassicalMethod
    classes: ClassTable
    note: str
    ids: tuple[int, ...]
    channels: int | None
    survey: Any
    learnt: Any
    strokes: Mapping[bytes, Paint] = dataclasses.field(default_factory=lambda: MappingProxyType({}))
    tried: tuple[TriedSettings, ...] = ()

    def segment(
        self,
        image: Image,
        planes: Sequence[int] | None = None,
        *,
        probabilities: bool = False,
        view: Latest[View | None] | None = None,
    ) -> Iterator[Patch]:
        """Segment plane by plane; see :class:`napari_unet.core.method.Model`.

        Raises
        ------
        UserError
            If the image has another number of channels, there is no such plane, or probabilities are asked for and
            the method has none.
        """
        numbers = list(checked_planes(image, planes))
        if self.channels is not None and image.n_channels != self.channels:
            raise UserError(
                f"{image.name!r} has {image.n_channels} channels, but the model learnt from images with "
                f"{self.channels}. Choose an image with as many channels, or fit the method to this one."
            )
        if probabilities and not self.method.soft:
            raise UserError(
                f"{type(self.method).__name__} gives classes without probabilities. Leave the probabilities out, or "
                "choose a method that has them (SLIC, mean shift, region growing or a network)."
            )
        return self._patches(image, numbers, probabilities, view)

    def _patches(
        self, image: Image, numbers: list[int], probabilities: bool, view: Latest[View | None] | None
    ) -> Iterator[Patch]:
        missing, total = 0, len(numbers)
        for done in range(1, total + 1):
            number = numbers.pop(_looked_at(image, numbers, view))
            labels, shares, lost = self._plane(image.plane(number), probabilities)
            missing += lost
            if done == total:
                warn_not_finite(image, missing)
            yield Patch(image.where(number), labels, shares, done, total)

    def _plane(
        self, pixels: NDArray[np.float32], probabilities: bool
    ) -> tuple[Paint, NDArray[np.float32] | None, int]:
        plane = self.method.prepared(pixels)
        seen = self.method.describe(plane, self.survey)
        paint = self.strokes.get(plane_fingerprint(pixels)) if self.strokes else None
        decided = self.method.decide(seen, self.learnt, self.ids, paint)
        choice = decided.argmax(axis=0) if decided.ndim == 3 else decided
        labels = np.array(self.ids, np.uint8)[choice]
        labels[~plane.valid] = self.classes.ids[0]
        shares = None
        if probabilities:
            shares = np.zeros((len(self.classes.ids), *labels.shape), np.float32)
            for share, number in zip(decided, self.ids, strict=True):
                shares[self.classes.ids.index(number)] = np.where(plane.valid, share, 0)
            shares[0, ~plane.valid] = 1
        return labels, shares, int(np.count_nonzero(~plane.valid))


def _looked_at(image: Image, numbers: list[int], view: Latest[View | None] | None) -> int:
    """Return the place in ``numbers`` of the plane the user looks at, or 0."""
    looked = view.get() if view is not None else None
    if looked is None or len(looked.where) != len(image.shape):
        return 0
    number = image.plane_of(looked.where)
    return numbers.index(number) if number in numbers else 0

"""A classical method: its parameters are searched on paint left out, then it learns. Registers nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np

from napari_unet.classical.parameter_search import (
    MARGIN,
    TriedSettings,
    auto_parameters,
    coordinate_search,
    default_candidate,
)
from napari_unet.core.latest import Latest
from napari_unet.core.leaving import look_up, while_wanted
from napari_unet.core.method import Progress, newest_training_set
from napari_unet.core.scribbles import TrainingSet
from napari_unet.core.work import relayed

from ._candidate_scorer import CandidateScorer
from ._classical_model import ClassicalModel
from ._richest_windows import richest_windows
from ._sample_collection import collect_samples
from ._steps import ClassicalSteps, Paint
from ._training_samples import TrainingSamples
from ._volumes import SeesVolumes, settled_volume

SEARCH_SECONDS = 10.0


@dataclasses.dataclass(frozen=True)
class ClassicalMethod(ClassicalSteps):
    """A method that looks at a plane, learns from painted pixels and decides.

    A subclass says what it does in each of the :class:`ClassicalSteps`. The parameters left to ``auto`` are chosen
    before any of the steps is taken.
    """

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
        samples = collect_samples(newest_training_set(painted))
        self.check_ids(samples.ids)
        settled, looked, scorer = self._settled(samples)
        method, tried, cut = yield from settled._search(samples, scorer)
        survey = _surveyed(method, samples)

        def source() -> Iterator[tuple[Any, Paint]]:
            for field in while_wanted(samples.fields(method.deep)):  # of volumes each step takes its time
                plane = field.prepared(method)
                look_up()
                yield method.describe(plane, survey), np.where(plane.valid, field.paint, np.uint8(0))

        learnt = yield from relayed(method.learn(source, samples.ids),
                                    lambda done, _: Progress(f"learning from plane {done}", 0.9))
        note = " ".join(filter(None, (
            samples.remark, method.remark(learnt, samples.classes, samples.ids), looked,
            _chosen(settled, method, tried, cut),
        )))
        model = method.modelled(ClassicalModel(
            method, samples.classes, note, samples.ids, samples.channels, survey, learnt, samples.strokes(), tried
        ))
        yield Progress("done", 1.0, model)
        return model

    def _settled(self, samples: TrainingSamples) -> tuple[ClassicalMethod, str, CandidateScorer | None]:
        """Return the method with planes or volumes chosen, what people should know about that, and who scored it."""
        if not isinstance(self, SeesVolumes):
            return self, "", None
        method: Any = self
        volume, is_open, why = settled_volume(method, dict.fromkeys(image for image, _ in samples.places))
        if not is_open:
            told = f"Looked at plane by plane ({why})." if why else ""
            told = "Looked at as a volume." if volume == "volume" else told
            return dataclasses.replace(method, volume=volume), told, None
        deep, flat = (dataclasses.replace(method, volume=one) for one in ("volume", "planes"))
        if not samples.painted:
            return deep, "Looked at as a volume.", None
        scorer = CandidateScorer.of(samples, True)
        lights = auto_parameters(method).get("fading", (method.fading,))
        best = max(scorer.score(dataclasses.replace(default_candidate(deep), fading=one)) for one in lights)
        plain = scorer.score(default_candidate(flat))
        words = f"(mean Dice on strokes left out {best:.2f} as a volume, {plain:.2f} plane by plane)."
        if plain > best + MARGIN:
            return flat, f"Looked at plane by plane {words}", None
        return deep, f"Looked at as a volume {words}", scorer

    def _search(
        self, samples: TrainingSamples, scorer: CandidateScorer | None = None
    ) -> Generator[Progress, None, tuple[ClassicalMethod, tuple[TriedSettings, ...], bool]]:
        """Choose the parameters left to ``auto``; without paint, the first candidate of each."""
        if not samples.painted:
            return default_candidate(self), (), False
        total = 1 + sum(len(values) - 1 for values in auto_parameters(self).values())
        scorer = scorer or CandidateScorer.of(samples, self.deep)
        search = coordinate_search(self, scorer.score, _matters, SEARCH_SECONDS)
        return (yield from relayed(search,
                                   lambda done, text: Progress(text, min(0.1 + 0.7 * done / total, 0.8))))


def _matters(candidate: ClassicalMethod, parameter: str) -> bool:
    """Whether a parameter makes a difference to a candidate."""
    return candidate.uses(parameter) and (candidate.deep or parameter != "fading")


def _surveyed(method: ClassicalMethod, samples: TrainingSamples) -> Any:
    """Let a method look at a few planes together; of volumes, at the parts with most paint."""
    fields = samples.sample(method.deep)
    if not method.deep:
        planes = [field.prepared(method) for field in while_wanted(fields)]
        return method.survey(planes, [field.paint for field in fields])
    windows = richest_windows(fields, (), [[number] for number in range(len(fields))])
    parts = list(zip(fields, windows, strict=True))
    return method.survey([field.prepared(method).crop(window) for field, window in while_wanted(parts)],
                         [field.paint_in(window) for field, window in parts])


def _chosen(asked: Any, method: Any, tried: tuple[TriedSettings, ...], cut: bool) -> str:
    names = [name for name in auto_parameters(asked) if _matters(method, name)]
    parameters = ", ".join(f"{name} {getattr(method, name)}" for name in names)
    if not tried or not parameters:
        return ""
    best = max(one.score for one in tried)
    return (
        f"Chosen on the painted pixels: {parameters} (mean Dice {best:.2f}; {len(tried)} settings tried"
        f"{', stopped by the clock' if cut else ''})."
    )

"""A classical method: its parameters are searched on paint left out, then it learns. Registers nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator
from typing import Any

from napari_unet.classical.parameter_search import (
    TriedSettings,
    auto_parameters,
    coordinate_search,
    default_candidate,
)
from napari_unet.core.latest import Latest
from napari_unet.core.method import Progress, newest_training_set
from napari_unet.core.scribbles import TrainingSet
from napari_unet.core.work import relayed

from ._candidate_scorer import CandidateScorer
from ._classical_model import ClassicalModel
from ._sample_collection import collect_samples
from ._steps import ClassicalSteps, Paint
from ._training_samples import TrainingSamples

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
        method, tried, cut = yield from self._search(samples)
        few = samples.sample()
        survey = method.survey([method.prepared(pixels) for pixels, _ in few], [paint for _, paint in few])

        def source() -> Iterator[tuple[Any, Paint]]:
            for pixels, paint in samples.planes():
                yield method.describe(method.prepared(pixels), survey), paint

        learnt = yield from relayed(method.learn(source, samples.ids),
                                    lambda done, _: Progress(f"learning from plane {done}", 0.9))
        note = " ".join(filter(None, (
            samples.remark, method.remark(learnt, samples.classes, samples.ids), _chosen(self, method, tried, cut),
        )))
        model = method.modelled(ClassicalModel(
            method, samples.classes, note, samples.ids, samples.channels, survey, learnt, samples.strokes(), tried
        ))
        yield Progress("done", 1.0, model)
        return model

    def _search(
        self, samples: TrainingSamples
    ) -> Generator[Progress, None, tuple[ClassicalMethod, tuple[TriedSettings, ...], bool]]:
        """Choose the parameters left to ``auto``; without paint, the first candidate of each."""
        if not samples.painted:
            return default_candidate(self), (), False
        total = 1 + sum(len(values) - 1 for values in auto_parameters(self).values())
        search = coordinate_search(self, CandidateScorer.of(samples).score,
                                   lambda candidate, parameter: candidate.uses(parameter), SEARCH_SECONDS)
        return (yield from relayed(search,
                                   lambda done, text: Progress(text, min(0.1 + 0.7 * done / total, 0.8))))


def _chosen(asked: Any, method: Any, tried: tuple[TriedSettings, ...], cut: bool) -> str:
    parameters = ", ".join(f"{name} {getattr(method, name)}" for name in auto_parameters(asked) if method.uses(name))
    if not tried or not parameters:
        return ""
    best = max(one.score for one in tried)
    return (
        f"Chosen on the painted pixels: {parameters} (mean Dice {best:.2f}; {len(tried)} settings tried"
        f"{', stopped by the clock' if cut else ''})."
    )

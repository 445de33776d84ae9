"""Segment anything: a model of others that is asked with points, which come from the strokes.

The model and its weights are the user's; see :mod:`napari_unet.foreign.prompted_files`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.classical.background import PreparedPlane
from napari_unet.classical.point_prompts import PointPrompt, likeness, prompts_by_likeness, prompts_of_strokes
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.parameters import Parameter
from napari_unet.foreign.prompted_files import load_prompted
from napari_unet.foreign.prompted_model import Picture, PromptedModel, SafeLook

from . import register
from ._classical import ClassicalMethod
from ._steps import Paint, Source

_SURE = 10.0
"""Logits beyond are cut off."""


@register("segment_anything", title="Segment anything", family="others", preset=False, needs="weights")
@dataclasses.dataclass(frozen=True)
class SegmentAnything(ClassicalMethod):
    """Segment anything (SAM): a large model, learnt by others, that is asked for the thing under each stroke.

    Points on a stroke lie inside, points on strokes of other classes outside; what the model gives for all strokes of a
    class, together, is the class, and all else background. On planes without strokes, and beside them, it is asked at
    places whose features resemble those of painted ones (Kirillov 2023, doi:10.1109/ICCV51070.2023.00371; asking by
    likeness as Zhang 2023, arXiv:2305.03048). It needs weights that you bring: of segment_anything, micro-sam,
    mobile_sam or sam2, or exported to ONNX. Nothing is downloaded.
    """

    background: Annotated[float, Parameter("Uneven lighting wider than this is taken away first; choose it larger than "
                                           "your objects. 0 = leave as is.", min=0, max=10000, step=10, unit="px",
                                           advanced=True)] = 0.0
    weights: Annotated[str, Parameter("File of the weights (.pth, .pt), or NAME_encoder.onnx with NAME_decoder.onnx "
                                      "beside it; empty = what the environment variable NAPARI_UNET_SAM names.",
                                      files="Weights (*.pth *.pt *.onnx)")] = ""
    points: Annotated[int, Parameter("How many points of each stroke are given.", min=1, max=20)] = 3
    places: Annotated[int, Parameter("At how many places that look like painted ones it is asked, for each class and "
                                     "plane; 0 = only at strokes.", min=0, max=1000, step=10)] = 40
    alike: Annotated[float, Parameter("How much more such a place must look like its class than like any other; 0 is "
                                      "no difference, 1 a large one.", min=0, max=1, step=0.01, advanced=True)] = 0.05
    device: Annotated[str, Parameter("Where it is computed: auto, cpu, cuda or mps.", advanced=True)] = "auto"

    def describe(self, plane: PreparedPlane, survey: Any) -> SafeLook:
        """Let the model look at the plane."""
        del survey
        return self._model().look(_picture(plane))

    def learn(self, source: Source, ids: tuple[int, ...]) -> Generator[None, None, NDArray[np.float32]]:
        """Keep what the features of painted pixels are like, for each class, and whose they are: (K, C + 1)."""
        sums: Any = 0
        for seen, paint in source():
            sums = sums + likeness(seen.features, paint, ids)
            yield
        looks = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
        return np.column_stack([looks, np.full(len(ids), self._mark())]).astype(np.float32)

    def decide(
        self, seen: SafeLook, learnt: NDArray[np.float32], ids: tuple[int, ...], paint: Paint | None
    ) -> NDArray[np.float32]:
        """Ask the model, stroke by stroke and place by place."""
        if learnt[0, -1] != self._mark():
            raise UserError(f"This was learnt with other weights than {self._model().name}: what it knows of the "
                            "classes says nothing to these. Give the weights of then, or learn again.")
        shape, learnt = seen.shape, learnt[:, :-1]
        prompts: list[PointPrompt] = [] if paint is None else prompts_of_strokes(paint, ids, self.points)
        if self.places or paint is None:
            prompts += prompts_by_likeness(seen.features, learnt, ids, shape, self.places or 1, self.alike, paint)
        scores = np.full((len(ids), *shape), -_SURE, np.float32)
        for prompt in prompts:
            found = seen.mask(prompt.points, prompt.inside)
            np.maximum(scores[prompt.index], found, out=scores[prompt.index])
        scores[0] = 0  # what no mask claims
        if paint is not None:
            for index, number in enumerate(ids):
                scores[:, paint == number] = -_SURE
                scores[index, paint == number] = _SURE
        raised = np.exp(np.clip(scores, -_SURE, _SURE))
        return np.asarray(raised / raised.sum(0), np.float32)

    def remark(self, learnt: NDArray[np.float32], classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say what was asked, and whom."""
        del learnt
        names = ", ".join(classes.name(number) for number in ids[1:])
        return (f"{self._model().name}, asked with {self.points} points of each stroke and at up to {self.places} "
                f"places that look alike, for {names}; all else is {classes.name(ids[0])}.")

    def _mark(self) -> float:
        """Return by what the weights are known again: of their digest, as much as a float32 holds."""
        return float(int(self._model().digest[:6], 16))

    def _model(self) -> PromptedModel:
        return load_prompted(self.weights, self.device)


def _picture(plane: PreparedPlane) -> Picture:
    """Return a plane as a colour picture: three channels as they are, else their mean three times."""
    pixels = plane.pixels if len(plane.pixels) == 3 else np.repeat(plane.pixels.mean(0, keepdims=True), 3, axis=0)
    return np.ascontiguousarray((pixels.clip(0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0))

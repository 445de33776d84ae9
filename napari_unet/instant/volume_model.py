"""A network with a head that looks beyond planes, as a model: volumes as volumes, other images plane by plane."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from typing import Any

from ..core.image import Image
from ..core.latest import Latest
from ..core.method import Patch, View
from ..core.saying import say_once
from ..core.sight import Seen
from ..predicting.devices import choose_device
from ..predicting.network_model import NetworkModel
from ..predicting.oblivious_trees import ObliviousTrees, without_trees
from ..predicting.tiling import Box
from ..predicting.weights import Weights
from .answer_on_features import AnswerOnFeatures
from .features import FeatureStore
from .linear_heads import DeepHead, LinearHead
from .viewing_depth import depth_of_answer

MEMORY = 2**31
"""Bytes of features of cuts that are kept; of planes, a quarter as many."""


class VolumeModel(NetworkModel):
    """A network whose weights hold a head that looks beyond planes. Averaging over turned versions leaves that out."""

    @property
    def by_windows(self) -> bool:
        """Whether a plane can be read in windows: not where others are looked at as well."""
        return False

    def seen(self, image: Image) -> Seen:
        """Return whether an image is looked at plane by plane or as volumes."""
        return "planes" if self.tta is True or self.tta > 1 else self._answer().seen(image)

    def _segment(
        self, image: Image, numbers: tuple[int, ...], probabilities: bool, view: Latest[View | None] | None,
        within: Box | None = None,
    ) -> Iterator[Patch]:
        if self.tta is True or self.tta > 1:
            say_once(image.data, "Averaging over turned versions looks at planes, each alone: volumes are left out.")
        else:
            answer = self._answer()
            if depth_of_answer(image, answer.store, answer.deep) != "plane":
                yield from answer.segment(image, numbers, probabilities=probabilities, view=view)
                return
        yield from super()._segment(image, numbers, probabilities, view, within)

    def _answer(self) -> AnswerOnFeatures:
        """Return the heads on features that this thread keeps: planes may be asked for one by one."""
        device = choose_device(self.device)
        if self.full_precision:
            device = device.full_precision()
        key, found = getattr(_mine, "kept", (None, None))
        if found is None or key != (id(self.weights), device) or found[0] is not self.weights:
            store = FeatureStore(without_trees(self.weights), device, MEMORY // 4, cut_limit=MEMORY)
            found = self.weights, _heads(self.weights, store)
            _mine.kept = (id(self.weights), device), found
        answer: AnswerOnFeatures = found[1]
        return answer


def network_model(weights: Weights, device: str = "auto") -> NetworkModel:
    """Return weights as a model, which looks as far beyond planes as they do."""
    return (VolumeModel if looks_beyond(weights) else NetworkModel)(weights, device)


def looks_beyond(weights: Weights) -> bool:
    """Say whether weights hold a head that looks beyond planes."""
    return getattr(weights.network, "beyond", "plane") != "plane"


def _heads(weights: Weights, store: FeatureStore) -> AnswerOnFeatures:
    network: Any = weights.network
    tensors, trees = weights.tensors, None
    if "beyond.trees.chosen" in tensors:
        trees = ObliviousTrees(**{field.name: tensors[f"beyond.trees.{field.name}"]
                                  for field in dataclasses.fields(ObliviousTrees)})
    head = LinearHead(tensors["head.weight"][:, :, 0, 0].T.numpy(), tensors["head.bias"].numpy())
    beyond = LinearHead(tensors["beyond.weight"].T.numpy(), tensors["beyond.bias"].numpy())
    deep = DeepHead(network.beyond, beyond, trees)
    return AnswerOnFeatures(store, head, weights.classes, weights.channels, "", deep=deep)


_mine = threading.local()

"""Heads on kept features as a model: tiles of features in, patches out. Fits nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.classes import ClassTable
from ..core.image import Image, say_some_not_finite, warn_not_finite
from ..core.latest import Latest
from ..core.method import Patch, View, check_channels, checked_planes
from ..core.provenance import Provenance
from ..core.sight import Seen
from ..learning.border_lesson import BORDER, BorderLesson
from ..predicting.feature_groups import summed
from ..predicting.network_model import most_likely
from ..predicting.oblivious_trees import ObliviousTrees, corrected
from ..predicting.tiling import asked_for
from .feature_tile import FeatureTile
from .features import FeatureStore
from .linear_heads import PIECE, DeepHead, LinearHead, weighed
from .viewing_depth import depth_of_answer


@dataclasses.dataclass(frozen=True, eq=False)
class AnswerOnFeatures:
    """A linear head on kept features.

    Parameters
    ----------
    store : FeatureStore
        Serves one thread at a time, see there.
    head : LinearHead
        On features of planes, each alone.
    classes : ClassTable
        One output per class.
    channels : int
        Image channels.
    note : str
    trees : ObliviousTrees, optional
        What corrects the head.
    provenance : Provenance, optional
        Where it comes from.
    deep : DeepHead, optional
        In place of ``head`` where an image has planes behind one another.
    border : BorderLook, optional
        Tells how much pixels look like the border between two objects, where probabilities are asked for.
    """

    store: FeatureStore
    head: LinearHead
    classes: ClassTable
    channels: int
    note: str
    trees: ObliviousTrees | None = None
    provenance: Provenance | None = None
    deep: DeepHead | None = None
    border: BorderLook | None = None

    @property
    def two_eyed(self) -> bool:
        """Whether the head looks through the second eye as well."""
        return len(self.head.weights) > len(self.store.prior(self.channels, eye=False, depth="plane"))

    def seen(self, image: Image) -> Seen:
        """Return whether an image is looked at plane by plane or as volumes."""
        return "planes" if depth_of_answer(image, self.store, self.deep) == "plane" else "volumes"

    def segment(
        self,
        image: Image,
        planes: Sequence[int] | None = None,
        *,
        probabilities: bool = False,
        view: Latest[View | None] | None = None,
    ) -> Iterator[Patch]:
        """Segment planes tile by tile, those in view first; see :class:`napari_unet.core.method.Model`."""
        check_channels(image.n_channels, self.channels, repr(image.name))
        numbers = tuple(dict.fromkeys(checked_planes(image, planes)))
        return self._segment(image, numbers, probabilities, view)

    def _segment(
        self, image: Image, numbers: tuple[int, ...], probabilities: bool, view: Latest[View | None] | None
    ) -> Iterator[Patch]:
        ids = np.array(self.classes.ids, np.uint8)
        holes, depth = 0, depth_of_answer(image, self.store, self.deep)
        for done, (plane, number, left) in enumerate(self.store.ordered(image, numbers, view), 1):
            tile = self.store.tile(image, plane, number, self.two_eyed, depth)
            scores = self.scores(tile)
            pieces = [most_likely(part) for part in scores.flatten(1).split(PIECE, dim=1)]
            labels = ids[torch.cat(pieces).reshape(scores.shape[1:]).numpy()]
            maps = torch.softmax(scores, 0).numpy() if probabilities else None
            if tile.hidden is not None:
                holes += int(tile.hidden.sum())
                labels[tile.hidden] = ids[0]
                if maps is not None:
                    maps[:, tile.hidden] = 0
                    maps[0, tile.hidden] = 1
            border = None if self.border is None or not probabilities else self.border.of(image, plane, number)
            yield Patch(image.where(plane, *tile.box.slices), labels, maps, done, done + left, border)
        if asked_for(image) is None:
            warn_not_finite(image, holes)
        elif holes:
            say_some_not_finite(image)

    def scores(self, tile: FeatureTile) -> Tensor:
        """Return logits (classes, Y, X) of a tile, float32: the head where features are, enlarged, then the trees."""
        head, trees = self._on(tile.count)
        parts = [dataclasses.replace(one, values=weighed(head.weights[list(one.columns)].T.copy(), one.values))
                 for one in tile.groups]
        found = summed(parts, tile.box.shape) + torch.from_numpy(head.offsets)[:, None, None]
        return found if trees is None else corrected(trees, found, tile.groups)

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return logits (P, classes) of features (P, F), the first of which are those that the head looks at."""
        head, trees = self._on(features.shape[1])
        features = features[:, : len(head.weights)]
        found = head(features)
        if trees is None:
            return found
        better: NDArray[np.float32] = trees(torch.from_numpy(found.T), torch.from_numpy(features.T)).numpy().T
        return better

    def _on(self, count: int) -> tuple[LinearHead, ObliviousTrees | None]:
        """Return the head for so many features, and its trees."""
        if self.deep is not None and len(self.deep.head.weights) <= count:
            return self.deep.head, self.deep.trees
        return self.head, self.trees


@dataclasses.dataclass(frozen=True, eq=False)
class BorderLook:
    """How much pixels look like the border between two objects.

    It stands beside the classes and takes nothing from them: what looks like a border is no background.

    Parameters
    ----------
    answer : AnswerOnFeatures
        Tells borders from insides, by the features of planes.
    lesson : BorderLesson
        What it was fitted to.
    """

    answer: AnswerOnFeatures
    lesson: BorderLesson

    def of(self, image: Image, plane: int, number: int) -> NDArray[np.float32]:
        """Return how much each pixel of a tile looks like a border, 0 to 1; 0 where it holds no number."""
        tile = self.answer.store.tile(image, plane, number, self.answer.two_eyed, "plane")
        maps = torch.softmax(self.answer.scores(tile), 0).numpy()
        found: NDArray[np.float32] = maps[self.answer.classes.ids.index(BORDER)] * np.float32(self.lesson.trust)
        if tile.hidden is not None:
            found[tile.hidden] = 0
        return found

    def of_plane(self, image: Image, plane: int) -> NDArray[np.float32]:
        """Return the same of a whole plane, (Y, X)."""
        found = np.zeros(image.plane_shape, np.float32)
        for number, box in enumerate(self.answer.store.boxes(image)):
            found[box.slices] = self.of(image, plane, number)
        return found

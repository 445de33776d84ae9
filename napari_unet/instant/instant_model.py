"""An answer at every stroke: a linear head on features that are computed once. Trains no network.

The head is fitted at once; the same corrected by decision trees follows as a second model. Features of painted tiles
and of what is looked at are kept in a :class:`FeatureStore`, so that a new stroke costs a small solve and one product
per pixel. Ridge heads on features trained for them: Bertinetto et al. 2019, "Meta-learning with differentiable
closed-form solvers".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from typing import Any

import numpy as np
import torch

from ..core.classes import ClassTable
from ..core.depth import DEPTHS, Depth
from ..core.method import Progress
from ..core.scribbles import TrainingSet
from ..learning.recorded_fit import told_answers
from ..predicting.network_model import NetworkModel
from ..predicting.oblivious_trees import ObliviousTrees, feature_tensors, without_trees
from ..predicting.weights import Weights
from .answer_on_features import AnswerOnFeatures
from .eye_features import without_eye
from .features import FeatureStore
from .leaving_out import best_prior, can_choose
from .linear_heads import DeepHead, pixel_shares
from .painted_features import (
    PaintedFeatures,
    balanced_sample,
    gather_features,
    is_seen,
    is_seen_along_depth,
)
from .pixel_heads import MOST_NUMBERS, Kind, solved_head
from .tree_growing import grow_trees
from .trust import Trust, trusts_to_try
from .viewing_depth import painted_volumes, settled_depth
from .volume_model import network_model


@dataclasses.dataclass(frozen=True, eq=False)
class InstantModel(AnswerOnFeatures):
    """The answer to strokes, which can become a network."""

    def as_network(self, device: str | None = None) -> NetworkModel:
        """Return the same model as one network, which can be saved and trained further.

        Parameters
        ----------
        device : str, optional
            Where it predicts; by default where the features are computed.
        """
        weights = without_trees(self.store.weights)
        if not self.two_eyed:
            weights = without_eye(weights)
        network: Any = weights.network
        body = feature_tensors(weights)
        body["head.weight"] = torch.from_numpy(self.head.weights.T.copy())[:, :, None, None]
        body["head.bias"] = torch.from_numpy(self.head.offsets.copy())
        prefix, trees = "trees", self.trees
        if self.deep is not None:
            network = dataclasses.replace(network, beyond=self.deep.depth)
            body["beyond.weight"] = torch.from_numpy(self.deep.head.weights.T.copy())
            body["beyond.bias"] = torch.from_numpy(self.deep.head.offsets.copy())
            prefix, trees = "beyond.trees", self.deep.trees
        if trees is not None:
            network = dataclasses.replace(network, trees=len(trees.leaves))
            body |= {f"{prefix}.{field.name}": getattr(trees, field.name)
                     for field in dataclasses.fields(ObliviousTrees)}
        joined = dataclasses.replace(
            weights, network=network, tensors=body, channels=self.channels, classes=self.classes,
            provenance=self.provenance or weights.provenance)
        return network_model(joined, device or self.store.device.name)


@told_answers
def fit_instantly(
    store: FeatureStore, training: TrainingSet, seed: int = 0, head: Kind = "trees", volume: Depth | None = None
) -> Generator[Progress, None, InstantModel]:
    """Fit a head to the strokes: the linear one comes in an event, the one that trees correct is returned.

    Parameters
    ----------
    store : FeatureStore
    training : TrainingSet
    seed : int
        Of the draw among many painted pixels, and of the trees.
    head : str
        ``ridge`` is solved in closed form; ``logistic`` goes on from there; ``trees`` correct that.
    volume : str, optional
        How far beyond their plane pixels are looked at; None: as far as is sensible and strokes speak for it.

    Yields
    ------
    Progress
        While features are computed; one with a model of the network's own features where the second eye has not seen
        what is painted yet; then one with the linear model, where trees follow, and one after each of those.

    Raises
    ------
    UserError, WorkError
        As :func:`~napari_unet.instant.painted_features.gather_features`.
    """
    store.look_as_far(settled_depth(painted_volumes(training), store, volume), pinned=volume is not None)
    unseen = store.eye is not None and not is_seen(store, training)
    if unseen or not is_seen_along_depth(store, training):  # it takes longer: a first answer without it
        painted = yield from gather_features(store, training, eye=not unseen, depth="plane")
        yield Progress("First answer", model=_linear(painted, store, seed, _first(head)))
    painted = yield from gather_features(store, training)
    return (yield from fit_to_pixels(painted, store, seed, head))


def fit_to_pixels(
    painted: PaintedFeatures, store: FeatureStore, seed: int = 0, head: Kind = "trees"
) -> Generator[Progress, None, InstantModel]:
    """Fit a head to painted pixels of at least two classes; see :func:`fit_instantly`."""
    own = len(store.prior(painted.channels, eye=False, depth="plane"))
    model = _linear(painted, store, seed, head)
    tried = trusts_to_try(model.two_eyed, painted.depth, store.pinned)
    choosing = len(tried) > 1 and head != "ridge" and can_choose(painted)
    if choosing or head == "trees":
        yield Progress("First answer", model=model)
    if choosing:
        priors = [store.prior(painted.channels, model.two_eyed, one.depth, one) for one in tried]
        trust = tried[(yield from best_prior(painted, priors, seed))]
        if trust != store.trust:
            store.trust = trust
            model = _linear(painted, store, seed, head)
    if head != "trees":
        return model
    _, labels = np.unique(painted.ids, return_inverse=True)
    kept = balanced_sample(labels, MOST_NUMBERS // own, seed)
    labels = labels[kept]
    seen = painted.features[kept, : len((model.deep or model).head.weights)].astype(np.float32)
    trees = yield from grow_trees(seen, labels, pixel_shares(labels), seed)
    note = model.note.replace("logistic head", "logistic head and trees")
    if model.deep is not None:
        return dataclasses.replace(model, deep=dataclasses.replace(model.deep, trees=trees), note=note)
    return dataclasses.replace(model, trees=trees, note=note)


def _linear(painted: PaintedFeatures, store: FeatureStore, seed: int, head: Kind) -> InstantModel:
    """Fit the linear head, and one that looks beyond the plane where that is possible and was not found useless."""
    ids = np.unique(painted.ids)
    count, channels = painted.features.shape[1], painted.channels
    eye = count > len(store.prior(channels, eye=False, depth=painted.depth))
    trust = store.trust if can_choose(painted) else Trust()
    depth = min(painted.depth, trust.depth, key=DEPTHS.index)
    of_plane = solved_head(painted, store.prior(channels, eye, "plane", trust), seed, head)
    deep = None if depth == "plane" else DeepHead(
        depth, solved_head(painted, store.prior(channels, eye, depth, trust), seed, head))
    count = len((deep.head if deep is not None else of_plane).weights)
    classes = ClassTable(tuple(one for one in painted.classes.classes if one.id in ids))
    kind = "ridge" if head == "ridge" else "logistic"
    looks = "" if deep is None else f", {deep.depth}"
    note = f"instant answer from {len(painted.ids)} painted pixels ({kind} head on {count} features{looks})"
    return InstantModel(store, of_plane, classes, channels, note, deep=deep)


def _first(head: Kind) -> Kind:
    """Return how far the head of a first answer goes: trees are worth their time when all has been looked at."""
    return "logistic" if head == "trees" else head


def head_kind(weights: Weights) -> Kind:
    """Return how far the head of a network goes that came from an :class:`InstantModel`."""
    return "trees" if any(name.endswith("trees.chosen") for name in weights.tensors) else "logistic"


def is_whole(answer: Weights) -> bool:
    """Whether an answer has its trees: whoever shows it works on it no further."""
    return head_kind(answer) == "trees"

"""An answer at every stroke: a linear head on features that are computed once. Trains no network.

The head is fitted at once; the same corrected by decision trees follows as a second model. Features of painted tiles
and of what is looked at are kept in a :class:`FeatureStore`, so that a new stroke costs a small solve and one product
per pixel. Ridge heads on features trained for them: Bertinetto et al. 2019, "Meta-learning with differentiable
closed-form solvers".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ..core.classes import ClassTable
from ..core.errors import UserError
from ..core.image import Image, warn_not_finite
from ..core.latest import Latest
from ..core.method import Patch, Progress, View, checked_planes
from ..core.provenance import Provenance
from ..core.scribbles import TrainingSet
from ..learning.recorded_fit import told_answers
from ..predicting.feature_groups import summed
from ..predicting.network_model import NetworkModel, most_likely
from ..predicting.oblivious_trees import ObliviousTrees, corrected, feature_tensors, without_trees
from ..predicting.weights import Weights
from .eye_features import without_eye
from .eye_trust import can_choose, chosen_factor
from .feature_tile import FeatureTile
from .features import FeatureStore
from .linear_heads import (
    FALSE_ALARM,
    ONE_THREAD_PRODUCT,
    RIDGE,
    START_PENALTY,
    LinearHead,
    PixelSamples,
    logistic,
    penalty_factor,
    pixel_shares,
    ridge,
    tempered,
)
from .painted_features import PaintedFeatures, balanced_sample, gather_features, is_seen
from .tree_growing import grow_trees

if TYPE_CHECKING:
    from torch import Tensor

MOST_NUMBERS = 1_500_000
"""Most features of painted pixels, all together, a head is fitted to; of more pixels some are drawn."""

PIECE = 2**15
"""Numbers of features that are multiplied with the head at a time: a piece stays in the processor's cache, and neither
torch nor BLAS starts threads for it, which would wait for those of a training."""

Kind = Literal["ridge", "logistic", "trees"]
"""How far a head is fitted."""


@dataclasses.dataclass(frozen=True, eq=False)
class InstantModel:
    """A linear head on kept features.

    Parameters
    ----------
    store : FeatureStore
        Serves one thread at a time, see there.
    head : LinearHead
    classes : ClassTable
        One output per class.
    channels : int
        Image channels.
    note : str
    trees : ObliviousTrees, optional
        What corrects the head.
    provenance : Provenance, optional
        Where it comes from.
    """

    store: FeatureStore
    head: LinearHead
    classes: ClassTable
    channels: int
    note: str
    trees: ObliviousTrees | None = None
    provenance: Provenance | None = None

    @property
    def two_eyed(self) -> bool:
        """Whether the head looks through the second eye as well."""
        return len(self.head.weights) > len(self.store.prior(self.channels, eye=False))

    def segment(
        self,
        image: Image,
        planes: Sequence[int] | None = None,
        *,
        probabilities: bool = False,
        view: Latest[View | None] | None = None,
    ) -> Iterator[Patch]:
        """Segment planes tile by tile, those in view first; see :class:`napari_unet.core.method.Model`."""
        if image.n_channels != self.channels:
            raise UserError(
                f"{image.name!r} has {image.n_channels} channel{'' if image.n_channels == 1 else 's'}, but the strokes "
                f"are on images with {self.channels}. "
                "Choose an image like those that are painted; if the axes are wrong, say what they are."
            )
        numbers = tuple(dict.fromkeys(checked_planes(image, planes)))
        return self._segment(image, numbers, probabilities, view)

    def _segment(
        self, image: Image, numbers: tuple[int, ...], probabilities: bool, view: Latest[View | None] | None
    ) -> Iterator[Patch]:
        ids = np.array(self.classes.ids, np.uint8)
        holes = 0
        for done, (plane, number, left) in enumerate(self.store.ordered(image, numbers, view), 1):
            tile = self.store.tile(image, plane, number, self.two_eyed)
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
            yield Patch(image.where(plane, *tile.box.slices), labels, maps, done, done + left)
        warn_not_finite(image, holes)

    def scores(self, tile: FeatureTile) -> Tensor:
        """Return logits (classes, Y, X) of a tile, float32: the head where features are, enlarged, then the trees."""
        parts = [dataclasses.replace(one, values=_product(self.head.weights[list(one.columns)].T.copy(), one.values))
                 for one in tile.groups]
        found = summed(parts, tile.box.shape) + torch.from_numpy(self.head.offsets)[:, None, None]
        return found if self.trees is None else corrected(self.trees, found, tile.groups)

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return logits (P, classes) of features (P, F)."""
        found = self.head(features)
        if self.trees is None:
            return found
        corrected: NDArray[np.float32] = self.trees(torch.from_numpy(found.T), torch.from_numpy(features.T)).numpy().T
        return corrected

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
        if self.trees is not None:
            network = dataclasses.replace(network, trees=len(self.trees.leaves))
            body |= {f"trees.{field.name}": getattr(self.trees, field.name)
                     for field in dataclasses.fields(ObliviousTrees)}
        body["head.weight"] = torch.from_numpy(self.head.weights.T.copy())[:, :, None, None]
        body["head.bias"] = torch.from_numpy(self.head.offsets.copy())
        joined = dataclasses.replace(
            weights, network=network, tensors=body, channels=self.channels, classes=self.classes,
            provenance=self.provenance or weights.provenance)
        return NetworkModel(joined, device or self.store.device.name)


@FALSE_ALARM
def _product(weights: NDArray[np.float32], values: Tensor) -> Tensor:
    """Return a head (classes, F) times features (F, y, x), (classes, y, x), in small pieces."""
    flat = values.flatten(1)
    out = np.empty((len(weights), flat.shape[1]), np.float32)
    step = max(8, min(PIECE // len(flat), ONE_THREAD_PRODUCT // weights.size))
    for start in range(0, flat.shape[1], step):
        np.matmul(weights, flat[:, start : start + step].float().numpy(), out=out[:, start : start + step])
    return torch.from_numpy(out).reshape(-1, *values.shape[1:])


@told_answers
def fit_instantly(
    store: FeatureStore, training: TrainingSet, seed: int = 0, head: Kind = "trees"
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
    if store.eye is not None and not is_seen(store, training):  # it takes longer: a first answer without it
        work = fit_to_pixels((yield from gather_features(store, training, eye=False)), store, seed, _first(head))
        yield Progress("First answer", model=(yield from work))
    painted = yield from gather_features(store, training)
    return (yield from fit_to_pixels(painted, store, seed, head))


def fit_to_pixels(
    painted: PaintedFeatures, store: FeatureStore, seed: int = 0, head: Kind = "trees"
) -> Generator[Progress, None, InstantModel]:
    """Fit a head to painted pixels of at least two classes; see :func:`fit_instantly`."""
    own = len(store.prior(painted.channels, eye=False))
    model = _linear(painted, store, seed, head)
    choosing = model.two_eyed and head != "ridge" and can_choose(painted)
    if choosing or head == "trees":
        yield Progress("First answer", model=model)
    if choosing:
        prior = store.prior(painted.channels)
        factor = yield from chosen_factor(painted, prior, own, seed)
        if factor != store.eye_trust:
            store.eye_trust = factor
            model = _linear(painted, store, seed, head)
    if head != "trees":
        return model
    _, labels = np.unique(painted.ids, return_inverse=True)
    kept = balanced_sample(labels, MOST_NUMBERS // own, seed)
    labels = labels[kept]
    trees = yield from grow_trees(painted.features[kept].astype(np.float32), labels, pixel_shares(labels), seed)
    return dataclasses.replace(model, trees=trees, note=model.note.replace("logistic head", "logistic head and trees"))


def _linear(painted: PaintedFeatures, store: FeatureStore, seed: int, head: Kind) -> InstantModel:
    """Fit the linear head."""
    ids, labels = np.unique(painted.ids, return_inverse=True)
    count, own = painted.features.shape[1], len(store.prior(painted.channels, eye=False))
    kept = balanced_sample(labels, MOST_NUMBERS // count, seed)
    prior = store.prior(painted.channels)[:count]
    if can_choose(painted):
        prior[own:] *= store.eye_trust
    samples = PixelSamples(painted.features[kept].astype(np.float32), labels[kept], prior)
    care = penalty_factor(painted.strokes)
    coefficients = ridge(samples, care * RIDGE)
    if head != "ridge":
        coefficients = tempered(logistic(samples, coefficients, care * START_PENALTY))
    classes = ClassTable(tuple(one for one in painted.classes.classes if one.id in ids))
    kind = "ridge" if head == "ridge" else "logistic"
    note = f"instant answer from {len(painted.ids)} painted pixels ({kind} head on {count} features)"
    return InstantModel(store, samples.head(coefficients), classes, painted.channels, note)


def _first(head: Kind) -> Kind:
    """Return how far the head of a first answer goes: trees are worth their time when all has been looked at."""
    return "logistic" if head == "trees" else head


def head_kind(weights: Weights) -> Kind:
    """Return how far the head of a network goes that came from an :class:`InstantModel`."""
    return "trees" if "trees.chosen" in weights.tensors else "logistic"

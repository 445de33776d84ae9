"""Decision trees that correct a linear answer where strokes say otherwise. Grows none; knows no images.

A linear answer follows every stroke everywhere. A tree follows it only where pixels look alike: in each of its leaves
it takes the classes that were painted there, and the linear answer where nothing was. The corrected probabilities are
the mean of the linear ones and those of the trees.

Trees are oblivious, which means that all nodes of a level ask the same question: a leaf is found by counting, which
takes no branches (Kohavi and Li 1995, "Oblivious decision trees, graphs, and top-down pruning").

Trees are steps: features that differ by rounding (of another tile, device or number format) end in another leaf where
one lies at a threshold. Each of T trees in which that happens moves a probability by at most 1 / (2 T), and its
logarithm by any amount where the probability is small; labels stay where the best leads by more than 1 / T for each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from .feature_groups import PIECE, FeatureGroup
from .weights import Network, Weights

DEPTH = 8
"""Questions of a tree; the numbers of its leaves fit into a byte."""

LARGEST = float(torch.finfo(torch.float16).max)
"""Of a feature that is kept in 16 bits."""

LAST_LAYERS = ("head.", "trees.", "beyond.")
"""How names of tensors begin that are fitted to strokes anew; all others are features."""


@dataclasses.dataclass(frozen=True, eq=False)
class ObliviousTrees:
    """T trees for K classes.

    Parameters
    ----------
    chosen : Tensor of int64, shape (T, DEPTH)
        Numbers of the features that the levels look at.
    thresholds : Tensor of float32, shape (T, DEPTH)
        A feature above goes to the right.
    leaves : Tensor of float32, shape (T, 2**DEPTH, K + 1)
        What a leaf adds to each class, then how much of the linear probabilities it adds; all together 1.
    """

    chosen: Tensor
    thresholds: Tensor
    leaves: Tensor

    def __call__(self, logits: Tensor, features: Tensor | Sequence[Tensor]) -> Tensor:
        """Return corrected logits.

        Parameters
        ----------
        logits : Tensor, shape (K, P)
            Of the linear answer.
        features : Tensor, shape (F, P), or sequence of Tensor, each with P values

        Returns
        -------
        Tensor, shape (K, P), float32
            Logarithms of the corrected probabilities.
        """
        total = self._voted(features) if logits.device.type == "cpu" else self._voted_on_device(features)
        linear = torch.softmax(logits.float(), 0)
        found = (total[:, :-1].T + total[:, -1] * linear) / len(self.leaves)
        return torch.log(((linear + found) / 2).clamp_min(torch.finfo(torch.float32).tiny))

    def compact(self) -> tuple[list[int], ObliviousTrees]:
        """Return the numbers of the features that are looked at, and trees for which these are all there are."""
        numbers, places = torch.unique(self.chosen, return_inverse=True)
        return numbers.tolist(), dataclasses.replace(self, chosen=places)

    def of_unrounded(self) -> ObliviousTrees:
        """Return trees that ask features in 32 bits what these ask them as they are kept (:func:`as_float16`)."""
        limits = torch.from_numpy(unrounded_limits(self.thresholds.cpu().numpy()))
        return dataclasses.replace(self, thresholds=limits.to(self.thresholds.device))

    def _voted(self, features: Tensor | Sequence[Tensor]) -> Tensor:
        """Return the sum over trees of the leaves in which pixels end, (P, K + 1).

        NumPy compares several times as fast as torch on a processor.
        """
        values: list[NDArray[np.float32]] = [row.float().numpy() for row in features]
        questions = zip(self.chosen.tolist(), self.thresholds.numpy(), strict=True)
        ends = torch.from_numpy(np.stack([leaf_indices(values, *asked).ravel() for asked in questions]))
        first = torch.arange(len(ends), dtype=torch.int32) * 2**DEPTH
        by_pixel = ends.T.contiguous().int().add_(first)  # turned while they are bytes
        return functional.embedding_bag(by_pixel, self.leaves.flatten(0, 1), mode="sum")

    def _voted_on_device(self, features: Tensor | Sequence[Tensor]) -> Tensor:
        """Return the same as :meth:`_voted`, wherever the features are."""
        features = features if isinstance(features, Tensor) else torch.stack(list(features)).flatten(1)
        powers = 2 ** torch.arange(DEPTH - 1, -1, -1, device=features.device)
        total = torch.zeros(features.shape[1], self.leaves.shape[2], device=features.device)
        for numbers, limits, leaves in zip(self.chosen, self.thresholds, self.leaves, strict=True):
            above = (features[numbers].float() > limits[:, None]).to(powers.dtype)
            total += leaves[(above * powers[:, None]).sum(0)]
        return total


def leaf_indices(
    features: Sequence[NDArray[np.float32]] | NDArray[np.float32], chosen: Sequence[int],
    thresholds: NDArray[np.float32],
) -> NDArray[np.uint8]:
    """Return the leaf in which each pixel ends.

    Parameters
    ----------
    features : sequence of ndarray, all of one shape, or ndarray, shape (F, P)
        Values of every feature.
    chosen : sequence of int, length DEPTH
        Numbers of the features that the levels of a tree look at.
    thresholds : ndarray, shape (DEPTH,)

    Returns
    -------
    ndarray of uint8, of the shape of a feature
    """
    leaf, above = np.zeros(features[0].shape, np.uint8), np.empty(features[0].shape, np.bool_)
    for number, threshold in zip(chosen, thresholds, strict=True):
        np.greater(features[number], threshold, out=above)
        np.add(leaf, leaf, out=leaf)
        np.add(leaf, above.view(np.uint8), out=leaf)
    return leaf


def unrounded_limits(thresholds: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what numbers are above exactly where they are above a threshold after rounding to 16 bits.

    Millions of numbers need not be rounded then. Half way between two that 16 bits hold, the even one is taken.
    """
    with np.errstate(over="ignore"):
        below = thresholds.astype(np.float16)
        below = np.where(below > thresholds, np.nextafter(below, np.float16(-np.inf)), below)
        above = np.nextafter(below, np.float16(np.inf))
    middle = (below.astype(np.float32) + above.astype(np.float32)) / np.float32(2)
    found: NDArray[np.float32] = np.where(
        above.view(np.uint16) % 2 == 0, np.nextafter(middle, np.float32(-np.inf)), middle)
    return found


def as_float16(features: Tensor) -> Tensor:
    """Return features as they are kept: in 16 bits, what is too large for those as large as they hold."""
    return features.half().clamp(-LARGEST, LARGEST)


def corrected(trees: ObliviousTrees, logits: Tensor, groups: Sequence[FeatureGroup]) -> Tensor:
    """Return the logits (K, Y, X) of a part as trees correct them, some rows at a time.

    Only features that they look at are enlarged.
    """
    numbers, trees = trees.of_unrounded().compact()
    seen = [one for group in groups for one in group.only(numbers)]
    height, width = logits.shape[1:]
    step, found = max(1, PIECE // width), torch.empty(logits.shape, device=logits.device)
    for low in range(0, height, step):
        high = min(height, low + step)
        features: dict[int, Tensor] = {}
        for one in seen:
            features |= zip(one.columns, one.rows(low, high).enlarged((high - low, width)), strict=True)
        found[:, low:high] = trees(
            logits[:, low:high].flatten(1), [features[number] for number in range(len(numbers))]
        ).reshape(-1, high - low, width)
    return found


class ObliviousTreesLayer(nn.Module):
    """Trees as a layer that learns nothing; they come with its state. Before that it leaves logits as they are.

    Parameters
    ----------
    count : int
        Trees.
    classes : int
    """

    def __init__(self, count: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("chosen", torch.zeros(count, DEPTH, dtype=torch.int64))
        self.register_buffer("thresholds", torch.zeros(count, DEPTH))
        leaves = torch.zeros(count, 2**DEPTH, classes + 1)
        leaves[..., -1] = 1
        self.register_buffer("leaves", leaves)

    def trees(self) -> ObliviousTrees:
        """Return the trees."""
        return ObliviousTrees(self.get_buffer("chosen"), self.get_buffer("thresholds"), self.get_buffer("leaves"))

    def forward(self, logits: Tensor, groups: Sequence[FeatureGroup]) -> Tensor:
        """Return corrected logits (B, K, Y, X) of such logits and features (B, F, y, x) of each resolution."""
        with torch.autocast(logits.device.type, enabled=False):
            return torch.stack([
                corrected(self.trees(), one, [dataclasses.replace(group, values=group.values[number])
                                              for group in groups])
                for number, one in enumerate(logits)])


def feature_tensors(weights: Weights) -> dict[str, Tensor]:
    """Return the tensors of a network that make its features, by name."""
    return {name: tensor for name, tensor in weights.tensors.items() if not name.startswith(LAST_LAYERS)}


def without_trees(weights: Weights) -> Weights:
    """Return weights that can learn: their trees, and what looks beyond planes, were made for features as they are."""
    kept = {name: tensor for name, tensor in weights.tensors.items() if not name.startswith(("trees.", "beyond."))}
    return dataclasses.replace(weights, network=architecture_without_trees(weights.network), tensors=kept)


def check_trees(weights: Weights) -> None:
    """Check that trees look at features that are there.

    Raises
    ------
    ValueError
    """
    for trees, head in (("trees", "head"), ("beyond.trees", "beyond")):
        chosen = weights.tensors.get(f"{trees}.chosen")
        count = weights.tensors[f"{head}.weight"].shape[1] if chosen is not None else 0
        if chosen is not None and not bool(((chosen >= 0) & (chosen < count)).all()):
            raise ValueError("a tree looks at a feature that is not there")


def architecture_without_trees(network: Network) -> Network:
    """Return the architecture without trees and without what looks beyond planes."""
    changed: Any = network
    if getattr(network, "beyond", "plane") != "plane":
        changed = dataclasses.replace(changed, beyond="plane")
    return dataclasses.replace(changed, trees=0) if getattr(network, "trees", 0) else changed

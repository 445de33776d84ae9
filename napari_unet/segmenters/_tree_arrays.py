"""Decision trees as plain arrays: taken from scikit-learn, kept and saved without code, evaluated by scikit-learn.

Knows no image and no class. A forest averages the leaves of its trees, boosting adds them up; both are the same arrays.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.core.threads import available_cores

_CHUNK = 16384


@dataclasses.dataclass(frozen=True, eq=False)
class TreeArrays:
    """Trees, one after the other in flat arrays; N nodes in T trees, V numbers at each leaf, K classes.

    Parameters
    ----------
    sizes : ndarray of int64, shape (T,)
        Nodes of each tree.
    left, right : ndarray of int32, shape (N,)
        Child of each node, counted from the first node of its tree; -1 at a leaf.
    feature : ndarray of int32, shape (N,)
        Which feature is looked at; -2 at a leaf.
    threshold : ndarray of float64, shape (N,)
        A feature of at most this goes left.
    value : ndarray of float32, shape (N, V)
        At a leaf of a forest: the share of each class (V = K); of boosting: what is added to the score (V = 1).
    owner : ndarray of int32, shape (T,)
        Of boosting, whose score the tree adds to; -1 in a forest.
    baseline : ndarray of float64, shape (K,) or (1,)
        Scores before the first tree of boosting (a single one between two classes); zeros of shape (K,) in a forest.
    features : ndarray of int64, shape ()
        Number of features.

    Raises
    ------
    ValueError
        If the arrays do not fit together: following the children must lead to a leaf of the same tree.
    """

    sizes: NDArray[np.int64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    value: NDArray[np.float32]
    owner: NDArray[np.int32]
    baseline: NDArray[np.float64]
    features: NDArray[np.int64]

    def __post_init__(self) -> None:
        nodes = len(self.left)
        if any(len(one) != nodes for one in (self.right, self.feature, self.threshold, self.value)):
            raise ValueError("the arrays of nodes have different lengths")
        if int(self.sizes.sum()) != nodes or (self.sizes < 1).any() or len(self.owner) != len(self.sizes):
            raise ValueError("the sizes of the trees do not add up")
        # scikit-learn follows children without looking: a wrong number would read memory that is not the tree's
        own = np.arange(nodes) - np.repeat(np.cumsum(self.sizes) - self.sizes, self.sizes)
        size, leaf = np.repeat(self.sizes, self.sizes), self.left == -1
        inside = ((self.left > own) & (self.left < size) & (self.right > own) & (self.right < size)
                  & (self.feature >= 0) & (self.feature < int(self.features)))
        if not (leaf | inside).all() or not (self.right[leaf] == -1).all():
            raise ValueError("a node has a child or a feature that is not there")
        if self.value.ndim != 2 or self.value.shape[1] != (len(self.baseline) if self.is_forest else 1):
            raise ValueError("leaves have another number of values than there are classes")
        if not self.is_forest and ((self.owner < 0) | (self.owner >= len(self.baseline))).any():
            raise ValueError("a tree belongs to a class that is not there")

    @classmethod
    def of_forest(cls, estimators: Sequence[Any]) -> TreeArrays:
        """Take fitted :class:`sklearn.tree.DecisionTreeClassifier`, as a random forest has them."""
        trees = [estimator.tree_ for estimator in estimators]
        return cls(
            sizes=np.array([tree.node_count for tree in trees], np.int64),
            left=_joined([tree.children_left for tree in trees], np.int32),
            right=_joined([tree.children_right for tree in trees], np.int32),
            feature=_joined([tree.feature for tree in trees], np.int32),
            threshold=_joined([tree.threshold for tree in trees], np.float64),
            value=_joined([tree.value[:, 0, :] for tree in trees], np.float32),
            owner=np.full(len(trees), -1, np.int32),
            baseline=np.zeros(len(estimators[0].classes_)),
            features=np.array(estimators[0].n_features_in_, np.int64),
        )

    @classmethod
    def of_boosting(cls, boosting: Any) -> TreeArrays:
        """Take the trees of a fitted :class:`sklearn.ensemble.HistGradientBoostingClassifier`."""
        rounds = boosting._predictors  # no public way to its nodes
        nodes = [tree.nodes for one in rounds for tree in one]
        leaves = [one["is_leaf"].astype(bool) for one in nodes]
        return cls(
            sizes=np.array([len(one) for one in nodes], np.int64),
            left=_joined([np.where(leaf, -1, one["left"].astype(np.int64))
                          for one, leaf in zip(nodes, leaves, strict=True)], np.int32),
            right=_joined([np.where(leaf, -1, one["right"].astype(np.int64))
                           for one, leaf in zip(nodes, leaves, strict=True)], np.int32),
            feature=_joined([np.where(leaf, -2, one["feature_idx"])
                             for one, leaf in zip(nodes, leaves, strict=True)], np.int32),
            threshold=_joined([one["num_threshold"] for one in nodes], np.float64),
            value=_joined([one["value"] for one in nodes], np.float32)[:, None],
            owner=np.array([place for one in rounds for place in range(len(one))], np.int32),
            baseline=np.asarray(boosting._baseline_prediction, np.float64).reshape(-1),
            features=np.array(boosting.n_features_in_, np.int64),
        )

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> TreeArrays:
        """Make trees of what :meth:`arrays` gave, of any number types.

        Raises
        ------
        KeyError, ValueError
            If one is missing or they do not fit together.
        """
        kinds = {"sizes": np.int64, "threshold": np.float64, "value": np.float32, "baseline": np.float64,
                 "features": np.int64}
        return cls(**{field.name: np.asarray(arrays[field.name], kinds.get(field.name, np.int32), order="C")
                      for field in dataclasses.fields(cls)})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays by name."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @property
    def is_forest(self) -> bool:
        """Whether leaves are averaged (a forest) rather than added up (boosting)."""
        return bool((self.owner < 0).all())

    @property
    def classes(self) -> int:
        """Number of classes."""
        return max(2, len(self.baseline)) if not self.is_forest else len(self.baseline)

    def probabilities(self, measured: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probability of every class.

        Chunks of samples go to several cores; every sample meets the trees in the same order, so that the number of
        cores changes nothing.

        Parameters
        ----------
        measured : ndarray of float32, shape (n, F)

        Returns
        -------
        ndarray of float32, shape (n, K)
            Sums to 1 over the classes.
        """
        out = np.empty((len(measured), self.classes), np.float32)
        starts = range(0, len(measured), _CHUNK)
        ready = self._trees  # made once, before the threads ask for them

        def work(start: int) -> None:
            chunk = np.ascontiguousarray(measured[start : start + _CHUNK], np.float32)
            scores = np.repeat(self.baseline[None], len(chunk), axis=0)
            for tree, owner in zip(ready, self.owner, strict=True):
                if owner < 0:
                    scores += tree.predict(chunk)
                else:
                    scores[:, owner] += tree.predict(chunk)[:, 0]
            out[start : start + _CHUNK] = self._shares(scores)

        with ThreadPoolExecutor(min(available_cores(), max(1, len(starts)))) as pool:
            list(pool.map(work, starts))
        return out

    def _shares(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.is_forest:
            return scores / scores.sum(axis=1, keepdims=True)
        if scores.shape[1] == 1:  # two classes have one score: the log odds of the second
            scores = np.concatenate([np.zeros_like(scores), scores], axis=1)
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)

    @cached_property
    def _trees(self) -> tuple[Any, ...]:
        """The trees as scikit-learn evaluates them."""
        from sklearn.tree import DecisionTreeClassifier
        from sklearn.tree._tree import Tree

        pattern = DecisionTreeClassifier().fit(np.zeros((1, 1)), [0]).tree_.__getstate__()
        values = self.value.shape[1]
        made, first = [], 0
        for size in map(int, self.sizes):
            part = slice(first, first + size)
            nodes = np.zeros(size, pattern["nodes"].dtype)  # its columns differ a little between versions
            nodes["left_child"], nodes["right_child"] = self.left[part], self.right[part]
            nodes["feature"], nodes["threshold"] = self.feature[part], self.threshold[part]
            tree = Tree(int(self.features), np.array([values], np.intp), 1)
            tree.__setstate__({**pattern, "max_depth": size, "node_count": size, "nodes": nodes,
                               "values": np.ascontiguousarray(self.value[part, None, :], np.float64)})
            made.append(tree)
            first += size
        return tuple(made)


def _joined(parts: list[NDArray[Any]], kind: type) -> NDArray[Any]:
    return np.concatenate(parts).astype(kind)

"""How well found objects agree with the true ones. Finds no object."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.metrics._parts import Joint, joint

Numbers = NDArray[np.integer[Any]]


@dataclasses.dataclass(frozen=True, eq=False)
class Shared:
    """Pairs of a true and a found object that share pixels."""

    true: NDArray[np.int64]
    found: NDArray[np.int64]
    count: NDArray[np.int64]
    true_sizes: NDArray[np.int64]
    found_sizes: NDArray[np.int64]

    @classmethod
    def of(cls, true: Numbers, found: Numbers) -> Shared:
        """Count."""
        both: Joint = joint(true, found)
        objects = both.only((both.true > 0) & (both.test > 0))
        return cls(objects.true, objects.test, objects.count, both.true_sizes, both.test_sizes)

    @property
    def matched(self) -> NDArray[np.bool_]:
        """Which pairs are the same object: an IoU above one half, from whole numbers."""
        return 3 * self.count > self.true_sizes[self.true] + self.found_sizes[self.found]


def ap50(true: Numbers, found: Numbers) -> float:
    """Return TP / (TP + FP + FN) at an IoU of one half; 1 where there is no object of either."""
    shared = Shared.of(true, found)
    hits = int(np.count_nonzero(shared.matched))
    there, said = (int(np.count_nonzero(sizes[1:])) for sizes in (shared.true_sizes, shared.found_sizes))
    return hits / (there + said - hits) if there + said else 1.0

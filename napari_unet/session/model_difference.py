"""Two models on one plane: where they say the same, how much each gives to every class. Draws and shows nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from ..core.image import Image
from ..core.method import Model, Progress


@dataclasses.dataclass(frozen=True, eq=False)
class ModelDifference:
    """What two models make of one plane.

    Parameters
    ----------
    first, second : ndarray of uint8, shape (Y, X)
        Painted ids.
    """

    first: NDArray[np.uint8]
    second: NDArray[np.uint8]

    @property
    def agreement(self) -> float:
        """Share of the pixels on which both say the same, 0 to 1."""
        return float((self.first == self.second).mean())

    @property
    def areas(self) -> dict[int, tuple[float, float]]:
        """Share of the pixels that each of both gives to a class, by painted id."""
        ids = np.union1d(self.first, self.second).tolist()
        return {number: (float((self.first == number).mean()), float((self.second == number).mean())) for number in ids}

    @property
    def differing(self) -> NDArray[np.uint8]:
        """What the second one says where the first one says something else, 0 where both say the same."""
        return np.where(self.first == self.second, np.uint8(0), self.second)


def model_difference(
    first: Model, second: Model, image: Image, plane: int
) -> Generator[Progress, None, ModelDifference]:
    """Let two models segment one plane.

    Raises
    ------
    UserError
        If one of them cannot do this image.
    """
    found = []
    for number, model in enumerate((first, second)):
        labels = np.zeros(image.shape, np.uint8)
        for patch in model.segment(image, [plane]):
            labels[patch.where] = patch.labels
            yield Progress(f"Model {number + 1} of 2: tile {patch.done} of {patch.total}",
                           (number + patch.done / patch.total) / 2)
        found.append(labels[image.where(plane)])
    return ModelDifference(*found)

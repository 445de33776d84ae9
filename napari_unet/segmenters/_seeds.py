"""Methods that start from strokes and from pixels that surely look like a class. Registers nothing."""

from __future__ import annotations

import abc
import dataclasses
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.classical.appearance import Appearance, measure_features
from napari_unet.classical.background import PreparedPlane
from napari_unet.classical.regions import Regions
from napari_unet.classical.seeds import confident_seeds
from napari_unet.core.classes import ClassTable
from napari_unet.core.parameters import Parameter

from ._by_appearance import AppearanceMethod
from ._steps import Paint
from ._volumes import SeesVolumes


@dataclasses.dataclass(frozen=True)
class SeededMethod(SeesVolumes, AppearanceMethod, abc.ABC):
    """A method that spreads classes from seeds: the strokes, and pixels that surely look like one class.

    Planes without strokes are honest work for such a method only because it has learnt what sure pixels look like. In a
    volume, classes spread along z too, from the strokes of all planes.
    """

    sure: Annotated[float | None, Parameter("How surely a pixel must look like a class to be a seed; 1 is beyond "
                                            "doubt.", min=0.5, max=1, step=0.05, auto=(0.9, 0.7, 0.99))] = None
    seed_size: Annotated[int | None, Parameter("Sure pixels count as a seed only where at least this many touch.",
                                               min=1, max=100000, step=5, unit="px", advanced=True,
                                               auto=(4, 1, 16, 40))] = None
    only_strokes: Annotated[bool, Parameter("On planes with strokes, start from the strokes alone. Unpainted planes "
                                            "always start from sure pixels.", advanced=True)] = False

    def describe(self, plane: PreparedPlane, survey: Any) -> Any:
        """Measure every pixel."""
        del survey
        stack = measure_features(plane, self.sigma or 0, bool(self.filters))
        return Regions.of_pixels(stack, plane.spacing)

    def decide(
        self, seen: Any, learnt: Appearance, ids: tuple[int, ...], paint: Paint | None
    ) -> NDArray[np.float32]:
        """Plant the seeds and spread the classes from them."""
        regions = self.measured(seen)
        shares = learnt.memberships(regions.features).reshape(-1, *regions.numbers.shape)
        return self.spread(seen, learnt, shares, self.planted(shares, ids, paint))

    def planted(
        self, shares: NDArray[np.float32], ids: tuple[int, ...], paint: Paint | None
    ) -> NDArray[np.int16]:
        """Return the class index of every seed pixel, -1 elsewhere; strokes overrule sure pixels."""
        if self.only_strokes and paint is not None:
            seeds = np.full(paint.shape, -1, np.int16)
        else:
            seeds = confident_seeds(shares, self.sure or 0.9, self.seed_size or 1)
        if paint is not None:
            for index, number in enumerate(ids):
                seeds[paint == number] = index
        return seeds

    @abc.abstractmethod
    def spread(
        self, seen: Any, learnt: Appearance, shares: NDArray[np.float32], seeds: NDArray[np.int16]
    ) -> NDArray[np.float32]:
        """Return memberships (K, Y, X) that sum to 1.

        Parameters
        ----------
        seen : object
            From :meth:`describe`.
        learnt : Appearance
        shares : ndarray of float32, shape (K, Y, X)
            How much every pixel resembles each class.
        seeds : ndarray of int16, shape (Y, X)
            Class index, -1 where there is no seed.
        """

    def started(self, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say where the classes start from."""
        names = ", ".join(classes.name(number) for number in ids)
        start = "strokes, on unpainted planes pixels" if self.only_strokes else "strokes and pixels"
        return f"from {start} that surely (at least {self.sure:g}) look like a class: {names}."

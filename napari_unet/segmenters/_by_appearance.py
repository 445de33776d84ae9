"""Methods whose pixels or regions take the class whose painted pixels they resemble. Registers nothing."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Generator
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.classical.appearance import Appearance
from napari_unet.classical.regions import Regions
from napari_unet.core.parameters import Parameter

from ._classical import ClassicalMethod
from ._steps import Paint, Source


@dataclasses.dataclass(frozen=True)
class FeatureMethod(ClassicalMethod, abc.ABC):
    """A classical method that measures brightness, colour and, on request, edges, spots and lines."""

    sigma: Annotated[float | None, Parameter("Blur before measuring, against noise; about the size of the smallest "
                                             "detail you care for.", min=0, max=20, step=0.5, unit="px",
                                             auto=(1.0, 0.0, 2.0, 3.0))] = None
    filters: Annotated[bool | None, Parameter("Also use edges, spots and lines, not only brightness and colour.",
                                              auto=(False, True))] = None


@dataclasses.dataclass(frozen=True)
class AppearanceMethod(FeatureMethod, abc.ABC):
    """A classical method whose pixels or regions take the class they resemble."""

    looks: Annotated[int | None, Parameter("How many different looks a class may have (say, bright and dim nuclei).",
                                           min=1, max=8, advanced=True, auto=(1, 2))] = None

    def learn(self, source: Source, ids: tuple[int, ...]) -> Generator[None, None, Appearance]:
        """Describe the looks of every class by its painted pixels."""
        features, labels = [], []
        for seen, paint in source():
            measured, painted = self.measured(seen).samples(paint)
            features.append(measured)
            labels.append(painted)
            yield
        return Appearance.of(
            np.concatenate(features), np.searchsorted(ids, np.concatenate(labels)), self.looks or 1
        )

    def measured(self, seen: Any) -> Regions:
        """Return the regions that are measured, out of what :meth:`describe` gave."""
        return seen


@dataclasses.dataclass(frozen=True)
class RegionMethod(AppearanceMethod, abc.ABC):
    """A method that divides the plane into regions first and then gives each a class."""

    def decide(
        self, seen: Regions, learnt: Appearance, ids: tuple[int, ...], paint: Paint | None
    ) -> NDArray[np.float32]:
        """Give every pixel the memberships of its region."""
        return seen.memberships(learnt, ids, paint)[:, seen.numbers]

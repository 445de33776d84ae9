"""What a classical method is asked, step by step: what it sees of a plane, learns and decides. Fits nothing.

A method that can look at volumes (:class:`._volumes.SeesVolumes`) is given volumes (Z, Y, X) in place of planes (Y, X).
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.classical.background import BackgroundCorrection, Fading, PreparedPlane, prepare_plane
from napari_unet.core.classes import ClassTable

Paint = NDArray[np.uint8]
Source = Callable[[], Iterator[tuple[Any, Paint]]]
"""Each call goes once more through the painted planes: what the method sees of a plane, and its paint."""


@dataclasses.dataclass(frozen=True)
class ClassicalSteps(BackgroundCorrection, abc.ABC):
    """What a classical method does with a plane, with painted pixels and with every pixel.

    A subclass says what it sees of a plane (:meth:`describe`, without looking at paint), what it learns from that and
    the paint (:meth:`learn`), and how it decides (:meth:`decide`). The parameters left to ``auto`` are chosen before
    any of the three is called.
    """

    def prepared(self, pixels: NDArray[np.float32], longer: float = 1.0) -> PreparedPlane:
        """Return a plane (C, Y, X) as the method wants it: normalised, without uneven lighting.

        Of a volume (C, Z, Y, X), ``longer`` says how many times as long as wide its voxels are.
        """
        return prepare_plane(pixels, self.background or 0, longer=longer, fading=self.light)

    @property
    def light(self) -> Fading:
        """What becomes of light that falls from plane to plane of a volume."""
        return "evened"

    def uses(self, parameter: str) -> bool:
        """Whether a parameter matters, given the others."""
        del parameter
        return True

    def survey(self, planes: Sequence[PreparedPlane], paint: Sequence[Paint]) -> Any:
        """Look at a few planes together before any of them is described; the answer goes to :meth:`describe`."""
        del planes, paint

    @abc.abstractmethod
    def describe(self, plane: PreparedPlane, survey: Any) -> Any:
        """Return what the method sees of a plane; never depends on paint."""

    @abc.abstractmethod
    def learn(self, source: Source, ids: tuple[int, ...]) -> Generator[None, None, Any]:
        """Learn from painted planes; yields after each plane, returns what :meth:`decide` needs."""

    @abc.abstractmethod
    def decide(self, seen: Any, learnt: Any, ids: tuple[int, ...], paint: Paint | None) -> NDArray[Any]:
        """Decide about every pixel.

        Returns
        -------
        ndarray
            Either indices into ``ids``, of shape (Y, X), or memberships (float32) of shape (K, Y, X) that sum to 1.
        """

    @abc.abstractmethod
    def remark(self, learnt: Any, classes: ClassTable, ids: tuple[int, ...]) -> str:
        """Say in one sentence what was chosen."""

    @property
    def soft(self) -> bool:
        """Whether :meth:`decide` returns memberships."""
        return True

    def check_ids(self, ids: tuple[int, ...]) -> None:
        """Raise :class:`UserError` if the method cannot tell so many classes apart with its parameters."""

    @property
    def deep(self) -> bool:
        """Whether the method looks at volumes, with the parameters chosen here."""
        return False

    @property
    def only_planes(self) -> str:
        """Why it looks at planes alone with the parameters chosen here; empty if there is no reason."""
        return ""

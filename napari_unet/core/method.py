"""The two verbs every method has, and what they yield. Implements no method."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from .classes import ClassTable
from .errors import UserError
from .image import Image, Where
from .latest import Latest
from .scribbles import TrainingSet


@dataclasses.dataclass(frozen=True, eq=False)
class Patch:
    """A part of a result, ready to be pasted: ``result[patch.where] = patch.labels``.

    Parameters
    ----------
    where : tuple
        Index into an array of the image's shape without channels.
    labels : ndarray of uint8, shape (Y, X)
        Painted ids (1 = background, ...), never 0.
    probabilities : ndarray of float32, shape (C, Y, X), optional
        On request, in the order of ``model.classes.ids``; sums to 1 over C.
    done, total : int
        This is patch ``done`` of ``total``.
    border : ndarray of float32, shape (Y, X), optional
        How much each pixel looks like the border between two objects, 0 to 1; with probabilities, if that was learnt.
    """

    where: Where
    labels: NDArray[np.uint8]
    probabilities: NDArray[np.float32] | None = None
    done: int = 1
    total: int = 1
    border: NDArray[np.float32] | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Progress:
    """What a fit has so far.

    Parameters
    ----------
    text : str
        One sentence for people.
    fraction : float, optional
        0 to 1, None when the end is not known.
    model : Model, optional
        The newest usable model, present only in the event that brings a new one.
    """

    text: str
    fraction: float | None = None
    model: Model | None = None


@dataclasses.dataclass(frozen=True)
class View:
    """What the user looks at: patches that touch it come first.

    ``where`` indexes like :attr:`Patch.where`; rows and columns are slices with start and stop.
    """

    where: Where


class Model(Protocol):
    """A fitted method: frozen, can segment other images."""

    @property
    def classes(self) -> ClassTable:
        """Classes it can tell apart; every label it gives is one of their ids."""

    @property
    def note(self) -> str:
        """One sentence about what was chosen and how (a threshold, a class order, steps trained)."""

    def segment(
        self,
        image: Image,
        planes: Sequence[int] | None = None,
        *,
        probabilities: bool = False,
        view: Latest[View | None] | None = None,
    ) -> Iterator[Patch]:
        """Segment planes (all by default), patch by patch.

        Every pixel of every plane asked for is covered exactly once. The image is never changed.

        Raises
        ------
        UserError
            If the image does not suit the model (another number of channels, say), or probabilities are asked for
            and the model has none.
        """


@runtime_checkable
class Segmenter(Protocol):
    """Anything that turns an image and strokes into labels: a frozen dataclass whose fields are its parameters."""

    def fit(self, painted: TrainingSet | Latest[TrainingSet]) -> Generator[Progress, None, Model]:
        """Learn from the strokes; yields progress, returns the model.

        A method that learns while strokes arrive reads the mailbox again and again; others read it once. Closing the
        generator cancels.

        Raises
        ------
        UserError
            If the method needs strokes that are not there, or cannot do these images; says why.
        """


def newest_training_set(painted: TrainingSet | Latest[TrainingSet]) -> TrainingSet:
    """Return the training set, out of its mailbox if it is in one."""
    return painted.get() if isinstance(painted, Latest) else painted


def checked_planes(image: Image, planes: Iterable[int] | None) -> tuple[int, ...]:
    """Return the plane numbers asked for, or all.

    Raises
    ------
    UserError
        If there is no such plane.
    """
    if planes is None:
        return tuple(range(image.n_planes))
    numbers = tuple(int(number) for number in planes)
    wrong = [number for number in numbers if not 0 <= number < image.n_planes]
    if wrong:
        raise UserError(f"{image.name!r} has planes 0 to {image.n_planes - 1}, there is no plane {wrong[0]}.")
    return numbers


def assemble(image: Image, patches: Iterable[Patch], out: Any = None) -> Any:
    """Paste patches into one label array (uint8, the image's shape without channels; 0 where no patch came)."""
    if out is None:
        out = np.zeros(image.shape, np.uint8)
    for patch in patches:
        out[patch.where] = patch.labels
    return out


def check_channels(found: int, learnt: int, name: str) -> None:
    """Make sure that an image has as many channels as those that a model learnt from.

    Parameters
    ----------
    found, learnt : int
        Channels of the image, and of those.
    name : str
        What the message calls the image.

    Raises
    ------
    UserError
        If not.
    """
    if found != learnt:
        raise UserError(
            f"{name} has {found} channel{'' if found == 1 else 's'}, but this model learnt from images with {learnt}. "
            "Choose an image like those, or let it learn anew; if the axes are wrong, say what they are."
        )

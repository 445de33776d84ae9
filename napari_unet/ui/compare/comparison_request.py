"""What is to be compared, frozen before it goes to another thread. Shows nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_unet.comparison.contender_run import ComparisonEvent
from napari_unet.comparison.contenders import Contender
from napari_unet.comparison.outcome import Comparison
from napari_unet.comparison.runner import run_comparison
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.latest import Latest
from napari_unet.core.parameters import as_dict
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.threads import available_cores, limit_threads
from napari_unet.inputs import Code, as_painted

from ..layer_metadata import class_table
from ..layers import label_view, scribbles_of
from .image_rows import ChosenImage


@dataclasses.dataclass(frozen=True, eq=False)
class ComparisonRequest:
    """A comparison that is ready to run.

    Parameters
    ----------
    training : TrainingSet
        Images and frozen strokes.
    contenders : tuple of Contender
    references : tuple, optional
        By image: ndarray of painted ids (0 = unknown) or None; None in all = strokes are held out.
    planes : tuple
        By image: numbers of the planes to segment and score, None = all.
    folds : int
        In how many parts strokes are held out.
    metrics : tuple of str, optional
        Names of metrics or of families of them; None: a short set.
    judging : dict
        How they are computed, see :class:`napari_unet.metrics.Options`.
    cancelled : Latest of frozenset of str
        Names of methods that are no longer wanted; written by the window, read by the thread that compares.
    """

    training: TrainingSet
    contenders: tuple[Contender, ...]
    references: tuple[NDArray[np.uint8] | None, ...] | None
    planes: tuple[tuple[int, ...] | None, ...]
    folds: int = 1
    metrics: tuple[str, ...] | None = None
    judging: dict[str, Any] = dataclasses.field(default_factory=dict)
    cancelled: Latest[frozenset[str]] = dataclasses.field(default_factory=lambda: Latest(frozenset()))

    def cancel(self, *names: str) -> None:
        """Leave methods out from the next step on; those that are through keep their results."""
        self.cancelled.put(self.cancelled.get().union(names))

    def run(self) -> Generator[ComparisonEvent, None, Comparison]:
        """Compare; to be iterated in another thread."""
        limit_threads(max(1, available_cores() - 1))  # one core stays with the window
        return (yield from run_comparison(
            self.training, self.contenders, references=self.references, planes=self.planes, folds=self.folds,
            metrics=self.metrics, judging=self.judging, cancelled=self.cancelled.get,
        ))

    def about(self) -> dict[str, dict[str, Any]]:
        """Return by method what its result layers keep: the parameters, or that it was trained before."""
        return {
            one.name: {"knobs": as_dict(one.method)} if one.method is not None else {"trained": True}
            for one in self.contenders
        }


def make_request(
    chosen: Sequence[ChosenImage],
    contenders: Sequence[Contender],
    *,
    against_reference: bool,
    code: Code,
    planes: Sequence[int] | None,
    fallback: ClassTable,
    folds: int = 1,
    metrics: tuple[str, ...] | None = None,
    judging: dict[str, Any] | None = None,
) -> ComparisonRequest:
    """Freeze strokes and references.

    Parameters
    ----------
    chosen : sequence of ChosenImage
    contenders : sequence of Contender
    against_reference : bool
        Score against the references of ``chosen``; otherwise strokes are held out.
    code : {"mask", "painted"}
        Code of the references.
    planes : sequence of int, optional
        By image, the one plane to segment and score.
    fallback : ClassTable
        Names and colours where no strokes layer has any.
    folds : int
        In how many parts strokes are held out.
    metrics, judging
        See :class:`ComparisonRequest`.

    Raises
    ------
    UserError
        If no image is chosen, there is nothing to score against, or strokes or references do not suit.
    """
    if not chosen:
        raise UserError("No image is ticked. Open an image (or File > Open Sample) and tick it.")
    pairs = tuple(Pair(one.image, _strokes(one)) for one in chosen)
    if not against_reference and not any(pair.scribbles.planes for pair in pairs):
        raise UserError(
            "There are no strokes to hold out. Choose the strokes layer of an image, paint some, or score against a "
            "reference layer."
        )
    references = _references(chosen, code) if against_reference else None
    layers = [one.strokes for one in chosen]
    if references is not None:
        layers += [one.reference for one in chosen]
    classes = (_first_table(layers) or fallback).including(_ids(references or ()))
    wanted = [None] * len(pairs) if planes is None else [(number,) for number in planes]
    return ComparisonRequest(TrainingSet(pairs, classes), tuple(contenders), references, tuple(wanted), folds, metrics,
                             judging or {})


def _first_table(layers: Sequence[Labels | None]) -> ClassTable | None:
    """Return the first class table that a layer has."""
    tables = (class_table(layer) for layer in layers if layer is not None)
    return next((table for table in tables if table is not None), None)


def _ids(references: Sequence[NDArray[np.uint8] | None]) -> list[int]:
    """Return the painted ids in all references."""
    present = [np.unique(truth[truth > 0]) for truth in references if truth is not None]
    return np.unique(np.concatenate(present)).tolist() if present else []


def _strokes(one: ChosenImage) -> Scribbles:
    return Scribbles.empty(one.image.shape) if one.strokes is None else scribbles_of(one.strokes, one.image)


def _references(chosen: Sequence[ChosenImage], code: Code) -> tuple[NDArray[np.uint8] | None, ...]:
    """Return the reference of each image; at least one has some."""
    references = tuple(None if one.reference is None else _reference(one, code) for one in chosen)
    if all(reference is None for reference in references):
        raise UserError(
            "No reference is chosen. Choose the reference layer of at least one image, or score against strokes "
            "held out."
        )
    return references


def _reference(one: ChosenImage, code: Code) -> NDArray[np.uint8]:
    """Return a copy of a reference as painted ids; the message names its layer."""
    assert one.reference is not None
    try:
        return np.array(as_painted(label_view(one.reference, one.image), code, repr(one.reference.name)), np.uint8)
    except UserError as error:
        raise UserError(f"Reference {one.reference.name!r}: {error}") from None

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
from napari_unet.comparison.object_contest import ObjectContest
from napari_unet.comparison.outcome import Comparison
from napari_unet.comparison.reference_values import Values
from napari_unet.comparison.runner import run_comparison
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.latest import Latest
from napari_unet.core.parameters import as_dict
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.threads import available_cores, limit_threads
from napari_unet.objects.image_objects import ObjectSearch

from ..layer_metadata import class_table
from ..layers import scribbles_of
from .image_rows import ChosenImage
from .reference_code import numbered_references, references_of


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
    objects : ObjectContest, optional
        How objects are judged too.
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
    objects: ObjectContest | None = None
    cancelled: Latest[frozenset[str]] = dataclasses.field(default_factory=lambda: Latest(frozenset()))

    def cancel(self, *names: str) -> None:
        """Leave methods out from the next step on; those that are through keep their results."""
        self.cancelled.put(self.cancelled.get().union(names))

    def run(self) -> Generator[ComparisonEvent, None, Comparison]:
        """Compare; to be iterated in another thread."""
        limit_threads(max(1, available_cores() - 1))  # one core stays with the window
        return (yield from run_comparison(
            self.training, self.contenders, references=self.references, planes=self.planes, folds=self.folds,
            metrics=self.metrics, judging=self.judging, cancelled=self.cancelled.get, objects=self.objects,
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
    code: Values,
    planes: Sequence[int] | None,
    fallback: ClassTable,
    folds: int = 1,
    metrics: tuple[str, ...] | None = None,
    judging: dict[str, Any] | None = None,
    searches: tuple[ObjectSearch, ...] = (),
) -> ComparisonRequest:
    """Freeze strokes and references.

    Parameters
    ----------
    chosen : sequence of ChosenImage
    contenders : sequence of Contender
    against_reference : bool
        Score against the references of ``chosen``; otherwise strokes are held out.
    code : {"auto", "mask", "painted", "objects"}
        Code of the references; ``auto`` recognises it.
    planes : sequence of int, optional
        By image, the one plane to segment and score.
    fallback : ClassTable
        Names and colours where no strokes layer has any.
    folds : int
        In how many parts strokes are held out.
    metrics, judging
        See :class:`ComparisonRequest`.
    searches : tuple of ObjectSearch
        Against a reference: ways to objects by which these are judged too.

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
    contest = _contest(searches, chosen, code, references)
    classes = classes_of(chosen, fallback, references is not None).including(_ids(references or ()))
    wanted = [None] * len(pairs) if planes is None else [(number,) for number in planes]
    return ComparisonRequest(TrainingSet(pairs, classes), tuple(contenders), references, tuple(wanted), folds, metrics,
                             judging or {}, contest)


def classes_of(chosen: Sequence[ChosenImage], fallback: ClassTable, against_reference: bool = True) -> ClassTable:
    """Return the names and colours of the classes: those of strokes, or of references, else others."""
    layers = [one.strokes for one in chosen]
    if against_reference:
        layers += [one.reference for one in chosen]
    return _first_table(layers) or fallback


def _contest(
    searches: tuple[ObjectSearch, ...], chosen: Sequence[ChosenImage], code: Values,
    references: tuple[NDArray[np.uint8] | None, ...] | None,
) -> ObjectContest | None:
    """Return how objects are judged, if they are asked for and there is a reference."""
    if not searches or references is None:
        return None
    return ObjectContest(searches, numbered_references(chosen, code, references))


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


def _references(chosen: Sequence[ChosenImage], code: Values) -> tuple[NDArray[np.uint8] | None, ...]:
    """Return the reference of each image; at least one has some."""
    references = references_of(chosen, code)
    if all(reference is None for reference in references):
        raise UserError(
            "No reference is chosen. Choose the reference layer of at least one image, or score against strokes "
            "held out."
        )
    return references

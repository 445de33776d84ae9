"""Run several methods on the same strokes and judge them alike. Reads no files and draws nothing.

Every method gets the same strokes and is scored on the same planes by the same metrics. Where there is no reference,
whole strokes are kept from all methods and the methods are scored on them.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ..core import parameters
from ..core.classes import ClassTable
from ..core.errors import UsageError, UserError
from ..core.image import Image
from ..core.method import Model, checked_planes
from ..core.rows import Row
from ..core.scribbles import TrainingSet
from ..learning.folds import fold_strokes
from ..learning.strokes import hold_out
from .contender_run import Cancelled, ComparisonEvent, ContenderResult, Labels, until_cancelled
from .contenders import Contender
from .cross_validation import Fold, combine_folds, plane_view, run_folds, strokes_by_image

__all__ = ["Comparison", "ComparisonEvent", "run_comparison"]

_log = logging.getLogger(__name__)

Judge = Callable[..., Iterator[Row]]
""":func:`napari_unet.metrics.scoring.score_pair`, told what to measure and how."""


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """The outcome of a comparison.

    Parameters
    ----------
    training : TrainingSet
        All images, with the strokes the methods have seen (with several folds: all strokes).
    planes : tuple of tuple of int
        Planes to segment, by image.
    references : tuple
        By image: painted ids (0 = unknown) scored against, or None. With held-out strokes, these strokes.
    held_out : bool
        Whether the references are held-out strokes.
    rows : tuple of Row
    masks : dict of str to tuple
        By method, one array per image: painted ids, uint8, the image's shape without channels, 0 where a plane was
        not segmented. With several folds, of the first fold, but every held-out stroke is as the fold that did not
        see it has it; so that scoring the masks gives the rows.
    notes : dict of str to str
        By method, what it chose and how, and what was not done in time.
    failures : dict of str to str
        By method that could not, why.
    done : dict of str to tuple
        By method, by image, the planes that were segmented in time.
    methods : dict of str to Segmenter
        By method that was fitted here, the method with all parameters as they were chosen.
    asked : dict of str to Segmenter
        The same before anything was chosen: None = auto.
    models : dict of str to Model
        What each method has learnt (with several folds: in the first).
    folds : int
        How many folds of held-out strokes there were; 1 = about a quarter of the strokes was held out.
    """

    training: TrainingSet
    planes: tuple[tuple[int, ...], ...]
    references: tuple[Labels | None, ...]
    held_out: bool
    rows: tuple[Row, ...]
    masks: dict[str, tuple[Labels, ...]]
    notes: dict[str, str]
    failures: dict[str, str]
    done: dict[str, tuple[tuple[int, ...], ...]] = dataclasses.field(default_factory=dict)
    methods: dict[str, Any] = dataclasses.field(default_factory=dict)
    asked: dict[str, Any] = dataclasses.field(default_factory=dict)
    models: dict[str, Model] = dataclasses.field(default_factory=dict)
    folds: int = 1

    @property
    def images(self) -> tuple[Image, ...]:
        """All images."""
        return tuple(pair.image for pair in self.training.pairs)

    @property
    def classes(self) -> ClassTable:
        """Classes of the strokes."""
        return self.training.classes

    def planes_of(self, method: str) -> tuple[tuple[int, ...], ...]:
        """Return by image the planes that a method has segmented."""
        return self.done.get(method, self.planes)

    def partial(self, method: str) -> tuple[int, int] | None:
        """Return (n, m) if a method has segmented only n of m planes in its time, else None."""
        done, total = sum(map(len, self.planes_of(method))), sum(map(len, self.planes))
        return (done, total) if done < total else None


def run_comparison(
    training: TrainingSet,
    contenders: Sequence[Contender],
    *,
    references: Sequence[Labels | None] | None = None,
    planes: Sequence[Sequence[int] | None] | None = None,
    seed: int = 0,
    folds: int = 1,
    metrics: Sequence[str] | None = None,
    judging: Mapping[str, Any] | None = None,
    cancelled: Callable[[], Collection[str]] = tuple,
) -> Generator[ComparisonEvent, None, Comparison]:
    """Fit, segment and score each contender in turn.

    One that fails, for whatever reason, is reported and does not stop the others.

    Parameters
    ----------
    training : TrainingSet
        Images and all their strokes.
    contenders : sequence of Contender
        With different names; what each may take is its ``budget``.
    references : sequence, optional
        By image: ndarray of painted ids, the image's shape without channels, 0 = unknown; or None for an image that
        is only learnt from. Without any, strokes are kept from all methods for scoring.
    planes : sequence, optional
        By image: plane numbers to segment and score; None = all.
    seed : int
        Decides which strokes are held out.
    folds : int
        Without references: 1 holds out about a quarter of the strokes; more hold out every stroke once, in as many
        fits of each method.
    metrics : sequence of str, optional
        Names of metrics or families, see :func:`napari_unet.metrics.chosen_metrics`.
    judging : mapping of str to Any, optional
        How metrics judge: fields of :class:`napari_unet.metrics.Options`.
    cancelled : callable
        Asked at every step for the names of methods that are no longer wanted; they leave nothing in the outcome.

    Yields
    ------
    ComparisonEvent

    Returns
    -------
    Comparison

    Raises
    ------
    UserError
        If there is no contender, two have one name, or a reference has another shape than its image.
    UsageError
        For an unknown metric or field, or folds that cannot be.
    """
    from ..metrics import Options, chosen_metrics
    from ..metrics.scoring import score_pair

    names = [one.name for one in contenders]
    if not names:
        raise UserError("No method was chosen. Choose at least one.")
    if len(set(names)) < len(names):
        raise UserError(f"Two methods have the same name ({', '.join(names)}). Give each its own.")
    images = [pair.image for pair in training.pairs]
    truths: list[Labels | None] = list(references or [None] * len(images))
    _check_references(images, truths)
    held_out = all(truth is None for truth in truths)
    if folds < 1 or (folds > 1 and not held_out):
        raise UsageError(f"folds cannot be {folds}. Allowed: a whole number of at least 1, and 1 with a reference.")
    chosen_metrics(metrics)  # says what is wrong with a name before any work is done
    known = [field.name for field in dataclasses.fields(Options)]
    for name in judging or {}:
        if name not in known:
            raise UsageError(parameters.no_parameter("metrics", name, known))
    judge = partial(score_pair, metrics=metrics, options=Options(**(judging or {})))
    wanted = tuple(
        checked_planes(image, None if planes is None else planes[number])
        if held_out or truths[number] is not None else ()
        for number, image in enumerate(images)
    )
    parts: list[Fold] = [(training, tuple(truths))]
    if held_out:
        divided = fold_strokes(training, folds, seed) if folds > 1 else [hold_out(training, seed=seed)]
        parts = [(kept, strokes_by_image(held)) for kept, held in divided] or parts
        if folds == 1:
            training = parts[0][0]
        truths = [combine_folds([held[number] for _, held in parts]) for number in range(len(images))]

    found = Comparison(training, wanted, tuple(truths), held_out, (), {}, {}, {}, folds=folds)
    rows: list[Row] = []
    for contender in contenders:
        run = _whole_turn(contender, parts, found, judge)
        try:
            outcome, own = yield from until_cancelled(run, partial(_is_among, contender.name, cancelled))
        except Cancelled:
            yield ComparisonEvent(contender.name, "cancelled")
            continue
        except UserError as error:
            found.failures[contender.name] = str(error)
        except Exception as error:  # one method's bug must not take the others' results along
            _log.exception("%s failed", contender.name)
            found.failures[contender.name] = f"{type(error).__name__}: {error}"
        else:
            rows += own
            _keep(found, contender, outcome)
            yield ComparisonEvent(contender.name, "done", found.notes[contender.name], 1.0, rows=tuple(own))
            continue
        yield ComparisonEvent(contender.name, "failed", found.failures[contender.name])
    return dataclasses.replace(found, rows=tuple(rows))


def _keep(found: Comparison, contender: Contender, outcome: ContenderResult) -> None:
    name, model = contender.name, outcome.model
    found.masks[name], found.models[name], found.done[name] = outcome.masks, model, outcome.planes
    note = model.note if not (model.note and outcome.said) or model.note.endswith(".") else f"{model.note}."
    found.notes[name] = " ".join(filter(None, (note, outcome.said)))
    if contender.method is not None:
        fitted = getattr(model, "method", None)
        found.asked[name] = contender.method
        found.methods[name] = fitted if type(fitted) is type(contender.method) else contender.method


def _check_references(images: Sequence[Image], truths: Sequence[Labels | None]) -> None:
    if len(truths) != len(images):
        raise UserError(f"There are {len(images)} images but {len(truths)} references. Give one (or none) per image.")
    for image, truth in zip(images, truths, strict=True):
        if truth is not None and truth.shape != image.shape:
            raise UserError(
                f"The reference of {image.name!r} has shape {truth.shape}, but the image without channels has "
                f"{image.shape} (axes {image.label_axes}). Choose the reference that belongs to this image."
            )


def _is_among(name: str, cancelled: Callable[[], Collection[str]]) -> bool:
    return name in cancelled()


def _whole_turn(
    contender: Contender, parts: Sequence[Fold], found: Comparison, judge: Judge
) -> Generator[ComparisonEvent, None, tuple[ContenderResult, list[Row]]]:
    outcome = yield from run_folds(contender, parts, found.planes, found.held_out)
    rows = yield from _score(contender.name, found, outcome, judge)
    return outcome, [*rows, Row(contender.name, "", None, None, "", "seconds", outcome.seconds, "s")]


def _score(
    name: str, found: Comparison, outcome: ContenderResult, judge: Judge
) -> Generator[ComparisonEvent, None, list[Row]]:
    """Score what was segmented, telling at every plane how far it is, so that it can be cancelled."""
    rows: list[Row] = []
    for pair, result, truth, done in zip(
        found.training.pairs, outcome.masks, found.references, outcome.planes, strict=True
    ):
        if truth is None:
            continue
        known = tuple(number for number in done if not found.held_out or plane_view(truth, number).any())
        if not known:
            continue
        image, seen = pair.image, set[int | None]()
        for row in judge(
            result, truth, found.classes, method=name, image_name=image.name, planes=known, pixel_only=found.held_out,
            scale=image.scale, unit=image.unit,
        ):
            rows.append(row)
            if row.plane not in seen:
                seen.add(row.plane)
                yield ComparisonEvent(name, "segment", f"{image.name}: scoring plane {len(seen)} of {len(known)}", 1.0)
    return rows

"""Run several methods on the same strokes and score them alike. Reads no files and draws nothing.

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
from ..core.errors import UsageError, UserError
from ..core.rows import Row
from ..core.scribbles import TrainingSet
from ..core.sight import seen_by
from ..core.work import Work
from ..metrics import Options
from .contender_run import Cancelled, ComparisonEvent, ContenderResult, Labels, until_cancelled
from .contenders import Contender
from .cross_validation import plane_view, run_folds
from .design import ComparisonDesign
from .held_out_evidence import dice_on_strokes, evidence_rows
from .object_contest import Found, ObjectContest
from .outcome import Comparison
from .packed_objects import PackedObjects
from .soft_answers import SoftAnswers

_log = logging.getLogger(__name__)

Scorer = Callable[..., Iterator[Row]]
""":func:`napari_unet.metrics.scoring.score_pair`, told what to measure and how."""


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
    objects: ObjectContest | None = None,
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
        Without references: 1 holds out about a quarter of the strokes, and another quarter in a second fit of each
        method; more hold out every stroke once, in as many fits.
    metrics : sequence of str, optional
        Names of metrics or families, see :func:`napari_unet.metrics.chosen_metrics`.
    judging : mapping of str to Any, optional
        How metrics are computed: fields of :class:`napari_unet.metrics.Options`.
    cancelled : callable
        Asked at every step for the names of methods that are no longer wanted; they leave nothing in the outcome.
    objects : ObjectContest, optional
        Judge the objects of every result as well.

    Yields
    ------
    ComparisonEvent

    Returns
    -------
    Comparison

    Raises
    ------
    UserError
        If there is no contender, two have one name, a reference has another shape than its image, or objects are to
        be judged on strokes.
    UsageError
        For an unknown metric or field, or folds that cannot be.
    """
    _check_names(contenders)
    design = ComparisonDesign.of(training, references, folds)
    score = _scorer(metrics, judging or {})
    design = design.scoring(planes).holding_out(folds, seed)
    if objects is not None and design.held_out:
        raise UserError("Objects are scored against a reference, as strokes are no whole objects. Choose a "
                        "reference, or leave objects out.")
    found = Comparison(design.training, design.planes, design.references, design.held_out, (), {}, {}, {}, folds=folds,
                       objects=objects)
    judge = None if objects is None else partial(_score_objects, objects, metrics, Options(**(judging or {})))
    rows: list[Row] = []
    for contender in contenders:
        run = _fit_and_score(contender, design, score, judge)
        try:
            result, own, kept = yield from until_cancelled(run, partial(_is_among, contender.name, cancelled))
        except Cancelled:
            event = ComparisonEvent(contender.name, "cancelled")
        except Exception as error:  # one method's bug must not take the others' results along
            found.failures[contender.name] = _reason(contender.name, error)
            event = ComparisonEvent(contender.name, "failed", found.failures[contender.name])
        else:
            rows += own
            _keep(found, contender, result)
            found.found[contender.name] = kept
            event = ComparisonEvent(contender.name, "done", found.notes[contender.name], 1.0, rows=tuple(own),
                                    objects=kept)
        yield event
    return dataclasses.replace(found, rows=tuple(rows))


def _keep(found: Comparison, contender: Contender, result: ContenderResult) -> None:
    """Put what a contender brought beside what is found already."""
    name, model = contender.name, result.model
    found.masks[name], found.models[name], found.done[name] = result.masks, model, result.planes
    note = model.note if not (model.note and result.said) or model.note.endswith(".") else f"{model.note}."
    found.notes[name] = " ".join(filter(None, (note, result.said)))
    if contender.method is not None:
        fitted = getattr(model, "method", None)
        found.asked[name] = contender.method
        found.methods[name] = fitted if type(fitted) is type(contender.method) else contender.method


def _check_names(contenders: Sequence[Contender]) -> None:
    names = [one.name for one in contenders]
    if not names:
        raise UserError("No method was chosen. Choose at least one.")
    if len(set(names)) < len(names):
        raise UserError(f"Two methods have the same name ({', '.join(names)}). Give each its own.")


def _scorer(metrics: Sequence[str] | None, options: Mapping[str, Any]) -> Scorer:
    """Say what is measured and how; what is wrong with a name is said before any work is done."""
    from ..metrics import chosen_metrics
    from ..metrics.scoring import score_pair

    chosen_metrics(metrics)
    known = [field.name for field in dataclasses.fields(Options)]
    for name in options:
        if name not in known:
            raise UsageError(parameters.no_parameter("metrics", name, known))
    return partial(score_pair, metrics=metrics, options=Options(**options))


def _reason(name: str, error: Exception) -> str:
    """Return why a method failed, for people; what is a bug goes to the log as well."""
    if isinstance(error, UserError):
        return str(error)
    _log.error("%s failed", name, exc_info=error)
    return f"{type(error).__name__}: {error}"


def _is_among(name: str, cancelled: Callable[[], Collection[str]]) -> bool:
    return name in cancelled()


def _fit_and_score(
    contender: Contender, design: ComparisonDesign, score: Scorer, judge: Callable[..., Any] | None
) -> Generator[ComparisonEvent, None, tuple[ContenderResult, list[Row], Found]]:
    soft = None if judge is None else SoftAnswers([pair.image for pair in design.training.pairs])
    strokes = design.strokes if design.held_out else None
    found = yield from run_folds(contender, design.folds, design.planes, strokes.held_out if strokes else None,
                                 None if soft is None else soft.see)
    result, kept = found.whole, dict[str, Any]()
    rows = yield from _score(contender.name, design, result, score)
    if judge is not None and soft is not None:
        judged, kept = yield from judge(contender.name, design, result, soft)
        rows += judged
        result = dataclasses.replace(result, said=" ".join(filter(None, (result.said, soft.said))))
    if strokes and strokes.held_out:
        dice = dice_on_strokes(result.masks, design.references, result.planes)
        rows += evidence_rows(contender.name, design.training.classes, strokes, dice, found.agreement, found.losses)
    return result, [*rows, Row(contender.name, "", None, None, "", "seconds", result.seconds, "s")], kept


def _score(
    name: str, design: ComparisonDesign, result: ContenderResult, score: Scorer
) -> Generator[ComparisonEvent, None, list[Row]]:
    """Score what was segmented, telling at every plane how far it is, so that it can be cancelled."""
    rows: list[Row] = []
    for pair, mask, truth, done in zip(
        design.training.pairs, result.masks, design.references, result.planes, strict=True
    ):
        if truth is None:
            continue
        known = tuple(number for number in done if not design.held_out or plane_view(truth, number).any())
        if not known:
            continue
        image, seen, sees = pair.image, set[int | None](), seen_by(result.model, pair.image)
        for row in score(
            mask, truth, design.training.classes, method=name, image_name=image.name, planes=known,
            pixel_only=design.held_out, scale=image.scale, unit=image.unit,
        ):
            rows.append(dataclasses.replace(row, sees=sees))
            if row.plane not in seen:
                seen.add(row.plane)
                yield ComparisonEvent(name, "segment", f"{image.name}: scoring plane {len(seen)} of {len(known)}", 1.0)
    return rows


def _score_objects(
    objects: ObjectContest, metrics: Sequence[str] | None, options: Options, name: str, design: ComparisonDesign,
    result: ContenderResult, soft: SoftAnswers,
) -> Generator[ComparisonEvent, None, tuple[list[Row], Found]]:
    """Judge the objects of what was segmented, by every way; return the scores, and the objects."""
    rows: list[Row] = []
    kept: dict[str, list[PackedObjects | None]] = {
        one.way: [None] * len(design.training.pairs) for one in objects.searches}
    for number, (pair, mask, truth, done) in enumerate(zip(
        design.training.pairs, result.masks, design.references, result.planes, strict=True
    )):
        known = [plane for plane in done if truth is not None and plane_view(truth, plane).any()]
        if truth is None or not known:
            continue
        run = Work(objects.rows(name, number, pair.image, mask, truth, known, design.training.classes, metrics,
                                options, soft.of(number)))
        for said in run:
            yield ComparisonEvent(name, "segment", said, 1.0)
        own, found = run.result()
        sees = seen_by(result.model, pair.image)
        rows += [dataclasses.replace(row, sees=sees) for row in own]
        for way, packed in found.items():
            kept[way][number] = packed
    return rows, {way: tuple(images) for way, images in kept.items()}

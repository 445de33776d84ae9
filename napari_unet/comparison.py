"""Run several methods on the same strokes and judge them alike. Reads no files and draws nothing.

Every method gets the same strokes and is scored on the same planes by the same metrics. Where there is no reference,
whole strokes are kept from all methods and the methods are scored on them.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Generator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .contenders import Contender
from .core.classes import ClassTable
from .core.errors import UserError
from .core.image import Image
from .core.learning.strokes import hold_out
from .core.method import Model, Patch, Progress, checked_planes
from .core.rows import Row
from .core.scribbles import TrainingSet

Stage = Literal["fit", "segment", "done", "failed"]
Labels = NDArray[np.uint8]

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class Finding:
    """What a running comparison has just learnt.

    ``fraction`` is of this method's stage; ``image`` and ``patch`` come with stage ``"segment"``, ``rows`` with
    ``"done"``; ``text`` is one sentence (with ``"failed"``, the reason).
    """

    method: str
    stage: Stage
    text: str = ""
    fraction: float | None = None
    image: int | None = None
    patch: Patch | None = None
    rows: tuple[Row, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """The outcome of a comparison.

    Parameters
    ----------
    training : TrainingSet
        All images, with the strokes the methods have seen.
    planes : tuple of tuple of int
        Planes segmented, by image.
    references : tuple
        By image: painted ids (0 = unknown) scored against, or None. With held-out strokes, these strokes.
    held_out : bool
        Whether the references are held-out strokes.
    rows : tuple of Row
    masks : dict of str to tuple
        By method, one array per image: painted ids, uint8, the image's shape without channels, 0 where a plane was
        not segmented.
    notes : dict of str to str
        By method, what it chose and how.
    failures : dict of str to str
        By method that could not, why.
    """

    training: TrainingSet
    planes: tuple[tuple[int, ...], ...]
    references: tuple[Labels | None, ...]
    held_out: bool
    rows: tuple[Row, ...]
    masks: dict[str, tuple[Labels, ...]]
    notes: dict[str, str]
    failures: dict[str, str]

    @property
    def images(self) -> tuple[Image, ...]:
        """All images."""
        return tuple(pair.image for pair in self.training.pairs)

    @property
    def classes(self) -> ClassTable:
        """Classes of the strokes."""
        return self.training.classes


def run_comparison(
    training: TrainingSet,
    contenders: Sequence[Contender],
    *,
    references: Sequence[Labels | None] | None = None,
    planes: Sequence[Sequence[int] | None] | None = None,
    seed: int = 0,
) -> Generator[Finding, None, Comparison]:
    """Fit, segment and score each contender in turn.

    Parameters
    ----------
    training : TrainingSet
        Images and all their strokes.
    contenders : sequence of Contender
        With different names.
    references : sequence, optional
        By image: ndarray of painted ids, the image's shape without channels, 0 = unknown; or None for an image that
        is only learnt from. Without any, about a quarter of the strokes is kept from all methods for scoring.
    planes : sequence, optional
        By image: plane numbers to segment and score; None = all.
    seed : int
        Decides which strokes are held out.

    Yields
    ------
    Finding

    Returns
    -------
    Comparison

    Raises
    ------
    UserError
        If there is no contender, two have one name, or a reference has another shape than its image.
    """
    names = [one.name for one in contenders]
    if not names:
        raise UserError("No method was chosen. Choose at least one.")
    if len(set(names)) < len(names):
        raise UserError(f"Two methods have the same name ({', '.join(names)}). Give each its own.")
    images = [pair.image for pair in training.pairs]
    truths: list[Labels | None] = list(references or [None] * len(images))
    _check_references(images, truths)
    held_out = all(truth is None for truth in truths)
    if held_out:
        training, held = hold_out(training, seed=seed)
        truths = [pair.scribbles.to_array() if pair.scribbles.planes else None for pair in held.pairs]
    chosen = tuple(
        checked_planes(image, None if planes is None else planes[number])
        if held_out or truths[number] is not None else ()
        for number, image in enumerate(images)
    )

    rows: list[Row] = []
    masks: dict[str, tuple[Labels, ...]] = {}
    notes: dict[str, str] = {}
    failures: dict[str, str] = {}
    for contender in contenders:
        try:
            started = time.perf_counter()
            model = contender.model or (yield from _fit(contender, training))
            results = yield from _segment(contender.name, model, images, chosen)
            seconds = time.perf_counter() - started
            found = [*_score(contender.name, training, results, truths, chosen, held_out),
                     Row(contender.name, "", None, None, "", "seconds", seconds, "s")]
        except UserError as error:
            failures[contender.name] = str(error)
        except Exception as error:  # one method's bug must not take the others' results along
            _log.exception("%s failed", contender.name)
            failures[contender.name] = f"{type(error).__name__}: {error}"
        else:
            rows += found
            masks[contender.name] = results
            notes[contender.name] = model.note
            yield Finding(contender.name, "done", model.note, 1.0, rows=tuple(found))
            continue
        yield Finding(contender.name, "failed", failures[contender.name])
    return Comparison(training, chosen, tuple(truths), held_out, tuple(rows), masks, notes, failures)


def _check_references(images: Sequence[Image], truths: Sequence[Labels | None]) -> None:
    if len(truths) != len(images):
        raise UserError(f"There are {len(images)} images but {len(truths)} references. Give one (or none) per image.")
    for image, truth in zip(images, truths, strict=True):
        if truth is not None and truth.shape != image.shape:
            raise UserError(
                f"The reference of {image.name!r} has shape {truth.shape}, but the image without channels has "
                f"{image.shape} (axes {image.label_axes}). Choose the reference that belongs to this image."
            )


def _fit(contender: Contender, training: TrainingSet) -> Generator[Finding, None, Model]:
    """Drain the fit, passing its progress on; the model it ends in is returned."""
    assert contender.method is not None  # told by Contender
    fit = contender.method.fit(training)
    try:
        while True:
            progress: Progress = next(fit)
            yield Finding(contender.name, "fit", progress.text, progress.fraction)
    except StopIteration as stop:
        model: Model = stop.value
        return model
    finally:
        fit.close()


def _segment(
    name: str, model: Model, images: Sequence[Image], planes: Sequence[tuple[int, ...]]
) -> Generator[Finding, None, tuple[Labels, ...]]:
    results = tuple(np.zeros(image.shape, np.uint8) for image in images)
    for number, (image, wanted) in enumerate(zip(images, planes, strict=True)):
        if not wanted:
            continue
        for patch in model.segment(image, wanted):
            results[number][patch.where] = patch.labels
            yield Finding(name, "segment", f"{image.name}: {patch.done} of {patch.total}", patch.done / patch.total,
                          image=number, patch=patch)
    return results


def _score(
    name: str,
    training: TrainingSet,
    results: Sequence[Labels],
    truths: Sequence[Labels | None],
    planes: Sequence[tuple[int, ...]],
    held_out: bool,
) -> list[Row]:
    from .metrics.scoring import score_pair

    rows: list[Row] = []
    for pair, result, truth, wanted in zip(training.pairs, results, truths, planes, strict=True):
        if truth is None:
            continue
        flat = truth.reshape(-1, *truth.shape[-2:])
        known = tuple(number for number in wanted if flat[number].any()) if held_out else wanted
        rows += score_pair(result, truth, training.classes, method=name, image_name=pair.image.name, planes=known,
                           pixel_only=held_out)
    return rows

"""Train, predict, score and compare: what the command line, the window and scripts share. Prints and draws nothing.

Each function returns :class:`~napari_unet.core.work.Work`: iterate over it for progress, call ``.result()`` for the
outcome.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_unet.comparison.contender_run import ComparisonEvent
from napari_unet.comparison.contenders import (
    CLASSICAL_BUDGET,
    DEFAULT_METHODS,
    NETWORK_BUDGET,
    can_be_trained,
    make_contenders,
    make_method,
)
from napari_unet.comparison.evaluation import score
from napari_unet.comparison.object_contest import ObjectContest
from napari_unet.comparison.object_references import references_and_objects
from napari_unet.comparison.outcome import Comparison
from napari_unet.comparison.reference_values import Values
from napari_unet.comparison.runner import run_comparison
from napari_unet.core.classes import ClassTable, to_mask
from napari_unet.core.errors import UsageError
from napari_unet.core.image import Image
from napari_unet.core.method import Model, Patch, Progress
from napari_unet.core.scribbles import TrainingSet
from napari_unet.core.work import work
from napari_unet.inputs import ArrayLike, as_images, as_training_set
from napari_unet.objects.image_objects import ObjectSearch
from napari_unet.predicting.patches import prediction_shape, probability_shape, segment_into

from .object_finding import object_searches, objects_of
from .object_scoring_files import score_object_numbers

__all__ = ["Predicted", "compare", "objects_of", "predict", "score", "score_object_numbers", "train"]

if TYPE_CHECKING:
    from napari_unet.predicting.network_model import NetworkModel


@work
def train(
    images: ArrayLike | Sequence[ArrayLike],
    scribbles: ArrayLike | Sequence[ArrayLike],
    *,
    network: str | os.PathLike[str] = "unet",
    axes: str | None = None,
    index: Sequence[int] | None = None,
    classes: ClassTable | None = None,
    **options: Any,
) -> Generator[Progress, None, Any]:
    """Train a network (or a forest) on painted strokes.

    Parameters
    ----------
    images, scribbles : array, Image, path or sequence of these
        Images and their strokes, one for one. Strokes have the image's axes without C; 0 = not painted,
        1 = background, 2, 3, ... = classes.
    network : str or path
        Name in the networks registry, ``"forest"``, or a recipe file of one of them.
    axes : str, optional
        Letters of the images' axes, e.g. ``"NYX"``; guessed when not given (see :func:`resolve_axes`).
    index : sequence of int, optional
        Planes whose strokes may be used; all by default.
    classes : ClassTable, optional
        Names and colours.
    **options
        Parameters of the training and of the network: ``seconds``, ``steps``, ``device``, ``seed``, ``width``, ...; of
        a recipe they take the place of its own.

    Yields
    ------
    Progress
        With the loss so far, and every ten seconds or so with the model so far.

    Returns
    -------
    NetworkModel or ForestModel

    Raises
    ------
    UserError
        If strokes and images do not match, fewer than two classes are painted, or the recipe cannot be used.
    UsageError
        For an unknown network or option.
    """
    training = as_training_set(images, scribbles, axes=axes, index=index, classes=classes)
    method = make_method(network, **options)
    if not can_be_trained(type(method)):
        raise UsageError(
            f"{str(network)!r} is not a network (nor a forest) and cannot be trained. See `napari-unet methods`."
        )
    return (yield from method.fit(training))


@work
def predict(
    images: ArrayLike | Sequence[ArrayLike],
    model: NetworkModel | Model | str | Path,
    *,
    axes: str | None = None,
    index: Sequence[int] | None = None,
    painted_ids: bool = False,
    probabilities: bool = False,
    tta: bool = False,
    device: str = "auto",
) -> Generator[Predicted, None, Any]:
    """Segment images with a fitted model.

    Parameters
    ----------
    images : array, Image, path or sequence of these
    model : Model or path
        What :func:`train` returned, or a model file.
    axes : str, optional
        Letters of the images' axes.
    index : sequence of int, optional
        Only these planes, in this order.
    painted_ids : bool
        Return ids as they were painted (1 = background) instead of a mask (0 = background).
    probabilities : bool
        Return class probabilities too.
    tta : bool
        Average over turned and mirrored versions (slower, often a little better).
    device : str
        Where to run a model that is loaded from a file.

    Yields
    ------
    Predicted
        Each patch as it comes.

    Returns
    -------
    ndarray or list of ndarray
        One uint8 array per image (a list only if a sequence was given): the image's shape without channels, or
        (planes, Y, X) with ``index``. With ``probabilities``, pairs of that and a float32 array (planes, C, Y, X).

    Raises
    ------
    UserError
        If an image does not suit the model, or has no such plane.
    """
    if isinstance(model, (str, os.PathLike)):
        from napari_unet.io.model_file import load_model

        model = load_model(Path(model), device=device)
    if tta:
        if not hasattr(model, "tta"):
            raise UsageError("Averaging over turned versions (tta) is only for networks.")
        model = dataclasses.replace(model, tta=True)  # type: ignore[type-var]  # checked by the line above
    several = isinstance(images, (list, tuple))
    results = []
    for number, image in enumerate(as_images(images, axes)):
        shape = prediction_shape(image, index)
        labels = np.zeros(shape, np.uint8)
        maps = np.zeros(probability_shape(image, model, index), np.float32) if probabilities else None
        for patch in segment_into(image, model, labels, maps, index=index):
            yield Predicted(number, image, patch)
        labels = labels if painted_ids else to_mask(labels)
        results.append(labels if maps is None else (labels, maps))
    return results if several else results[0]


@dataclasses.dataclass(frozen=True, eq=False)
class Predicted:
    """A patch of a prediction, and of which image."""

    number: int
    image: Image
    patch: Patch


@work
def compare(
    images: ArrayLike | Sequence[ArrayLike],
    scribbles: ArrayLike | Sequence[ArrayLike | None] | None,
    references: ArrayLike | Sequence[ArrayLike | None] | None = None,
    *,
    methods: Sequence[str | os.PathLike[str]] | str | os.PathLike[str] = DEFAULT_METHODS,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    model: NetworkModel | Model | str | Path | None = None,
    reference_values: Values = "auto",
    axes: str | None = None,
    index: Sequence[int] | None = None,
    classes: ClassTable | None = None,
    seconds: float = NETWORK_BUDGET,
    budget: float | None = CLASSICAL_BUDGET,
    folds: int = 1,
    metrics: Sequence[str] | None = None,
    judging: Mapping[str, Any] | None = None,
    device: str = "auto",
    seed: int = 0,
    ways: Sequence[str | ObjectSearch] = (),
    countable: Sequence[int | str] = (),
) -> Generator[ComparisonEvent, None, Comparison]:
    """Run several methods on the same strokes and score them alike.

    Parameters
    ----------
    images, scribbles, references : array, Image, path or sequence of these
        One for one; None for an image without strokes or without a reference. Without any reference, methods are
        scored on held-out strokes.
    methods : str, path or sequence of these
        Names in the method registry, presets (``"quick"``, ``"classical"``, ``"networks"``, ``"everything"``) and
        recipe files (ending in ``.json``).
    options : mapping of str to mapping, optional
        By method (a recipe is called like its file, without the ending), parameters that differ from their defaults.
    model : Model or path, optional
        A trained network, used in place of training those among ``methods``.
    reference_values : {"auto", "mask", "painted", "objects"}
        Code of the references, as for :func:`score`; ``"auto"`` recognises it by the values and the strokes on them.
    axes : str, optional
        Letters of the images' axes.
    index : sequence of int, optional
        Planes that are segmented and scored; every method learns from all painted planes.
    classes : ClassTable, optional
        Names and colours.
    seconds : float
        Training time of each network; it has as much again for segmenting.
    budget : float, optional
        Seconds that any other method has for learning and segmenting together; None = as long as it needs. What is not
        done in time is left out: a result on n of m planes is scored on these, and its note says so.
    folds : int
        Without references: 1 holds out about a quarter of the strokes, and another quarter in a second fit; more hold
        out each stroke once.
    metrics : sequence of str, optional
        Names of metrics or families of metrics; a short set by default.
    judging : mapping of str to Any, optional
        How metrics are computed: fields of :class:`napari_unet.metrics.Options`.
    device : str
        Where networks run.
    seed : int
        Of training and of the choice of held-out strokes.
    ways : sequence of str or ObjectSearch
        Judge objects too: those of every method's result by each of these ways, against those of the references
        (numbers as they are where a reference numbers objects, else the parts of its classes).
    countable : sequence of int or str
        With ``ways``: classes whose objects are counted, by painted ids or names; default all but background. Of the
        others the area is judged, by panoptic quality.

    Yields
    ------
    ComparisonEvent

    Returns
    -------
    Comparison

    Raises
    ------
    UserError
        If images, strokes and references do not match.
    UsageError
        For an unknown method, parameter or metric.
    """
    training = as_training_set(images, scribbles, axes=axes, classes=classes)
    truths, numbered = None, tuple[Any, ...]()
    if references is not None:
        given = references if isinstance(references, (list, tuple)) else [references]
        truths, numbered, table = references_and_objects(
            given, [pair.image for pair in training.pairs], reference_values,
            [pair.scribbles.to_array() for pair in training.pairs], training.classes)
        seen = {int(number) for truth in truths if truth is not None for number in np.unique(truth) if number}
        training = TrainingSet(training.pairs, (table or training.classes).including(seen))
    searches = object_searches(ways, training.classes.ids_of(countable))
    common = {"seconds": float(seconds), "device": device, "seed": seed}
    wanted = [methods] if isinstance(methods, (str, os.PathLike)) else methods
    contenders = make_contenders(wanted, options or {}, common, model, budget=budget)
    chosen = None if index is None else [index] * len(training.pairs)
    return (yield from run_comparison(training, contenders, references=truths, planes=chosen, seed=seed, folds=folds,
                                      metrics=metrics, judging=judging,
                                      objects=ObjectContest(searches, numbered) if searches else None))

"""What the docks do with a project, without a window: train, predict, count, and the methods text. Prints nothing.

Strokes, classes, axes, channels and settings are those of the project, taken up in the same way as the window does it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from napari_unet.comparison.contenders import can_be_trained, make_method
from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.fingerprints import stroke_hash
from napari_unet.core.geometry import Geometry
from napari_unet.core.method import Model, Patch, Progress
from napari_unet.core.provenance import ImageFacts, now, of_model
from napari_unet.core.work import work
from napari_unet.io import create_mask, read_contents
from napari_unet.predicting.mask_origin import mask_provenance
from napari_unet.predicting.patches import segment_into
from napari_unet.report.methods_paragraph import methods_paragraph
from napari_unet.workflows.counts import CountRow, count_mask

from .level_images import check_predictable
from .prediction_basis import basis_of_model
from .predictions import open_result, result_origin
from .project_contents import ProjectContents
from .project_folder import ProjectFolder
from .records import ImageRecord, ModelRecord


@work
def train_project(
    contents: ProjectContents, network: str = "unet", *, go_on: bool = False, **options: Any
) -> Generator[Progress, None, Any]:
    """Learn from the strokes of a project, as *Update once* does; the project is left as it is.

    Parameters
    ----------
    contents : ProjectContents
    network : str
        A network, ``"forest"`` or a recipe file.
    go_on : bool
        Go on from the model that is shown, as the window does, instead of anew.
    **options
        Parameters of the method.

    Yields
    ------
    Progress

    Returns
    -------
    NetworkModel or ForestModel

    Raises
    ------
    UserError, UsageError
        As :func:`napari_unet.workflows.train`, or if there is no model to go on from.
    """
    method = make_method(network, **options)
    if not can_be_trained(type(method)):
        raise UsageError(f"{network!r} is no network (nor a forest) and cannot be trained. See `napari-unet methods`.")
    contents.check_painted()
    if go_on:
        weights = getattr(contents.model(), "weights", None)
        if weights is None or not hasattr(method, "continue_from"):
            raise UserError("Only a network can be trained further. Leave --continue out to train anew.")
        method = method.continue_from(weights)
    return (yield from method.fit(contents.training))


def keep_model(contents: ProjectContents, model: Any) -> ModelRecord:
    """Put a model into its project, as the one that is shown.

    Raises
    ------
    UserError
        If the project is open to read only, or cannot be written.
    """
    folder, told = contents.folder, of_model(model)
    step = int(getattr(getattr(model, "weights", None), "step", 0))
    known = {one.training for one in folder.state.models}
    strokes = {key: stroke_hash(pair.scribbles)
               for key, pair in zip(contents.painted, contents.training.pairs, strict=True)}
    network = hasattr(model, "weights")
    record = folder.put_model(
        model, name=(f"step {step}" if step else "instant answer") if network else "forest", step=step,
        dice=told.dice if told else None, training=max(known, default=0) + 1, strokes=strokes, shown=True,
    )
    write_project_state(folder)
    folder.log("model", name=record.name, dice=record.dice, file=record.file)
    return record


def write_project_state(folder: ProjectFolder) -> None:
    """Write what a project knows, where nobody keeps it in memory and tries again.

    Raises
    ------
    UserError
        If it is open to read only, or cannot be written.
    """
    try:
        folder.flush()
    except OSError as error:
        raise UserError(f"{folder.path} could not be written ({error.strerror or error}). What it knew before is "
                        "untouched. Make room, or see that you may write there, and try again.") from error


def predict_image(
    contents: ProjectContents, record: ImageRecord, model: Model, target: Path | None = None, *,
    overwrite: bool = False, version: str = "0.4",
) -> Generator[Patch, None, tuple[Path, ...]]:
    """Segment one image of a project into its results, or into a file of its own.

    Parameters
    ----------
    contents : ProjectContents
    record : ImageRecord
    model : Model
    target : Path, optional
        By default the project's own results, where an earlier one is replaced.
    overwrite : bool
        Whether a file at ``target`` may be replaced.
    version : {"0.4", "0.5"}
        Of OME-Zarr.

    Yields
    ------
    Patch

    Returns
    -------
    tuple of Path
        What was written.

    Raises
    ------
    UserError
        If the image is missing or does not suit the model, or the mask cannot be written.
    """
    check_predictable(record)
    folder, image, begun = contents.folder, contents.read(record), now()
    own = target is None
    path = folder.result_path(record.id) if target is None else target
    if own:
        path.parent.mkdir(exist_ok=True)
    with create_mask(
        path, image.shape, classes=model.classes.including(contents.classes.ids), geometry=image.geometry,
        role="prediction", overwrite=overwrite or own, version=version,
        provenance=mask_provenance(model, image, begun=begun),
    ) as labels:
        yield from segment_into(image, model, labels)
    if own:
        folder.put_result(record.id, model, basis_of_model(model))
        write_project_state(folder)
    return (path,)


def count_image(folder: ProjectFolder, record: ImageRecord, classes: ClassTable) -> Iterator[CountRow]:
    """Count what the project's prediction of an image holds; the image itself need not be there.

    Yields
    ------
    dict
        See :func:`napari_unet.workflows.counts.count_mask`.

    Raises
    ------
    UserError
        If there is no prediction, it cannot be read, or does not fit the image any more.
    """
    result = folder.state.result(record.id)
    if result is None:
        raise UserError(f"{record.name} has no prediction yet. Predict it first.")
    path, axes, shape = folder.path / result.file, record.label_axes, record.label_shape
    if not axes:  # the image is taken as its file has it, and so was the mask
        found, _ = read_contents(path, labels=True)
        axes = "".join(letter for letter in found.letters if letter not in "YX") + "YX"
        shape = found.data.shape
    labels: Any = open_result(path, axes, shape)
    if labels is None:
        raise UserError(f"The prediction of {record.name} is of another shape than the image is now. Predict it again.")
    place = Geometry(axes, record.scale, record.unit) if record.axes else None
    yield from count_mask(labels, classes, place, record.name)


def project_methods_text(folder: ProjectFolder, model: Model | None) -> str:
    """Write the methods paragraph of a paper: how a model was made, and which images of the project it segmented.

    Parameters
    ----------
    folder : ProjectFolder
    model : Model or None
        None, or one that does not say how it was made: that which the predictions came from.

    Raises
    ------
    UserError
        If there is neither a model nor a prediction whose making could be told.
    """
    state, told = folder.state, of_model(model)
    applied: list[ImageFacts] = []
    for record in state.images:
        result = state.result(record.id)
        if result is not None:
            known = result_origin(folder.path / result.file)
            told = told or (known.model if known else None)
            applied += known.images if known else [_facts(record)]
    if told is None:
        raise UserError(f"{folder.path.name} has no model yet that says how it was made. Paint, let it learn, and try "
                        "again.")
    return methods_paragraph(told, applied)


def _facts(record: ImageRecord) -> ImageFacts:
    """Return what a record tells of an image, without a look at its pixels."""
    sizes = dict(zip(record.axes, record.shape, strict=True)) if record.axes else {}
    return ImageFacts(record.name, record.label_shape or record.shape, record.label_axes, sizes.get("C", 1),
                      record.dtype, record.scale, record.unit)

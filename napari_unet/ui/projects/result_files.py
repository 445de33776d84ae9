"""What is written of the images of a project: predictions, masks, counts, a methods text. Runs in worker threads.

Each is a generator that yields progress and returns what came of it; none touches a layer or a widget.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.method import Model, Progress
from napari_unet.core.provenance import now
from napari_unet.io import create_mask
from napari_unet.predicting.mask_origin import mask_provenance
from napari_unet.project.level_images import check_predictable
from napari_unet.project.mask_names import MaskPlace
from napari_unet.project.predictions import result_origin
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.records import ImageRecord, ProjectState
from napari_unet.project.sources import read_source
from napari_unet.project.verbs import count_image, project_methods_text
from napari_unet.report.counts_table import write_counts
from napari_unet.report.whole_file import appearing_whole
from napari_unet.workflows.counts import COLUMNS, CountRow

from .prepared_image import read_result

TICK = 0.1
"""Seconds between two reports of progress."""

LONGEST_STILL = 20.0
"""Seconds without any sign of life after which an answer is not waited for any longer."""


def answered(
    due: Latest[bool], moves: Latest[int], clock: Callable[[], float] = time.monotonic, tick: float = TICK
) -> Generator[Progress, None, None]:
    """Wait for an answer that is due as long as whoever makes it moves.

    Parameters
    ----------
    due : Latest of bool
        Whether it is still to come.
    moves : Latest of int
        Another number with each sign of life.
    clock : callable
        Seconds.
    tick : float
        Seconds between two looks.
    """
    seen, since = moves.get(), clock()
    while due.get() and (moves.get() != seen or clock() - since < LONGEST_STILL):
        if moves.get() != seen:
            seen, since = moves.get(), clock()
        yield Progress("Waiting for the answer to your newest strokes", None)
        time.sleep(tick)


def predicted(
    model: Model, folder: ProjectFolder, record: ImageRecord, classes: ClassTable
) -> Generator[Progress, None, str]:
    """Segment one image into the project; returns its key."""
    check_predictable(record)
    image, begun, told = read_source(record, folder.path), now(), 0.0
    path = folder.result_path(record.id)
    path.parent.mkdir(exist_ok=True)
    output = create_mask(
        path, image.shape, classes=model.classes.including(classes.ids), geometry=image.geometry, role="prediction",
        overwrite=True, provenance=mask_provenance(model, image, begun=begun, made_by="window"),
    )
    with output:
        for patch in model.segment(image):
            output[patch.where] = patch.labels
            if time.monotonic() - told > TICK:
                told = time.monotonic()
                yield Progress(f"tile {patch.done} of {patch.total}", patch.done / patch.total)
    return record.id


def exported(
    place: MaskPlace, folder: ProjectFolder, result: Path, classes: ClassTable
) -> Generator[Progress, None, MaskPlace]:
    """Write the prediction of one image as a mask.

    Raises
    ------
    UserError
        If the prediction does not fit the image any more, or the mask cannot be written.
    """
    image = read_source(place.record, folder.path)
    labels = _fitting(result, image)
    place.path.parent.mkdir(parents=True, exist_ok=True)
    output = create_mask(
        place.path, image.shape, classes=classes, geometry=image.geometry, role="prediction", overwrite=place.taken,
        provenance=result_origin(result),
    )
    with output:
        for number in range(image.n_planes):
            where = image.where(number)
            output[where] = labels[where]
            yield Progress(f"plane {number + 1} of {image.n_planes}", number / image.n_planes)
    return place


def counted(
    folder: ProjectFolder, state: ProjectState, classes: ClassTable, path: Path, overwrite: bool
) -> Generator[Progress, None, str]:
    """Write a table of counts of all predictions; returns a sentence."""
    rows: list[CountRow] = []
    left_out = []
    records = [one for one in state.images if state.result(one.id) is not None]
    for number, record in enumerate(records):
        yield Progress(f"Counting {record.name} ({number + 1} of {len(records)})", number / len(records))
        try:
            rows += list(count_image(folder, record, classes))
        except (UserError, OSError) as error:
            left_out.append(f"{record.name}: {error}")
    place = path if overwrite else _free(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    write_counts(place, rows, COLUMNS, overwrite=overwrite)
    count = len(records) - len(left_out)
    return "\n".join([f"Saved the counts of {count} image{'' if count == 1 else 's'} as {place}.",
                      *(f"  left out: {one}" for one in left_out)])


def methods_text(folder: ProjectFolder, model: Model | None, path: Path) -> Generator[Progress, None, str]:
    """Write the methods paragraph of a paper, from what the model and the predictions say of themselves.

    Raises
    ------
    UserError
        If there is nothing to tell, or it cannot be written.
    """
    yield Progress("Writing the methods text", None)
    text = project_methods_text(folder, model)
    with appearing_whole(path, True) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return f"Saved the methods text as {path}. Read it through before you use it."


def _fitting(result: Path, image: Image) -> Any:
    labels = read_result(result, image)
    if labels is None:
        raise UserError("Its prediction is of another shape than the image is now. Predict it again.")
    return labels


def _free(path: Path) -> Path:
    """Return the path, with a number in its name if something is there."""
    numbers: Iterator[Path] = (path.with_name(f"{path.stem}_{number}{path.suffix}") for number in range(2, 10_000))
    return next((one for one in (path, *numbers) if not os.path.lexists(one)), path)

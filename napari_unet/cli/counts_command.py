"""``napari-unet counts``: parts, holes and areas, or single objects, of a project or of a mask, as one table."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from functools import partial

from napari_unet.core.addresses import is_url
from napari_unet.core.errors import UsageError, UserError
from napari_unet.core.readable import readable
from napari_unet.core.work import run_to_end
from napari_unet.io import clear_of_inputs
from napari_unet.objects.measure_table import MeasureTable, joined_tables
from napari_unet.project.object_tables import ProjectObjects
from napari_unet.project.project_contents import ProjectContents
from napari_unet.project.project_home import SUFFIX
from napari_unet.project.records import ImageRecord
from napari_unet.project.sources import changed_file
from napari_unet.project.verbs import count_image
from napari_unet.report.counts_table import write_counts
from napari_unet.report.object_csv import write_objects
from napari_unet.workflows.batch import BatchPiece, run_batch
from napari_unet.workflows.counts import COLUMNS, CountRow

from .count_files import count_file
from .project_commands import image_files, names_project, opened, outside, raise_failures
from .terminal import check_writable, say, show


def run_counts(arguments: argparse.Namespace) -> None:
    """Write one table of parts, holes and areas of all predictions of a project or of a mask, or of its objects."""
    if not names_project(arguments.project):
        if not is_url(arguments.project) and not arguments.project.exists():
            raise UsageError(f"{arguments.project} is no project. Give a folder NAME{SUFFIX}, or a mask.")
        if arguments.objects:
            raise UsageError("--objects measures the objects of a project. Of a mask: napari-unet objects MASK -o OUT "
                             "--table TABLE.csv.")
        if arguments.moved:
            raise UsageError("--moved is for projects (NAME.unet).")
        count_file(arguments, arguments.project)
        return
    outside(arguments.output, arguments.project)
    replace = check_writable(arguments.output, arguments.overwrite, [arguments.project])
    if arguments.objects:
        _measure_objects(arguments, replace)
        return
    rows: list[CountRow] = []

    def counted(contents: ProjectContents, record: ImageRecord) -> Generator[None, None, list[CountRow]]:
        found = []
        file = changed_file(record, contents.folder.path)
        if file is not None and not any(str(file) in text for text in contents.told):  # of a painted one it was told
            say(f"The file of {record.name!r} ({file}) has changed since it came to the project. Look whether its mask "
                "still fits it.")
        for row in count_image(contents.folder, record, contents.classes):
            found.append(row)
            yield
        return found

    with opened(arguments, arguments.project) as contents:
        clear_of_inputs(arguments.output, image_files(contents))
        pieces = [BatchPiece(record.name, partial(counted, contents, record))
                  for record in contents.folder.state.images]
        summary = run_batch(pieces).result()
    for one in summary.done:
        rows += one.result
    if not summary.done:
        raise UserError(summary.sentence or f"{arguments.project} has no images yet. Open it in napari and add some.")
    write_counts(arguments.output, rows, COLUMNS, overwrite=replace)
    show(readable(arguments.output))
    raise_failures(summary)


def _measure_objects(arguments: argparse.Namespace, replace: bool) -> None:
    """Write one table of all objects in the predictions of a project."""

    def measured(
        objects: ProjectObjects, record: ImageRecord
    ) -> Generator[None, None, list[MeasureTable]]:
        found = []
        for table in objects.tables(record):
            found.append(table)
            yield
        return found

    with opened(arguments, arguments.project) as contents:
        clear_of_inputs(arguments.output, image_files(contents))
        objects = ProjectObjects(contents.folder, contents.classes, contents.moved)
        run_to_end(objects.learn())
        pieces = [BatchPiece(record.name, partial(measured, objects, record))
                  for record in contents.folder.state.images]
        summary = run_batch(pieces).result()
    if not summary.done:
        raise UserError(summary.sentence or f"{arguments.project} has no images yet. Open it in napari and add some.")
    table = joined_tables([one for piece in summary.done for one in piece.result])
    write_objects(arguments.output, table, overwrite=replace)
    for note in table.notes:
        say(note)
    show(readable(arguments.output))
    raise_failures(summary)

"""``napari-unet score``: a prediction against a reference, as a table on stdout and on request as CSV."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_unet import workflows
from napari_unet.core import parameters
from napari_unet.core.errors import UsageError
from napari_unet.core.rows import Row
from napari_unet.metrics import Options
from napari_unet.report.table import format_text, summarise, write_csv

from .terminal import check_writable, show


def run_score(arguments: argparse.Namespace) -> None:
    """Score a prediction and print the table."""
    replace = False
    if arguments.csv is not None:
        replace = check_writable(arguments.csv, arguments.overwrite, [arguments.prediction, arguments.reference])
    if arguments.objects:
        rows = workflows.score_object_numbers(
            Path(arguments.prediction), Path(arguments.reference), index=arguments.index, axes=arguments.axes,
            volume=arguments.volume, name=Path(arguments.prediction).name, metrics=arguments.metrics,
            scale=arguments.scale, unit=arguments.unit, settings=parameters.parse(Options, dict(arguments.set)),
        ).result()
        _tell(arguments, rows, replace)
        return
    if arguments.axes:
        raise UsageError("--axes is for --objects; other scores go plane by plane.")
    rows = workflows.score(
        Path(arguments.prediction),
        Path(arguments.reference),
        values=arguments.values,
        reference_values=arguments.reference_values,
        index=arguments.index,
        name=Path(arguments.prediction).name,
        metrics=arguments.metrics,
        volume=arguments.volume,
        scale=arguments.scale,
        unit=arguments.unit,
        settings=parameters.parse(Options, dict(arguments.set)),
    ).result()
    _tell(arguments, rows, replace)


def _tell(arguments: argparse.Namespace, rows: list[Row], replace: bool) -> None:
    """Write the single values, and print the table."""
    if arguments.csv is not None:
        write_csv(arguments.csv, rows, overwrite=replace)
    show(format_text(summarise(rows)))

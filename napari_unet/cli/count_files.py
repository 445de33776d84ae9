"""``napari-unet counts`` of mask files, larger than memory if need be."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_unet.core.readable import readable
from napari_unet.report.counts_table import write_counts
from napari_unet.workflows.counts import COLUMNS
from napari_unet.workflows.store_counts import count_store

from .terminal import check_writable, progress_bar, show


def count_file(arguments: argparse.Namespace, mask: Path | str) -> None:
    """Write one table of parts, holes and areas of a mask, counted block by block."""
    replace = check_writable(arguments.output, arguments.overwrite, [mask])
    rows = []
    with progress_bar(Path(mask).name, total=None) as shown:
        for row in count_store(mask):
            rows.append(row)
            shown.update()
    write_counts(arguments.output, rows, COLUMNS, overwrite=replace)
    show(readable(arguments.output))

"""A batch of images in the terminal: a bar for each, and what was made of it. Runs nothing itself."""

from __future__ import annotations

import contextlib

from napari_unet.core.readable import readable
from napari_unet.core.work import Work
from napari_unet.workflows.batch import BatchEvent, BatchSummary, PieceDone, PieceFailed, PieceProgress, PieceStarted

from .terminal import progress_bar, say, show


def watch_batch(batch: Work[BatchEvent, BatchSummary]) -> BatchSummary:
    """Run a batch of images with a bar for each, printing the files of each as soon as they are there."""
    with contextlib.ExitStack() as bars:
        for event in batch:
            if isinstance(event, PieceStarted):
                shown = bars.enter_context(progress_bar(event.heading, total=None))
            elif isinstance(event, PieceProgress):
                shown.total, shown.n = event.item.total, event.item.done
                shown.refresh()
            else:
                bars.close()
            if isinstance(event, PieceDone):
                for made in event.result:
                    show(readable(made))
            elif isinstance(event, PieceFailed) and event.total > 1:
                say(f"{event.name}: could not be done: {event.reason}")
    return batch.result()

"""What goes wrong with blocks on a cluster, as errors for people. Computes nothing."""

from __future__ import annotations

from concurrent.futures import CancelledError
from typing import Any

from napari_unet.core.errors import UserError, reason_of
from napari_unet.predicting.block_plan import Block

from .block_task import BlockTask

RETRIES = 3
"""How often a block is tried again, by another worker if need be."""

PATIENCE = 20.0
"""Seconds to wait for a scheduler, and for its first worker."""


def raise_failure(future: Any, task: BlockTask, block: Block) -> None:
    """Raise what went wrong with a block, as an error for people."""
    try:
        future.result()
    except UserError:
        raise
    except Exception as error:  # of Dask: a worker that died, a scheduler that is gone
        if getattr(error, "reason", None) == "scheduler-connection-lost":
            raise UserError(
                f"The scheduler does not answer any more, and has not come back within {PATIENCE:.0f} s. The blocks of "
                f"{task.image.name!r} that are done are kept: start it and its workers anew, and run the same again to "
                "go on."
            ) from error
        why = f"in {RETRIES + 1} trials: {reason_of(error)}"
        if isinstance(error, CancelledError):  # what was sent to workers is gone with the last of them
            why = "all workers that had its model have ended"
        raise UserError(
            f"The block at {task.place(block)} of {task.image.name!r} could not be done on the cluster, {why}. Perhaps "
            "a worker has too little memory: give it more, or look into its log. The blocks that are done are kept: "
            "run the same again to go on."
        ) from error

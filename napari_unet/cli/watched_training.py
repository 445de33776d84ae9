"""A training as ``train`` runs it, on files and on projects: with a bar, and kept however it ends. Decides no place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari_unet.core.method import Progress
from napari_unet.core.work import Work
from napari_unet.io.model_file import can_be_saved

from .terminal import say, with_progress_bar


def watch_training(work: Work[Progress, Any], keep: Callable[[Any], object]) -> None:
    """Run a training, and keep the model; that of an interrupted one is the model so far, if there is one.

    Parameters
    ----------
    work : Work
    keep : callable
        Saves a model and says where.

    Raises
    ------
    KeyboardInterrupt
        After what there is was kept.
    """
    model: Any = None
    try:
        for event in with_progress_bar(work, "training"):
            if can_be_saved(event.model):
                model = event.model
        model = work.result()
    except KeyboardInterrupt:
        work.close()
        if model is None:
            say("Interrupted before there was a model; nothing was saved.")
        else:
            say(f"Interrupted; the model so far is kept ({model.note}).")
            keep(model)
        raise
    say(model.note)
    keep(model)

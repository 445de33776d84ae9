"""``napari-unet train``: strokes in, model file out. An interrupted training saves the model so far."""

from __future__ import annotations

import argparse

from napari_unet import workflows
from napari_unet.core import knobs
from napari_unet.core.errors import UsageError
from napari_unet.core.predicting.predict import NetworkModel
from napari_unet.io.model_file import save_model
from napari_unet.networks import SHELF as NETWORKS
from napari_unet.segmenters import SHELF as METHODS

from .inputs import pictures, rows_of_files
from .terminal import follow, say, writable


def train(arguments: argparse.Namespace) -> None:
    """Train a network and save it."""
    files = rows_of_files(arguments, "pair", ("images", "scribbles"))
    inputs = [name for row in files for name in row if name is not None]
    replace = writable(arguments.output, arguments.overwrite, inputs)
    if arguments.network not in NETWORKS:
        raise UsageError(f"There is no network {arguments.network!r}. Allowed: {', '.join(NETWORKS.names())}.")
    options = knobs.parse(METHODS[arguments.network], dict(arguments.set))
    options |= {"device": arguments.device, "seed": arguments.seed}
    if arguments.steps is not None:
        options |= {"steps": arguments.steps, "seconds": None}
    elif arguments.seconds is not None or ("seconds" not in options and "steps" not in options):
        options["seconds"] = arguments.seconds or 60.0
    images = pictures([str(row[0]) for row in files], arguments.axes)
    work = workflows.train(images, [row[1] for row in files], network=arguments.network, index=arguments.index,
                           **options)
    model: NetworkModel | None = None
    try:
        for event in follow(work, "training"):
            if isinstance(event.model, NetworkModel):
                model = event.model
        model = work.result()
    except KeyboardInterrupt:
        work.close()
        if model is None:
            say("Interrupted before there was a model; nothing was saved.")
        else:
            save_model(arguments.output, model, overwrite=replace)
            say(f"Interrupted; the model so far is in {arguments.output} ({model.note}).")
        raise
    save_model(arguments.output, model, overwrite=replace)
    say(model.note)
    print(arguments.output)

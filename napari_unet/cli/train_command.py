"""``napari-unet train``: strokes in, model file out. An interrupted training saves the model so far."""

from __future__ import annotations

import argparse
from typing import Any

from napari_unet import workflows
from napari_unet.comparison.contenders import can_be_trained, registered_name
from napari_unet.core import parameters
from napari_unet.core.errors import UsageError
from napari_unet.io.model_file import can_be_saved, save_model
from napari_unet.io.recipe import is_recipe
from napari_unet.networks import REGISTRY as NETWORKS
from napari_unet.segmenters import REGISTRY as METHODS

from .input_files import file_rows, read_images
from .terminal import check_writable, say, with_progress_bar


def run_train(arguments: argparse.Namespace) -> None:
    """Train a network or a forest and save it."""
    files = file_rows(arguments, "pair", ("images", "scribbles"))
    inputs = [name for row in files for name in row if name is not None]
    replace = check_writable(arguments.output, arguments.overwrite, inputs)
    options = _options(arguments)
    images = read_images([str(row[0]) for row in files], arguments.axes)
    work = workflows.train(images, [row[1] for row in files], network=arguments.network, index=arguments.index,
                           **options)
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
            save_model(arguments.output, model, overwrite=replace)
            say(f"Interrupted; the model so far is in {arguments.output} ({model.note}).")
        raise
    save_model(arguments.output, model, overwrite=replace)
    say(model.note)
    print(arguments.output)


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Read the flags that are parameters of the method; those of a recipe stay unless a flag says otherwise.

    Raises
    ------
    UsageError
        If it is no network, or a parameter is unknown or not allowed.
    """
    networks = [*NETWORKS.names(),
                *(one.name for one in METHODS if can_be_trained(one.item) and one.name not in NETWORKS)]
    own = is_recipe(arguments.network)
    if not own and arguments.network not in networks:
        raise UsageError(f"There is no network {arguments.network!r}. Allowed: {', '.join(networks)}.")
    cls = METHODS[registered_name(arguments.network)]
    known = {field.name for field in parameters.fields(cls)}
    options = parameters.parse(cls, dict(arguments.set))
    if "device" in known and "device" not in options and (not own or arguments.device != "auto"):
        options["device"] = arguments.device
    if "seed" in known and "seed" not in options and (arguments.seed is not None or not own):
        options["seed"] = arguments.seed or 0
    if arguments.steps is not None:
        options |= {"steps": arguments.steps, "seconds": None}
    elif arguments.seconds is not None:
        options["seconds"] = arguments.seconds
    elif "seconds" in known and not own and "seconds" not in options and "steps" not in options:
        options["seconds"] = 60.0
    return options

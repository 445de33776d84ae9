"""``napari-unet train``: strokes in, model out. An interrupted training saves the model so far."""

from __future__ import annotations

import argparse
from typing import Any

from napari_unet import workflows
from napari_unet.comparison.contenders import can_be_trained, registered_name
from napari_unet.core import parameters
from napari_unet.core.errors import UsageError
from napari_unet.core.readable import readable
from napari_unet.io.model_file import save_model
from napari_unet.io.recipe import is_recipe
from napari_unet.networks import REGISTRY as NETWORKS
from napari_unet.segmenters import REGISTRY as METHODS

from .input_files import file_rows, read_images
from .project_commands import names_project, train_in_project
from .terminal import check_writable, show
from .watched_training import watch_training


def run_train(arguments: argparse.Namespace) -> None:
    """Train a network or a forest and save it."""
    if names_project(arguments.images):
        train_in_project(arguments, _options)
        return
    if arguments.output is None:
        raise UsageError("Say with -o MODEL.pt where the model goes (a project, NAME.unet, takes it in itself).")
    if arguments.go_on or arguments.moved:
        raise UsageError("--continue and --moved are for projects (NAME.unet).")
    arguments.network = arguments.network or "unet"
    files = file_rows(arguments, "pair", ("images", "scribbles"))
    inputs = [name for row in files for name in row if name is not None]
    replace = check_writable(arguments.output, arguments.overwrite, inputs)
    options = _options(arguments)
    images = read_images([str(row[0]) for row in files], arguments.axes)
    work = workflows.train(images, [row[1] for row in files], network=arguments.network, index=arguments.index,
                           **options)

    def keep(model: Any) -> None:
        save_model(arguments.output, model, overwrite=replace)
        show(readable(arguments.output))

    watch_training(work, keep)


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Read the flags that are parameters of the method; those of a recipe stay unless a flag says otherwise.

    Raises
    ------
    UsageError
        If it is no network, or a parameter is unknown or not allowed.
    """
    cls = _network_class(arguments.network)
    recipe = is_recipe(arguments.network)
    known = {field.name for field in parameters.fields(cls)}
    options = parameters.parse(cls, dict(arguments.set))
    flags: dict[str, Any] = {}
    if arguments.deterministic:
        flags["deterministic"] = True  # of a network; a forest always is
    if not recipe or arguments.device != "auto":
        flags["device"] = arguments.device
    if not recipe or arguments.seed is not None:
        flags["seed"] = arguments.seed or 0
    if not recipe and "steps" not in options:
        flags["seconds"] = 60.0
    options = {name: value for name, value in flags.items() if name in known} | options
    if arguments.steps is not None:
        return options | {"steps": arguments.steps, "seconds": None}
    return options if arguments.seconds is None else options | {"seconds": arguments.seconds}


def _network_class(name: str) -> type[Any]:
    """Return the class of a network (or a forest) by its name or recipe."""
    if not is_recipe(name):
        networks = [*NETWORKS.names(),
                    *(one.name for one in METHODS if can_be_trained(one.item) and one.name not in NETWORKS)]
        if name not in networks:
            raise UsageError(f"There is no network {name!r}. Allowed: {', '.join(networks)}.")
    return METHODS[registered_name(name)]

"""``napari-unet export-model``: a trained model in, a file for other programs out."""

from __future__ import annotations

import argparse

from napari_unet.core.readable import readable
from napari_unet.exchange.model_export import export_model
from napari_unet.io import clear_of_inputs
from napari_unet.io.model_file import load_model

from .terminal import check_writable, say, show


def run_export_model(arguments: argparse.Namespace) -> None:
    """Export a model and say how it was checked."""
    clear_of_inputs(arguments.output, [arguments.model])
    replace = check_writable(arguments.output, arguments.overwrite)
    work = export_model(
        arguments.output, load_model(arguments.model, "cpu"), authors=tuple(arguments.author),
        licence=arguments.licence, overwrite=replace)
    for text in work:
        say(text)
    say(f"Compared with the model on other pictures: logits within {max(work.result(), 1e-6):.1g}.")
    show(readable(arguments.output))

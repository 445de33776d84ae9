"""``napari-unet methods-text``: the methods paragraph of a paper, from a project, a model, a mask or a comparison."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.core.provenance import Provenance, of_model
from napari_unet.io import provenance_path
from napari_unet.io.model_file import SUFFIX as MODEL_SUFFIX
from napari_unet.io.model_file import load_model
from napari_unet.io.provenance_file import read_provenance
from napari_unet.project.verbs import project_methods_text
from napari_unet.report.folder import PROVENANCE
from napari_unet.report.methods_paragraph import methods_paragraph

from .project_commands import names_project, opened
from .terminal import say, show


def print_methods_text(arguments: argparse.Namespace) -> None:
    """Print the paragraph; what is not known is said in it."""
    if names_project(arguments.what):
        with opened(arguments, arguments.what) as contents:
            text = project_methods_text(contents.folder, contents.model("cpu") if contents.shown else None)
    else:
        text = methods_paragraph(_provenance_of(arguments.what))
    show(text.rstrip("\n"))
    say("Read it through before you use it: it says what was noted, not what you meant.")


def _provenance_of(path: Path) -> Provenance:
    """Return where something comes from, whatever it is.

    Raises
    ------
    UserError
        If it does not say so.
    """
    if path.name.lower().endswith(MODEL_SUFFIX):
        told = of_model(load_model(path, "cpu"))
        if told is None:
            raise UserError(f"{path} does not say how it was made: it is of an older napari-unet. Train again.")
        return told
    if provenance_path(path).is_file():
        return read_provenance(provenance_path(path))
    if path.is_dir() and (path / PROVENANCE).is_file():
        return read_provenance(path / PROVENANCE)
    if path.is_file() and path.suffix.lower() == ".json":
        return read_provenance(path)
    raise UserError(f"{path} does not say where it comes from. Give a project (NAME.unet), a model ({MODEL_SUFFIX}), a "
                    "mask with its NAME.provenance.json beside it, that file itself, or the folder of a comparison.")

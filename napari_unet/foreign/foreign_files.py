"""Opens models of other programs: an ``.onnx`` file, or a package of bioimage.io (``.zip``).

Only the graph is run. Nothing is unpickled, and no code that comes with a package is looked at.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from napari_unet.core.classes import ClassTable, PaintedClass
from napari_unet.core.errors import UserError, reason_of
from napari_unet.core.readable import readable

from .foreign_model import ForeignInput, ForeignModel, ForeignOutput
from .guessed_ends import guessed_ends, only_input
from .onnx_session import OnnxSession
from .package_description import package_model, yaml_description

SUFFIXES = (".onnx", ".zip")
LARGEST = 4 * 2**30
"""Bytes that a file of a package may unfold to."""

PROPERTY = "napari_unet"
"""Under this name our own ONNX files tell what they are."""


def is_foreign_model(path: str | os.PathLike[str]) -> bool:
    """Say whether a file is a model of another program, by its ending."""
    return Path(path).suffix.lower() in SUFFIXES


def load_foreign(path: str | os.PathLike[str]) -> ForeignModel:
    """Open a model of another program.

    Raises
    ------
    UserError
        If the file is missing or damaged, is not for segmentation of planes, or asks for what is not known here.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} {'is a folder' if path.is_dir() else 'does not exist'}. Choose an .onnx file or a "
                        "package of bioimage.io (.zip).")
    try:
        return _packaged(path) if path.suffix.lower() == ".zip" else _graph(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}).") from error


def _graph(path: Path) -> ForeignModel:
    graph = path.read_bytes()
    session = OnnxSession(graph, path.name)
    told = _told(session.properties.get(PROPERTY))
    if told is not None:
        classes, channels = told
        taken = ForeignInput(only_input(session), "bcyx", channels, empty=True)
        return ForeignModel(session, taken, ForeignOutput("probabilities"), classes,
                            f"{path.name}, exported from napari-unet, {len(classes.ids)} classes")
    taken, given, count, guessed = guessed_ends(session, graph)
    classes = ClassTable.default(range(1, max(2, count) + 1))
    return ForeignModel(session, taken, given, classes, f"{path.name}, {len(classes.ids)} classes; {guessed}")


def _told(text: str | None) -> tuple[ClassTable, int] | None:
    """Read what an export of ours says about itself; None where it is none, or damaged."""
    try:
        told = json.loads(text or "null")
        classes = ClassTable(tuple(PaintedClass(int(one["id"]), str(one["name"]), str(one["color"]))
                                   for one in told["classes"]))
        return classes, int(told["channels"])
    except (ValueError, TypeError, KeyError):
        return None


def _packaged(path: Path) -> ForeignModel:
    try:
        with zipfile.ZipFile(path) as archive:
            names = {one.filename: one for one in archive.infolist()}
            described = next((one for one in ("rdf.yaml", "bioimageio.yaml", "model.yaml") if one in names), None)
            if described is None:
                raise UserError(f"{path} holds no rdf.yaml, so it is no package of bioimage.io. Choose another file.")
            told = yaml_description(archive.read(described), path.name)
            source = _source(told, path.name)
            if source not in names:
                raise UserError(f"{path} does not hold {readable(source)}, its weights. Download the package again, "
                                "with its files.")
            if names[source].file_size > LARGEST:
                raise UserError(f"{path}: its weights would unfold to {names[source].file_size / 2**30:.0f} GB. "
                                "It is damaged or not meant well.")
            graph = archive.read(source)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UserError(f"{path} is damaged, or no package of bioimage.io ({reason_of(error)}). Download or export it "
                        "again.") from error
    return package_model(told, OnnxSession(graph, path.name))


def _source(told: Mapping[str, Any], name: str) -> str:
    """Return the name of the ONNX file in a package."""
    weights = told.get("weights")
    formats = sorted(map(str, weights)) if isinstance(weights, Mapping) else []
    entry = weights.get("onnx") if isinstance(weights, Mapping) else None
    source = entry.get("source") if isinstance(entry, Mapping) else None
    if not isinstance(source, str):
        raise UserError(f"{name} has no weights in ONNX (it has {', '.join(formats) or 'none'}). Those of other kinds "
                        "bring code, which is not run here; convert it with `bioimageio add-weights`.")
    if "://" in source:
        raise UserError(f"The weights of {name} are not in it, but at {readable(source)}. Download the package with "
                        "its files.")
    return str(PurePosixPath(source))

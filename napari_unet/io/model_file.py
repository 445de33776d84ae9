"""Model files: a network's weights with all that prediction needs. Never unpickles code; knows no image formats."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.core import knobs
from napari_unet.core.classes import ClassTable, PaintedClass
from napari_unet.core.errors import UserError
from napari_unet.core.image import Normalisation
from napari_unet.core.predicting.weights import Weights, check_tensors
from napari_unet.networks import SHELF

from ._output import beside, check_place, move_into_place, remove, replace_file, writing

if TYPE_CHECKING:  # torch is loaded only when a model is: this folder is searched for image formats too
    from napari_unet.core.predicting.predict import NetworkModel

FORMAT = "napari-unet model"
VERSION = 1
SUFFIX = ".pt"


def save_model(path: str | os.PathLike[str], model: NetworkModel, overwrite: bool = False) -> None:
    """Save a model, whole or not at all.

    Parameters
    ----------
    path : path
        Usually ends in ``.pt``.
    model : NetworkModel
        Its weights are saved; device and other settings of the prediction are not.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    UserError
        If the file exists and may not be replaced, or cannot be written, or the model has no weights.
    """
    import torch

    weights = getattr(model, "weights", None)
    if not isinstance(weights, Weights):
        raise UserError(f"Only trained networks can be saved, not {type(model).__name__}. Train a network first.")
    path = check_place(Path(path), overwrite, replace_file)
    contents = {
        "format": FORMAT,
        "version": VERSION,
        "network": weights.network_name,
        "knobs": knobs.as_dict(weights.network),
        "channels": weights.channels,
        "classes": [dataclasses.asdict(one) for one in weights.classes.classes],
        "normalisation": dataclasses.asdict(weights.normalisation),
        "step": weights.step,
        "tensors": dict(weights.tensors),
    }
    partial = beside(path)
    try:
        with writing(path):
            try:
                torch.save(contents, partial)
            except RuntimeError as error:  # torch's way to say that the disk is full
                raise OSError(str(error)) from error
            move_into_place(partial, path, overwrite)
    finally:
        remove(partial)


def load_model(path: str | os.PathLike[str], device: str = "auto") -> NetworkModel:
    """Load a model that :func:`save_model` saved.

    Parameters
    ----------
    path : path
    device : str
        Where to predict, see :func:`napari_unet.core.predicting.devices.choose_device`.

    Raises
    ------
    UserError
        If the file is missing, truncated, of another program or version, or its parts do not fit together.
    """
    from napari_unet.core.predicting.predict import NetworkModel

    contents = _read(Path(path))
    try:
        return NetworkModel(_weights(contents), device)
    except UserError as error:
        raise UserError(f"{path} cannot be used: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path} is a model file, but a part of it is missing or wrong ({type(error).__name__}: {error}). "
            "Save the model again."
        ) from error


def _read(path: Path) -> dict[str, Any]:
    import torch

    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(f"{path} {what}. Choose a model file ({SUFFIX}) that was saved by napari-unet.")
    try:
        contents = torch.load(path, map_location="cpu", weights_only=True)
    except PermissionError as error:
        raise UserError(f"{path} may not be read ({error.strerror}). Change its permissions.") from error
    except Exception as error:  # torch.load raises nearly anything on a file that is not its own
        raise UserError(
            f"{path} is not a model file of napari-unet, or was cut off while it was copied. Choose a file that was "
            "saved by napari-unet; for your safety, others are not opened."
        ) from error
    if not isinstance(contents, dict) or contents.get("format") != FORMAT:
        raise UserError(f"{path} was not saved by napari-unet. Choose a model file ({SUFFIX}) that was.")
    if contents.get("version") != VERSION:
        raise UserError(
            f"{path} has version {contents.get('version')} of the model format, this napari-unet reads version "
            f"{VERSION}. Update napari-unet, or train the model again."
        )
    return contents


def _weights(contents: Mapping[str, Any]) -> Weights:
    import torch

    name = contents["network"]
    if name not in SHELF:
        raise UserError(
            f"it holds a network called {name!r}, but there is none of that name here (there are: "
            f"{', '.join(SHELF.names())}). If it is one of your own, run the script that registers it first."
        )
    known = {field.name for field in knobs.fields(SHELF[name])}
    if stray := set(contents["knobs"]) - known:
        raise UserError(f"{name} has no parameter {sorted(stray)[0]!r} (it has {', '.join(sorted(known)) or 'none'}).")
    tensors = contents["tensors"]
    if not all(isinstance(tensor, torch.Tensor) for tensor in tensors.values()):
        raise TypeError("tensors are expected")
    weights = Weights(
        network=SHELF[name](**contents["knobs"]),
        network_name=name,
        tensors=tensors,
        channels=int(contents["channels"]),
        classes=ClassTable(tuple(PaintedClass(**one) for one in contents["classes"])),
        normalisation=Normalisation(**contents["normalisation"]),
        step=int(contents["step"]),
    )
    with torch.random.fork_rng(devices=[]):  # building must not shift the random numbers of a training
        check_tensors(weights.network.build(weights.channels, len(weights.classes.ids)), weights)
    return weights

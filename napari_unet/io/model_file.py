"""Model files: what a method has learnt, with all that prediction needs. Never unpickles code; knows no image formats.

A network is saved as its weights, a forest as the plain arrays of its trees: any method whose model has ``arrays`` and
which itself has ``restore`` can be saved (see :class:`napari_unet.segmenters.forest.Forest`).
"""

from __future__ import annotations

import dataclasses
import os
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.core import parameters
from napari_unet.core.errors import UserError, reason_of
from napari_unet.core.provenance import Provenance, now, of_model
from napari_unet.core.random_numbers import own_random_numbers
from napari_unet.core.readable import readable
from napari_unet.networks import REGISTRY
from napari_unet.predicting.weights import Weights, check_tensors
from napari_unet.segmenters import REGISTRY as METHODS

from ._model_parts import (
    MOST_CHANNELS,
    WrongPart,
    file_classes,
    ids,
    made_with,
    normalisation,
    tensors,
    text,
    whole_number,
)
from ._output import appearing, check_place, replace_file
from .provenance_file import provenance_from, provenance_text

if TYPE_CHECKING:  # torch is loaded only when a model is: this folder is searched for image formats too
    from napari_unet.foreign.foreign_model import ForeignModel
    from napari_unet.predicting.network_model import NetworkModel
    from napari_unet.segmenters.forest import ForestModel

FORMAT = "napari-unet model"
VERSION = 1
SUFFIX = ".pt"


def can_be_saved(model: Any) -> bool:
    """Say whether a model can be saved as a model file: a trained network or a forest."""
    return isinstance(getattr(model, "weights", None), Weights) or (
        hasattr(model, "arrays") and hasattr(getattr(model, "method", None), "restore")
    )


def save_model(path: str | os.PathLike[str], model: Any, overwrite: bool = False) -> None:
    """Save a model, whole or not at all.

    Parameters
    ----------
    path : path
        Usually ends in ``.pt``.
    model : NetworkModel or ForestModel
        Its weights or trees are saved, and where they come from; device and other settings of the prediction are not.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    UserError
        If the file exists and may not be replaced, or cannot be written, or the model is of a method that cannot be
        saved.
    """
    import torch

    if not can_be_saved(model):
        raise UserError(
            f"Only trained networks and forests can be saved, not {type(model).__name__}. Train a network first, or "
            "save the method as a recipe and fit it again."
        )
    path = check_place(Path(path), overwrite, replace_file)
    contents = {"format": FORMAT, "version": VERSION, "classes": [
        dataclasses.asdict(one) for one in model.classes.classes
    ], "provenance": provenance_text(_origin(model)),
        **(_of_network(model.weights) if hasattr(model, "weights") else _of_arrays(model))}
    with appearing(path, overwrite) as partial:
        try:
            torch.save(contents, partial)
        except RuntimeError as error:  # torch's way to say that the disk is full
            raise OSError(str(error)) from error


def load_model(
    path: str | os.PathLike[str], device: str = "auto"
) -> NetworkModel | ForestModel | ForeignModel:
    """Load a model that :func:`save_model` saved, or one of another program, by the ending of its name.

    Parameters
    ----------
    path : path
    device : str
        Where a network predicts, see :func:`napari_unet.predicting.devices.choose_device`.

    Raises
    ------
    UserError
        If the file is missing, truncated, of another program or version, or its parts do not fit together.
    """
    from napari_unet.foreign.foreign_files import is_foreign_model, load_foreign
    from napari_unet.instant.volume_model import network_model

    if is_foreign_model(path):
        return load_foreign(path)
    contents = _read(Path(path))
    try:
        if "method" in contents:
            return _fitted(contents)
        return network_model(_weights(contents), device)
    except UserError as error:
        raise UserError(f"{path} cannot be used: {error}") from error
    except Exception as error:  # no wrong part: the parts were checked one by one, but do not fit together
        reason = str(error) if isinstance(error, WrongPart) else reason_of(error)
        raise UserError(
            f"{path} is a model file, but a part of it is missing or wrong ({reason}). Save the model again."
        ) from error


def load_network(path: str | os.PathLike[str], device: str = "auto") -> NetworkModel:
    """Load a model file that must hold a network, say, to train it further.

    Raises
    ------
    UserError
        As :func:`load_model`, or if it holds another method.
    """
    from napari_unet.predicting.network_model import NetworkModel

    model = load_model(path, device)
    if not isinstance(model, NetworkModel):
        raise UserError(
            f"{path} holds {model.note.partition(':')[0].lower() or 'another method'}, not a network. Choose the model "
            "file of a network here; this one predicts with `napari-unet predict`."
        )
    return model


def _origin(model: Any) -> Provenance:
    """Return where a model comes from; of one that does not know it, which program saved it, and when."""
    return of_model(model) or Provenance.here(
        "model", ended=now(), classes=model.classes, note=f"{model.note}. How it was trained was not noted.")


def _of_network(weights: Weights) -> dict[str, Any]:
    return {
        "network": weights.network_name,
        "knobs": parameters.as_dict(weights.network),
        "channels": weights.channels,
        "normalisation": dataclasses.asdict(weights.normalisation),
        "step": weights.step,
        "tensors": dict(weights.tensors),
    }


def _of_arrays(model: ForestModel) -> dict[str, Any]:
    import torch

    return {
        "method": METHODS.name_of(model.method),
        "knobs": parameters.as_dict(model.method),
        "channels": model.channels,
        "ids": list(model.ids),
        "note": model.note,
        "tensors": {name: torch.tensor(array) for name, array in model.arrays().items()},
    }


def _read(path: Path) -> dict[str, Any]:
    import torch

    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is no file" if path.exists() else "does not exist"
        raise UserError(f"{path} {what}. Choose a model file ({SUFFIX}) that was saved by napari-unet.")
    try:
        _check_honest(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is not for people: kinds of tensors that torch is still testing
            contents = torch.load(path, map_location="cpu", weights_only=True)
    except PermissionError as error:
        raise UserError(f"{path} may not be read ({error.strerror}). Change its permissions.") from error
    except Exception as error:  # torch.load raises nearly anything on a file that is not its own
        raise UserError(
            f"{path} is not a model file of napari-unet, or was cut off while it was copied. Choose a file that was "
            "saved by napari-unet; for your safety, others are not opened."
        ) from error
    if not isinstance(contents, dict) or not _is_text(contents.get("format"), FORMAT):
        raise UserError(f"{path} was not saved by napari-unet. Choose a model file ({SUFFIX}) that was.")
    version = contents.get("version")
    if type(version) is not int or version != VERSION:
        raise UserError(
            f"{path} has version {parameters.brief(version)} of the model format, this napari-unet reads version "
            f"{VERSION}. Update napari-unet-live, or train the model again."
        )
    return contents


def _is_text(value: object, wanted: str) -> bool:
    """Say whether something out of a file is this text; tensors compare in ways of their own."""
    return isinstance(value, str) and value == wanted


def _check_honest(path: Path) -> None:
    """Check that a file is an archive as torch writes it: nothing is packed, so that it is no larger inside.

    Raises
    ------
    ValueError
        If it is none, or would unfold to more than it is.
    """
    with zipfile.ZipFile(path) as archive:
        if sum(one.file_size for one in archive.infolist()) > path.stat().st_size:
            raise ValueError("it would unfold to more than it is")


def _weights(contents: Mapping[str, Any]) -> Weights:
    name = text(contents, "network")
    if name not in REGISTRY:
        raise UserError(
            f"it holds a network called {parameters.brief(name)}, but there is none of that name here (there are: "
            f"{', '.join(REGISTRY.names())}). If it is one of your own, run the script that registers it first."
        )
    weights = Weights(
        network=made_with(name, REGISTRY[name], contents),
        network_name=name,
        tensors=tensors(contents),
        channels=whole_number(contents, "channels", 1, MOST_CHANNELS),
        classes=file_classes(contents),
        normalisation=normalisation(contents),
        step=whole_number(contents, "step", 0, 2**62),
        provenance=provenance_from(contents.get("provenance")),
    )
    _check_fit(weights)
    from napari_unet.predicting.oblivious_trees import check_trees  # imports torch

    check_trees(weights)
    return weights


def _check_fit(weights: Weights) -> None:
    """Check that the tensors fit the network, without memory for a network that may be larger than the file."""
    import torch

    with own_random_numbers():  # building must not shift the random numbers of a training
        try:
            with torch.device("meta"):  # shapes alone
                module = weights.network.build(weights.channels, len(weights.classes.ids))
        except UserError:
            raise
        except Exception:  # a network of one's own may have layers that cannot be made without memory
            module = weights.network.build(weights.channels, len(weights.classes.ids))
    check_tensors(module, weights)


def _fitted(contents: Mapping[str, Any]) -> ForestModel:
    name = text(contents, "method")
    if name not in METHODS or not hasattr(METHODS[name], "restore"):
        raise UserError(
            f"it holds a method called {parameters.brief(name)}, but there is none of that name here that can be "
            "loaded. Update napari-unet; if it is one of your own, run the script that registers it first."
        )
    method: Any = made_with(name, METHODS[name], contents)
    model: ForestModel = method.restore(
        {key: tensor.numpy() for key, tensor in tensors(contents).items()},
        classes=file_classes(contents), ids=ids(contents), note=readable(text(contents, "note")),
        channels=whole_number(contents, "channels", 1, MOST_CHANNELS),
    )
    return dataclasses.replace(model, provenance=provenance_from(contents.get("provenance")))

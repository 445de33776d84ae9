"""The feature network that ships with the program, and where it comes from. Trains nothing.

``features.pt`` is written by ``python -m pretraining.pack`` in the source tree; it holds tensors in float16 and plain
facts, and is opened without unpickling code.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.random_numbers import own_random_numbers
from napari_unet.instant.backbone import Backbone, backbone_of
from napari_unet.instant.eye_features import PREFIX
from napari_unet.networks.unet import UNet
from napari_unet.predicting.weights import Weights, check_tensors

from .eye_weights import load_eye

if TYPE_CHECKING:
    from torch import Tensor

FILE = Path(__file__).parent / "features.pt"
FORMAT = "napari-unet features"
VERSION = 1
WIDTH = 32
"""Features that the network learnt for each image channel."""

FACTS = ("generator_version", "seed", "steps", "size", "training_seconds", "loss", "accuracy", "sha256")
_REMEDY = (
    "Install napari-unet-live again. Until then the method 'instant' is not available; the method 'unet', which can "
    "train from nothing, and all classical methods work without it."
)


def trained_network() -> UNet:
    """Return the architecture that was trained on drawn images: one channel in."""
    return UNet(depth=4, width=16, features=WIDTH)


def feature_network() -> UNet:
    """Return the architecture in use: every channel at full and half its size, beside layers that learn nothing.

    What it learnt with transposed convolutions is smoothed: they favour some columns and rows for their place alone.
    """
    return dataclasses.replace(trained_network(), channelwise=True, halvings=1, filters=True, surroundings=True,
                               upsampling="smoothed")


def load_features(path: Path | None = None) -> Weights:
    """Return the pre-trained network, read once.

    Parameters
    ----------
    path : Path, optional
        Another file of the same kind than the one that ships.

    Returns
    -------
    Weights
        Without the tensors of a last layer: that is for strokes to find. With the second eye where its package is
        there (see :mod:`.eye_weights`).

    Raises
    ------
    UserError
        If the file is missing, damaged or of another version; says what still works.
    """
    own = _features(path or FILE)
    try:
        return _with_eye(own)
    except UserError:  # everything works without it, and `eye_state` says so
        return own


@functools.lru_cache(maxsize=1)
def _with_eye(own: Weights) -> Weights:
    tensors = {f"{PREFIX}{name}": tensor for name, tensor in load_eye().items()}
    network = dataclasses.replace(feature_network(), eye=True, eye_kernel="even")
    return dataclasses.replace(own, network=network, tensors={**own.tensors, **tensors})


@functools.lru_cache(maxsize=1)
def _features(path: Path) -> Weights:
    contents = _read(path)
    tensors = {name: tensor.float() if tensor.is_floating_point() else tensor
               for name, tensor in contents["tensors"].items()}
    weights = Weights(feature_network(), "unet", tensors, 1, ClassTable.default((1, 2)))
    try:
        with own_random_numbers():  # building must not shift the random numbers of a training
            check_tensors(Backbone(weights.network).build(1, 2), backbone_of(weights))
    except UserError as error:
        raise UserError(f"The pre-trained features in {path} do not fit this version ({error}) {_REMEDY}") from error
    return weights


def feature_provenance(path: Path | None = None) -> dict[str, Any]:
    """Return where the features come from.

    Returns
    -------
    dict
        With the keys :data:`FACTS`: version of the generator of training images, seed, steps, side of the images (px),
        training time (s), loss and accuracy over the last steps, SHA-256 of the tensors.

    Raises
    ------
    UserError
        As :func:`load_features`.
    """
    kept = _read(path or FILE)["facts"]
    return {name: kept[name] for name in FACTS}


def tensor_hash(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of tensors: names, types, shapes and numbers."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()


def _read(path: Path) -> dict[str, Any]:
    import torch

    if not path.is_file():
        raise UserError(f"The pre-trained features are missing ({path}). {_REMEDY}")
    try:
        contents = torch.load(path, map_location="cpu", weights_only=True)
        good = contents["format"] == FORMAT and contents["facts"]["sha256"] == tensor_hash(contents["tensors"])
        missing = set(FACTS) - set(contents["facts"])
        version = contents["version"]
    except Exception as error:  # torch.load raises nearly anything on a file that is not its own
        raise UserError(f"The pre-trained features in {path} cannot be read: the file is damaged. {_REMEDY}") from error
    if version != VERSION:
        raise UserError(
            f"The pre-trained features in {path} have version {version}, this napari-unet reads version {VERSION}. "
            f"{_REMEDY}"
        )
    if not good or missing:
        raise UserError(f"The pre-trained features in {path} are not what was shipped: the file is damaged. {_REMEDY}")
    return dict(contents)

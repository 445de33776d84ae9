"""Finds the weights of a model that is asked with points, and opens them. Downloads nothing."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

from napari_unet.core.errors import UserError

from .onnx_session import OnnxSession
from .prompted_model import PromptedModel

VARIABLE = "NAPARI_UNET_SAM"
"""Environment variable that names the weights for everybody who names none."""

_HOW = (
    "Weights are not downloaded: get them yourself and give the file, or name it in the environment variable "
    f"{VARIABLE}. Either the weights of a package that is installed (pip install segment-anything, and a .pth of "
    "segment_anything or micro-sam; mobile_sam; sam2), or two graphs in ONNX, NAME_encoder.onnx and NAME_decoder.onnx "
    '(pip install "napari-unet-live[exchange]").'
)


def load_prompted(weights: str, device: str = "auto") -> PromptedModel:
    """Open a model.

    Parameters
    ----------
    weights : str
        A ``.pth`` or ``.pt`` with weights, or the ``.onnx`` of an encoder, beside which its decoder lies; empty: what
        :data:`VARIABLE` names.
    device : str

    Raises
    ------
    UserError
        If there are no such weights, a package is missing, or they cannot be used.
    """
    named = weights or os.environ.get(VARIABLE, "")
    if not named:
        raise UserError(f"Segment anything needs its weights. {_HOW}")
    path = Path(named).expanduser()
    if not path.is_file():
        raise UserError(f"The weights {path} {'are a folder' if path.is_dir() else 'are not there'}. {_HOW}")
    told = path.stat()
    return _opened(path, device, told.st_mtime_ns, told.st_size)


@functools.lru_cache(maxsize=1)
def _opened(path: Path, device: str, changed: int, size: int) -> PromptedModel:
    """Open a file once, as long as it does not change: weights are large."""
    del changed, size
    try:
        if path.suffix.lower() == ".onnx":
            from .prompted_onnx import OnnxPair

            graphs = [one.read_bytes() for one in (path, _decoder_of(path))]
            pair = OnnxPair(OnnxSession(graphs[0], path.name), OnnxSession(graphs[1], _decoder_of(path).name))
            return PromptedModel(pair, hashlib.sha256(b"".join(graphs)).hexdigest())
        from .prompted_packages import package_predictor

        predictor = package_predictor(path, device)
        with path.open("rb") as file:
            return PromptedModel(predictor, hashlib.file_digest(file, "sha256").hexdigest())
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}).") from error


def _decoder_of(path: Path) -> Path:
    """Return the decoder that belongs to an encoder: a file beside it, named alike."""
    name = path.name
    tried = [path.with_name(name.replace(word, other)) for word, other in (
        ("encoder", "decoder"), ("Encoder", "Decoder"), (".encoder", ".decoder")) if word in name]
    found = next((one for one in tried if one.is_file()), None)
    if found is None:
        wanted = tried[0].name if tried else f"{path.stem}_decoder.onnx (and call this one {path.stem}_encoder.onnx)"
        raise UserError(f"{path} has no decoder beside it. Put {wanted} into the same folder.")
    return found

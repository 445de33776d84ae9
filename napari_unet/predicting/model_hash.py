"""A short name of what a model computes, so that one can tell later whether it is still the same. Computes nothing."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np

from .devices import choose_device


def model_hash(model: Any, *, on_device: bool = True) -> str:
    """Return what a fitted model is known by: its numbers, and how it computes with them.

    Parameters
    ----------
    model : Model
    on_device : bool
        Whether the device counts too: other ones give other bits, though hardly other labels.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    found = hashlib.blake2b(repr((type(model).__name__, model.classes.ids)).encode(), digest_size=16)
    weights = getattr(model, "weights", None)
    if weights is not None:
        parts = [getattr(model, name, None) for name in ("tta", "tile", "full_precision")]
        found.update(repr((weights.network, weights.normalisation, weights.channels, parts)).encode())
        if on_device:
            device = choose_device(model.device)
            found.update(repr((device.kind, device.dtype_name)).encode())
        for name, tensor in sorted(weights.tensors.items()):
            found.update(name.encode())
            found.update(tensor.contiguous().numpy().tobytes())
        return found.hexdigest()
    found.update(repr((getattr(model, "method", model.note), getattr(model, "digest", ""))).encode())
    learnt = model.arrays() if hasattr(model, "arrays") else _plain(getattr(model, "learnt", None))
    for name, values in sorted(learnt.items()):
        plain = np.ascontiguousarray(values).tobytes() if isinstance(values, np.ndarray) else repr(values).encode()
        found.update(name.encode() + plain)
    return found.hexdigest()


def _plain(learnt: Any) -> dict[str, Any]:
    if dataclasses.is_dataclass(learnt):
        return {field.name: getattr(learnt, field.name) for field in dataclasses.fields(learnt)}
    return {"learnt": learnt}

"""A short name of what a model computes, so that one can tell later whether it is still the same. Computes nothing."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np

from .devices import choose_device


def model_hash(model: Any) -> str:
    """Return what a fitted model is known by: its numbers, and how it computes with them.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    found = hashlib.blake2b(repr((type(model).__name__, model.classes.ids)).encode(), digest_size=16)
    weights = getattr(model, "weights", None)
    if weights is not None:
        device = choose_device(model.device)
        parts = [getattr(model, name, None) for name in ("tta", "tile", "full_precision")]
        found.update(repr((weights.network, weights.normalisation, weights.channels, parts, device.kind,
                           device.dtype_name)).encode())
        for name, tensor in sorted(weights.tensors.items()):
            found.update(name.encode())
            found.update(tensor.contiguous().numpy().tobytes())
        return found.hexdigest()
    found.update(repr(getattr(model, "method", model.note)).encode())
    learnt = model.arrays() if hasattr(model, "arrays") else _plain(getattr(model, "learnt", None))
    for name, values in sorted(learnt.items()):
        plain = np.ascontiguousarray(values).tobytes() if isinstance(values, np.ndarray) else repr(values).encode()
        found.update(name.encode() + plain)
    return found.hexdigest()


def _plain(learnt: Any) -> dict[str, Any]:
    if dataclasses.is_dataclass(learnt):
        return {field.name: getattr(learnt, field.name) for field in dataclasses.fields(learnt)}
    return {"learnt": learnt}

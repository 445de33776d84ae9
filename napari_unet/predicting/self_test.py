"""Does a graphics card compute what the processor computes? A small network there and here, once in a process.

Drivers, cards and builds of PyTorch that do not suit each other give wrong numbers without an error, or stop at an
operation. That is found here, before strokes are learnt from. Chooses no device.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..core.random_numbers import own_random_numbers

Compute = Callable[[str, torch.dtype | None], Tensor]
"""Computes the same numbers on a device, with autocast to a 16-bit type or without."""

TOLERANCE, TOLERANCE_16 = 0.02, 0.15
"""Largest difference, as a part of the largest number. Cards round to 10 bits in convolutions; 16-bit types to 8."""


def small_training(name: str, dtype: torch.dtype | None = None) -> Tensor:
    """Return what a small network says and how it would learn, computed on a device: one vector on the processor."""
    with torch.inference_mode(False), torch.enable_grad():  # whatever the caller is in the middle of
        return _train(name, dtype)


def _train(name: str, dtype: torch.dtype | None) -> Tensor:
    with own_random_numbers(0):
        module = nn.Sequential(
            nn.Conv2d(2, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, padding=1),
            nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(8, 3, 1),
        )
        images, target = torch.rand(2, 2, 32, 32), torch.randint(0, 3, (2, 32, 32))
    module = module.to(name)
    with torch.autocast(torch.device(name).type, dtype or torch.bfloat16, enabled=dtype is not None):
        logits = module(images.to(name))
    loss = nn.functional.cross_entropy(logits.float(), target.to(name))
    loss.backward()
    gradients = [parameter.grad.flatten() for parameter in module.parameters() if parameter.grad is not None]
    return torch.cat([logits.detach().float().flatten(), 10 * torch.cat(gradients)]).cpu()


def find_trouble(name: str, dtype: torch.dtype | None = None, compute: Compute = small_training) -> str:
    """Return what is wrong with a device, empty if nothing is.

    Parameters
    ----------
    name : str
        Torch's name of the device.
    dtype : torch.dtype, optional
        16-bit type to compute in.
    compute : callable
        What is compared.
    """
    tolerance = TOLERANCE if dtype is None else TOLERANCE_16
    expected = compute("cpu", None)
    try:
        found = compute(name, dtype)
    except Exception as error:  # an operation that is missing, a driver that is too old: anything may come
        words = " ".join(str(error).split())[:160]
        return f"it failed a first calculation ({type(error).__name__}: {words})"
    if not bool(torch.isfinite(found).all()):
        return "it gave no numbers (NaN) in a first calculation"
    wrong = float((found - expected).abs().max() / expected.abs().max())
    return f"it gave wrong numbers in a first calculation (off by {wrong:.0%})" if wrong > tolerance else ""


def trouble_of(name: str, dtype: torch.dtype | None = None) -> str:
    """Return what is wrong with a device, as :func:`find_trouble`; computed when first asked for."""
    with _lock:
        if (name, dtype) not in _known:
            _known[name, dtype] = find_trouble(name, dtype)
        return _known[name, dtype]


_lock = threading.Lock()
_known: dict[tuple[str, torch.dtype | None], str] = {}

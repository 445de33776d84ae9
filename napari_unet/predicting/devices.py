"""Where to compute, in which precision, and why. Knows no network and sets no thread counts."""

from __future__ import annotations

import contextlib
import dataclasses
import re

import torch
from torch import nn

from ..core.errors import UsageError, UserError
from .self_test import trouble_of

CHOICES = ("auto", "cpu", "cuda", "mps")
"""Names of devices for forms and help texts; a CUDA device may carry its number, e.g. ``cuda:1``."""


@dataclasses.dataclass(frozen=True)
class Device:
    """A device that is present, and how to compute on it.

    Parameters
    ----------
    name : str
        Torch's name of it: ``"cpu"``, ``"cuda:0"``, ``"mps"``.
    title : str
        What people call it, e.g. ``"CPU"`` or the name of the graphics card.
    reason : str
        Why this one, e.g. ``"no CUDA device found"``.
    dtype : torch.dtype, optional
        16-bit type that is faster here under autocast; None where float32 is the better choice.
    channels_last : bool
        Whether convolutions gain from the channels-last memory format.
    """

    name: str
    title: str
    reason: str
    dtype: torch.dtype | None = None
    channels_last: bool = False

    @property
    def kind(self) -> str:
        """``"cpu"``, ``"cuda"`` or ``"mps"``."""
        return self.name.partition(":")[0]

    @property
    def dtype_name(self) -> str:
        """Name of the number format convolutions run in, e.g. ``"bfloat16"``."""
        return str(self.dtype or torch.float32).removeprefix("torch.")

    @property
    def memory_format(self) -> torch.memory_format:
        """Memory format for modules and batches."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def layout(self, axes: int) -> torch.memory_format:
        """Memory format for a tensor of so many axes: of five (a batch of volumes) the one that goes with theirs."""
        return torch.channels_last_3d if self.channels_last and axes == 5 else self.memory_format

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Return a context in which convolutions run in :attr:`dtype` (no effect where that is None)."""
        if self.dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self.kind, self.dtype)

    def full_precision(self) -> Device:
        """Return the same device computing in float32."""
        return dataclasses.replace(self, dtype=None)

    @property
    def chip(self) -> str:
        """A short name of it that says what kind it is: ``CUDA: NVIDIA A100``, ``MPS`` or ``CPU``."""
        return f"CUDA: {self.title}" if self.kind == "cuda" else self.kind.upper()

    def __str__(self) -> str:
        return f"{self.chip} ({self.reason})"


def choose_device(wish: str = "auto") -> Device:
    """Return the device to compute on: the one wished for, or the processor where that gives wrong numbers.

    A graphics card is compared with the processor when it is first chosen, see :mod:`.self_test`.

    Parameters
    ----------
    wish : str
        ``"auto"`` takes the first there is of CUDA, Apple's MPS and the CPU; ``"cpu"``, ``"cuda"``, ``"cuda:1"`` and
        ``"mps"`` name one.

    Raises
    ------
    UserError
        If the device named is not there, or there is no such name (:class:`UsageError`).
    """
    name = wish.strip().lower()
    match = re.fullmatch(r"auto|cpu|mps|cuda(?::(\d+))?", name)
    if match is None:
        raise UsageError(f"There is no device called {wish!r}. Allowed: {', '.join(CHOICES)} and cuda:1, cuda:2, ...")
    if name == "auto":
        if torch.cuda.is_available():
            return _tested(_cuda(0, "the first CUDA device"))
        if _has_mps():
            return _tested(Device("mps", "Apple GPU", "no CUDA device found, but MPS"))
        return _cpu("no CUDA device found")
    if name == "cpu":
        return _cpu("as asked")
    if name == "mps":
        if not _has_mps():
            raise UserError(f"The device 'mps' (Apple GPU) was asked for but is not there. {_present()}")
        return _tested(Device("mps", "Apple GPU", "as asked"))
    number, count = int(match[1] or 0), torch.cuda.device_count() if torch.cuda.is_available() else 0
    if number >= count:
        have = f"only {count} CUDA device{'s' if count > 1 else ''} found" if count else "no CUDA device was found"
        raise UserError(f"The device {name!r} was asked for but {have}. {_present()}")
    return _tested(_cuda(number, "as asked"))


def _tested(device: Device) -> Device:
    """Return a graphics card if it computes rightly, in 32 bits if 16 fail; else the processor and why."""
    trouble = trouble_of(device.name)
    if trouble:
        return _cpu(f"{device.title} is not used: {trouble}")
    if device.dtype is not None and (trouble := trouble_of(device.name, device.dtype)):
        return dataclasses.replace(device, dtype=None, reason=f"{device.reason}; in 32 bits, in 16 {trouble}")
    return device


def present_devices() -> tuple[Device, ...]:
    """Return every device of this machine, the best first."""
    found = [_cuda(number, f"CUDA device {number}") for number in
             range(torch.cuda.device_count() if torch.cuda.is_available() else 0)]
    if _has_mps():
        found.append(Device("mps", "Apple GPU", "MPS"))
    return (*found, _cpu("always there"))


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that the device's memory is full (each backend has its own way to say it)."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    if not isinstance(error, RuntimeError):
        return False
    words = str(error).lower()
    return any(hint in words for hint in ("out of memory", "can't allocate memory", "not enough memory",
                                          "alloc_failed", "could not create a memory"))


def put_module(module: nn.Module, device: Device) -> nn.Module:
    """Return a module on a device, its weights in the memory format that is fast there."""
    if not device.channels_last or all(one.ndim != 5 for one in module.parameters()):
        # torch's stubs leave memory_format out
        placed: nn.Module = module.to(device.name, memory_format=device.memory_format)  # type: ignore[call-overload]
        return placed
    module = module.to(device.name)
    for one in module.parameters():
        if one.ndim in (4, 5):
            one.data = one.data.contiguous(memory_format=device.layout(one.ndim))
    return module


def free_memory(device: Device) -> int | None:
    """Return the free bytes of a CUDA device, None where torch cannot tell."""
    if device.kind != "cuda":
        return None
    return int(torch.cuda.mem_get_info(device.name)[0])


def training_memory(device: Device) -> int:
    """Return the bytes that a step of training should take: of a graphics card half of what is free.

    A processor has the memory, but not the time: a step should take less than a second or so.
    """
    free = free_memory(device)
    if free is not None:
        return free // 2
    return 2**31 if device.kind == "mps" else 2**28


def release_memory(device: Device) -> None:
    """Give cached blocks back to the device, after it ran out of memory."""
    if device.kind == "cuda":
        torch.cuda.empty_cache()
    elif device.kind == "mps":
        torch.mps.empty_cache()


def _present() -> str:
    names = ", ".join(device.name for device in present_devices())
    return f"Present: {names}. Use one of these, or 'auto'."


def _has_mps() -> bool:
    return bool(torch.backends.mps.is_available())


def _cuda(number: int, reason: str) -> Device:
    # bfloat16 needs Ampere (compute capability 8); before that, float16 is the fast type
    fast = torch.bfloat16 if torch.cuda.get_device_capability(number)[0] >= 8 else torch.float16
    return Device(f"cuda:{number}", torch.cuda.get_device_name(number), reason, fast, channels_last=True)


def _cpu(reason: str) -> Device:
    return Device("cpu", "CPU", reason, torch.bfloat16 if _fast_bfloat16() else None, channels_last=True)


def _fast_bfloat16() -> bool:
    """Say whether this CPU multiplies bfloat16 in hardware; torch has no public question for it."""
    for question in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        ask = getattr(torch.cpu, question, None)
        try:
            if ask is not None and ask():
                return True
        except (AttributeError, RuntimeError):  # a build without this question
            continue
    return False

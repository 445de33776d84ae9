"""Which device is chosen, in which precision, and what people are told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from napari_unet.core.errors import UsageError, UserError
from napari_unet.predicting import devices
from napari_unet.predicting.devices import choose_device, is_out_of_memory, present_devices
from napari_unet.predicting.self_test import find_trouble, small_training, trouble_of


def _pretend(monkeypatch: pytest.MonkeyPatch, cuda: int = 0, capability: int = 8, mps: bool = False,
             bfloat16: bool = False, trouble: Callable[..., str] = lambda _name, _dtype=None: "") -> None:
    monkeypatch.setattr(devices, "trouble_of", trouble)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: f"Card {number}")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (capability, 0))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    monkeypatch.setattr(devices, "_fast_bfloat16", lambda: bfloat16)


def test_auto_prefers_cuda_then_mps_then_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch, cuda=2, mps=True)
    assert str(choose_device("auto")) == "CUDA: Card 0 (the first CUDA device)"
    assert [device.name for device in present_devices()] == ["cuda:0", "cuda:1", "mps", "cpu"]
    _pretend(monkeypatch, mps=True)
    assert str(choose_device("auto")) == "MPS (no CUDA device found, but MPS)"
    _pretend(monkeypatch)
    assert str(choose_device("auto")) == "CPU (no CUDA device found)"


@pytest.mark.parametrize(("wish", "name"), [("cuda", "cuda:0"), ("cuda:1", "cuda:1"), (" CPU ", "cpu"), ("mps", "mps")])
def test_a_named_device_is_taken(monkeypatch: pytest.MonkeyPatch, wish: str, name: str) -> None:
    _pretend(monkeypatch, cuda=2, mps=True)
    device = choose_device(wish)
    assert (device.name, device.reason) == (name, "as asked")
    assert name.startswith(device.kind)


def test_a_named_device_that_is_absent_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch)
    with pytest.raises(UserError, match=r"'cuda' was asked for but no CUDA device was found\. Present: cpu\."):
        choose_device("cuda")
    with pytest.raises(UserError, match=r"'mps' \(Apple GPU\) was asked for but is not there.*or 'auto'"):
        choose_device("mps")
    _pretend(monkeypatch, cuda=1)
    with pytest.raises(UserError, match=r"'cuda:3' was asked for but only 1 CUDA device found\. Present: cuda:0, cpu"):
        choose_device("cuda:3")
    with pytest.raises(UsageError, match=r"no device called 'gpu'. Allowed: auto, cpu, cuda, mps"):
        choose_device("gpu")


@pytest.mark.parametrize(("wish", "machine", "dtype"), [
    ("cpu", {"bfloat16": True}, torch.bfloat16),
    ("cpu", {}, None),
    ("cuda", {"cuda": 1, "capability": 9}, torch.bfloat16),
    ("cuda", {"cuda": 1, "capability": 7}, torch.float16),
    ("mps", {"mps": True}, None),
])
def test_number_format_suits_the_device(
    monkeypatch: pytest.MonkeyPatch, wish: str, machine: dict[str, int], dtype: torch.dtype | None
) -> None:
    _pretend(monkeypatch, **machine)
    device = choose_device(wish)
    assert device.dtype is dtype
    assert device.dtype_name == ("float32" if dtype is None else str(dtype)[6:])
    assert device.full_precision().dtype is None


def test_cpu_features_are_asked_for_with_care(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> bool:
        raise RuntimeError("not compiled in")

    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", broken, raising=False)
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported", raising=False)
    assert not devices._fast_bfloat16()
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True, raising=False)
    assert devices._fast_bfloat16()


def test_autocast_computes_in_the_dtype_of_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch, bfloat16=True)
    device = choose_device("cpu")
    a = torch.ones(2, 2)
    with device.autocast():
        assert (a @ a).dtype is torch.bfloat16
    with device.full_precision().autocast():
        assert (a @ a).dtype is torch.float32


@pytest.mark.parametrize(("error", "full"), [
    (torch.OutOfMemoryError("CUDA out of memory."), True),
    (MemoryError(), True),
    (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried ..."), True),
    (RuntimeError("MPS backend out of memory (MPS allocated: ...)"), True),
    (RuntimeError("shapes cannot be multiplied"), False),
    (ValueError("out of memory"), False),
])
def test_full_memory_is_told_from_other_failures(error: Exception, full: bool) -> None:
    assert is_out_of_memory(error) is full


@pytest.mark.parametrize("wish", ["auto", "cuda", "mps"])
def test_a_card_with_wrong_numbers_is_not_used_and_that_is_said(monkeypatch: pytest.MonkeyPatch, wish: str) -> None:
    _pretend(monkeypatch, cuda=wish != "mps", mps=wish == "mps", trouble=lambda _name, _dtype=None: "it gave nonsense")
    device = choose_device(wish)
    assert device.name == "cpu"
    assert device.reason.endswith("is not used: it gave nonsense")
    assert device.chip == "CPU"


def test_a_card_that_fails_in_16_bits_computes_in_32(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch, cuda=1, trouble=lambda _name, dtype=None: "it gave nonsense" if dtype else "")
    device = choose_device("auto")
    assert (device.name, device.dtype) == ("cuda:0", None)
    assert str(device) == "CUDA: Card 0 (the first CUDA device; in 32 bits, in 16 it gave nonsense)"


def test_a_chip_names_the_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    _pretend(monkeypatch, cuda=1, mps=True)
    assert [device.chip for device in present_devices()] == ["CUDA: Card 0", "MPS", "CPU"]


def _off(part: float) -> Callable[..., torch.Tensor]:
    def compute(name: str, dtype: torch.dtype | None) -> torch.Tensor:
        right = small_training("cpu")
        return right if name == "cpu" else right + part * right.abs().max()

    return compute


def _missing(name: str, _dtype: torch.dtype | None) -> torch.Tensor:
    if name == "cpu":
        return small_training("cpu")
    raise NotImplementedError("The operator 'aten::upsample' is not\n   implemented for this device")


def test_a_first_calculation_finds_wrong_numbers_and_missing_operations() -> None:
    assert find_trouble("gpu", compute=_off(0.001)) == ""
    assert find_trouble("gpu", compute=_off(0.5)) == "it gave wrong numbers in a first calculation (off by 50%)"
    assert find_trouble("gpu", torch.float16, _off(0.05)) == "", "16 bits are coarse"
    assert find_trouble("gpu", compute=_off(float("nan"))) == "it gave no numbers (NaN) in a first calculation"
    assert find_trouble("gpu", compute=_missing) == (
        "it failed a first calculation (NotImplementedError: The operator 'aten::upsample' is not implemented for "
        "this device)")


def test_the_processor_passes_its_own_test_in_any_mode() -> None:
    before = torch.get_rng_state()
    with torch.inference_mode():
        assert find_trouble("cpu") == ""
    assert find_trouble("cpu", torch.bfloat16) == ""
    assert trouble_of("cpu") == trouble_of("cpu") == ""
    assert torch.equal(torch.get_rng_state(), before), "random numbers of a training are left alone"

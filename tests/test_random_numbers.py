"""Torch's global random numbers: those of one thread are not shifted by what another builds meanwhile."""

from __future__ import annotations

import threading

import torch

from napari_unet.core.random_numbers import own_random_numbers


def test_numbers_begin_with_the_seed_and_are_as_before_afterwards() -> None:
    torch.manual_seed(3)
    wanted = torch.rand(4)
    torch.manual_seed(3)
    with own_random_numbers(5):
        inside = torch.rand(4)
    assert torch.equal(torch.rand(4), wanted)
    with own_random_numbers(5):
        assert torch.equal(torch.rand(4), inside)
    assert not torch.equal(inside, wanted)


def test_another_thread_waits_and_shifts_nothing() -> None:
    with own_random_numbers(5):
        alone = [torch.rand(1), torch.rand(1)]
    begun, drawn = threading.Event(), threading.Event()

    def other() -> None:
        begun.set()
        with own_random_numbers(7):
            torch.rand(100)
            drawn.set()

    with own_random_numbers(5):
        first = torch.rand(1)
        thread = threading.Thread(target=other)
        thread.start()
        begun.wait()
        assert not drawn.wait(0.05)
        assert [float(first), float(torch.rand(1))] == [float(one) for one in alone]
    thread.join()
    assert drawn.is_set()

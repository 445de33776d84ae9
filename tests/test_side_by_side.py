"""Two tiles at once: the same answer as one after the other, the threads of torch as before, and errors that arrive."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from predict_scene import pixels, weights_of
from test_forward import Moody

from napari_unet.core.errors import WorkError
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.leaving import NoLongerWantedError, heed, look_up
from napari_unet.core.method import assemble
from napari_unet.networks.unet import UNet
from napari_unet.predicting import tile_run
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.side_by_side import side_by_side


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the threads that computed tiles."""
    seen: list[str] = []
    usual = tile_run.AveragedScores.__call__

    def call(self: object, *given: object) -> object:
        seen.append(threading.current_thread().name)
        return usual(self, *given)

    monkeypatch.setattr(tile_run.AveragedScores, "__call__", call)
    return seen


def test_both_run_at_the_same_time_with_half_of_the_threads_each() -> None:
    meeting = threading.Barrier(2, timeout=120)

    def work() -> tuple[int, int]:
        meeting.wait()  # who waits for the other to end waits in vain
        return torch.get_num_threads(), threading.get_ident()

    (first, here), (second, beside) = side_by_side(work, work)
    assert (first, second) == (1, 1)
    assert here == threading.get_ident() != beside
    assert torch.get_num_threads() == 2
    assert side_by_side(work, work)[1] == (1, beside), "its network is kept by the thread"


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_comes_after_both_have_ended(failing: int) -> None:
    ended = []

    def work(number: int) -> int:
        ended.append(number)
        if number == failing:
            raise ValueError("no")
        return number

    with pytest.raises(ValueError, match="no"):
        side_by_side(lambda: work(0), lambda: work(1))
    assert sorted(ended) == [0, 1]
    assert torch.get_num_threads() == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system forks no process")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_that_is_forked_has_a_thread_of_its_own() -> None:
    side_by_side(lambda: 1, lambda: 2)
    if (child := os.fork()) == 0:
        signal.alarm(60)  # ends it, if it waits for a thread of its parent
        os._exit(0 if side_by_side(lambda: 1, lambda: 2) == (1, 2) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_who_leaves_the_work_leaves_both() -> None:
    left, ended = threading.Event(), []

    def both() -> None:
        heed(left)
        left.set()
        with pytest.raises(NoLongerWantedError):
            side_by_side(lambda: None, look_up)
        ended.append(True)

    thread = threading.Thread(target=both)
    thread.start()
    thread.join()
    assert ended == [True]


def test_two_tiles_at_once_give_what_one_after_the_other_gives(watched: list[str]) -> None:
    image = Image(pixels(3, 40, 56), "NYX")
    model = NetworkModel(weights_of(UNet(depth=2, width=4)), "cpu", tile=16)
    patches = list(model.segment(image, probabilities=True))
    assert {name.partition("_")[0] for name in watched} == {"MainThread", "beside"}
    watched.clear()
    alone = list(model.segment(image, probabilities=True, view=Latest(None)))
    assert set(watched) == {"MainThread"}, "what is looked at does not wait for its neighbour"
    assert [patch.where for patch in patches] == [patch.where for patch in alone]
    for patch, other in zip(patches, alone, strict=True):
        assert np.array_equal(patch.labels, other.labels)
        np.testing.assert_allclose(patch.probabilities, other.probabilities, atol=1e-5)
    assert [patch.done for patch in patches] == list(range(1, len(patches) + 1))
    assert {patch.total for patch in patches} == {len(patches)}


@pytest.mark.parametrize(("shape", "tiles"), [((40, 64), 6), ((16, 32), 2), ((16, 64), 2), ((8, 8), 1)])
def test_tiles_are_twice_as_wide_where_two_are_left(
    shape: tuple[int, int], tiles: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_unet.predicting.network_model.tile_size", lambda *_: 16)
    model, image = NetworkModel(weights_of(UNet(depth=2, width=4)), "cpu"), Image(pixels(*shape))
    patches = list(model.segment(image))
    assert len(patches) == tiles
    written = np.zeros(shape, int)
    for patch in patches:
        written[patch.where] += 1
    assert (written == 1).all()
    assert np.array_equal(assemble(image, patches), assemble(image, model.segment(image, view=Latest(None))))


def test_one_thread_is_not_divided(watched: list[str]) -> None:
    torch.set_num_threads(1)
    list(NetworkModel(weights_of(UNet(depth=1, width=2)), "cpu", tile=16).segment(Image(pixels(64, 64))))
    assert set(watched) == {"MainThread"}


def test_what_does_not_fit_the_memory_is_computed_one_by_one_and_smaller(watched: list[str]) -> None:
    image = Image(pixels(64, 64))
    greedy = NetworkModel(weights_of(Moody(mood="greedy")), "cpu", tile=32, full_precision=True)
    calm = NetworkModel(weights_of(Moody()), "cpu", tile=32, full_precision=True)
    assert np.array_equal(assemble(image, greedy.segment(image)), assemble(image, calm.segment(image)))


def test_a_network_that_fails_beside_is_told() -> None:
    with pytest.raises(WorkError, match="shape mismatch"):
        list(NetworkModel(weights_of(Moody(mood="broken")), "cpu", tile=16).segment(Image(pixels(64, 64))))

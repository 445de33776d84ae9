"""Two threads share the work on large arrays: the result is that of one, whoever else is at work."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest

from napari_unet.objects import halves
from napari_unet.objects.class_field import ClassField
from napari_unet.objects.finding import find_objects
from napari_unet.objects.halves import LARGE, flat_places, looked_up, put_into, shared
from napari_unet.session.likelihoods import Likelihoods
from napari_unet.session.object_search import ObjectQuestion

SIDE = 760  # more than LARGE pixels
WIDE = (slice(0, SIDE), slice(0, SIDE))


@pytest.fixture(params=[1, 2])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(halves, "available_cores", lambda: request.param)
    return int(request.param)


def blobs() -> np.ndarray:
    """How sure an answer might be of some hundred blobs, some of which touch."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    wave = np.abs(np.sin(rows / 9) * np.sin(columns / 9)) + 0.2 * np.sin((rows + columns) / 2.1)
    return np.asarray(np.clip(0.3 + 0.6 * wave, 0, 1), np.float32)


@pytest.mark.usefixtures("cores")
def test_numpy_would_say_the_same() -> None:
    chance = np.random.default_rng(0)
    mask = chance.random((SIDE, SIDE)) < 0.4
    places = flat_places(mask)
    assert np.array_equal(places, np.flatnonzero(mask))
    values = chance.integers(0, 2**31, mask.size, np.int32)
    assert np.array_equal(looked_up(values, places), values[places])
    grid = chance.integers(0, 9, mask.shape).astype(np.uint32)
    assert np.array_equal(looked_up(values, grid), values[grid])
    found, expected = np.zeros(mask.shape, np.int32), np.zeros(mask.shape, np.int32)
    put_into(found, places, values[: len(places)])
    expected[mask] = values[: len(places)]
    assert np.array_equal(found, expected)
    assert flat_places(np.zeros((0, 4), bool)).size == 0


def test_two_threads_find_the_objects_that_one_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    sure = blobs()
    found = []
    for count in (1, 2):
        monkeypatch.setattr(halves, "available_cores", lambda count=count: count)
        before, taken = np.zeros(sure.shape, np.uint32), np.zeros(1, np.uint8)
        for share in (1.0, 0.97):  # an answer, and the next
            maps = np.stack([1 - share * sure, share * sure])
            labels = np.where(maps[1] > 0.5, 2, 1).astype(np.uint8)
            one = ObjectQuestion(labels, before, taken, likely=(Likelihoods.of(WIDE, maps, (1, 2)),)).found()
            before, taken = one.numbers, one.classes
            found.append((one.numbers, one.classes))
    assert found[0][0].max() > 300
    for (alone, classes), (both, theirs) in zip(found[:2], found[2:], strict=True):
        assert np.array_equal(alone, both)
        assert np.array_equal(classes, theirs)


def test_a_helper_that_is_busy_holds_nobody_up() -> None:
    held, busy = threading.Event(), threading.Event()

    def hold() -> None:
        busy.set()
        held.wait(60)

    def nested() -> list[int]:
        return shared([lambda: 1, lambda: 2], LARGE)

    assert shared([nested, nested, nested], LARGE) == [[1, 2]] * 3
    other = threading.Thread(target=shared, args=([busy.wait, hold], LARGE))
    other.start()
    assert busy.wait(60)
    assert shared([lambda: 1, lambda: 2, lambda: 3], LARGE) == [1, 2, 3]
    held.set()
    other.join(60)
    assert not other.is_alive()


LATE = """
import threading
from napari_unet.objects.halves import LARGE, shared
from napari_unet.predicting.side_by_side import side_by_side

def work():
    threading.main_thread().join()
    print(shared([lambda: 1, lambda: 2, lambda: 3], LARGE), side_by_side(lambda: 4, lambda: 5))

threading.Thread(target=work).start()
"""


def test_a_thread_that_goes_on_when_the_program_ends_is_not_refused() -> None:
    ended = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, check=True, timeout=120)
    assert (ended.stdout.strip(), ended.stderr) == ("[1, 2, 3] (4, 5)", "")


def test_only_the_probabilities_of_what_is_counted_are_put_together() -> None:
    from napari_unet.session.likelihoods import put_together

    maps = np.stack([np.full((4, 5), value) for value in (0.2, 0.3, 0.5)])
    part = Likelihoods.of((slice(0, 4), slice(0, 5)), maps, (1, 2, 5))
    made, ids = put_together([part], (4, 5), wanted=(5, 7))
    assert made is not None
    assert ids == (5,)
    assert np.allclose(made, 0.5, atol=1 / 255)


@pytest.mark.parametrize("spacing", [(1e12, 1e-12), (1.0, 1e-300), (1e300, 1.0)])
def test_a_voxel_out_of_all_proportion_takes_no_memory(spacing: tuple[float, float]) -> None:
    labels = np.ones((40, 60), np.uint8)
    labels[10:30, 10:50] = 2
    assert find_objects(ClassField(labels, (2,), spacing=spacing)).count >= 1

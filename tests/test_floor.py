"""Work rests while somebody has the floor, goes on by itself, and comes out as it would without."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from napari_unet.core.floor import Floor, resting
from napari_unet.core.work import Work


class Time:
    """A clock that waiting turns."""

    def __init__(self) -> None:
        self.now, self.waited = 100.0, 0.0

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.waited += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def floor(time: Time) -> Floor:
    return Floor(lambda: time.now, time.wait)


def test_a_rest_is_as_long_as_the_floor_is_taken_and_not_longer_than_allowed(time: Time, floor: Floor) -> None:
    floor.rest(5)
    assert time.waited == 0, "nobody has it"
    floor.take(2)
    assert floor.taken
    floor.rest(5)
    assert (time.waited, floor.taken) == (2, False), "who forgets to leave it keeps nobody waiting for ever"
    floor.take(60)
    floor.rest(0.5)
    assert (time.waited, floor.taken) == (2.5, True)


def test_the_floor_that_is_left_is_free_at_once(time: Time, floor: Floor) -> None:
    floor.take(60)
    floor.leave()
    floor.rest(5)
    assert (time.waited, floor.taken) == (0, False)


def test_who_listens_is_told_when_it_is_taken_and_left_and_not_at_each_move(time: Time, floor: Floor) -> None:
    told: list[bool] = []
    with floor.told_to(lambda: told.append(floor.taken)):
        for _ in range(3):
            floor.take(5)
        floor.leave()
        floor.take(1)
        time.now += 2
        floor.take(1)
    floor.leave()
    assert told == [True, False, True, True]
    assert floor.taken_within(5)
    time.now += 6
    assert not floor.taken_within(5)


def test_a_move_of_the_mouse_takes_it_on(time: Time) -> None:
    moves = [0.3, 0.3]

    def wait(seconds: float) -> None:
        time.wait(min(seconds, 0.2))
        if moves:
            floor.take(moves.pop())

    floor = Floor(lambda: time.now, wait)
    floor.take(0.3)
    floor.rest(10)
    assert time.waited == pytest.approx(0.7)


def test_work_rests_before_each_piece_and_keeps_its_result(time: Time, floor: Floor) -> None:
    seen: list[tuple[int, float]] = []

    def work() -> Generator[int, None, str]:
        for number in range(3):
            seen.append((number, time.waited))
            floor.take(10)
            yield number
        return "done"

    rested = Work(resting(work(), 1, floor))
    assert list(rested) == [0, 1, 2]
    assert rested.result() == "done"
    assert seen == [(0, 0), (1, 1), (2, 2)], "at most a second before each"


def test_closing_closes_the_work_and_errors_come_through(floor: Floor) -> None:
    closed = []

    def work() -> Generator[int, None, None]:
        try:
            yield 1
            raise ValueError("no")
        finally:
            closed.append(True)

    one = resting(work(), 1, floor)
    next(one)
    one.close()
    assert closed == [True]
    with pytest.raises(ValueError, match="no"):
        list(resting(work(), 1, floor))

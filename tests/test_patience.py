"""Generators that do not yield for long: whoever waits is told, and need not wait."""

import threading

import numpy as np
import pytest

from napari_unet.core.patience import patiently
from napari_unet.core.work import Work


def test_items_and_result_come_through_in_order():
    def work():
        yield from range(5)
        return "done"

    run = Work(patiently(work))
    assert [one for one in run if one is not None] == [0, 1, 2, 3, 4]
    assert run.result() == "done"


def test_errors_come_through():
    def work():
        yield 1
        raise RuntimeError("torch is unhappy")

    run = patiently(work)
    with pytest.raises(RuntimeError, match="torch is unhappy"):
        list(run)


def test_it_works_only_while_an_item_is_asked_for():
    done = []

    def work():
        for number in range(3):
            done.append(number)
            yield number

    run = patiently(work, poll=30)
    assert next(run) == 0
    assert done == [0]
    run.close()
    assert done == [0]


def test_who_waits_is_told_and_can_leave_before_the_item_is_there():
    free, closed = threading.Event(), threading.Event()

    def work():
        try:
            free.wait()
            yield 1
        finally:
            closed.set()

    run = patiently(work, poll=0.001)
    assert next(run) is None
    run.close()  # returns, although the item never came
    assert not closed.is_set()
    free.set()
    assert closed.wait(60)


def test_the_settings_of_numpy_hold_in_the_thread():
    def work():
        yield float(np.float64(1) / np.float64(0))

    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        list(patiently(work))


def test_a_method_that_never_yields_is_ended_when_its_budget_is_over(monkeypatch):
    from napari_unet.comparison import contender_run
    from napari_unet.comparison.contenders import Contender
    from napari_unet.core.errors import UserError
    from napari_unet.core.image import Image
    from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet

    now = [0.0]
    monkeypatch.setattr(contender_run.time, "perf_counter", lambda: now[0])
    free = threading.Event()

    class Endless:
        def fit(self, painted):
            free.wait()
            yield

    training = TrainingSet((Pair(Image(np.zeros((4, 4))), Scribbles.empty((4, 4))),))
    run = contender_run.run_contender(Contender("endless", Endless(), budget=20.0), training, [(0,)])
    try:
        assert next(run).stage == "fit"
        now[0] = 19.9
        assert next(run).stage == "fit"
        now[0] = 20.0 + contender_run.GRACE + 0.1
        with pytest.raises(UserError, match="its budget is 20 s"):
            next(run)
    finally:
        free.set()



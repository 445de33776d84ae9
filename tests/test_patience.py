"""Generators that do not yield for long: whoever waits is told, and need not wait."""

import contextvars
import threading

import numpy as np
import pytest
import torch

from napari_unet import networks
from napari_unet.classical.adjacency_graph import merge_regions
from napari_unet.core.classes import ClassTable
from napari_unet.core.image import Image
from napari_unet.core.leaving import NoLongerWantedError, heed, look_up
from napari_unet.core.patience import patiently
from napari_unet.core.work import Work
from napari_unet.predicting.forward import leave_between_layers
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.weights import snapshot


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




def test_work_that_looks_up_is_left_in_its_middle():
    begun, over, ended = threading.Event(), [], threading.Event()

    def work():
        try:
            yield 1
            while True:
                begun.set()
                look_up()
        except Exception:  # no failure that anybody could mend
            over.append("taken for an error")
        finally:
            ended.set()

    run = patiently(work, poll=0.001)
    while not begun.is_set():
        next(run)
    assert not ended.is_set()
    run.close()
    assert ended.wait(60)
    assert not over


def test_nobody_has_said_by_what_it_is_known():
    look_up()


def test_long_merging_and_networks_look_up():
    left = threading.Event()
    left.set()
    network = networks.REGISTRY["unet"](depth=1, width=2)
    model = NetworkModel(snapshot(network.build(1, 2), network, "unet", 1, ClassTable.default()), "cpu")

    def outcome(work):
        heed(left)
        try:
            work()
        except NoLongerWantedError:
            return "left"
        return "done"

    for work in (
        lambda: merge_regions(np.zeros((9, 1)), np.ones(9), np.array([[0, 1], [1, 2]]), 0.1),
        lambda: list(model.segment(Image(np.zeros((32, 32), np.uint8)))),
    ):
        assert contextvars.copy_context().run(outcome, work) == "left"
        left.clear()
        assert contextvars.copy_context().run(outcome, work) == "done"
        left.set()


def test_the_way_back_through_a_network_that_learns_looks_up_too():
    left = threading.Event()
    module = networks.REGISTRY["unet"](depth=1, width=2).build(1, 2)
    leave_between_layers(module, learns=True)

    def work():
        heed(left)
        loss = module(torch.ones(1, 1, 32, 32)).square().mean()
        left.set()
        with pytest.raises(NoLongerWantedError):
            loss.backward()

    contextvars.copy_context().run(work)

"""A training in a process of its own is the same training: what it learns, how it is stopped, what of faults."""

from __future__ import annotations

import contextvars
import gc
import os
import subprocess
import sys
import threading
import warnings
import weakref
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import psutil
import pytest
import torch

from napari_unet.core.errors import InputWarning, UserError
from napari_unet.core.floor import BRUSH, Floor
from napari_unet.core.image import Image
from napari_unet.core.latest import Latest
from napari_unet.core.leaving import LOOK_REST, NoLongerWantedError, heed, look_up
from napari_unet.core.method import Progress
from napari_unet.core.scribbles import Pair, Scribbles, TrainingSet
from napari_unet.core.window_stack import SampledPixels, window_stack, windows_of
from napari_unet.core.work import run_to_end
from napari_unet.predicting.network_model import NetworkModel
from napari_unet.predicting.weights import snapshot
from napari_unet.pretrained import load_features
from napari_unet.segmenters import REGISTRY
from napari_unet.session.annotation_session import Session
from napari_unet.session.message_pipe import GO_ON, LEAVE, MESSAGE, REST, MessagePipe
from napari_unet.session.parcels import Parcels, features_on_both_sides
from napari_unet.session.portable_method import PortableMethod
from napari_unet.session.resumed_training import fit_here
from napari_unet.session.training_process import IN_THREAD, TrainingProcess, _command
from napari_unet.session.training_server import _Server

SMALL = {"width": 4, "depth": 2, "patch": 32, "batch": 2, "start": "scratch", "device": "cpu"}


@pytest.fixture(scope="module")
def process() -> Iterator[TrainingProcess]:
    """One process for all, as in a window."""
    made = TrainingProcess()
    yield made
    made.close()


@pytest.fixture
def live(process: TrainingProcess) -> Iterator[Any]:
    """Start trainings that are closed at last."""
    running: list[Any] = []

    def start(method: Any, source: Any) -> Any:
        running.append(process.fit(method, source, 1))
        return running[-1]

    yield start
    for one in running:
        one.close()


def painted(image: Any = None) -> TrainingSet:
    strokes = np.zeros((64, 64), np.uint8)
    strokes[4:8, 4:30], strokes[40:44, 4:30] = 1, 2
    if image is None:
        image = np.zeros((64, 64), np.uint8)
        image[32:] = 200
    return TrainingSet((Pair(Image(image, name="cells"), Scribbles.from_array(strokes, version=1)),))


def until(events: Any, wanted: Any) -> Any:
    return next(event for event in events if wanted(event))


def is_step(event: Progress) -> bool:
    return getattr(event, "step", 0) > 0


def pid_of(process: TrainingProcess) -> int:
    assert process._child is not None
    return int(process._child._process.pid)


def test_it_learns_the_same_bit_by_bit(process: TrainingProcess) -> None:
    method = REGISTRY["unet"](**SMALL, seconds=None, steps=6, deterministic=True)
    here, there = (run_to_end(fit(method, painted(), 1)) for fit in (fit_here, process.fit))
    assert here.weights.tensors.keys() == there.weights.tensors.keys()
    assert all(torch.equal(tensor, there.weights.tensors[name]) for name, tensor in here.weights.tensors.items())
    assert here.weights.provenance.images == there.weights.provenance.images
    assert here.weights.provenance.settings == there.weights.provenance.settings


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has classes instead of a nice value")
def test_it_runs_behind_the_window_and_its_threads(process: TrainingProcess) -> None:
    run_to_end(process.fit(REGISTRY["unet"](**SMALL, seconds=None, steps=1), painted(), 1))
    assert psutil.Process(pid_of(process)).nice() == 19


def test_a_session_learns_there_what_is_painted_meanwhile(process: TrainingProcess) -> None:
    session = Session()
    pair = painted().pairs[0]
    session.put_pair("a", pair.image, pair.scribbles)
    training = session.training(REGISTRY["unet"](**SMALL, seconds=None), 1, process.fit)
    assert until(training, is_step).painted == 208
    paint = pair.scribbles.to_array()
    paint[20, :10] = 1
    session.paint("a", {0: paint})
    step = until(training, is_step)
    assert (step.painted, step.versions) == (218, (session.version("a"),)), "the very next step has it"
    assert until(training, lambda event: event.model).model is session.models.newest
    training.close()


def test_the_features_that_ship_are_the_same_objects_in_what_comes_back(live: Any) -> None:
    events = live(REGISTRY["unet"](seconds=None, device="cpu", patch=32, batch=1), Latest(painted()))
    answer = until(events, lambda event: event.model).model
    ours = load_features().tensors
    shared = [name for name, tensor in answer.weights.tensors.items() if ours.get(name) is tensor]
    assert len(shared) > 0.8 * len(ours), "so the predictor need not look at the image again"


@pytest.mark.parametrize("after", [1, 2, 4])
def test_it_is_left_at_any_moment_and_used_again(
    process: TrainingProcess, live: Any, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_unet.session.training_child.TO_LEAVE", 200.0)  # however busy the machine
    run_to_end(process.fit(REGISTRY["unet"](**SMALL, seconds=None, steps=1), painted(), 1))
    before = pid_of(process)
    events = live(REGISTRY["unet"](**SMALL, seconds=None), Latest(painted()))
    for _ in range(after):
        next(events)
    events.close()
    assert run_to_end(process.fit(REGISTRY["unet"](**SMALL, seconds=None, steps=1), painted(), 1)).weights.step == 1
    assert pid_of(process) == before


def test_what_is_the_users_to_mend_is_said_as_it_is(process: TrainingProcess) -> None:
    two = TrainingSet((*painted().pairs, Pair(Image(np.zeros((64, 64, 3), np.uint8), "YXC", "colour"),
                                              painted().pairs[0].scribbles)))
    method = REGISTRY["unet"](**SMALL, seconds=None, steps=2)
    with pytest.raises(UserError, match="The images differ in their channels") as there:
        run_to_end(process.fit(method, two, 1))
    with pytest.raises(UserError) as here:
        run_to_end(fit_here(method, two, 1))
    assert str(here.value) == str(there.value)
    assert "training_data.py" in str(there.value.__cause__), "for those who want to know where"


class Pixels:
    """An array that is read piece by piece, and may fail."""

    def __init__(self, data: Any, trouble: Exception | None = None) -> None:
        self.shape, self.dtype, self.ndim, self.data, self.trouble = data.shape, data.dtype, data.ndim, data, trouble

    def __getitem__(self, index: Any) -> Any:
        if self.trouble is not None:
            raise self.trouble
        return self.data[index]


def test_pixels_are_read_here_when_they_are_asked_for(process: TrainingProcess) -> None:
    data = painted().pairs[0].image.data
    method = REGISTRY["unet"](**SMALL, seconds=None, steps=2, deterministic=True)
    whole, lazy = (run_to_end(process.fit(method, painted(one), 1)) for one in (data, Pixels(data)))
    assert all(torch.equal(tensor, lazy.weights.tensors[name]) for name, tensor in whole.weights.tensors.items())
    with pytest.raises(UserError, match="the folder is gone"):
        run_to_end(process.fit(method, painted(Pixels(data, OSError("the folder is gone"))), 1))


def test_warnings_are_heard(process: TrainingProcess) -> None:
    data = painted().pairs[0].image.data.astype(np.float32)
    data[60:, 60:] = np.nan
    method = REGISTRY["unet"](**SMALL, seconds=None, steps=2)
    said = []
    for fit in (fit_here, process.fit):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            run_to_end(fit(method, painted(data.copy()), 1))
        said.append([str(one.message) for one in caught if one.category is InputWarning])
    assert said[0] == said[1]


def test_a_training_whose_process_is_killed_is_started_again_and_one_that_does_not_leave_in_time_is_ended(
    process: TrainingProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session()
    pair = painted().pairs[0]
    session.put_pair("a", pair.image, pair.scribbles)
    training = session.training(REGISTRY["unet"](**SMALL, seconds=None), 1, process.fit)
    before = until(training, lambda event: event.model).step
    psutil.Process(pid_of(process)).kill()
    told = until(training, lambda event: "started again" in event.text).text
    assert "The process in which the network learns has ended" in told
    after = until(training, is_step)
    assert after.step >= before, "it goes on from what it had learnt"
    child = psutil.Process(pid_of(process))
    monkeypatch.setattr("napari_unet.session.training_child.TO_LEAVE", 0.0)
    training.close()
    psutil.wait_procs([child], timeout=200)  # it may die slowly
    assert not child.is_running()
    assert process._child is None


def test_it_is_told_when_somebody_draws_and_when_it_is_over(process: TrainingProcess, live: Any) -> None:
    events = live(REGISTRY["unet"](**SMALL, seconds=None), Latest(painted()))
    first = until(events, is_step)
    child = process._child
    assert child is not None
    assert child.hear(0) is None
    try:
        BRUSH.take(1e6)
        assert child.hear(1e6) is None, "woken at once, with nothing to hear"
        for _ in range(2):
            child.make_way()
            assert child._rests
    finally:
        BRUSH.leave()
    assert until(events, is_step).step > first.step
    assert not child._rests


def test_the_process_rests_where_it_looks_up_until_it_is_told_to_go_on() -> None:
    now, rests = [0.0], []  # type: tuple[list[float], list[float]]

    def wait(seconds: float) -> None:
        rests.append(seconds)
        now[0] += seconds

    floor, left = Floor(lambda: now[0], wait), threading.Event()
    server: Any = _Server(None)  # type: ignore[arg-type]  # nothing is sent

    def work() -> None:
        heed(left, floor)
        look_up()
        assert not rests
        floor.take(100)
        look_up()
        assert rests == [LOOK_REST]
        left.set()
        with pytest.raises(NoLongerWantedError):
            look_up()

    contextvars.copy_context().run(work)
    assert not BRUSH.taken
    server.take(REST, [])
    assert BRUSH.taken
    server.take(GO_ON, [])
    assert not BRUSH.taken


def test_where_there_can_be_no_process_it_learns_here(monkeypatch: pytest.MonkeyPatch) -> None:
    failing = TrainingProcess([sys.executable, "-c", "raise SystemExit(3)"])
    for made in (failing, TrainingProcess(["/no/such/program"])):
        model = run_to_end(made.fit(REGISTRY["unet"](**SMALL, seconds=None, steps=1), painted(), 1))
        assert model.weights.step == 1
        assert list(made.get_ready())
        assert made._child is None
    monkeypatch.setenv(IN_THREAD, "1")
    assert _command() is None
    monkeypatch.delenv(IN_THREAD)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert _command() is None, "a frozen program is no Python"


def test_a_method_of_a_script_stays_here() -> None:
    class Mine:
        def fit(self, source: Any) -> Any:
            yield Progress("mine")
            return "model"

    assert PortableMethod.of(Mine()) is None
    assert next(TrainingProcess().fit(Mine(), painted(), 1)).text == "mine"


def test_nothing_is_left_when_the_program_is_killed() -> None:
    code = ("import sys, time\n"
            "from napari_unet.session.training_process import TrainingProcess\n"
            "one = TrainingProcess()\n"
            "for _ in one.get_ready(): pass\n"
            "print(one._child._process.pid, flush=True)\n"
            "time.sleep(600)\n")
    program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    child = psutil.Process(int(program.stdout.readline()))
    program.kill()
    program.wait()
    program.stdout.close()
    psutil.wait_procs([child], timeout=200)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


# -- messages --------------------------------------------------------------------------------------------------------


def between(first: Parcels, second: Parcels, thing: Any) -> Any:
    """Send something through a pipe."""
    out, into = os.pipe()
    with os.fdopen(out, "rb", buffering=0) as reading, os.fdopen(into, "wb", buffering=0) as writing:
        MessagePipe(reading, writing).send(first.pack(thing))
        kind, parts = MessagePipe(reading, writing).receive() or (b"", [])
        assert kind == MESSAGE
        return second.unpack(parts)


def test_what_is_mentioned_again_is_the_same_object_and_is_not_sent_again() -> None:
    here, there = Parcels(), Parcels(lambda _number, shape, dtype: np.zeros(shape, dtype))
    session = Session()
    for key in ("a", "b"):
        session.put_pair(key, painted().pairs[0].image, painted().pairs[0].scribbles)
    came, sizes = [], []
    for row in range(10, 14):
        paint = session.pair("a").scribbles.to_array()
        paint[row] = 1
        session.paint("a", {0: paint})
        parts = here.pack(session.training_set())
        sizes.append(sum(len(memoryview(part)) for part in parts))
        came.append(there.unpack(parts))
    for sent, got in pairwise(came):
        assert sent.pairs[0].image is got.pairs[0].image
        assert sent.pairs[1].scribbles is got.pairs[1].scribbles
        assert sent.pairs[0].scribbles is not got.pairs[0].scribbles
    assert all(one.pairs[0].scribbles.counts() for one in came)
    assert came[-1].pairs[0].scribbles.same_paint(session.pair("a").scribbles)
    assert came[-1].versions == session.training_set().versions
    assert sizes[-1] < 0.8 * sizes[0], "the other image and its strokes are known"


def test_a_large_image_is_the_same_windows_there() -> None:
    whole = Image(SampledPixels(np.arange(700 * 600, dtype=np.uint16).reshape(700, 600)), name="large")
    stack = window_stack(whole)
    there = Parcels(lambda _number, shape, dtype: SampledPixels(np.zeros(shape, dtype)))
    here = Parcels()
    came = between(here, there, stack)
    windows = windows_of(came)
    assert windows is not None
    assert (came.shape, came.axes, came.name) == (stack.shape, stack.axes, "large")
    assert windows.whole.data.by_sample
    numbers = [number for number in here._sent if here.image(number) is whole]
    assert len(numbers) == 1, "pixels are asked of the whole image"


def test_what_is_gone_here_is_let_go_there() -> None:
    here, there = Parcels(), Parcels()
    network = REGISTRY["unet"](**SMALL).network
    model = NetworkModel(snapshot(network.build(1, 2), network, "unet", 1, painted().classes))
    came = between(here, there, {"model": model})["model"]
    assert came.weights.network == network
    assert all(torch.equal(tensor, came.weights.tensors[name]) for name, tensor in model.weights.tensors.items())
    assert between(here, there, model) is came
    back = between(there, here, {"trained on": came.weights})["trained on"]
    assert all(back.tensors[name] is tensor for name, tensor in model.weights.tensors.items()), "these are its own"
    del back
    left = weakref.ref(came)
    del model, came
    gc.collect()
    assert between(here, there, "something else") == "something else"
    gc.collect()
    assert left() is None
    assert not there._come
    assert not here._numbers


def test_marks_of_what_was_taken_from_a_prediction_travel() -> None:
    strokes, marks = np.zeros((600, 40), np.uint8), np.zeros((600, 40), np.uint8)
    strokes[550:, 3], marks[550:, 3] = 2, 1
    sent = Scribbles((600, 40), {0: strokes}, 7, {0: marks})
    came = between(Parcels(), Parcels(), sent)
    assert came.same_paint(sent)
    np.testing.assert_array_equal(came.derived[0], marks)
    assert not came.blocks(0)[(1, 0)].flags.writeable


def test_both_sides_know_the_features_that_ship() -> None:
    names = features_on_both_sides()
    here, there = Parcels(), Parcels()
    for end in (here, there):
        end.share(names)
    tensor = next(iter(names.values()))
    assert between(here, there, [tensor])[0] is tensor


def test_a_frame_without_parts_says_that_the_work_is_to_be_left() -> None:
    out, into = os.pipe()
    reading, writing = os.fdopen(out, "rb", buffering=0), os.fdopen(into, "wb", buffering=0)
    pipe = MessagePipe(reading, writing)
    pipe.send(kind=LEAVE)
    assert pipe.receive() == (LEAVE, [])
    writing.close()
    assert pipe.receive() is None
    reading.close()

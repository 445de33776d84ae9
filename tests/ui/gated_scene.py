"""What tests of threads share: a viewer without a window, its project, and a gate that holds a thread up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import SLOW
from napari.components import ViewerModel

from napari_unet.ui.projects.keeper import ProjectKeeper, keeper_of
from napari_unet.ui.projects.project_jobs import ProjectJobs, project_jobs_of

_viewers: list[ViewerModel] = []
"""None of them goes as garbage amid another test: Qt's objects of a viewer go with its window, and here is none."""


class Gate:
    """Holds a thread up where it calls this, until it is opened."""

    def __init__(self) -> None:
        self.reached, self.free = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.reached.set()
        assert self.free.wait(SLOW / 1000)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A gate that is open in the end."""
    made = Gate()
    yield made
    made.free.set()


@pytest.fixture
def wait(qtbot: Any) -> Any:
    """Wait until something is true."""
    return lambda until: qtbot.waitUntil(until, timeout=SLOW)


@pytest.fixture
def layers(qtbot: Any) -> Iterator[Any]:
    """A viewer without a window; its keeper leaves nothing running."""
    made = ViewerModel()
    _viewers.append(made)
    yield made
    keeper_of(made)._rest()


@pytest.fixture
def keeper(layers: Any) -> ProjectKeeper:
    """What keeps its project."""
    return keeper_of(layers)


@pytest.fixture
def jobs(layers: Any, keeper: ProjectKeeper) -> Iterator[ProjectJobs]:
    """The work over all images of its project."""
    made = project_jobs_of(layers)
    yield made
    made._workers.stop_all()

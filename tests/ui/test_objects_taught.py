"""The search of the dock Objects, without a window: lines on one plane change what is found on the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QObject, Signal

from napari_unet.core.classes import ClassTable
from napari_unet.objects.hints import Line
from napari_unet.session.annotation_session import Session
from napari_unet.session.object_notes import ObjectNotes, Place, PlaceNotes
from napari_unet.ui.layer_metadata import set_class_table
from napari_unet.ui.object_dock.all_planes import AllPlanes
from napari_unet.ui.object_dock.object_finder import ObjectFinder
from napari_unet.ui.object_dock.object_source import ObjectSource

NUCLEI = ClassTable.named({1: "background", 2: "nucleus"})
CUTS = tuple(Line("cut", ((5, 26 + 12 * number), (35, 26 + 12 * number))) for number in range(5))
SHAPE = (3, 40, 102)


class Prediction(QObject):
    """Of a controller that predicts nothing."""

    pasted = Signal(object)

    def tell_likely(self, wanted: bool) -> None:
        """Take note of nothing."""


class AtOnce:
    """Workers that work when they are told to, in this thread."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []
        self.closed = False

    def start(self, work: Callable[[], Iterator[Any]], name: str, *, on_item: Callable[[Any], None],
              on_error: Callable[[Exception], None], on_end: Callable[[], None], owner: QObject) -> Any:
        def run() -> None:
            for item in work():
                on_item(item)
            on_end()

        self.waiting.append(run)
        return SimpleNamespace(stop=self.waiting.clear)


class Search:
    """A finder of the objects of a stack of three planes, each with six nuclei that overlap much."""

    def __init__(self) -> None:
        rows, columns = np.mgrid[:40, :102]
        plane = np.ones((40, 102), np.uint8)
        for number in range(6):
            plane[(rows - 20) ** 2 + (columns - 20 - 12 * number) ** 2 <= 144] = 2
        self.viewer, self.session, self.workers = ViewerModel(), Session(), AtOnce()
        self._stack = np.stack([plane] * 3)
        self._ties: Any = SimpleNamespace(image_of=lambda _: None, strokes_of=lambda _: None)
        controller: Any = SimpleNamespace(session=self.session, viewer=self.viewer, ties=self._ties, current=None,
                                          workers=self.workers, prediction=Prediction())
        self.finder = ObjectFinder(controller)
        self.planes = AllPlanes(controller, self.finder)
        self.follow("answer")

    def follow(self, name: str) -> None:
        """Find the objects of an answer of its own, of no image that is open."""
        layer = self.viewer.add_labels(self._stack.copy(), name=name)
        set_class_table(layer, NUCLEI)
        self.source = ObjectSource.of(layer, self._ties, NUCLEI)
        self.finder.follow(self.source)

    def look(self, plane: int) -> int:
        """Look at a plane; return how many objects it has."""
        self.viewer.dims.set_current_step(0, plane)
        self.settle()
        assert self.finder.state is not None
        assert self.finder.state.fresh
        return self.count(plane)

    def count(self, plane: int) -> int:
        """Return how many objects were found on a plane."""
        return self.finder.states[Place(plane)].counts[2].objects

    def settle(self) -> None:
        """Do what was asked for, until nothing is left."""
        for _ in range(50):
            if self.finder._soon.isActive():
                self.finder._soon.stop()
                self.finder._on_due()
            elif self.workers.waiting:
                self.workers.waiting.pop(0)()
            else:
                return
        raise AssertionError("it never comes to an end")

    def cut(self, plane: int) -> None:
        """Draw lines on a plane."""
        self.session.edit_objects("cut objects", self.source.key, SHAPE, Place(plane), PlaceNotes(CUTS))


@pytest.fixture
def search(qapp: Any) -> Iterator[Search]:
    made = Search()
    yield made
    made.finder.close()


def test_lines_on_one_plane_part_the_others_until_they_are_undone(search: Search) -> None:
    plain = search.look(1)
    assert plain < 6, "the scene must be too shallow for the usual"
    assert search.look(0) == plain
    search.cut(0)
    search.settle()
    assert search.count(0) == 6
    assert not search.finder.states[Place(1)].fresh
    assert search.look(1) == 6
    search.session.undo()
    search.settle()
    assert search.count(1) == plain, "what is looked at follows at once"
    search.session.redo()
    search.settle()
    assert search.count(1) == 6


def test_lines_of_another_image_are_heeded_and_so_is_their_undo(search: Search) -> None:
    plain = search.look(0)
    search.cut(0)
    search.settle()
    search.follow("another answer")
    assert search.look(0) == 6
    search.session.undo()  # what was drawn on the first
    assert not search.finder.states[Place(0)].fresh
    search.settle()
    assert search.count(0) == plain


def test_all_planes_begin_with_those_that_teach(search: Search) -> None:
    plain = search.look(1)
    notes = ObjectNotes(SHAPE, {Place(2): PlaceNotes(CUTS)})  # as from a project: nobody has asked these lines
    search.session.restore_objects(search.source.key, notes)
    search.settle()
    assert search.count(1) == plain
    search.planes.begin()
    search.settle()
    assert [search.count(plane) for plane in range(3)] == [6, 6, 6]
    assert all(state.fresh for state in search.finder.states.values())
    assert not search.planes.busy

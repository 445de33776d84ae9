"""Finds the objects of a whole large image, block by block, from its mask in a store into another. Knows no dock.

In a thread it looks at the mask, and what was put right by hand that can hold there; where not all can, a person is
asked; then it finds them in a thread.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from napari.layers import Labels
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.objects.level_pixels import parameters_at
from napari_unet.session.object_notes import ObjectNotes, Place
from napari_unet.session.object_search import ObjectWay
from napari_unet.workflows.class_store import ClassStore, open_class_store
from napari_unet.workflows.object_finding import make_search
from napari_unet.workflows.object_store import StoredObjects, objects_to_store
from napari_unet.workflows.store_corrections import (
    StoreCorrections,
    corrections_for,
    factor_of_store,
    made_of_another,
)

from ..files.layer_reader import read_layers
from ..large_images import is_painted_in_fields, levels_of
from ..layer_axes import image_of
from ..layer_metadata import identity, image_id_of, mark_layer
from ..train.live_controller import LiveController
from ..train.store_filler import asked_path
from ..turns import Turns
from ..workers import Worker, error_sentence

MASK = "Mask of the whole image, as Whole image to a store... writes it"
OBJECTS = "Where the objects go"
BY_PLANE = ("{lost} of {all} cuts, joins and corrections were made on single planes. Objects of whole z-stacks cannot "
            "have them; objects that are found plane by plane can. How are objects to be found?")
WITHOUT = ("{lost} of {all} cuts, joins and corrections of {image!r} cannot hold in the objects of {mask}: it is of "
           "another size than the image and its levels, or they were made in z-stacks, and it has planes. Go on "
           "without them?")
OTHER = ("{mask} was made of {other!r}, not of {image!r} as it is now, on which {all} cuts, joins and corrections were "
         "made. Are they to hold in its objects?")


@dataclasses.dataclass(frozen=True, eq=False)
class _Plan:
    """What is to be done: the mask, and for z-stacks and for planes what holds there and how many do not.

    ``other`` is the image that the mask is of, where that is another one.
    """

    given: ClassStore
    path: Path
    way: ObjectWay
    overwrite: bool
    image: str
    deep: tuple[StoreCorrections, int]
    flat: tuple[StoreCorrections, int]
    other: str


class WholeObjects(QObject):
    """Runs :func:`~napari_unet.workflows.object_store.objects_to_store` in a thread, one at a time.

    Parameters
    ----------
    controller : LiveController
    parent : QWidget
        Over it lie the questions for the mask and for the place.

    Attributes
    ----------
    text : str
        How far it is; empty where nothing runs.
    """

    changed = Signal()
    """How far it is."""

    said = Signal(str)
    """What became of it."""

    failed = Signal(object)
    """An error behind what was said."""

    def __init__(self, controller: LiveController, parent: QWidget) -> None:
        super().__init__(parent)
        self._controller, self._window = controller, parent
        self._job: Worker | None = None
        self._turns = Turns()  # a run that was stopped still has the right to write its store until its thread ends
        self._plan: _Plan | None = None
        self.text = ""

    @property
    def busy(self) -> bool:
        """Whether objects are being looked for."""
        return self._job is not None

    def begin(self) -> None:
        """Ask for the mask and for a place, and look for the objects of all of it."""
        if self._job is not None or not (mask := self._ask_mask(self._known_mask())):
            return
        stem = Path(mask).name.partition(".")[0].removesuffix("_mask")
        suggested = Path(mask).with_name(f"{stem}_objects.ome.zarr")
        try:
            path = asked_path(self._ask_place, suggested)
        except UserError as error:
            self.said.emit(str(error))
            return
        if path is None:
            return
        session, layer = self._controller.session, self._controller.images.layer
        way, notes, name, levels = ObjectWay.of_settings(session.settings), None, "", list[Image]()
        lessons = {deep: session.lessons_elsewhere(place=Place(0, deep)) for deep in (False, True)}
        if layer is not None:
            try:
                levels = ([one.image for one in levels_of(layer).levels] if is_painted_in_fields(layer)
                          else [image_of(layer)])
            except UserError as error:
                self.said.emit(str(error))
                return
            notes, name = session.object_notes(identity(layer), levels[0].shape), levels[0].name
        self.text = "Looking at the mask..."
        self._plan = None
        self._job = self._controller.workers.start(
            lambda: _planned(mask, path, way, notes, name, lessons, levels), "napari-unet objects",
            on_result=self._on_planned, on_error=self._on_error, on_end=self._on_looked)
        self.changed.emit()

    def _on_planned(self, plan: _Plan) -> None:
        self._plan = plan

    def _on_looked(self) -> None:
        """Ask about what cannot hold, and begin."""
        self._job, plan = None, None if self._plan is None else self._own(self._plan)
        if plan is not None and (by_plane := self._decided(plan)) is not None:
            classes = self._controller.session.classes
            self._job = self._turns.start(
                self._controller.workers, plan.path, lambda: _found(plan, by_plane, classes), "napari-unet objects",
                on_item=self._on_item, on_result=self._on_done, on_error=self._on_error, on_end=self._on_end)
            self.changed.emit()
        else:
            self._on_end()

    def _own(self, plan: _Plan) -> _Plan | None:
        """Ask whether what was put right is to hold in a mask of another image; None: nothing is to be done."""
        every = plan.deep[0].count + plan.deep[1]
        if not plan.other or not every:
            return plan
        told = OTHER.format(mask=Path(plan.given.name).name, other=plan.other, image=plan.image, all=every)
        chosen = self._choose(told, ("Go on without them", "Use them"))
        if chosen == 0:
            none = StoreCorrections(), 0
            return dataclasses.replace(plan, deep=none, flat=none)
        return None if chosen < 0 else plan

    def _decided(self, plan: _Plan) -> bool | None:
        """Say whether objects are found plane by plane, None: not at all."""
        (deep, lost), lost_flat = plan.deep, plan.flat[1]
        every = lost + deep.count
        if not lost:
            return False
        if lost_flat < lost:
            chosen = self._choose(BY_PLANE.format(lost=lost, all=every), ("Plane by plane, with them",
                                                                          "Whole z-stacks, without them"))
            return None if chosen < 0 else chosen == 0
        told = WITHOUT.format(lost=lost, all=every, image=plan.image, mask=Path(plan.given.name).name)
        return None if self._choose(told, ("Go on without them",)) < 0 else False

    def _choose(self, question: str, answers: tuple[str, ...]) -> int:
        """Ask for one of some answers; return its number, -1 for none."""
        box = QMessageBox(QMessageBox.Icon.Question, "Objects", question, parent=self._window)
        made = [box.addButton(one, QMessageBox.ButtonRole.AcceptRole) for one in answers]
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        return next((number for number, one in enumerate(made) if one is box.clickedButton()), -1)

    def cancel(self) -> None:
        """Stop; what is done stays, and the same again goes on from there."""
        if self._job is not None:
            self._job.stop()
            self.said.emit("Stopped; what is done is kept. Choose the same names again to go on.")

    def _ask_mask(self, proposed: str) -> str:
        return str(QFileDialog.getExistingDirectory(self._window, MASK, proposed))

    def _ask_place(self, proposed: str) -> str:
        return str(QFileDialog.getSaveFileName(self._window, OBJECTS, proposed, "OME-Zarr (*.zarr)")[0])

    def _known_mask(self) -> str:
        """Return a mask in a store that is in the window, to propose it: of the present image, if there is one."""
        image = self._controller.images.layer
        own = None if image is None else identity(image)
        found = [one for one in self._controller.viewer.layers if isinstance(one, Labels) and one.multiscale]
        paths = (str(one.source.path or one.metadata.get("path", ""))
                 for one in sorted(found, key=lambda one: image_id_of(one) != own))
        return next((one for one in paths if one), str(Path.home()))

    def _on_item(self, event: Any) -> None:
        total = event.before + event.total
        self.text = f"Objects of the whole image: block {event.before + event.done} of {total}."
        self.changed.emit()

    def _on_done(self, found: StoredObjects) -> None:
        words = ", ".join(f"{found.count_of(one.id):,} {one.name}" for one in found.classes.classes
                          if one.id > 1 and found.search.counts(one.id))
        shown = ""
        if Path(found.path).is_dir():
            data, options, _ = read_layers(str(found.path))[0]
            made = self._controller.viewer.add_labels(data, **options)
            made.editable = False
            if (image := self._controller.images.layer) is not None:
                mark_layer(made, "objects", image)
            shown = f", shown as {made.name!r}"
        held = f" {found.corrections} cuts, joins and corrections hold in it." if found.corrections else ""
        if found.left_out:
            held += f" {found.left_out} lines were left out: the objects that they touch are too large."
        self.said.emit(f"Done: {words or 'nothing that is counted'} in {found.path}{shown}.{held}")

    def _on_error(self, error: Exception) -> None:
        self.said.emit(error_sentence(error))
        self.failed.emit(error)

    def _on_end(self) -> None:
        self._job, self.text = None, ""
        self.changed.emit()


def _planned(
    mask: str, path: Path, way: ObjectWay, notes: ObjectNotes | None, image: str,
    lessons: Mapping[bool, tuple[float, ...]], levels: Sequence[Image],
) -> Generator[Any, None, _Plan]:
    """Look at a mask, and at what was put right that can hold there."""
    yield from ()
    given = open_class_store(mask)
    notes = notes or ObjectNotes(given.shape)
    factor = factor_of_store(given, notes.shape)
    way = ObjectWay(way.way, parameters_at(way.parameters, factor or (1, 1)), way.areas)
    deep, flat = (corrections_for(given, notes, by_plane, lessons) for by_plane in (False, True))
    return _Plan(given, path, way, path.exists(), image, deep, flat, made_of_another(mask, levels))


def _found(plan: _Plan, by_plane: bool, classes: ClassTable) -> Generator[Any, None, StoredObjects]:
    """Find them, by the way and the classes of the session."""
    way, known = plan.way, plan.given.classes.including(classes.ids)
    counted = tuple(one for one in known.ids if one > 1 and one not in way.areas) if way.areas else ()
    run = objects_to_store(plan.given, plan.path, make_search(way.way, way.parameters, counted, by_plane),
                           corrections=(plan.flat if by_plane else plan.deep)[0], overwrite=plan.overwrite)
    yield from run
    return run.result()

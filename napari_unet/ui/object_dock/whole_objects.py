"""Finds the objects of a whole large image, block by block, from its mask in a store into another. Knows no dock."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

from napari.layers import Labels
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.session.object_search import ObjectWay
from napari_unet.workflows.class_store import open_class_store
from napari_unet.workflows.object_finding import make_search
from napari_unet.workflows.object_store import StoredObjects, objects_to_store

from ..files.layer_reader import read_layers
from ..layer_metadata import mark_layer
from ..train.live_controller import LiveController
from ..train.store_filler import asked_path
from ..workers import Worker, error_sentence

MASK = "Mask of the whole image, as Whole image to a store... writes it"
OBJECTS = "Where the objects go"


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
        session = self._controller.session
        way, classes = ObjectWay.of_settings(session.settings), session.classes
        self.text = "Looking at the mask..."
        self._job = self._controller.workers.start(
            lambda: _found(mask, path, way, classes, path.exists()), "napari-unet objects", on_item=self._on_item,
            on_result=self._on_done, on_error=self._on_error, on_end=self._on_end)
        self.changed.emit()

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
        """Return a mask in a store that is in the window, to propose it."""
        paths = (str(one.source.path or one.metadata.get("path", "")) for one in self._controller.viewer.layers
                 if isinstance(one, Labels) and one.multiscale)
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
        self.said.emit(f"Done: {words or 'nothing that is counted'} in {found.path}{shown}.")

    def _on_error(self, error: Exception) -> None:
        self.said.emit(error_sentence(error))
        self.failed.emit(error)

    def _on_end(self) -> None:
        self._job, self.text = None, ""
        self.changed.emit()


def _found(
    mask: str, path: Path, way: ObjectWay, classes: ClassTable, overwrite: bool
) -> Generator[Any, None, StoredObjects]:
    """Find them, by the way and the classes of the session."""
    given = open_class_store(mask)
    known = given.classes.including(classes.ids)
    counted = tuple(one for one in known.ids if one > 1 and one not in way.areas) if way.areas else ()
    run = objects_to_store(given, path, make_search(way.way, way.parameters, counted), overwrite=overwrite)
    yield from run
    return run.result()

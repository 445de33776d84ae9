"""The images of the open project: as on disk, and as the session lists them. Opens no layer, reads no pixels."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_unet.core.errors import UserError
from napari_unet.core.method import Model
from napari_unet.project.prediction_basis import PresentBasis
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.records import ImageRecord, ProjectState, ResultRecord
from napari_unet.project.sitting import known_images

from ..sessions import PerOwner, session_of
from .keeper import keeper_of


class ProjectImages(QObject):
    """Asks and changes what the project of a viewer has of its images.

    Parameters
    ----------
    viewer : napari Viewer
    """

    changed = Signal()
    """Another project, other images, or something else is known of one."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = weakref.ref(viewer)
        self._session = session_of(viewer)
        self._keeper = keeper_of(viewer)
        self._present = PresentBasis(self._session)
        self._keeper.changed.connect(self.refresh)
        self.refresh()

    # -- asking ----------------------------------------------------------------------------------------------------

    @property
    def folder(self) -> ProjectFolder | None:
        """The open project."""
        folder: ProjectFolder | None = self._keeper.folder
        return folder

    @property
    def state(self) -> ProjectState | None:
        """The newest state of the open project."""
        return None if self.folder is None else self.folder.state

    @property
    def records(self) -> tuple[ImageRecord, ...]:
        """The images of the project in order; none without a project."""
        return () if self.state is None else self.state.images

    def record(self, key: Any) -> ImageRecord | None:
        """Return the record of an image of the project, None for any other."""
        return None if self.state is None else self.state.image(str(key))

    def is_painted(self, key: Any) -> bool:
        """Whether an image has strokes that the session knows."""
        pair = self._session.images.known(key).strokes_key
        return pair in self._session.keys and bool(self._session.pair(pair).scribbles.planes)

    def is_outdated(self, key: Any) -> bool:
        """Whether what the project has predicted of an image is older than the strokes, or than the model."""
        state = self.state
        result = None if state is None else state.result(str(key))
        if state is None or result is None or self._session.model is None:
            return False
        if result.basis:
            return result.basis not in self._present.names()
        shown = next((one for one in state.models if one.shown), None)
        return shown is not None and result.time < shown.time

    # -- changing --------------------------------------------------------------------------------------------------

    def make(self, place: Path | None = None) -> ProjectFolder:
        """Return the open project, made if there is none.

        Raises
        ------
        UserError
            If it cannot be made, or may not be written.
        """
        folder = self.folder
        if folder is None:
            folder = self._keeper.make(place)
        if folder is None:
            raise UserError("No project could be made for the images. Choose another folder in the project's menu.")
        self.check_writable()
        return folder

    def check_writable(self) -> None:
        """Make sure that the project is there and this window may write it.

        Raises
        ------
        UserError
            If not.
        """
        if self.folder is None:
            raise UserError("There is no project yet. Add images to make one.")
        if self.folder.read_only:
            raise UserError("Another window writes this project; here it is read only. Save a copy to change it.")

    def add(self, records: Sequence[ImageRecord]) -> None:
        """Add images at the end."""
        self._change(lambda state: state.replacing(*records))

    def remove(self, keys: Iterable[Any]) -> None:
        """Take images out; their strokes stay in the project's folder."""
        gone = [str(key) for key in keys]

        def without(state: ProjectState) -> ProjectState:
            for one in gone:
                state = state.without_image(one)
            return state

        self._change(without)

    def bring_back(self, records: Sequence[ImageRecord], results: Sequence[ResultRecord], order: Sequence[str]) -> None:
        """Take back what :meth:`remove` did; images stand where they stood in ``order``."""
        def restored(state: ProjectState) -> ProjectState:
            state = state.replacing(*records, *results)
            place = {key: at for at, key in enumerate(order)}
            images = sorted(state.images, key=lambda one: place.get(one.id, len(place)))
            return state.replacing(images=tuple(images))

        self._change(restored)

    def note(self, key: Any, **facts: Any) -> None:
        """Note in the record of an image what is so now, e.g. ``looked_at=True``; nothing if it is gone."""
        record = self.record(key)
        if record is not None and dataclasses.replace(record, **facts) != record:
            self._change(lambda state: state.replacing(*(
                dataclasses.replace(one, **facts) for one in state.images if one.id == record.id)))

    def note_result(self, key: str, model: Model, basis: str) -> None:
        """Note that the project has a prediction of an image now, by this model, and what it stands on."""
        if self.folder is not None and self.record(key) is not None:
            self.folder.put_result(key, model, basis)
            self._told()

    def _change(self, change: Callable[[ProjectState], ProjectState]) -> None:
        if self.folder is not None:
            self.folder.change(change)
            self._told()

    def _told(self) -> None:
        """Let the disk follow, and the list."""
        self._keeper.soon()
        self.refresh()

    def refresh(self) -> None:
        """List the images of the project in the session."""
        state = self.state
        self._session.images.list_images([] if state is None else known_images(state))
        self.changed.emit()


_all = PerOwner(ProjectImages)


def project_images_of(viewer: Any) -> ProjectImages:
    """Return what knows the images of a viewer's project, the same each time it is asked for."""
    return _all.of(viewer)

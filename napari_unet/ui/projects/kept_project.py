"""The open project of a viewer: hands snapshots to its saver, copies it, knows what there is to say of it.

Never waits for the disk in the GUI thread, but when the project is left, and then not for long. Shows nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.core.errors import UserError, reason_of
from napari_unet.core.scribbles import Scribbles
from napari_unet.project import sources
from napari_unet.project.image_records import ImageRecord
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.sitting import snapshot_of

from ..files.reader_choice import prefer_this_reader
from ..sessions import session_of, ties_of
from ..worker_group import WorkerGroup
from .image_intake import ImageIntake, size_text
from .image_references import stored_bytes
from .kept_layers import leave_layers
from .preferences import read_preferences, remember_project
from .project_status import ProjectFacts, ProjectStatus, status_of
from .saving_thread import SavingThread

SOON_MS = 200
"""What comes within this time is handed on together; the disk has it well within two seconds of the stroke."""

PATIENCE = 2.0
"""Seconds that closing a window or a project waits for what is not saved yet."""


class KeptProject(QObject):
    """The project of one viewer, if one is open.

    Parameters
    ----------
    viewer : napari Viewer
        Is not kept.

    Attributes
    ----------
    folder : ProjectFolder or None
        The open project.
    session : Session
    workers : WorkerGroup
        For work on the project in threads.
    missing : int
        Images of the project that are not where they were.
    """

    changed = Signal()
    """Another project is open, or what is to be said of it is another."""

    said = Signal(str)
    """One sentence about something that was done."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.layers = viewer.layers
        self.session, self.ties = session_of(viewer), ties_of(viewer)
        self.folder: ProjectFolder | None = None
        self.missing = 0
        self.workers = WorkerGroup(self)
        self._intake: ImageIntake | None = None
        self._saving: SavingThread | None = None
        self._warning = ""
        self._begun: dict[Any, Scribbles] = {}  # the strokes when a project to read only was opened
        self._painters: Callable[[], Iterable[Any]] = tuple
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SOON_MS)
        self._timer.timeout.connect(self._hand_on)

    # -- what there is to say --------------------------------------------------------------------------------------

    @property
    def all_saved(self) -> bool:
        """Whether the disk holds all that there is to keep; also where there is nothing."""
        if any(one.pending for one in self._painters()):
            return False
        if self.folder is None:
            return not self.painted
        if self.folder.read_only:
            now = self._painted_pairs()
            return now.keys() == self._begun.keys() and all(now[key].same_paint(self._begun[key]) for key in now)
        return (self._saving is not None and self._saving.all_saved and not self._timer.isActive()
                and not self.storing)

    @property
    def storing(self) -> bool:
        """Whether images are being looked at or stored that may be nowhere else."""
        return self._intake is not None and self._intake.busy

    @property
    def painted(self) -> bool:
        """Whether anything is painted."""
        return any(self.session.pair(key).scribbles.planes for key in self.session.keys)

    def status(self) -> ProjectStatus:
        """Return what to show of the project."""
        folder = self.folder
        large = self._intake.large if self._intake is not None else []
        trouble = self._saving.trouble if self._saving is not None else ""
        return status_of(ProjectFacts(
            None if folder is None else folder.path, read_preferences().keep, self.painted, not self.all_saved,
            folder is not None and folder.read_only, trouble, self.missing,
            tuple((one.record.name, size_text(stored_bytes(one.image))) for one in large), self._warning,
        ))

    def warn(self, text: str) -> None:
        """Say in the line what went wrong, until another project is open or something else goes wrong."""
        self._warning = text
        self.changed.emit()

    def _painted_pairs(self) -> dict[Any, Scribbles]:
        pairs = {key: self.session.pair(key).scribbles for key in self.session.keys}
        return {key: scribbles for key, scribbles in pairs.items() if scribbles.planes}

    # -- saving ----------------------------------------------------------------------------------------------------

    def publish_first(self, painters: Callable[[], Iterable[Any]]) -> None:
        """Know who may have strokes of this very moment that the session does not know yet.

        Parameters
        ----------
        painters : callable
            Returns what has ``pending`` and ``flush``, as :class:`~napari_unet.ui.train.layer_binding.LayerBinding`.
        """
        self._painters = painters

    def _publish(self) -> None:
        """Let the session know what was painted a moment ago, which its layers would tell in a moment."""
        for one in tuple(self._painters()):
            one.flush()

    def soon(self, *_: Any) -> None:
        """Hand on what there is to keep, in a moment."""
        if not self._timer.isActive():
            self._timer.start()

    def _hand_on(self) -> None:
        """Give the saver what there is now."""
        self._timer.stop()
        if self.folder is not None and self._intake is not None and self._saving is not None:
            self._intake.update()
            self._saving.offer(snapshot_of(self.session, self.folder))

    def flush(self, seconds: float = PATIENCE, storing: float = PATIENCE) -> bool:
        """Save what is not saved yet and let the saver rest; say whether all is on disk.

        Parameters
        ----------
        seconds : float
            To wait at most for the saver.
        storing : float
            To wait at most for images that are being stored.
        """
        self._publish()
        self._hand_on()
        if self._intake is not None and self._intake.busy:
            self._intake.finish(storing)
            self._hand_on()  # what is known of them now
        if self._saving is None:
            return self.all_saved
        return self._saving.finish(seconds) and not self.storing

    # -- taking up and leaving -------------------------------------------------------------------------------------

    def adopt(self, folder: ProjectFolder) -> None:
        """Keep everything in a project from now on."""
        self._let_go()
        self.folder, self._warning = folder, ""
        self._intake = ImageIntake(folder, self.session, self.layers, self.ties, self.workers, self)
        self._intake.changed.connect(self.soon)
        self._intake.said.connect(self.said)
        self._begun = self._painted_pairs()
        self._begin_saving()
        self._note_place()

    def _begin_saving(self) -> None:
        if self.folder is not None and self._saving is None and not self.folder.read_only:
            self._saving = SavingThread(self.folder, self.workers, self)
            self._saving.changed.connect(self.changed)
            self._saving.said.connect(self.said)

    def _note_place(self) -> None:
        if self.folder is not None:
            remember_project(self.folder.path)
            prefer_this_reader()
        self.count_missing()
        self.soon()
        self.changed.emit()

    def _let_go(self) -> None:
        if self._saving is not None:
            self._saving.finish(PATIENCE)
        for one in (self._intake, self._saving):
            if one is not None:
                one.deleteLater()
        self.folder = self._intake = self._saving = None

    def leave_project(self) -> bool:
        """Save and close the project, and take its layers out of the viewer; say whether that was possible."""
        folder = self.folder
        if folder is None:
            return True
        if not self.flush() and not folder.read_only:
            why = "images are still being stored in it" if self.storing else "not all of it could be saved"
            self.said.emit(f"{folder.path.name} stays open: {why}.")
            return False
        self._let_go()
        self._warning = ""
        leave_layers(folder, self.session, self.ties, self.layers)
        try:
            folder.close()
        except (UserError, OSError) as error:
            self.warn(reason_of(error))
        self.missing = 0
        self.changed.emit()
        return True

    def close_project(self) -> None:
        """Close the project at the wish of a person; nothing is learnt any more, and no model shown."""
        name = self.folder.path.name if self.folder is not None else ""
        if name and self.leave_project():
            self.session.set_model(None)
            self.said.emit(f"{name} is saved and closed.")

    # -- copies ----------------------------------------------------------------------------------------------------

    def save_as(self, path: Path) -> None:
        """Copy the project, in a thread, and go on there."""
        folder = self.folder
        if folder is not None:
            self._copy(lambda: folder.save_as(path), f"Saved as {path}, and going on there.")

    def save_copy(self, path: Path) -> None:
        """Copy the project, in a thread; one that is open to read only goes on in the copy, with what was painted."""
        folder = self.folder
        if folder is not None and folder.read_only:
            self.save_as(path)
        elif folder is not None:
            self._copy(lambda: folder.save_copy(path), f"A copy is in {path}.")

    def _copy(self, copy: Any, told: str) -> None:
        folder = self.folder
        self._hand_on()

        def work() -> Iterator[None]:
            copy()
            yield

        self.workers.start(work, "napari-unet project", on_item=lambda _: self._on_copied(folder, told),
                           on_error=lambda error: self.warn(reason_of(error)))
        self.said.emit("Copying the project...")

    def _on_copied(self, folder: ProjectFolder | None, told: str) -> None:
        if folder is not self.folder:
            return
        self._begin_saving()
        if self._saving is not None:
            self._saving.try_now()
        self._warning = ""
        self._note_place()
        self.said.emit(told)

    # -- images ----------------------------------------------------------------------------------------------------

    def add_records(self, records: list[ImageRecord]) -> None:
        """Put images into the project."""
        if self.folder is not None:
            self.folder.change(lambda state: state.replacing(*records))
            self.soon()
            self.changed.emit()

    def relocate(self, old: Path, new: Path) -> None:
        """Take images that were in one folder from another, where they are there."""
        folder = self.folder
        if folder is not None:
            folder.change(lambda state: sources.relocate(state, folder.path, old, new))
            self.count_missing()
            self.soon()
            self.changed.emit()

    def count_missing(self) -> None:
        """Look how many images are not where they were."""
        folder = self.folder
        self.missing = 0 if folder is None else sum(map(len, sources.missing(folder.state, folder.path).values()))

    def store_large(self) -> None:
        """Store the images that have waited for a click."""
        if self._intake is not None:
            self._intake.store_large()
            self.changed.emit()

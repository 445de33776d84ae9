"""The saver of an open project in a thread of its own, and what it says. Knows no layers."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal

from napari_unet.core.errors import reason_of
from napari_unet.core.floor import BRUSH, resting
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.saver import ProjectSaved, ProjectSaver, SaverEvent, Snapshot

from ..turns import Turns
from ..worker_group import WorkerGroup
from ..workers import Worker

REST = 0.5
"""Seconds that saving is put off at most while somebody draws; strokes are saved two seconds after their end."""


class SavingThread(QObject):
    """Saves what it is given; begins again where it has ended, and not before.

    Parameters
    ----------
    folder : ProjectFolder
        May be written.
    workers : WorkerGroup
    parent : QObject, optional

    Attributes
    ----------
    trouble : str
        Why nothing can be saved at the moment, ``""`` if it can.
    """

    changed = Signal()
    """Something was saved, or could not be."""

    said = Signal(str)
    """Something that is good to know."""

    def __init__(self, folder: ProjectFolder, workers: WorkerGroup, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder, self._workers = folder, workers
        self._saver = ProjectSaver(folder)
        self._newest: Snapshot | None = None
        self._worker: Worker | None = None
        self._turns = Turns()  # who hangs in an older stroke is not to write it over a newer one
        self.trouble = ""

    @property
    def all_saved(self) -> bool:
        """Whether the disk holds all that was given."""
        return self._newest is None or self._saver.all_saved

    def offer(self, snapshot: Snapshot) -> None:
        """Have a snapshot saved; never waits."""
        self._newest = snapshot
        if self._worker is None:
            self._start()
        self._saver.offer(snapshot)

    def try_now(self) -> None:
        """Do not wait any longer after a failure."""
        self._saver.try_now()

    def finish(self, seconds: float) -> bool:
        """Save what is left and end the thread; wait for it at most so long. Say whether all is on disk."""
        worker, self._worker = self._worker, None
        if worker is not None:
            self._saver.finish()
            worker.wait(seconds)
        return self.all_saved

    def _start(self) -> None:
        saver = self._saver = ProjectSaver(self._folder)
        self._worker = self._turns.start(
            self._workers, self._folder, lambda: resting(saver.saving(), REST, BRUSH), "napari-unet saving",
            on_item=self._on_event, on_error=lambda error: self._on_died(saver, error),
        )

    def _on_event(self, event: SaverEvent) -> None:
        failing, before = self._saver.failing, self.trouble
        if isinstance(event, ProjectSaved) or failing != before:
            self.trouble = failing
            self.changed.emit()
            if before and not failing:
                self.said.emit(f"Everything is saved again in {self._folder.path}.")

    def _on_died(self, saver: ProjectSaver, error: Exception) -> None:
        """Begin again after an error of ours, once for each thing that is to be saved."""
        if saver is self._saver and self._worker is not None:
            self._worker = None
            self.trouble = f"Saving stopped ({reason_of(error)}); it is tried again with your next stroke."
            self.changed.emit()

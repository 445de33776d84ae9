"""Save the table of a layer, or of all images of the project, as CSV. Asks where; writes in another thread."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_unet.core.classes import ClassTable
from napari_unet.core.method import Progress
from napari_unet.objects.measure_table import MeasureTable
from napari_unet.project.object_tables import measure_project
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.report.object_csv import write_objects

from ..projects.project_images import project_images_of
from ..sessions import session_of
from ..worker_group import WorkerGroup
from .measured_layer import MeasuredLayer


class TableSaving(QObject):
    """Asks for a place, then writes.

    Parameters
    ----------
    viewer : napari Viewer
    workers : WorkerGroup
    dock : QWidget
        Parent of the dialogs.
    """

    said = Signal(str)
    """What it does, and what became of it."""

    failed = Signal(object)
    """An error that ended the writing."""

    changed = Signal()
    """It has begun or ended."""

    def __init__(self, viewer: Any, workers: WorkerGroup, dock: QWidget) -> None:
        super().__init__(dock)
        self._dock, self._workers = dock, workers
        self._session, self._images = session_of(viewer), project_images_of(viewer)
        self.busy = False

    @property
    def has_project(self) -> bool:
        """Whether a project is open."""
        return self._images.folder is not None

    def save_table(self, measured: MeasuredLayer, kept: NDArray[np.bool_]) -> None:
        """Ask for a file and write the rows that are kept."""
        layer = measured.source.layer
        path = self._ask("Save the table", f"{layer.name}.csv")
        if path is not None:
            table = measured.table.only(kept).with_words(image=measured.source.name)
            gone = len(measured.table) - len(table)
            told = f"Saved {path}: {len(table)} objects" + (f", without {gone} that are filtered out." if gone else ".")
            self._start(partial(_written, path, table, told))

    def save_project(self) -> None:
        """Ask for a file and write the objects of all images of the project."""
        folder = self._images.folder
        if folder is None:
            return
        path = self._ask("Save the objects of all images", str(folder.path.parent / f"{folder.path.stem} objects.csv"))
        if path is not None:
            self._start(partial(_measured, path, folder, self._session.classes))

    def _ask(self, title: str, name: str) -> Path | None:
        found, _ = QFileDialog.getSaveFileName(self._dock, title, name, "Table (*.csv)")
        if not found:
            return None
        return Path(found if found.lower().endswith(".csv") else f"{found}.csv")

    def _start(self, work: Callable[[], Iterator[Any]]) -> None:
        self.busy = True
        self._workers.start(work, "napari-unet saving", on_item=lambda step: self.said.emit(step.text),
                            on_result=self.said.emit, on_error=self.failed.emit, on_end=self._on_end)
        self.changed.emit()

    def _on_end(self) -> None:
        self.busy = False
        self.changed.emit()


def _written(path: Path, table: MeasureTable, told: str) -> Generator[Progress, None, str]:
    yield from ()
    write_objects(path, table, overwrite=True)  # the dialog has asked
    return told


def _measured(path: Path, folder: ProjectFolder, classes: ClassTable) -> Generator[Progress, None, str]:
    table, left_out = yield from measure_project(folder, classes)
    write_objects(path, table, overwrite=True)
    return f"Saved {path}: {len(table)} objects." + "".join(f"\nLeft out: {one}" for one in left_out)

"""Save the table of a layer, or of all images of the project, as CSV. Asks where; writes in another thread."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QFileDialog

from napari_unet.core.classes import ClassTable
from napari_unet.core.method import Progress
from napari_unet.objects.measure_table import MeasureTable
from napari_unet.project.object_tables import measure_project
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.report.object_csv import write_objects

from ..projects.project_images import project_images_of

if TYPE_CHECKING:
    from .table_dock import ObjectTableDock


class TableSaving(QObject):
    """What the dock writes.

    Parameters
    ----------
    dock : ObjectTableDock
    """

    def __init__(self, dock: ObjectTableDock) -> None:
        super().__init__(dock)
        self._dock, self._images = dock, project_images_of(dock.viewer)
        self.busy = False
        self.said = ""

    @property
    def folder(self) -> ProjectFolder | None:
        """The folder of the project that is open."""
        return self._images.folder

    def save_table(self) -> None:
        """Ask for a file and write the rows that are kept."""
        measured = self._dock.measured
        if measured is None:
            return
        layer = measured.source.layer
        path = self._ask("Save the table", f"{layer.name}.csv")
        if path is not None:
            image = layer.name if measured.source.image is None else measured.source.image.name
            table = measured.table.only(self._dock.kept).with_words(image=image)
            gone = len(measured.table) - len(table)
            told = f"Saved {path}: {len(table)} objects" + (f", without {gone} that are filtered out." if gone else ".")
            self._start(partial(_written, path, table), told)

    def save_project(self) -> None:
        """Ask for a file and write the objects of all images of the project."""
        folder, state = self._images.folder, self._images.state
        if folder is None or state is None:
            return
        path = self._ask("Save the objects of all images", str(folder.path.parent / f"{folder.path.stem} objects.csv"))
        if path is not None:
            self._start(partial(_measured, path, folder, self._dock.session.classes), f"Saved {path}.")

    def _ask(self, title: str, name: str) -> Path | None:
        found, _ = QFileDialog.getSaveFileName(self._dock, title, name, "Table (*.csv)")
        if not found:
            return None
        return Path(found if found.lower().endswith(".csv") else f"{found}.csv")

    def _start(self, work: Callable[[], Iterator[Any]], told: str) -> None:
        dock = self._dock
        self.busy, self.said = True, ""

        def done(more: str) -> None:
            self.said = " ".join(filter(None, (told, more)))
            dock.state.setText(self.said)

        def ended() -> None:
            self.busy = False
            dock.refresh()

        dock.workers.start(
            work, "napari-unet saving", on_item=lambda step: dock.state.setText(step.text),
            on_result=done, on_error=dock.state.show_failure, on_end=ended)
        dock.refresh()


def _written(path: Path, table: MeasureTable) -> Generator[Progress, None, str]:
    yield from ()
    write_objects(path, table, overwrite=True)  # the dialog has asked
    return ""


def _measured(path: Path, folder: ProjectFolder, classes: ClassTable) -> Generator[Progress, None, str]:
    table, left_out = yield from measure_project(folder, classes)
    write_objects(path, table, overwrite=True)
    return f"{len(table)} objects." + "".join(f"\nLeft out: {one}" for one in left_out)

"""Which projects there are to go on with: those used last, and those that hold an image that was opened. Opens none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from ..image_ties import ImageTies
from ..layer_boxes import LayerWatch
from ..sessions import ties_of
from ..worker_group import WorkerGroup
from .image_references import layer_files
from .place import is_project, projects_beside
from .preferences import read_preferences


class ProjectOffers(QObject):
    """Looks for projects whenever images come or go, in a thread: disks may be slow.

    Parameters
    ----------
    viewer : napari Viewer
    owner : QObject
        What shows them; they are looked for as long as it lives.

    Attributes
    ----------
    paths : list of Path
        Projects to go on with, the likeliest first.
    """

    changed = Signal()

    def __init__(self, viewer: Any, owner: QObject) -> None:
        super().__init__(owner)
        self.paths: list[Path] = []
        self._ties: ImageTies = ties_of(viewer)
        self._workers = WorkerGroup(self, getattr(getattr(viewer, "window", None), "_qt_window", None))
        self._looking = self._again = False
        self._watch = LayerWatch(viewer, self)
        self._watch.changed.connect(self.look)
        QTimer.singleShot(0, self.look)

    def look(self) -> None:
        """Look for projects, once more if images come meanwhile."""
        if self._looking:
            self._again = True
            return
        self._looking, self._again = True, False
        files = [layer_files(one) for one in self._ties.images]
        first = [one[0] for one in files if one]
        recent = [Path(one) for one in read_preferences().recent]

        def find() -> Iterator[list[Path]]:
            beside = [path for file in first for path in projects_beside(file)]
            yield list(dict.fromkeys([*beside, *(one for one in recent if is_project(one))]))

        self._workers.start(find, "napari-unet offers", on_item=self._found, on_end=self._ended)

    def _found(self, paths: list[Path]) -> None:
        if paths != self.paths:
            self.paths = paths
            self.changed.emit()

    def _ended(self) -> None:
        self._looking = False
        if self._again and not self._workers.closed:
            self.look()

"""Measures one layer of objects in another thread, again when it has changed and is quick to measure. Shows nothing."""

from __future__ import annotations

import time
from typing import Any

from napari.layers import Image as ImageLayer
from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer, Signal

from napari_unet.core.errors import UserError

from ..layer_metadata import identity, notes_of
from ..sessions import session_of
from ..worker_group import WorkerGroup
from ..workers import Worker
from .measured_layer import MeasuredLayer
from .table_question import TableQuestion
from .table_source import PLANE, TableSource

SOON_MS = 400
"""A layer that changes is measured anew when it has been still for so long."""

QUICK_S = 2.0
"""What took longer the last time, in processor time, is measured anew only when a person asks for it."""

LONG_S = 0.5
"""What takes longer shows how far it is."""

_TOUCHED = ("set_data", "labels_update", "data", "paint")


class LayerMeasurer(QObject):
    """Holds the newest table of a layer.

    Parameters
    ----------
    viewer : napari Viewer
    workers : WorkerGroup
    parent : QObject, optional
    """

    measured = Signal(object)
    """A :class:`MeasuredLayer` of the layer that is followed."""

    progressed = Signal(float)
    """The share that is done."""

    failed = Signal(object)
    """An error that ended the measuring, or that keeps it from beginning."""

    changed = Signal()
    """Whether it runs, or whether the table is stale, is another than before."""

    def __init__(self, viewer: Any, workers: WorkerGroup, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer, self._workers, self._session = viewer, workers, session_of(viewer)
        self.layer: Labels | None = None
        self.image_layer: ImageLayer | None = None
        self.extent = PLANE
        self.result: MeasuredLayer | None = None
        self.stale = False
        self._worker: Worker | None = None
        self._began, self._seconds = 0.0, 0.0
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON_MS)
        self._soon.timeout.connect(self._on_still)
        self._steps = viewer.dims.events.current_step
        self._steps.connect(self._on_step)

    def close(self) -> None:
        """Let go of the viewer."""
        self._steps.disconnect(self._on_step)
        self._soon.stop()
        self._listen(None)

    @property
    def running(self) -> bool:
        """Whether it is measuring."""
        return self._worker is not None

    @property
    def takes_long(self) -> bool:
        """Whether it has been measuring for so long that people want to see how far it is."""
        return self.running and time.monotonic() - self._began > LONG_S

    @property
    def is_due(self) -> bool:
        """Whether it will measure without being asked."""
        return self._soon.isActive() and self._is_quick

    @property
    def _is_quick(self) -> bool:
        """Whether measuring takes no longer than may be done unasked."""
        return self.result is None or not len(self.result.table) or self._seconds < QUICK_S

    @property
    def elsewhere(self) -> bool:
        """Whether another plane is shown than the one that the table is of."""
        return self.result is not None and self.result.source.wheres(self.extent, self._viewer) != self.result.wheres

    # -- what is measured ----------------------------------------------------------------------------------------------

    def follow(self, layer: Labels | None, image_layer: ImageLayer | None, extent: str) -> None:
        """Measure this from now on."""
        if layer is not self.layer:
            self._listen(layer)
            self.result, self.stale = None, False
        elif image_layer is self.image_layer and extent == self.extent:
            return
        else:
            self.stale = True
        self.image_layer, self.extent, self._seconds = image_layer, extent, 0.0
        self._soon.start()
        self.changed.emit()

    def source(self) -> TableSource | None:
        """Return what is followed, None for nothing.

        Raises
        ------
        UserError
            If objects and image do not go together.
        """
        return None if self.layer is None else TableSource.of(self.layer, self.image_layer)

    def _listen(self, layer: Labels | None) -> None:
        for name in _TOUCHED:
            if self.layer is not None:
                getattr(self.layer.events, name).disconnect(self._on_touched)
            if layer is not None:
                getattr(layer.events, name).connect(self._on_touched)
        self.layer = layer

    def _on_touched(self, _event: Any = None) -> None:
        self.stale = True
        self._soon.start()

    def _on_step(self, _event: Any = None) -> None:
        if self.elsewhere:
            self._on_touched()

    def _on_still(self) -> None:
        if self.running:
            self._soon.start()
        elif self._is_quick:
            self.begin()
        self.changed.emit()

    # -- measuring -----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Measure the layer as it is now."""
        if self.layer is None or self.layer not in self._viewer.layers or self.running:
            return
        self._soon.stop()
        try:
            source = TableSource.of(self.layer, self.image_layer)
            question = TableQuestion.of(
                source, source.wheres(self.extent, self._viewer), self._painted(self.layer), self._session.classes)
        except UserError as error:
            self._on_failed(error)
            return
        self.stale, self._began = False, time.monotonic()
        self._worker = self._workers.start(
            question.answer, "napari-unet measuring", on_item=self._on_item, on_error=self._on_failed,
            on_end=self._on_end)
        self.changed.emit()

    def cancel(self) -> None:
        """Stop; the table stays as it was."""
        if self._worker is not None:
            self._worker.stop()
            self.stale, self._seconds = True, QUICK_S

    def _painted(self, layer: Labels) -> Labels | None:
        """Return the layer of classes that objects were found in."""
        known = notes_of(layer).get("objects_of")
        found = (one for one in self._viewer.layers if isinstance(one, Labels) and known and identity(one) == known)
        painted = next(found, None)
        return painted if painted is not None and painted.data.shape == layer.data.shape else None

    def _on_item(self, item: Any) -> None:
        if not isinstance(item, MeasuredLayer):
            self.progressed.emit(item)
        elif item.source.layer is self.layer:
            self._seconds = item.seconds
            self.result = item
            self.measured.emit(item)

    def _on_failed(self, error: Exception) -> None:
        self.result, self.stale = None, False
        self._seconds = QUICK_S  # not again by itself
        self.failed.emit(error)

    def _on_end(self) -> None:
        self._worker = None
        self.changed.emit()

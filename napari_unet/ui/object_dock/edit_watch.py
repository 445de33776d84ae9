"""Notices that somebody has painted into a layer of objects, and tells when that can be taken up. Reads no data."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from napari.layers import Labels
from qtpy.QtCore import QObject, QTimer, Signal

DRAG_MS = 150
"""What is painted is taken up when nothing has been drawn for so long, or when the mouse is let go."""


class EditWatch(QObject):
    """Watches one layer.

    Parameters
    ----------
    layer : napari Labels layer
    parent : QObject, optional
    """

    due = Signal()
    """What was painted is to be taken up."""

    def __init__(self, layer: Labels, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ours = self._dirty = False
        self._look = QTimer(self)
        self._look.setSingleShot(True)
        self._look.timeout.connect(self.due)
        events = layer.events
        self._connected: list[tuple[Any, Any]] = [
            (one, self._on_touched) for one in (events.set_data, events.labels_update, events.data)]
        self._connected.append((events.paint, self._on_painted))
        for emitter, slot in self._connected:
            emitter.connect(slot)

    def close(self) -> None:
        """Let go of the layer."""
        self._look.stop()
        for emitter, slot in self._connected:
            emitter.disconnect(slot)
        self._connected = []

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Take what is done to the layer meanwhile for our own doing."""
        before, self._ours = self._ours, True
        try:
            yield
        finally:
            self._ours = before

    def take(self) -> bool:
        """Say whether anything was painted since this was asked last."""
        self._look.stop()
        dirty, self._dirty = self._dirty, False
        return dirty

    def _on_touched(self, _event: Any = None) -> None:
        if not self._ours:
            self._dirty = True
            self._look.start(DRAG_MS)  # anew: a whole stroke is one step of undo

    def _on_painted(self, _event: Any = None) -> None:
        if not self._ours:
            self._dirty = True
            self._look.start(0)  # not now: edits from code emit this before they write

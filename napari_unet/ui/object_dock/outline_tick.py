"""Shows objects as outlines, so that what lies under them is seen, or filled. Finds no object and draws none itself."""

from __future__ import annotations

import weakref
from typing import Any

from napari.layers import Labels, Layer
from qtpy.QtWidgets import QCheckBox, QWidget

from ..layer_metadata import role_of


class OutlineTick(QCheckBox):
    """Ticked: all layers of objects show outlines, as opaque as can be; those that come, too. Else as they were before.

    Parameters
    ----------
    viewer : napari Viewer
    parent : QWidget, optional
    """

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__("Show outlines only", parent)
        self.setObjectName("objects_outlines")
        self.setToolTip("Show objects as outlines, one pixel wide, instead of filled: you see the image inside. On a "
                        "plane of many millions of pixels each answer then takes a moment to be drawn.")
        self._layers = viewer.layers
        self._before: weakref.WeakKeyDictionary[Layer, float] = weakref.WeakKeyDictionary()
        self.toggled.connect(self._on_toggled)
        inserted, show = viewer.layers.events.inserted, self._on_inserted
        inserted.connect(show)
        self.destroyed.connect(lambda *_: inserted.disconnect(show))

    def _on_toggled(self, outlines: bool) -> None:
        for layer in self._layers:
            self._show(layer, outlines)

    def _on_inserted(self, event: Any) -> None:
        if self.isChecked():
            self._show(event.value, True)

    def _show(self, layer: Layer, outlines: bool) -> None:
        if not isinstance(layer, Labels) or role_of(layer) != "objects":
            return
        layer.contour = int(outlines)
        if outlines:
            self._before.setdefault(layer, layer.opacity)
            layer.opacity = 1.0
        elif layer in self._before:
            layer.opacity = self._before.pop(layer)

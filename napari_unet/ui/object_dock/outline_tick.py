"""Shows objects as outlines, so that what lies under them is seen, or filled. Finds no object and draws none itself."""

from __future__ import annotations

from typing import Any

from napari.layers import Labels, Layer
from qtpy.QtWidgets import QCheckBox, QWidget

from ..layer_metadata import role_of


class OutlineTick(QCheckBox):
    """Ticked: all layers of objects show outlines; those that come, too. What was set in napari's controls stays else.

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
        self.toggled.connect(self._on_toggled)
        inserted, show = viewer.layers.events.inserted, self._on_inserted
        inserted.connect(show)
        self.destroyed.connect(lambda *_: inserted.disconnect(show))

    def _on_toggled(self, outlines: bool) -> None:
        for layer in self._layers:
            _show(layer, outlines)

    def _on_inserted(self, event: Any) -> None:
        if self.isChecked():
            _show(event.value, True)


def _show(layer: Layer, outlines: bool) -> None:
    if isinstance(layer, Labels) and role_of(layer) == "objects":
        layer.contour = int(outlines)

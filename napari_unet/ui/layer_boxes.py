"""Boxes to choose a layer in, and one watch that tells when the layers change. Changes no layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import QObject, Qt, QTimer, Signal
from qtpy.QtGui import QPaintEvent
from qtpy.QtWidgets import QComboBox, QSizePolicy, QStyle, QStyleOptionComboBox, QStylePainter, QWidget

_MARGIN = 2
"""Pixels that styles leave free beside the name in a box."""

_OF_INTEREST = ("inserted", "removed", "reordered", "name", "renamed")


class LayerWatch(QObject):
    """Tells once, in the next turn of the event loop, that layers came, went, moved or were renamed.

    Stops listening when ``owner`` is deleted.
    """

    changed = Signal()

    def __init__(self, viewer: Any, owner: QObject) -> None:
        super().__init__(owner)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self.changed)
        timer = self._timer

        def on_event(event: Any) -> None:
            if event.type in _OF_INTEREST:
                timer.start()

        events = viewer.layers.events  # held here: a closed viewer's layer list has no events any more
        events.connect(on_event)
        # the function, not a method of this object: by the time of `destroyed` this object is half gone
        owner.destroyed.connect(lambda *_: events.disconnect(on_event))

    def soon(self) -> None:
        """Tell in the next turn that something has changed."""
        self._timer.start()


class LayerBox(QComboBox):
    """A choice of one layer of the viewer.

    Parameters
    ----------
    viewer : napari Viewer
    name : str
        objectName.
    accepts : callable
        Says of a layer whether it can be chosen.
    nothing : str
        What the first line reads; choosing it means no layer.
    """

    layer_changed = Signal()

    def __init__(
        self, viewer: Any, name: str, accepts: Callable[[Layer], bool], nothing: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._accepts = accepts
        self._nothing = nothing
        self._layers: list[Layer | None] = []
        self._about = ""
        self.setObjectName(name)
        # long layer names must not widen the dock
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.currentIndexChanged.connect(self._on_chosen)
        self.refresh()

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Leave out the middle of a long name: names of layers of one image differ at their end."""
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        style = self.style()
        if style is not None:
            field = style.subControlRect(QStyle.ComplexControl.CC_ComboBox, option,
                                         QStyle.SubControl.SC_ComboBoxEditField, self)
            option.currentText = self.fontMetrics().elidedText(
                option.currentText, Qt.TextElideMode.ElideMiddle, field.width() - _MARGIN)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def setToolTip(self, text: str | None) -> None:
        """Say what the box is for; the whole name of the layer chosen comes before."""
        self._about = text or ""
        self._tell_name()

    def _tell_name(self) -> None:
        name = "" if self.layer is None else self.layer.name
        super().setToolTip("\n".join(filter(None, (name, self._about))))

    def _on_chosen(self) -> None:
        self._tell_name()
        self.layer_changed.emit()

    @property
    def layer(self) -> Layer | None:
        """The layer chosen, or None."""
        index = self.currentIndex()
        return self._layers[index] if 0 <= index < len(self._layers) else None

    @layer.setter
    def layer(self, layer: Layer | None) -> None:
        if layer is not None and all(one is not layer for one in self._layers):
            self.refresh()  # it came a moment ago
        for index, one in enumerate(self._layers):
            if one is layer:
                self.setCurrentIndex(index)

    @property
    def layers(self) -> list[Layer]:
        """All layers that can be chosen."""
        return [layer for layer in self._layers if layer is not None]

    def refresh(self) -> None:
        """List the layers there are now, topmost first, and keep the choice if its layer is still there."""
        before = self.layer
        self._layers = [None, *(layer for layer in reversed(self._viewer.layers) if self._accepts(layer))]
        blocked = self.blockSignals(True)
        self.clear()
        self.addItems([self._nothing, *(layer.name for layer in self.layers)])
        found = next((index for index, layer in enumerate(self._layers) if layer is before), 0)
        self.setCurrentIndex(found)
        self.blockSignals(blocked)
        self._tell_name()
        if self.layer is not before:
            self.layer_changed.emit()

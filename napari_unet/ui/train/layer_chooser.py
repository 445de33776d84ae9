"""Which image, what its axes are, and which strokes: the rows at the top of the dock. Trains nothing."""

from __future__ import annotations

from typing import Any

from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QCheckBox, QFormLayout, QHBoxLayout, QLabel, QWidget

from napari_unet.core.errors import UserError
from napari_unet.session.annotations import FIRST_CLASSES

from ..axes_box import AxesBox
from ..axes_change import change_axes
from ..brush_width import proposed_width
from ..channel_layers import first_channel
from ..image_ties import fits
from ..large_images import is_field
from ..layer_axes import channels_are_last
from ..layer_boxes import LayerBox
from ..layer_metadata import class_table, is_source_image, role_of
from ..layers import add_strokes, sliders_at
from ..projects.keeper import keeper_of
from ..widgets import tool_button
from . import shortcuts
from .channel_menu import ChannelMenu
from .field_strokes import new_strokes
from .live_controller import LiveController

RETRY_MS = 150
"""Strokes that cannot be used are looked at again so long after they have changed."""

NO_IMAGE = "Open an image, or try File > Open Sample."
NO_STROKES = "Press + strokes to make a layer to paint on."


class LayerChooser(QWidget):
    """Shows the current image and its strokes, and links them together in the controller.

    Parameters
    ----------
    controller : LiveController
    """

    linked = Signal(object)
    """The :class:`~.layer_binding.LayerBinding` of the image and strokes chosen."""

    made = Signal(int)
    """A strokes layer was made, its brush holding this class."""

    said = Signal(str)
    """One sentence for the user, ``""`` when there is nothing to say."""

    def __init__(self, controller: LiveController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("train_layers")
        self._controller = controller
        self._viewer: Any = controller.viewer
        self._unusable: Labels | None = None
        self._retry = QTimer(self)
        self._retry.setSingleShot(True)
        self._retry.setInterval(RETRY_MS)
        self._retry.timeout.connect(self.refresh)
        self._build()
        current = controller.images
        self.image_box.layer_changed.connect(lambda: current.choose(self.image_box.layer))
        current.changed.connect(self._on_current)
        self.previous_button.clicked.connect(lambda: current.step(-1))
        self.next_button.clicked.connect(lambda: current.step(1))
        self.one_tick.toggled.connect(current.turn)
        self.axes_box.chosen.connect(self._on_axes)
        self.channels.failed.connect(self.said)
        self.strokes_box.layer_changed.connect(self._on_strokes_chosen)
        self.new_button.clicked.connect(self.make_strokes)

    @property
    def has_image(self) -> bool:
        """Whether an image is chosen."""
        return self.image_box.layer is not None

    def choose_pair(self, image: ImageLayer, strokes: Labels) -> None:
        """Choose an image and its strokes."""
        self._controller.images.choose(image)
        self.strokes_box.layer = strokes

    def _build(self) -> None:
        self.image_box = LayerBox(self._viewer, "train_image", _is_image, "no image")
        self.image_box.setToolTip("The image to segment: grey, colour, several channels, a time series or a z-stack.")
        self.previous_button = tool_button("<", "train_previous_image", f"Previous image ({shortcuts.PREVIOUS_KEY}).")
        self.next_button = tool_button(">", "train_next_image", f"Next image ({shortcuts.NEXT_KEY}).")
        self.one_tick = QCheckBox("Look at one image at a time")
        self.one_tick.setObjectName("train_one_image")
        self.one_tick.setChecked(self._controller.images.view.on)
        self.one_tick.setToolTip(
            "Show the image you choose and hide the strokes and results of the others. Layers of other plugins stay."
        )
        self.axes_box = AxesBox("train_axes")
        self.channels = ChannelMenu(self._controller.ties)
        self.strokes_box = LayerBox(self._viewer, "train_strokes", self._can_be_strokes, "none yet")
        self.strokes_box.setToolTip("The layer you paint on. Strokes on several images are learnt together.")
        self.new_button = tool_button("+ strokes", "train_new_strokes",
                                      "Make a new strokes layer for this image and take up the brush.")
        rows = QFormLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setVerticalSpacing(4)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        rows.addRow("Image", _row(self.previous_button, self.image_box, self.next_button))
        rows.addRow("", self.one_tick)
        self._axes_label = QLabel("Axes")
        rows.addRow(self._axes_label, _row(self.axes_box, self.channels))
        rows.addRow("Strokes", _row(self.strokes_box, self.new_button))

    def _can_be_strokes(self, layer: Layer) -> bool:
        image = self.image_box.layer
        return (isinstance(layer, Labels) and isinstance(image, ImageLayer) and not layer.multiscale
                and role_of(layer) in ("", "strokes") and fits(layer, image))

    # -- the image -------------------------------------------------------------------------------------------------

    def choose_first(self) -> None:
        """Choose the image that is the current one, or the active one, or the topmost."""
        if self.image_box.layer is None and self.image_box.layers:
            images, active = self.image_box.layers, self._viewer.layers.selection.active
            owner = self._controller.ties.image_of(active) if active is not None else None
            wanted = (self._controller.images.layer, owner)
            self._controller.images.choose(next((one for one in wanted if one in images), images[0]))
        self._on_current()

    def refresh(self) -> None:
        """Take note that layers came, went, were renamed, or belong to others."""
        self._controller.images.refresh()
        self.image_box.refresh()
        self.strokes_box.refresh()
        self._show_rows()
        if self.image_box.layer is None:
            self.choose_first()
        elif not self._is_linked():
            self._take_strokes()

    def show_model(self) -> None:
        """Mark the axes that bring as many channels as the model in use needs."""
        self._show_rows()

    def _on_current(self) -> None:
        self.image_box.refresh()
        blocked = self.image_box.blockSignals(True)
        self.image_box.layer = self._controller.images.layer
        self.image_box.blockSignals(blocked)
        self._on_image()

    def _on_image(self) -> None:
        image = self.image_box.layer
        self.new_button.setEnabled(image is not None)
        self._show_rows()
        blocked = self.strokes_box.blockSignals(True)  # only what belongs to this image is chosen, and once
        self.strokes_box.refresh()
        self.strokes_box.blockSignals(blocked)
        self._take_strokes()

    def _show_rows(self) -> None:
        image = self.image_box.layer
        several = len(self.image_box.layers) > 1
        for widget in (self.previous_button, self.next_button, self.one_tick):
            widget.setVisible(several)
        self.axes_box.show_layer(image, self._controller.wanted_channels)
        self.channels.show_image(image)
        self.axes_box.setVisible(self.axes_box.has_choice)
        self.channels.setVisible(self.channels.has_choice)
        self._axes_label.setVisible(self.axes_box.has_choice or self.channels.has_choice)

    def _on_axes(self, letters: str) -> None:
        image = self.image_box.layer
        if not isinstance(image, ImageLayer):
            return
        try:
            told = change_axes(self._controller.ties, image, letters, sliders_at(self._viewer, image))
        except UserError as error:
            self.said.emit(str(error))
            self._show_rows()
            return
        self.refresh()
        self.said.emit(told)

    # -- the strokes -----------------------------------------------------------------------------------------------

    def _is_linked(self) -> bool:
        """Whether what the boxes show is what is painted and predicted, read as it is now."""
        binding = self._controller.current
        return (binding is not None and binding.image_layer is self.image_box.layer
                and binding.strokes is self.strokes_box.layer and binding.is_fresh())

    def _take_strokes(self) -> None:
        """Choose the strokes that belong to the image; none if there are none."""
        image = self.image_box.layer
        wanted = self._controller.ties.strokes_of(image) if image is not None else None
        if wanted not in self.strokes_box.layers:
            wanted = None
        blocked = self.strokes_box.blockSignals(True)
        self.strokes_box.layer = wanted
        self.strokes_box.blockSignals(blocked)
        self._on_strokes_chosen()

    def _on_strokes_chosen(self) -> None:
        image, strokes = self.image_box.layer, self.strokes_box.layer
        if not isinstance(image, ImageLayer) or not isinstance(strokes, Labels):
            self._controller.look_at(None)
            self.said.emit(self._missing(image))
            return
        known, owner = class_table(strokes), self._controller.ties.image_of(strokes)
        try:
            binding = self._controller.link(image, strokes)
        except UserError as error:
            self._controller.look_at(None)
            self.said.emit(str(error))
            self._await_change(strokes)
            return
        session = self._controller.session
        if known is not None and len(self._controller.bindings) == 1 and session.model is None:
            kept = keeper_of(self._viewer).folder is not None and session.classes != FIRST_CLASSES
            if not kept:
                session.set_classes(known)
            elif known != session.classes:
                self._controller.said.emit(f"{strokes.name!r} has other classes; those of the project stay.")
        binding.show_classes(session.classes)
        taken = owner is not None and owner is not image
        self.said.emit(f"{strokes.name!r} belongs to {image.name!r} now, and no longer to {owner.name!r}."
                       if taken and owner is not None else "")
        self.linked.emit(binding)

    def _await_change(self, strokes: Labels) -> None:
        """Look again at strokes that cannot be used when they have changed; nothing else listens to them."""
        if self._unusable is not None:
            for event in ("data", "set_data", "labels_update"):
                getattr(self._unusable.events, event).disconnect(self._on_changed)
        self._unusable = strokes
        for event in ("data", "set_data", "labels_update"):
            getattr(strokes.events, event).connect(self._on_changed)

    def _on_changed(self, _event: Any = None) -> None:
        if self.strokes_box.layer is self._unusable and not self._is_linked():
            self._retry.start()

    def _missing(self, image: Layer | None) -> str:
        """Say what there is to do without strokes; without any at all the state line says it."""
        if not isinstance(image, ImageLayer):
            return NO_IMAGE
        if channels_are_last(image):
            shape = tuple(image.data.shape)
            return f"{image.name!r} has shape {shape}. If its last axis is channels, choose YXC as axes."
        orphans = self._controller.ties.orphans(image)
        if orphans:
            return (f"{orphans[0].name!r} was painted on an image that is gone. If it belongs to {image.name!r}, "
                    "choose it under Strokes; or press + strokes for new ones.")
        return NO_STROKES if self._controller.bindings else ""

    def make_strokes(self) -> None:
        """Make an empty strokes layer for the image and take up its brush."""
        image = self.image_box.layer
        if not isinstance(image, ImageLayer):
            self.said.emit(NO_IMAGE)
            return
        try:
            made, seen = new_strokes(self._viewer, image, self._controller.session.classes)
        except UserError as error:
            self.said.emit(str(error))
            return
        painted = self._controller.session.painted()
        if painted and not is_field(made):
            made.brush_size = proposed_width(seen, painted)
        strokes = add_strokes(self._viewer, made)
        self.image_box.refresh()
        self.strokes_box.refresh()
        self.strokes_box.layer = strokes
        if self._controller.current is None or self._controller.current.strokes is not strokes:
            self._on_strokes_chosen()
        self.made.emit(strokes.selected_label)


def _is_image(layer: Layer) -> bool:
    return is_source_image(layer) and first_channel(layer) is layer


def _row(*widgets: QWidget) -> QHBoxLayout:
    """Return widgets side by side; the box among them is as wide as there is room."""
    row = QHBoxLayout()
    row.setSpacing(4)
    for one in widgets:
        row.addWidget(one, 1 if isinstance(one, LayerBox | AxesBox) else 0)
    return row

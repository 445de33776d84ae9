"""Which image, which axis of it holds channels, and which strokes: the rows at the top of the dock. Trains nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from napari_unet.core.errors import UserError

from ..layer_boxes import LayerBox
from ..layers import (
    channel_choices,
    class_table,
    guess_channel_axis,
    image_name_of,
    image_of,
    is_source_image,
    label_view,
    layer_shape,
    role_of,
    strokes_for,
)
from .live_controller import LiveController

NO_IMAGE = "Open an image, or try File > Open Sample."
NO_STROKES = "Press + to make a layer for your strokes."


class LayerChooser(QWidget):
    """Chooses an image and its strokes and links them together in the controller.

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
        self._build()
        self.image_box.layer_changed.connect(self._on_image_chosen)
        self.channel_box.activated.connect(lambda _index: self._on_strokes_chosen())
        self.strokes_box.layer_changed.connect(self._on_strokes_chosen)
        self.new_button.clicked.connect(self.make_strokes)

    @property
    def has_image(self) -> bool:
        """Whether an image is chosen."""
        return self.image_box.layer is not None

    def choose_pair(self, image: ImageLayer, strokes: Labels) -> None:
        """Choose an image and its strokes."""
        self.image_box.layer = image
        self.strokes_box.layer = strokes

    def _build(self) -> None:
        self.image_box = LayerBox(self._viewer, "train_image", is_source_image, "no image")
        self.image_box.setToolTip("The image to segment: grey, colour, several channels, a time series or a z-stack.")
        self.channel_box = QComboBox()
        self.channel_box.setObjectName("train_channels")
        # long lines must not widen the dock
        self.channel_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.channel_box.setMinimumContentsLength(6)
        self.channel_box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.channel_box.setToolTip(
            "Which axis of the image holds channels (stains, wavelengths). The other axes count planes."
        )
        self.strokes_box = LayerBox(self._viewer, "train_strokes", self._can_be_strokes, "none yet")
        self.strokes_box.setToolTip("The layer you paint on. Strokes on several images are learnt together.")
        self.new_button = QToolButton()
        self.new_button.setObjectName("train_new_strokes")
        self.new_button.setText("+")
        self.new_button.setToolTip("Make a new strokes layer for this image and take up the brush.")
        strokes = QHBoxLayout()
        strokes.setSpacing(4)
        strokes.addWidget(self.strokes_box, 1)
        strokes.addWidget(self.new_button)
        rows = QFormLayout(self)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setVerticalSpacing(4)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        rows.addRow("Image", self.image_box)
        self._channel_label = QLabel("Channels")
        rows.addRow(self._channel_label, self.channel_box)
        rows.addRow("Strokes", strokes)

    @property
    def channel_axis(self) -> int | None:
        """The axis that holds channels, as chosen."""
        axis: int | None = self.channel_box.currentData()
        return axis

    def _can_be_strokes(self, layer: Layer) -> bool:
        if not isinstance(layer, Labels) or layer.multiscale or role_of(layer) in ("prediction", "result", "errors"):
            return False
        image_layer = self.image_box.layer
        if image_layer is None:
            return False
        try:
            label_view(layer, image_of(image_layer, self.channel_axis))
        except UserError:
            return False
        return True

    def choose_first(self) -> None:
        """Choose the image in use, or the active one, or the topmost."""
        if self.image_box.layer is None and self.image_box.layers:
            linked = self._controller.current.image_layer if self._controller.current else None
            active = self._viewer.layers.selection.active
            images = self.image_box.layers
            self.image_box.layer = next((one for one in (linked, active) if one in images), images[0])
        else:
            self._on_image_chosen()

    def refresh(self) -> None:
        """Take note that layers came, went or were renamed."""
        self.image_box.refresh()
        self.strokes_box.refresh()
        if self.image_box.layer is None:
            self.choose_first()
        elif self.strokes_box.layer is None:
            self._suggest_strokes()

    def _on_image_chosen(self) -> None:
        layer = self.image_box.layer
        self._fill_channels(layer)
        self.new_button.setEnabled(layer is not None)
        self.strokes_box.refresh()
        if layer is None:
            self._controller.look_at(None)
            self.said.emit(NO_IMAGE)
            return
        self._suggest_strokes()

    def _fill_channels(self, layer: ImageLayer | None) -> None:
        blocked = self.channel_box.blockSignals(True)
        self.channel_box.clear()
        self.channel_box.addItem("none (only planes)", None)
        axes = channel_choices(layer) if layer is not None else ()
        if layer is not None:
            for axis in axes:
                label = "" if layer.axis_labels[axis].lstrip("-").isdigit() else f" {layer.axis_labels[axis]!r}"
                self.channel_box.addItem(f"axis {axis}{label}: {layer_shape(layer)[axis]} channels", axis)
            linked = next((one for one in self._controller.bindings.values() if one.image_layer is layer), None)
            chosen = linked.channel_axis if linked is not None else guess_channel_axis(layer)
            self.channel_box.setCurrentIndex(max(0, self.channel_box.findData(chosen)))
        self.channel_box.blockSignals(blocked)
        for widget in (self.channel_box, self._channel_label):
            widget.setVisible(bool(axes))

    def _suggest_strokes(self) -> None:
        """Choose the strokes that belong to the image, if there are any."""
        image = self.image_box.layer
        if image is None:
            return
        choice = next(self._strokes_of(image), None)
        before = self.strokes_box.layer
        if choice is None and before is not None and self._is_anothers(before, image):
            self.strokes_box.layer = None  # strokes change their image only where somebody says so
        elif choice is not None and choice is not before:
            self.strokes_box.layer = choice
        else:
            self._on_strokes_chosen()

    def _strokes_of(self, image: Layer) -> Iterator[Layer]:
        """Yield strokes layers that may be chosen for an image, the likeliest first: linked, named like it, alone."""
        found = self.strokes_box.layers
        linked = [one.strokes for one in self._controller.bindings.values() if one.image_layer is image]
        yield from (one for one in linked if one in found)
        ours = [one for one in found if role_of(one) == "strokes" and image_name_of(one) in ("", image.name)]
        yield from (one for one in ours if image_name_of(one) or one.name.startswith(image.name))
        if len(self.image_box.layers) == 1:
            yield from ours

    def _is_anothers(self, strokes: Layer, image: Layer) -> bool:
        """Whether strokes belong to another image that is open."""
        others = [one for one in self.image_box.layers if one is not image]
        linked = [one.image_layer for one in self._controller.bindings.values() if one.strokes is strokes]
        named = image_name_of(strokes)
        return any(one in others for one in linked) or (named != image.name and named in [one.name for one in others])

    def _on_strokes_chosen(self) -> None:
        image, strokes = self.image_box.layer, self.strokes_box.layer
        if not isinstance(image, ImageLayer) or not isinstance(strokes, Labels):
            self._controller.look_at(None)
            # without any strokes the state line says what to do
            self.said.emit(NO_IMAGE if image is None else NO_STROKES if self._controller.bindings else "")
            return
        known = class_table(strokes)
        try:
            binding = self._controller.link(image, strokes, self.channel_axis)
        except UserError as error:
            self._controller.look_at(None)
            self.said.emit(str(error))
            return
        session = self._controller.session
        if known is not None and len(self._controller.bindings) == 1 and session.model is None:
            session.set_classes(known)
        binding.show_classes(session.classes)
        self.said.emit("")
        self.linked.emit(binding)

    def make_strokes(self) -> None:
        """Make an empty strokes layer for the image and take up its brush."""
        layer = self.image_box.layer
        if layer is None:
            self.said.emit(NO_IMAGE)
            return
        try:
            image = image_of(layer, self.channel_axis)
        except UserError as error:
            self.said.emit(str(error))
            return
        strokes = self._viewer.add_layer(strokes_for(layer, image, self._controller.session.classes))
        self.image_box.refresh()
        self.strokes_box.refresh()
        self.strokes_box.layer = strokes
        self.made.emit(strokes.selected_label)

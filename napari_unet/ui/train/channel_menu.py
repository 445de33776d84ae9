"""A menu of the layers that are further channels of an image. Changes no layer: it says which belong together."""

from __future__ import annotations

from functools import partial
from typing import Any

from napari.layers import Image as ImageLayer
from napari.layers import Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMenu, QToolButton, QWidget

from napari_unet.core.errors import UserError

from ..channel_layers import channels_of, join_channels, possible_channels
from ..image_ties import ImageTies


class ChannelMenu(QToolButton):
    """Tick the layers that are channels of the image, as when napari has split a file into one layer for each.

    Parameters
    ----------
    ties : ImageTies
    """

    failed = Signal(str)
    """Why layers cannot be channels of one image."""

    def __init__(self, ties: ImageTies, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ties = ties
        self._image: ImageLayer | None = None
        self.setObjectName("train_channels")
        self.setStyleSheet("QToolButton { padding-right: 14px; }")  # room for the arrow
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolTip(
            "Layers of the same shape that are channels of this image: they are learnt from together.\n"
            "Use it where a file was opened as one layer for each channel."
        )
        self.list = QMenu(self)
        self.list.setObjectName("train_channel_list")
        self.setMenu(self.list)

    @property
    def has_choice(self) -> bool:
        """Whether there are layers to choose from."""
        return bool(self.list.actions())

    def show_image(self, image: Layer | None) -> None:
        """List what may be channels of an image: what came from its own file first."""
        self._image = image if isinstance(image, ImageLayer) else None
        self.list.clear()
        if self._image is None:
            self.setText("Channels")
            return
        members = channels_of(self._image)[1:]
        others = possible_channels(self._image, self._ties.images)
        source = self._image.source.path
        others.sort(key=lambda one: source is None or one.source.path != source)
        self.setText(f"{len(members) + 1} channels" if members else "Channels")
        for layer in (*members, *(one for one in others if one not in members)):
            action: Any = self.list.addAction(layer.name)
            action.setCheckable(True)
            action.setChecked(layer in members)
            action.triggered.connect(partial(self._on_ticked, layer))

    def _on_ticked(self, layer: ImageLayer, ticked: bool) -> None:
        image = self._image
        if image is None:
            return
        members = [one for one in channels_of(image)[1:] if one is not layer]
        try:
            join_channels(image, [*members, layer] if ticked else members)
        except UserError as error:
            self.failed.emit(str(error))
        self._ties.changed.emit()

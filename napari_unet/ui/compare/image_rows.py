"""Which images are compared, with which strokes and which reference. Runs nothing, changes no layer."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QFrame, QGridLayout, QLabel, QScrollArea, QWidget
from superqt import QElidingLabel

from napari_unet.core.image import Image

from ..layer_boxes import LayerBox
from ..layers import guess_channel_axis, image_of, is_source_image, layer_shape
from .result_layers import is_result

_STROKES = ("stroke", "scribble")
_REFERENCE = ("reference", "truth", "ground", "expert", "gt", "labels", "mask")
_LINE_HEIGHT = 26
_LINES_SHOWN = 6


@dataclasses.dataclass(frozen=True, eq=False)
class ChosenImage:
    """One image that takes part."""

    layer: ImageLayer
    image: Image
    strokes: Labels | None
    reference: Labels | None


def plane_shown(viewer: Any, layer: ImageLayer, image: Image) -> int:
    """Return the number of the plane of an image that the viewer shows (the nearest one if it shows none)."""
    if not image.shape[:-2]:
        return 0
    position = np.round(layer.world_to_data(viewer.dims.point)).astype(int)
    channel = image.axes.index("C") if "C" in image.axes and not layer.rgb else None
    leading = [int(at) for axis, at in enumerate(position) if axis != channel][:-2]
    inside = [min(max(at, 0), size - 1) for at, size in zip(leading, image.shape, strict=False)]
    return int(np.ravel_multi_index(inside, image.shape[:-2]))


def _is_labels(layer: Layer) -> bool:
    return isinstance(layer, Labels) and not is_result(layer)


def _named(layer: Layer, words: tuple[str, ...]) -> bool:
    return any(word in layer.name.lower() for word in words)


def guess_partner(image: ImageLayer, layers: list[Layer], words: tuple[str, ...], *, alone: bool) -> Layer | None:
    """Return the labels layer that belongs to an image, by its name (``"<image> strokes"``) and shape.

    Parameters
    ----------
    words : tuple of str
        One of them must be in the name.
    alone : bool
        There is only this image, so that a layer need not carry its name.
    """
    n_rows, n_columns = layer_shape(image)[-3:-1] if image.rgb else layer_shape(image)[-2:]
    fitting = [
        layer for layer in layers
        if _named(layer, words) and layer_shape(layer)[-2:] == (n_rows, n_columns) and layer is not image
    ]
    own = [layer for layer in fitting if layer.name.lower().startswith(image.name.lower())]
    # of "cells" and "cells 2", the strokes of the second begin with the name of the first: the shortest name is ours
    own.sort(key=lambda layer: len(layer.name))
    return own[0] if own else fitting[0] if alone and fitting else None


class ImageRow:
    """The controls of one image layer, laid into the lines of a grid by :class:`ImageList`."""

    def __init__(self, viewer: Any, layer: ImageLayer, number: int) -> None:
        self.layer = layer
        self.tick = QCheckBox()
        self.tick.setObjectName(f"compare_image_{number}")
        self.label = QElidingLabel(layer.name)
        self.label.setToolTip(f"{layer.name}\nTick to compare the methods on this image.")
        self.tick.setToolTip(self.label.toolTip())
        self.strokes = LayerBox(viewer, f"compare_strokes_{number}", _is_labels, "no strokes")
        self.strokes.setToolTip(
            "The strokes painted on this image (1 = background, 2, 3, ... = classes). Every method learns from them."
        )
        self.reference = LayerBox(viewer, f"compare_reference_{number}", _is_labels, "no reference")
        self.reference.setToolTip(
            "A labels layer with the true classes of this image, to score against.\n"
            "An image without one is only learnt from."
        )
        self.heads = (QLabel("Strokes"), QLabel("Reference"))
        self.touched = False

    @property
    def widgets(self) -> tuple[QWidget, ...]:
        """All widgets of the row."""
        return self.tick, self.label, *self.heads, self.strokes, self.reference

    def lay_into(self, grid: QGridLayout, line: int) -> None:
        """Give each name a line of its own, so that none is cut."""
        grid.addWidget(self.tick, line, 0)
        grid.addWidget(self.label, line, 1, 1, 2)
        for below, (head, box) in enumerate(zip(self.heads, (self.strokes, self.reference), strict=True), line + 1):
            grid.addWidget(head, below, 1)
            grid.addWidget(box, below, 2)

    def show_reference(self, wanted: bool) -> None:
        """Show or hide the choice of a reference."""
        self.heads[1].setVisible(wanted)
        self.reference.setVisible(wanted)

    def guess(self, *, alone: bool) -> None:
        """Choose strokes and reference by their names, where nothing is chosen."""
        if self.strokes.layer is None:
            self.strokes.layer = guess_partner(self.layer, self.strokes.layers, _STROKES, alone=alone)
        if self.reference.layer is None:
            others = [one for one in self.reference.layers if one is not self.strokes.layer]
            others = [one for one in others if not _named(one, _STROKES)]
            self.reference.layer = guess_partner(self.layer, others, _REFERENCE, alone=alone)
        if not self.touched:
            self.tick.setChecked(alone or self.strokes.layer is not None)


class ImageList(QScrollArea):
    """A row for each image layer: tick, strokes and reference. Follows the viewer's layers by :meth:`refresh`."""

    changed = Signal()

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._against_reference = False
        self._made = 0
        self.rows: list[ImageRow] = []
        self.setObjectName("compare_images")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        self._grid = QGridLayout(inside)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(4)
        self._grid.setVerticalSpacing(2)
        for column, stretch in enumerate((0, 0, 1)):
            self._grid.setColumnStretch(column, stretch)
        self.setWidget(inside)
        self.refresh()

    def refresh(self) -> None:
        """Follow the layers: new images get a row, images that are gone lose theirs."""
        layers = [layer for layer in reversed(self._viewer.layers) if is_source_image(layer)]
        for row in [row for row in self.rows if row.layer not in layers]:
            self.rows.remove(row)
            for widget in row.widgets:
                self._grid.removeWidget(widget)
                widget.hide()
                widget.deleteLater()
        known = [row.layer for row in self.rows]
        for layer in layers:
            if layer not in known:
                self._add(layer)
        for row in self.rows:
            row.label.setText(row.layer.name)
            row.strokes.refresh()
            row.reference.refresh()
            row.guess(alone=len(self.rows) == 1)
        for number, row in enumerate(self.rows):
            row.lay_into(self._grid, 3 * number)
        self._show_columns()
        self.changed.emit()

    def score_against_reference(self, wanted: bool) -> None:
        """Show or hide the choice of references."""
        self._against_reference = wanted
        self._show_columns()

    def chosen(self) -> list[ChosenImage]:
        """Return the images that are ticked.

        Raises
        ------
        UserError
            If an image is nothing that can be segmented.
        """
        return [
            ChosenImage(
                row.layer, image_of(row.layer, guess_channel_axis(row.layer)), row.strokes.layer,
                row.reference.layer if self._against_reference else None,
            )
            for row in self.rows if row.tick.isChecked()
        ]

    def _add(self, layer: ImageLayer) -> None:
        self._made += 1
        row = ImageRow(self._viewer, layer, self._made - 1)

        def on_clicked() -> None:
            row.touched = True

        row.tick.clicked.connect(on_clicked)
        row.tick.toggled.connect(self.changed)
        row.strokes.layer_changed.connect(self.changed)
        row.reference.layer_changed.connect(self.changed)
        self.rows.append(row)

    def _show_columns(self) -> None:
        for row in self.rows:
            row.show_reference(self._against_reference)
        lines = len(self.rows) * (3 if self._against_reference else 2)
        self.setFixedHeight(_LINE_HEIGHT * min(lines, _LINES_SHOWN))

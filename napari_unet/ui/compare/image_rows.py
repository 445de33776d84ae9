"""Which images are compared, with which strokes and which reference. Runs nothing, changes no layer."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QFrame, QGridLayout, QLabel, QScrollArea, QWidget
from superqt import QElidingLabel

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image

from ..axes_box import AxesBox
from ..axes_change import change_axes
from ..image_ties import ImageTies
from ..large_images import is_painted_in_fields
from ..layer_axes import channel_axis, image_of
from ..layer_boxes import LayerBox
from ..layer_metadata import image_id_of
from ..layers import sliders_at
from ..sessions import ties_of
from .cut_field import Kept, cut_field
from .result_layers import is_result

_LINE_HEIGHT = 26
_LINES_SHOWN = 6


@dataclasses.dataclass(frozen=True, eq=False)
class ChosenImage:
    """One image that takes part; of a large one the field in view, see :class:`.cut_field.CutField`."""

    layer: ImageLayer
    image: Image
    strokes: Labels | None
    reference: Labels | None


def plane_shown(viewer: Any, layer: ImageLayer, image: Image) -> int:
    """Return the number of the plane of an image that the viewer shows (the nearest one if it shows none)."""
    if not image.shape[:-2]:
        return 0
    channel = channel_axis(layer)
    leading = [at for axis, at in enumerate(sliders_at(viewer, layer)) if axis != channel][:-2]
    inside = [min(max(at, 0), size - 1) for at, size in zip(leading, image.shape, strict=False)]
    return int(np.ravel_multi_index(inside, image.shape[:-2]))


def _is_labels(layer: Layer) -> bool:
    return isinstance(layer, Labels) and not is_result(layer)


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
        self.axes = AxesBox(f"compare_axes_{number}")
        self.heads = (QLabel("Axes"), QLabel("Strokes"), QLabel("Reference"))
        self.touched = False
        self._own: Layer | None = None
        self._by_name: Layer | None = None
        self._left_out: set[LayerBox] = set()
        for box in (self.strokes, self.reference):
            box.activated.connect(partial(self._on_chosen, box))

    @property
    def widgets(self) -> tuple[QWidget, ...]:
        """All widgets of the row."""
        return self.tick, self.label, *self.heads, self.axes, self.strokes, self.reference

    @property
    def n_lines(self) -> int:
        """How many lines of the grid it fills."""
        return 2 + int(self.axes.has_choice) + int(not self.reference.isHidden())

    def lay_into(self, grid: QGridLayout, line: int) -> None:
        """Give each name a line of its own, so that none is cut."""
        grid.addWidget(self.tick, line, 0)
        grid.addWidget(self.label, line, 1, 1, 2)
        boxes = (self.axes, self.strokes, self.reference)
        for below, (head, box) in enumerate(zip(self.heads, boxes, strict=True), line + 1):
            grid.addWidget(head, below, 1)
            grid.addWidget(box, below, 2)

    def show_reference(self, wanted: bool) -> None:
        """Show or hide the choice of a reference."""
        self.heads[2].setVisible(wanted)
        self.reference.setVisible(wanted)

    def show_axes(self) -> None:
        """Show what the axes of the image are, where there is something to choose."""
        self.axes.show_layer(self.layer)
        self.heads[0].setVisible(self.axes.has_choice)
        self.axes.setVisible(self.axes.has_choice)

    def take(self, ties: ImageTies, *, alone: bool) -> None:
        """Choose the strokes in use and the reference of the image, where nothing else is chosen."""
        if self.strokes not in self._left_out and self.strokes.layer in (None, self._own):
            self.strokes.layer = self._own = ties.strokes_of(self.layer)
        if self.reference not in self._left_out and self.reference.layer is None:
            found = self.reference.layer = ties.reference_of(self.layer)
            self._by_name = None if found is None or image_id_of(found) else found
        if not self.touched:
            self.tick.setChecked(alone or self.strokes.layer is not None)

    @property
    def is_cut(self) -> bool:
        """Whether it is so large that only what is in view of it can be compared."""
        return is_painted_in_fields(self.layer)

    def chosen(self, viewer: Any, against_reference: bool, kept: Kept) -> ChosenImage:
        """Return what is compared of it now; ``kept`` is what was read of labels on disk.

        Raises
        ------
        UnreadLabelsError
            If its labels have to be read first.
        UserError
            If it is nothing that can be segmented, or nothing of it is in view.
        """
        strokes, reference = self.strokes.layer, self.reference.layer if against_reference else None
        if not self.is_cut:
            return ChosenImage(self.layer, image_of(self.layer), strokes, reference)
        cut = cut_field(viewer, self.layer, strokes, reference, kept)
        return ChosenImage(cut.layer, cut.image, cut.strokes, cut.reference)

    @property
    def taken(self) -> str:
        """That the reference was chosen by its name alone, for people; ``""`` if it was not."""
        found = self._by_name
        chosen = self.reference.layer is found
        if found is None or not chosen:
            return ""
        return f"{found.name!r} is taken for the reference of {self.layer.name!r}, by its name."

    def _on_chosen(self, box: LayerBox, _index: int) -> None:
        """Leave it at "none" where a person has chosen that."""
        (self._left_out.add if box.layer is None else self._left_out.discard)(box)


class ImageList(QScrollArea):
    """A row for each image layer: tick, strokes and reference. Follows the viewer's layers by :meth:`refresh`."""

    changed = Signal()

    said = Signal(str)
    """What a change of axes brought, or why it cannot be."""

    def __init__(self, viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer, self._ties = viewer, ties_of(viewer)
        self._against_reference = False
        self._made = 0
        self.rows: list[ImageRow] = []
        self.kept: Kept = {}
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
        layers = list(reversed(self._ties.images))
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
            row.show_axes()
            row.take(self._ties, alone=len(self.rows) == 1)
        for number, row in enumerate(self.rows):
            row.lay_into(self._grid, 4 * number)
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
        UnreadLabelsError
            If labels on disk have to be read first, into ``kept``.
        UserError
            If an image is nothing that can be segmented.
        """
        return [row.chosen(self._viewer, self._against_reference, self.kept)
                for row in self.rows if row.tick.isChecked()]

    @property
    def cut(self) -> str:
        """Which images are compared in part only, a sentence; ``""`` if none is."""
        names = ", ".join(repr(row.layer.name) for row in self.rows if row.is_cut and row.tick.isChecked())
        return names and (f"Too large to be compared as a whole: {names}. Compared is what is in view when you press "
                          "Compare, at the level that you look at.")

    def _add(self, layer: ImageLayer) -> None:
        self._made += 1
        row = ImageRow(self._viewer, layer, self._made - 1)

        def on_clicked() -> None:
            row.touched = True

        row.tick.clicked.connect(on_clicked)
        row.axes.chosen.connect(partial(self._on_axes, row))
        row.tick.toggled.connect(self.changed)
        row.strokes.layer_changed.connect(self.changed)
        row.reference.layer_changed.connect(self.changed)
        self.rows.append(row)

    def _on_axes(self, row: ImageRow, letters: str) -> None:
        try:
            told = change_axes(self._ties, row.layer, letters, sliders_at(self._viewer, row.layer))
        except UserError as error:
            told = str(error)
        self.refresh()
        self.said.emit(told)

    @property
    def taken(self) -> str:
        """What was chosen by its name alone, for people."""
        if not self._against_reference:
            return ""
        return " ".join(row.taken for row in self.rows if row.taken and row.tick.isChecked())

    def _show_columns(self) -> None:
        for row in self.rows:
            row.show_reference(self._against_reference)
        lines = sum(row.n_lines for row in self.rows)
        self.setFixedHeight(_LINE_HEIGHT * min(lines, _LINES_SHOWN))

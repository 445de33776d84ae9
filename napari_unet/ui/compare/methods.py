"""The list of methods to tick, each with its folded form. Knows methods only as dataclasses on their shelf."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from napari_unet.contenders import DEFAULT_METHODS, Contender
from napari_unet.core.errors import UserError
from napari_unet.core.method import Model, Segmenter
from napari_unet.core.registry import Entry
from napari_unet.networks import SHELF as NETWORKS
from napari_unet.segmenters import SHELF

from ..forms import KnobForm

FIT, TRAINED = "train now", "use the model of Train U-Net"


class MethodRow(QWidget):
    """One method: a tick, an arrow that opens its settings, and for a network whether to train it now."""

    changed = Signal()

    def __init__(self, entry: Entry[type[Segmenter]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name, self.title = entry.name, entry.title
        prefix = f"compare_{entry.name}"
        self.setObjectName(f"{prefix}_row")
        self.tick = QCheckBox(entry.title)
        self.tick.setObjectName(f"{prefix}_tick")
        self.tick.setToolTip(f"{entry.summary}\nTick to take part in the comparison.")
        self.tick.setChecked(entry.name in DEFAULT_METHODS)
        self.tick.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.form = KnobForm(entry.item, prefix)
        self.form.hide()
        self.arrow = QToolButton()
        self.arrow.setObjectName(f"{prefix}_settings")
        self.arrow.setText("settings")
        self.arrow.setToolTip(f"Show or hide the settings of {entry.title}. Left alone, they suit most images.")
        self.arrow.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.arrow.setArrowType(Qt.ArrowType.RightArrow)
        self.arrow.setAutoRaise(True)
        self.arrow.setCheckable(True)
        self.arrow.setVisible(bool(self.form.controls))
        self.source: QComboBox | None = None
        if entry.name in NETWORKS:
            self.source = QComboBox()
            self.source.setObjectName(f"{prefix}_source")
            self.source.addItems([FIT, TRAINED])
            self.source.setToolTip(
                "Train now: the network learns from the same strokes as the other methods, which is the fair contest.\n"
                "Use the model of Train U-Net: no waiting, but that model may have seen the strokes it is scored on."
            )
            self.source.currentIndexChanged.connect(self._on_source_changed)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.addWidget(self.tick, 1)
        head.addWidget(self.arrow)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addLayout(head)
        if self.source is not None:
            indented = QHBoxLayout()
            indented.setContentsMargins(22, 0, 0, 0)
            indented.addWidget(self.source)
            column.addLayout(indented)
        inside = QVBoxLayout()
        inside.setContentsMargins(22, 0, 0, 4)
        inside.addWidget(self.form)
        column.addLayout(inside)
        self.tick.toggled.connect(self._on_ticked)
        self.arrow.toggled.connect(self._on_arrow)
        self.form.changed.connect(self.changed)

    def contender(self, model: Model | None) -> Contender:
        """Return the method with the settings shown, or the trained model.

        Raises
        ------
        UserError
            If the settings do not go together, or a trained model is wanted and there is none.
        """
        if self.source is None or self.source.currentText() == FIT:
            return Contender(self.name, method=self.form.method())
        if model is None:
            raise UserError(
                f"There is no trained model yet. Train one in the Train U-Net dock, or set {self.title} to “{FIT}”."
            )
        return Contender(self.name, model=model)

    def _on_ticked(self, ticked: bool) -> None:
        if self.source is not None:
            self.source.setEnabled(ticked)
        self.changed.emit()

    def _on_source_changed(self, index: int) -> None:
        self.form.setEnabled(index == 0)
        self.changed.emit()

    def _on_arrow(self, opened: bool) -> None:
        self.arrow.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)
        self.form.setVisible(opened)


class MethodList(QWidget):
    """All methods on the shelf."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("compare_methods")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        order = {name: place for place, name in enumerate(DEFAULT_METHODS)}
        self.rows = [MethodRow(entry) for entry in sorted(SHELF, key=lambda one: order.get(one.name, len(order)))]
        for row in self.rows:
            row.changed.connect(self.changed)
            column.addWidget(row)

    def offer_trained(self, model: Model | None) -> None:
        """Let networks use the model of the training dock once there is one."""
        for row in self.rows:
            if row.source is not None:
                row.source.setVisible(model is not None)

    @property
    def titles(self) -> dict[str, str]:
        """What people read, by name on the shelf."""
        return {row.name: row.title for row in self.rows}

    def ticked(self) -> Sequence[str]:
        """Return the names of the methods that take part."""
        return [row.name for row in self.rows if row.tick.isChecked()]

    def contenders(self, model: Model | None) -> list[Contender]:
        """Return the methods that take part, with their settings.

        Raises
        ------
        UserError
            If none is ticked, or one cannot be made (the message names it).
        """
        made = []
        for row in self.rows:
            if row.tick.isChecked():
                try:
                    made.append(row.contender(model))
                except UserError as error:
                    raise UserError(f"{row.title}: {error}") from None
        if not made:
            raise UserError("No method is ticked. Tick at least one.")
        return made

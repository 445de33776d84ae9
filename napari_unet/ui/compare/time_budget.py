"""How long methods may take. Measures nothing."""

from __future__ import annotations

import dataclasses

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QDoubleSpinBox, QFormLayout, QWidget

from napari_unet.comparison.contenders import CLASSICAL_BUDGET, NETWORK_BUDGET

_LONGEST = 36_000.0


@dataclasses.dataclass(frozen=True)
class TimeBudget:
    """Seconds.

    Parameters
    ----------
    budget : float or None
        For learning and segmenting of a method that does not train by the clock; None = as long as it needs.
    training : float
        For the training of a network, which has as much again for segmenting.
    """

    budget: float | None
    training: float

    def longest(self, methods: int, networks: int, folds: int) -> float | None:
        """Return the most seconds that so many methods and networks should take; None = no limit."""
        if self.budget is None and methods:
            return None
        return folds * (methods * (self.budget or 0.0) + 2 * networks * max(self.training, self.budget or 0.0))


def duration_text(seconds: float | None) -> str:
    """Write a limit of time for people."""
    if seconds is None:
        return "no limit of time"
    if seconds < 90:
        return f"at most about {seconds:.0f} s"
    return f"at most about {seconds / 60:.0f} min" if seconds < 5400 else f"at most about {seconds / 3600:.1f} h"


class SecondsBox(QDoubleSpinBox):
    """A number of seconds; the wheel scrolls the dock unless the box was clicked first."""

    def __init__(self, name: str, value: float, tooltip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setDecimals(1)
        self.setRange(0.0, _LONGEST)
        self.setSuffix(" s")
        self.setSingleStep(5.0)
        self.setValue(value)
        self.setToolTip(tooltip)
        self.setMinimumWidth(70)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def textFromValue(self, value: float) -> str:
        """Write whole seconds without decimals."""
        return f"{value:g}"

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Leave the wheel to the dock unless the box has the focus."""
        if self.hasFocus():
            super().wheelEvent(event)
        elif event is not None:
            event.ignore()


class TimeBudgetPanel(QWidget):
    """Two numbers of seconds."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("compare_effort")
        self.each = SecondsBox("compare_budget", CLASSICAL_BUDGET, (
            "How long each method may take to learn and to segment everything. What is not done by then is left out: a "
            "result on some of the planes counts and is marked.\n0: as long as it needs."
        ))
        self.each.setSpecialValueText("no limit")
        self.training = SecondsBox("compare_training", NETWORK_BUDGET, (
            "How long each network trains; it has as much again to segment."
        ))
        self.training.setMinimum(0.1)
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(3)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("Each method", self.each)
        form.addRow("Training of a network", self.training)
        self.each.valueChanged.connect(lambda _value: self.changed.emit())
        self.training.valueChanged.connect(lambda _value: self.changed.emit())

    @property
    def budget(self) -> TimeBudget:
        """What is chosen."""
        return TimeBudget(self.each.value() or None, self.training.value())

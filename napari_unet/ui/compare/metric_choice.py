"""Which metrics are measured against a reference, and how they are computed. Measures nothing."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet.metrics import Options

from ..forms import ParameterForm
from ..widgets import combo_box

MEASURES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("overlap, topology", ("default",)),
    ("overlap, topology, outlines", ("default", "boundary")),
    ("overlap, topology, objects", ("default", "objects", "partitions")),
    ("everything", ("all",)),
)


class MetricsPanel(QWidget):
    """A choice of metrics; what can be set about them is shown where it counts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("compare_measures")
        self.box = combo_box("compare_metrics", [words for words, _ in MEASURES], (
            "What is measured of every result.\nOverlap and topology: Dice, IoU, parts and holes. Outlines: "
            "distances in the unit of the layer's scale. Objects: panoptic quality, average precision, Rand, "
            "variation of information. The more, the longer it takes and the wider the table."
        ))
        self.how = ParameterForm(Options, "compare_metric")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.box)
        column.addWidget(self.how)
        self.box.currentIndexChanged.connect(lambda _index: self._show_how())
        self._show_how()

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of metrics or of their families."""
        return MEASURES[self.box.currentIndex()][1]

    @property
    def judging(self) -> dict[str, Any]:
        """How they are computed, see :class:`napari_unet.metrics.Options`."""
        return self.how.values()

    def _show_how(self) -> None:
        self.how.setVisible(not {"boundary", "all"}.isdisjoint(self.metrics))

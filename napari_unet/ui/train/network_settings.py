"""The folded settings: which network, and its parameters. Made when first opened, because that imports torch."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QComboBox, QFormLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_unet.core.method import Model, Segmenter

from ..forms import ParameterForm

SET_ELSEWHERE = ("seconds", "steps", "threads", "deterministic")
"""Live training ends when it is stopped, and the controller shares out the cores."""


class NetworkSettings(QWidget):
    """A choice of network and a form for its parameters."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("train_settings")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._networks: QComboBox | None = None
        self._form: ParameterForm | None = None

    def fill(self) -> None:
        """Make the form, if that has not been done."""
        if self._networks is not None:
            return
        from napari_unet.networks import REGISTRY

        box = QComboBox()
        box.setObjectName("train_network")
        for entry in REGISTRY:
            box.addItem(entry.title or entry.name, entry.name)
        box.setCurrentIndex(box.findData(REGISTRY.default))
        box.setToolTip(
            "Which network learns. The first one suits nearly all images; a loaded model keeps its own network."
        )
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(12)
        box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        box.currentIndexChanged.connect(lambda _index: self._on_network())
        row = QFormLayout()
        row.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        row.addRow(QLabel("network"), box)
        self._column.addLayout(row)
        self._networks = box
        self._on_network()

    def _on_network(self) -> None:
        from napari_unet.segmenters import REGISTRY

        assert self._networks is not None
        if self._form is not None:
            self._column.removeWidget(self._form)
            self._form.hide()
            self._form.deleteLater()
        self._form = ParameterForm(REGISTRY[str(self._networks.currentData())], "train", skip=SET_ELSEWHERE)
        self._column.addWidget(self._form)

    @property
    def device(self) -> str:
        """The device asked for."""
        return str(self._form.values().get("device", "auto")) if self._form is not None else "auto"

    def method(self, model: Model | None) -> Segmenter:
        """Return the method as set, going on from a model if there is one.

        Raises
        ------
        UserError
            If the settings do not go together, or the model is of another network than chosen.
        """
        self.fill()
        assert self._form is not None
        method: Any = self._form.method(seconds=None, steps=None)
        weights = getattr(model, "weights", None)
        anew = weights is None or weights.step == 0  # an answer to strokes is where a training begins by itself
        made: Segmenter = method if anew else method.continue_from(weights)
        return made

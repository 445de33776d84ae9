"""A box that shows what the axes of an image layer are, and lets a person say otherwise. Changes no layer."""

from __future__ import annotations

from napari.layers import Image as ImageLayer
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QSizePolicy, QWidget

from .layer_axes import CHOSEN, axes_choices, axes_of, axes_text, layer_shape


class AxesBox(QComboBox):
    """One line per way to read the axes of an image; letters can be typed, too.

    Parameters
    ----------
    name : str
        objectName.
    """

    chosen = Signal(str)
    """Letters that somebody has chosen or typed."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._letters = ""
        self.setObjectName(name)
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        # long lines must not widen the dock
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            "What the axes of the image are: Y rows, X columns, C channels (stains, wavelengths), Z planes of a\n"
            "volume, T times, N other planes. Choose, or type one letter for each axis and press Enter."
        )
        self.activated.connect(lambda _index: self._on_text(str(self.currentData() or "")))
        line = self.lineEdit()
        assert line is not None
        line.returnPressed.connect(lambda: self._on_text(self.currentText()))

    @property
    def has_choice(self) -> bool:
        """Whether there is more than one way to read the axes."""
        return self.count() > 1

    def show_layer(self, layer: ImageLayer | None, wanted: int | None = None) -> None:
        """Show the axes of a layer.

        Parameters
        ----------
        layer : napari Image layer, optional
        wanted : int, optional
            Number of channels that the model in use needs: what brings so many is marked.
        """
        blocked = self.blockSignals(True)
        self.clear()
        self._letters = ""
        if layer is not None:
            now, shape = axes_of(layer), layer_shape(layer)
            self._letters = now.letters
            for letters in axes_choices(layer):
                said = axes_text(letters, shape)
                if letters == now.letters and now.reason != CHOSEN and len(shape) > 2:
                    said = said.replace(letters, f"{letters} ({now.reason})", 1)  # first, so that it is never cut
                if letters != now.letters and wanted is not None and _n_channels(letters, shape) == wanted > 1:
                    said += " (fits the model)"
                self.addItem(said, letters)
            self.setCurrentIndex(0)
            self.setItemData(0, self.itemText(0), int(Qt.ItemDataRole.ToolTipRole))
            line = self.lineEdit()
            assert line is not None
            line.setCursorPosition(0)
        self.blockSignals(blocked)

    def _on_text(self, text: str) -> None:
        letters = text.partition(":")[0].partition(" ")[0].strip().upper()
        if letters != self._letters:
            self.chosen.emit(letters)


def _n_channels(letters: str, shape: tuple[int, ...]) -> int:
    return shape[letters.index("C")] if "C" in letters else 1

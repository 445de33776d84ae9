"""Where it computes: a chip that says which kind of device, and why that one. Chooses no device."""

from __future__ import annotations

from collections.abc import Iterator

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QWidget

from ..fixed_lines import FixedLines
from ..garbage_collection import collect_in_a_pause
from ..worker_group import WorkerGroup

ABOUT = "Where it computes, and why there. Advanced has the choice."


class DeviceLine(QWidget):
    """``CUDA: name``, ``MPS`` or ``CPU`` as a chip, and the reason beside it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("train_device")
        self._text = ""
        self.chip = QLabel()
        self.chip.setObjectName("train_device_chip")
        self.chip.setTextFormat(Qt.TextFormat.PlainText)
        self.chip.setStyleSheet(
            "QLabel { border: 1px solid rgba(128, 128, 128, 160); border-radius: 6px; padding: 0px 5px; }")
        self.reason = FixedLines("train_device_reason", 1)
        self.reason.setEnabled(False)  # dimmed: seldom of interest
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.chip)
        row.addWidget(self.reason, 1)
        self.setText("")

    def look(self, workers: WorkerGroup) -> None:
        """Look for a device in a thread, and show it: importing torch takes seconds."""
        self.setText("Looking for a graphics card...")

        def work() -> Iterator[str]:
            from napari_unet.predicting.devices import choose_device

            yield str(choose_device("auto"))

        def shown(device: str) -> None:
            self.setText(device)
            collect_in_a_pause()

        workers.start(work, "napari-unet device", on_item=shown, on_error=lambda error: self.setText(str(error)),
                      owner=self)

    def setText(self, text: str) -> None:
        """Show a device as its chip with the reason in brackets, or a sentence about it."""
        self._text = text
        chip, bracket, reason = text.partition(" (")
        if not bracket:
            chip, reason = "", text
        elif reason.endswith(")"):
            reason = reason[:-1]
        self.chip.setText((chip if len(chip) <= 30 else f"{chip[:29]}…") or "…")
        self.reason.setText(reason)
        for one in (self, self.chip, self.reason):
            one.setToolTip("\n\n".join(filter(None, (text, ABOUT))))

    def text(self) -> str:
        """Return all that it says."""
        return self._text

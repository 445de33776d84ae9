"""The list of image-strokes pairs that are learnt together. Links and unlinks nothing: it asks the controller."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QListWidget, QListWidgetItem, QWidget

from .live_controller import LiveController

_KEY = int(Qt.ItemDataRole.UserRole)


class PairList(QListWidget):
    """One line per pair, with a tick that says whether it is learnt from; a click looks at the pair."""

    chosen = Signal(str)
    """Key of the pair that was clicked."""

    def __init__(self, controller: LiveController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.setObjectName("train_pairs")
        self.setToolTip(
            "Images that are learnt together. Untick one to leave its strokes out; click one to look at it. "
            "Pick another image above and paint on it to add it."
        )
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.itemChanged.connect(self._on_item_changed)
        self.itemClicked.connect(lambda item: self.chosen.emit(item.data(_KEY)))
        self.refresh()

    def refresh(self) -> None:
        """List the pairs there are."""
        session, controller = self._controller.session, self._controller
        blocked = self.blockSignals(True)
        self.clear()
        for key in session.keys:  # strokes that do not fit at the moment are not there, which is said elsewhere
            binding = controller.bindings.get(str(key))
            image = session.images.image_of_pair(key)
            if binding is None and image is None:
                continue
            name = binding.image_layer.name if binding is not None else session.images.known(image).name
            counts = session.pair(key).scribbles.counts()
            painted = ", ".join(session.classes.name(number) for number in counts) or "not painted yet"
            held = session.held(key)
            item = QListWidgetItem(f"{name}: {painted}{f' ({held} held out)' if held else ''}")
            item.setData(_KEY, key)
            strokes = "its strokes, which are in the project" if binding is None else binding.strokes.name
            item.setToolTip(
                f"{name} with {strokes}: {painted}. "
                f"{held} stroke{'' if held == 1 else 's'} kept for scoring: they judge the network and do not teach it."
            )
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if session.enabled(key) else Qt.CheckState.Unchecked)
            self.addItem(item)
            if binding is not None and binding is controller.current:
                self.setCurrentItem(item)
        self.blockSignals(blocked)
        rows = min(4, max(1, self.count()))
        self.setFixedHeight(rows * (self.sizeHintForRow(0) if self.count() else 20) + 8)

    def _on_item_changed(self, item: QListWidgetItem) -> None:
        key = item.data(_KEY)
        if key in self._controller.session.keys:
            self._controller.session.enable(key, item.checkState() == Qt.CheckState.Checked)

"""The list of models that one can go back to. Keeps none itself: it shows what the session keeps."""

from __future__ import annotations

import time

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from napari_unet.session.annotation_session import Session
from napari_unet.session.model_history import HistoryEntry
from napari_unet.session.stroke_needs import STROKES_TO_JUDGE

from ..widgets import button

EMPTY = "No model yet: paint a little of two classes."

ROWS = 5
"""So many models are seen at once; more scroll."""


class ModelList(QWidget):
    """The last models with steps, score and time; a click shows one, a button the newest again."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("train_models")
        self._session = session
        self._listed: tuple[HistoryEntry, ...] = ()
        self.list = QListWidget()
        self.list.setObjectName("train_kept")
        self.list.setToolTip(
            "The models kept: training steps, Dice on the strokes kept for scoring, and when they came. "
            "The one with an arrow is shown. Click another to go back to it; it stays until you "
            "pick the newest again or train on."
        )
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(lambda item: self._on_clicked(self.list.row(item)))
        self.newest_button = button(
            "Newest again", "train_newest", "Show the newest model, and let it follow strokes and training."
        )
        self.newest_button.clicked.connect(session.follow_newest)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.list)
        column.addWidget(self.newest_button)
        self.refresh()

    def refresh(self) -> None:
        """List the models there are."""
        session = self._session
        self._listed = session.model_history
        blocked = self.list.blockSignals(True)
        self.list.clear()
        for one in self._listed:
            shown = one.same(session.shown)
            item = QListWidgetItem(model_line(one, shown))
            item.setToolTip(self._details(one))
            font = item.font()
            font.setBold(shown)
            item.setFont(font)
            self.list.addItem(item)
            if shown:
                self.list.scrollToItem(item)
        if not self._listed:
            item = QListWidgetItem(EMPTY)
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(item)
        self.list.blockSignals(blocked)
        self.list.setFixedHeight(min(ROWS, self.list.count()) * self.list.sizeHintForRow(0) + 8)
        self.newest_button.setEnabled(session.pinned is not None)

    def _details(self, one: HistoryEntry) -> str:
        """Say how good a model is likely to be, and whether strokes have changed since."""
        session = self._session
        likely = "" if one.likely is None else f" Likely true Dice {one.likely.text}."
        now = {key: session.version(key) for key in session.keys if session.enabled(key)}
        same = one.versions and dict(one.versions) == now
        strokes = "" if not one.versions else (
            " It has learnt from the strokes as they are now." if same else " Strokes have changed since.")
        seen = "" if one.shown else " It was not shown yet."
        unscored = "" if one.dice is not None else f" {_why_unscored(one)[1]}"
        when = time.strftime("%d %b, %H:%M:%S", time.localtime(one.time))
        return f"{one.name}, {when}.{likely}{unscored}{strokes}{seen}"

    def _on_clicked(self, row: int) -> None:
        if row < len(self._listed) and not self._listed[row].same(self._session.shown):
            self._session.go_back(self._listed[row])


def model_line(kept: HistoryEntry, shown: bool) -> str:
    """Return a model in a line: what it is, when it came, its score or why it has none, and whether it is shown."""
    score = f"held-out Dice {kept.dice:.2f}" if kept.dice is not None else f"no score: {_why_unscored(kept)[0]}"
    when = time.strftime("%H:%M", time.localtime(kept.time))
    return f"{'▸ ' if shown else ''}{kept.name}, {when}, {score}"


def _why_unscored(kept: HistoryEntry) -> tuple[str, str]:
    """Say why a model has no score: in two words, and whole."""
    if not kept.versions:
        return "from a file", "It has no score: it comes from a file, without one."
    if not kept.step:
        return "press Live", ("It has no score yet: Live scores it, on strokes that it keeps for that if there are "
                              f"{STROKES_TO_JUDGE} separate ones of each of two classes.")
    return "few strokes", ("It has no score: when it was made, there were fewer than the "
                           f"{STROKES_TO_JUDGE} separate strokes of each of two classes that scoring takes.")

"""Compares the model shown with another one that is kept, on the plane that is shown. Keeps and trains nothing."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_unet.core.errors import UserError
from napari_unet.core.method import Progress
from napari_unet.core.threads import available_cores, limit_threads
from napari_unet.session.model_difference import ModelDifference, model_difference
from napari_unet.session.model_history import HistoryEntry

from ..large_images import is_field
from ..layer_metadata import mark_layer
from ..layers import labels_like
from ..widgets import button, combo_box, text_line
from ..workers import Worker, error_sentence
from . import shortcuts
from .layer_binding import LayerBinding
from .live_controller import LiveController
from .viewport import shown_plane


class ModelCompare(QWidget):
    """A list of the other models, a button that compares one of them with that shown, and what came of it.

    Parameters
    ----------
    controller : LiveController
    """

    said = Signal(str)
    """One sentence."""

    progressed = Signal(str, float)
    """Text and fraction (0 to 1) of what is running; an empty text when it is over."""

    def __init__(self, controller: LiveController, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("train_model_compare")
        self._controller, self._session = controller, controller.session
        self._others: tuple[HistoryEntry, ...] = ()
        self._both: tuple[HistoryEntry, HistoryEntry] | None = None
        self._job: Worker | None = None
        self._layer: Labels | None = None
        self.box = combo_box("train_compare_with", (), "Another model that is kept, to be compared with the one shown.")
        self.button = button(
            "Compare", "train_compare_models",
            "Let the model shown and this one segment the plane that is shown: on how much they agree, what each gives "
            "to every class, and a layer of where they differ.",
        )
        self.button.clicked.connect(self._on_compare)
        key = shortcuts.shown(shortcuts.SWITCH_KEY)
        self.switch_button = button(
            f"Switch ({key})", "train_switch_models", "Show the one model, and then the other, live.")
        self.switch_button.clicked.connect(self.switch)
        self.text = text_line("train_models_differ", "What two models make of the same plane.", selectable=True)
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addWidget(self.button, 1)
        line.addWidget(self.switch_button, 1)
        choice = QHBoxLayout()
        choice.setSpacing(4)
        choice.addWidget(QLabel("Other model"))
        choice.addWidget(self.box, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(choice)
        column.addLayout(line)
        column.addWidget(self.text)
        session, refresh, viewer = self._session, self.refresh, controller.viewer
        session.model_history_changed.connect(refresh)
        shortcuts.bind_viewer_keys(viewer, {shortcuts.SWITCH_KEY: self.switch})

        def forget(*_: Any) -> None:
            session.model_history_changed.disconnect(refresh, missing_ok=True)
            shortcuts.unbind_viewer_keys(viewer, [shortcuts.SWITCH_KEY])

        self.destroyed.connect(forget)
        self.refresh()

    def refresh(self) -> None:
        """List the models beside the one shown; the one chosen before stays chosen."""
        before = self._other
        self._others = tuple(one for one in self._session.model_history if not one.same(self._session.shown))
        self.box.clear()
        self.box.addItems([one.name for one in self._others])
        chosen = next((place for place, one in enumerate(self._others) if before is not None and one.same(before)), 0)
        self.box.setCurrentIndex(chosen if self._others else -1)
        self.box.setEnabled(bool(self._others))
        self.button.setEnabled(bool(self._others) and self._job is None)
        self.switch_button.setEnabled(bool(self._others))
        self.text.setVisible(bool(self.text.text()))

    @property
    def _other(self) -> HistoryEntry | None:
        at = self.box.currentIndex()
        return self._others[at] if 0 <= at < len(self._others) else None

    def switch(self) -> None:
        """Show the other one of two models: of those that were compared, else the one chosen."""
        shown, other = self._session.shown, self._other
        if self._both is not None and any(one.same(shown) for one in self._both):
            other = next((one for one in self._both if not one.same(shown)), other)
        if other is None or shown is None:
            self.said.emit("There is one model only; there is none to switch to yet.")
            return
        self._both = shown, other
        kept = next((one for one in self._session.model_history if one.same(other)), other)
        try:
            self._session.go_back(kept)
        except UserError as error:
            self._both = None
            self.said.emit(str(error))

    def _on_compare(self) -> None:
        shown, other, binding = self._session.shown, self._other, self._controller.current
        if binding is None or self._job is not None:
            self.said.emit("Choose an image and strokes first: press + beside Strokes.")
            return
        if shown is None or other is None:
            return
        if is_field(binding.strokes):
            self.said.emit(f"{binding.image.name!r} is too large to be predicted twice. Switch between the two: what "
                           "you look at is predicted anew.")
            return
        image, plane = binding.image, shown_plane(self._controller.viewer, binding.strokes, binding.image)
        self._both = shown, other
        self.progressed.emit("Comparing two models", 0.0)
        self.button.setEnabled(False)
        self._job = self._controller.workers.start(
            lambda: _calmly(model_difference(shown.model, other.model, image, plane)), "napari-unet models",
            on_item=lambda step: self.progressed.emit(step.text, step.fraction or 0.0),
            on_result=lambda found: self._show(binding, plane, (shown, other), found),
            on_error=lambda error: self.said.emit(error_sentence(error)), on_end=self._on_end, owner=self,
        )

    def cancel(self) -> None:
        """Stop comparing; no layer is made."""
        if self._job is not None:
            self._job.stop()
            self.said.emit("Cancelled.")

    def _on_end(self) -> None:
        self._job = None
        self.progressed.emit("", 0.0)
        self.refresh()

    def _show(
        self, binding: LayerBinding, plane: int, both: tuple[HistoryEntry, HistoryEntry], found: ModelDifference
    ) -> None:
        """Say how much both agree, and put a layer of where they differ below the strokes."""
        classes, (one, other) = self._session.classes, both
        said = f"{one.name} and {other.name} agree on {100 * found.agreement:.1f} % of the plane."
        self.said.emit(said)
        areas = "\n".join(f"{classes.name(number)}: {100 * first:.1f} % and {100 * second:.1f} %"
                          for number, (first, second) in found.areas.items())
        self.text.setText(f"{said}\n{areas}")
        self.text.show()
        layers = self._controller.viewer.layers
        if self._layer is not None and self._layer in layers:
            layers.remove(self._layer)
        if binding.strokes not in layers or found.agreement == 1:
            return
        data = np.zeros(binding.image.shape, np.uint8)
        data[binding.image.where(plane)] = found.differing
        name = f"{binding.image_layer.name}: {other.name} where {one.name} differs"
        self._layer = labels_like(binding.image_layer, binding.image, name, classes, data=data)
        mark_layer(self._layer, "errors", binding.image_layer)
        active = layers.selection.active
        layers.insert(layers.index(binding.strokes), self._layer)
        layers.selection.active = active  # the brush stays in the hand


def _calmly(work: Generator[Progress, None, ModelDifference]) -> Generator[Progress, None, ModelDifference]:
    """Go through work on a few cores, so that training and painting go on beside it."""
    limit_threads(max(1, available_cores() // 4))
    return (yield from work)

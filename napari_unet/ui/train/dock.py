"""The dock ``Train U-Net``: lays out the controls and passes on what they say. Trains and predicts nothing itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Image as ImageLayer
from napari.layers import Labels, Layer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.classes import ClassTable
from napari_unet.core.errors import UserError
from napari_unet.core.method import Segmenter
from napari_unet.session import State

from ..choices import LayerBox, LayerWatch
from ..forms import Fold
from ..layers import (
    channel_choices,
    class_table,
    guess_channel_axis,
    image_name_of,
    image_of,
    label_view,
    prepare_brush,
    role_of,
    strokes_for,
)
from . import keys
from .chips import ClassChips, without_class
from .engine import engine_of
from .jobs import Jobs
from .pairs import PairList
from .plot import LearningPlot
from .settings import Settings

NO_IMAGE = "Open an image, or try File > Open Sample."
NO_STROKES = "Press + to make a layer for your strokes."


class TrainDock(QWidget):
    """Paint a few strokes, learn live, see the whole image segmented.

    Parameters
    ----------
    napari_viewer : napari Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.setObjectName("train_dock")
        self.engine = engine_of(napari_viewer)
        self.engine.hold(self)
        self.viewer = self.engine.viewer
        self.session = self.engine.session
        self.jobs = Jobs(self.engine, self)
        self._brush_of: Labels | None = None
        self._build()
        self._connect()
        self._find_device()
        self._choose_first_image()
        self._show_state(self.session.state)
        self._on_running_changed()

    # -- building --------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(6, 4, 6, 4)
        column.setSpacing(6)
        column.addLayout(self._layer_rows())
        self.chips = ClassChips(self.session.classes)
        column.addWidget(self.chips)
        column.addLayout(self._run_row())
        self.plot = LearningPlot()
        self.plot.show_history(self.session.history)
        column.addWidget(self.plot)
        for widget in self._lines():
            column.addWidget(widget)
        column.addLayout(self._predict_rows())
        for fold in self._folds():
            column.addWidget(fold)
        column.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setObjectName("train_scroll")
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scroll)
        self.setMinimumWidth(300)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def _layer_rows(self) -> QFormLayout:
        self.image_box = LayerBox(self.viewer, "train_image", lambda one: isinstance(one, ImageLayer), "no image")
        self.image_box.setToolTip("The image to segment: grey, colour, several channels, a time series or a z-stack.")
        self.channel_box = QComboBox()
        self.channel_box.setObjectName("train_channels")
        self.channel_box.setToolTip(
            "Which axis of the image holds channels (stains, wavelengths). The other axes count planes."
        )
        self.strokes_box = LayerBox(self.viewer, "train_strokes", self._can_be_strokes, "none yet")
        self.strokes_box.setToolTip("The layer you paint on. Strokes on several images are learnt together.")
        self.new_button = QToolButton()
        self.new_button.setObjectName("train_new_strokes")
        self.new_button.setText("+")
        self.new_button.setToolTip("Make a new strokes layer for this image and take up the brush.")
        strokes = QHBoxLayout()
        strokes.setSpacing(4)
        strokes.addWidget(self.strokes_box, 1)
        strokes.addWidget(self.new_button)
        rows = QFormLayout()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setVerticalSpacing(4)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        rows.addRow("Image", self.image_box)
        self._channel_label = QLabel("Channels")
        rows.addRow(self._channel_label, self.channel_box)
        rows.addRow("Strokes", strokes)
        return rows

    def _run_row(self) -> QHBoxLayout:
        self.live_button = _button("Live", "train_live", "")
        self.update_button = _button(
            "Update once", "train_update",
            f"Learn from the strokes for a few seconds, show the result and pause (key {keys.UPDATE_KEY}).",
        )
        self.stop_button = _button(
            "Stop", "train_stop", "End the training. The model it has learnt so far is kept."
        )
        row = QHBoxLayout()
        row.setSpacing(4)
        for button in (self.live_button, self.update_button, self.stop_button):
            row.addWidget(button)
        return row

    def _lines(self) -> Iterator[QWidget]:
        self.state_line = _line("train_state", "What is going on, and what to do next.")
        self.note_line = _line("train_note", "News of the prediction and of files.")
        self.device_line = _line("train_device", "Where it computes, and why there. Advanced has the choice.")
        self.device_line.setEnabled(False)  # dimmed: seldom of interest
        yield self.state_line
        yield self.note_line
        yield self.device_line

    def _predict_rows(self) -> QVBoxLayout:
        self.prediction_tick = QCheckBox(f"Show the live prediction ({keys.PREDICTION_KEY})")
        self.prediction_tick.setObjectName("train_show_prediction")
        self.prediction_tick.setChecked(True)
        self.prediction_tick.setToolTip("Hide the prediction to see the bare image, and show it again.")
        self.predict_button = _button(
            "Predict image", "train_predict", "Segment this whole image, all planes, into a new layer."
        )
        self.predict_all_button = _button(
            "Predict all", "train_predict_all", "Segment every image that is open, each into a new layer."
        )
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        buttons.addWidget(self.predict_button)
        buttons.addWidget(self.predict_all_button)
        self.progress = QProgressBar()
        self.progress.setObjectName("train_progress")
        self.progress.setRange(0, 1000)
        self.progress.setToolTip("How far the prediction has come.")
        self.cancel_button = _button("Cancel", "train_cancel", "Stop this prediction; no layer is made.")
        bar = QHBoxLayout()
        bar.setSpacing(4)
        bar.addWidget(self.progress, 1)
        bar.addWidget(self.cancel_button)
        rows = QVBoxLayout()
        rows.setSpacing(4)
        rows.addWidget(self.prediction_tick)
        rows.addLayout(buttons)
        rows.addLayout(bar)
        self.progress.hide()
        self.cancel_button.hide()
        return rows

    def _folds(self) -> Iterator[Fold]:
        self.pairs = PairList(self.engine)
        together = Fold("Images learnt together", "train_pairs_fold", "Several images with their strokes, one model.")
        together.addWidget(self.pairs)
        yield together
        self.save_button = _button("Save...", "train_save", "Keep the model in a file, to use it on other days.")
        self.load_button = _button("Load...", "train_load", "Predict with a model from a file, or train it on.")
        self.new_model_button = _button(
            "Start anew", "train_new_model", "Forget the model. The next training starts from nothing."
        )
        files = QWidget()
        row = QHBoxLayout(files)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for button in (self.save_button, self.load_button, self.new_model_button):
            row.addWidget(button)
        model = Fold("Model", "train_model_fold", "Save the model, load one, or start anew.")
        model.addWidget(files)
        yield model
        self.settings = Settings()
        advanced = Fold("Advanced", "train_advanced_fold", "Network, device and knobs that seldom need a change.")
        advanced.addWidget(self.settings)
        advanced.toggled.connect(lambda opened: self.settings.fill() if opened else None)
        yield advanced
        table = "".join(f"<tr><td><b>{key}</b>&nbsp;&nbsp;</td><td>{what}</td></tr>" for key, what in keys.HELP)
        help_text = QLabel(f"<table>{table}</table>")
        help_text.setObjectName("train_keys")
        help_text.setToolTip("Keys that work while the pointer is over the image.")
        shortcuts = Fold("Keys", "train_keys_fold", "Keyboard shortcuts.")
        shortcuts.addWidget(help_text)
        yield shortcuts

    def _connect(self) -> None:
        engine, session = self.engine, self.session
        self._watch = LayerWatch(self.viewer, self)
        self._watch.changed.connect(self._on_layers_changed)
        self.image_box.layer_changed.connect(self._on_image_chosen)
        self.channel_box.activated.connect(lambda _index: self._on_strokes_chosen())
        self.strokes_box.layer_changed.connect(self._on_strokes_chosen)
        self.new_button.clicked.connect(self._on_new_strokes)
        self.chips.picked.connect(self.hold_class)
        self.chips.edited.connect(session.set_classes)
        self.chips.removed.connect(self._on_remove_class)
        self.chips.refused.connect(self.say)
        self.live_button.clicked.connect(self._on_live)
        self.update_button.clicked.connect(self.update_once)
        self.stop_button.clicked.connect(lambda: engine.stop())
        self.prediction_tick.toggled.connect(self._on_prediction_toggled)
        self.predict_button.clicked.connect(self._on_predict)
        self.predict_all_button.clicked.connect(lambda: self.jobs.predict(self.jobs.image_layers()))
        self.cancel_button.clicked.connect(self.jobs.cancel)
        self.pairs.chosen.connect(self._on_pair_chosen)
        self.save_button.clicked.connect(self._on_save)
        self.load_button.clicked.connect(self._on_load)
        self.new_model_button.clicked.connect(self._on_new_model)
        engine.said.connect(self.say)
        engine.running_changed.connect(self._on_running_changed)
        engine.pairs_changed.connect(self._on_pairs_changed)
        self.jobs.progressed.connect(self._on_job)
        pairs = [
            (session.state_changed, self._show_state), (session.classes_changed, self._on_classes_changed),
            (session.history_changed, self._on_history_changed), (session.model_changed, self._on_model_changed),
            (session.pairs_changed, self._on_pairs_changed),
        ]
        for signal, slot in pairs:
            signal.connect(slot)
        keys.bind_viewer(self.viewer, self.update_once, self.prediction_tick.toggle)
        viewer = self.viewer

        def forget(*_: Any) -> None:
            for signal, slot in pairs:
                signal.disconnect(slot, missing_ok=True)
            keys.unbind_viewer(viewer)

        self.destroyed.connect(forget)

    def _find_device(self) -> None:
        """Look for a device in a thread: importing torch takes seconds."""
        self.device_line.setText("Looking for a graphics card...")

        def look() -> Iterator[str]:
            from napari_unet.core.devices import choose_device

            yield str(choose_device("auto"))

        self.engine.workers.start(
            look, "napari-unet device", on_item=self.device_line.setText,
            on_error=lambda error: self.device_line.setText(str(error)),
        )

    # -- layers ----------------------------------------------------------------------------------------------------

    @property
    def channel_axis(self) -> int | None:
        """The axis that holds channels, as chosen."""
        axis: int | None = self.channel_box.currentData()
        return axis

    def _can_be_strokes(self, layer: Layer) -> bool:
        if not isinstance(layer, Labels) or layer.multiscale or role_of(layer) in ("prediction", "result"):
            return False
        image_layer = self.image_box.layer
        if image_layer is None:
            return False
        try:
            label_view(layer, image_of(image_layer, self.channel_axis))
        except UserError:
            return False
        return True

    def _choose_first_image(self) -> None:
        if self.image_box.layer is None and self.image_box.layers:
            tied = self.engine.current.image_layer if self.engine.current else None
            active = self.viewer.layers.selection.active
            images = self.image_box.layers
            self.image_box.layer = next((one for one in (tied, active) if one in images), images[0])
        else:
            self._on_image_chosen()

    def _on_layers_changed(self) -> None:
        self.image_box.refresh()
        self.strokes_box.refresh()
        if self.image_box.layer is None:
            self._choose_first_image()
        elif self.strokes_box.layer is None:
            self._suggest_strokes()
        self.pairs.refresh()

    def _on_image_chosen(self) -> None:
        layer = self.image_box.layer
        self._fill_channels(layer)
        self.new_button.setEnabled(layer is not None)
        self.strokes_box.refresh()
        if layer is None:
            self.engine.look_at(None)
            self.say(NO_IMAGE)
            return
        self._suggest_strokes()

    def _fill_channels(self, layer: ImageLayer | None) -> None:
        blocked = self.channel_box.blockSignals(True)
        self.channel_box.clear()
        axes = channel_choices(layer) if layer is not None else ()
        self.channel_box.addItem("none (all axes count planes)", None)
        for axis in axes:
            label = "" if layer.axis_labels[axis].lstrip("-").isdigit() else f" {layer.axis_labels[axis]!r}"
            self.channel_box.addItem(f"axis {axis}{label}: {layer.data.shape[axis]} channels", axis)
        if layer is not None:
            tied = next((one for one in self.engine.bindings.values() if one.image_layer is layer), None)
            axis = tied.channel_axis if tied is not None else guess_channel_axis(layer)
            self.channel_box.setCurrentIndex(max(0, self.channel_box.findData(axis)))
        self.channel_box.blockSignals(blocked)
        for widget in (self.channel_box, self._channel_label):
            widget.setVisible(bool(axes))

    def _suggest_strokes(self) -> None:
        """Choose the strokes that belong to the image, if there are any."""
        image, found = self.image_box.layer, self.strokes_box.layers
        tied = [one.strokes for one in self.engine.bindings.values() if one.image_layer is image]
        ours = [one for one in found if role_of(one) == "strokes" and image_name_of(one) in ("", image.name)]
        named = [one for one in ours if image_name_of(one) or one.name.startswith(image.name)]
        lone = ours if len(self.image_box.layers) == 1 else []
        choice = next((one for one in (*tied, *named, *lone) if one in found), None)
        if choice is not None and choice is not self.strokes_box.layer:
            self.strokes_box.layer = choice
        else:
            self._on_strokes_chosen()

    def _on_strokes_chosen(self) -> None:
        image, strokes = self.image_box.layer, self.strokes_box.layer
        if image is None or strokes is None:
            self.engine.look_at(None)
            if image is not None:
                self.say(NO_STROKES)
            return
        known = class_table(strokes)
        try:
            binding = self.engine.tie(image, strokes, self.channel_axis)
        except UserError as error:
            self.engine.look_at(None)
            self.say(str(error))
            return
        if known is not None and len(self.engine.bindings) == 1 and self.session.model is None:
            self.session.set_classes(known)
        binding.show_classes(self.session.classes)
        self.say("")
        keys.bind_classes((image, strokes), self.hold_class)
        self._follow_brush(strokes)

    def _on_new_strokes(self) -> None:
        layer = self.image_box.layer
        if layer is None:
            self.say(NO_IMAGE)
            return
        try:
            image = image_of(layer, self.channel_axis)
        except UserError as error:
            self.say(str(error))
            return
        strokes = self.viewer.add_layer(strokes_for(layer, image, self.session.classes))
        self.image_box.refresh()
        self.strokes_box.refresh()
        self.strokes_box.layer = strokes
        self.hold_class(strokes.selected_label)

    def _on_pair_chosen(self, key: str) -> None:
        binding = self.engine.bindings.get(key)
        if binding is not None:
            self.image_box.layer = binding.image_layer
            self.strokes_box.layer = binding.strokes
            self.viewer.layers.selection.active = binding.strokes

    def _on_pairs_changed(self) -> None:
        self.pairs.refresh()

    # -- classes and brush -----------------------------------------------------------------------------------------

    def hold_class(self, number: int) -> None:
        """Take up the brush of a class on the present strokes layer."""
        binding = self.engine.current
        if binding is None:
            self.say(NO_STROKES if self.image_box.layer is not None else NO_IMAGE)
            return
        if number not in self.session.classes.ids:
            self.say(f"There is no class {number} yet. Press + beside the classes to add one.")
            return
        strokes = binding.strokes
        self.viewer.layers.selection.active = strokes
        strokes.visible = True
        strokes.selected_label = number
        if str(strokes.mode) != "paint":
            if strokes.brush_size == 10:  # napari's own start, too thick for most images
                prepare_brush(strokes, min(binding.image.plane_shape))
            strokes.mode = "paint"
        self.chips.hold(number)

    def _follow_brush(self, strokes: Labels) -> None:
        if self._brush_of is not strokes:
            if self._brush_of is not None:
                self._brush_of.events.selected_label.disconnect(self._on_brush_changed)
            strokes.events.selected_label.connect(self._on_brush_changed)
            self._brush_of = strokes
        self._on_brush_changed()

    def _on_brush_changed(self, _event: Any = None) -> None:
        if self._brush_of is not None:
            self.chips.hold(self._brush_of.selected_label)

    def _on_classes_changed(self, classes: ClassTable) -> None:
        self.chips.set_classes(classes)
        self.pairs.refresh()

    def _on_remove_class(self, number: int) -> None:
        for binding in self.engine.bindings.values():
            layer = binding.strokes
            layer.data_setitem(np.nonzero(np.asarray(layer.data) == number), 0)  # so that Ctrl+Z brings it back
            binding.flush()
        classes = without_class(self.session.classes, number)
        self.session.set_classes(classes)
        if self.engine.current is not None and self.engine.current.strokes.selected_label == number:
            self.hold_class(classes.ids[-1])

    # -- learning --------------------------------------------------------------------------------------------------

    def _make_method(self) -> Segmenter:
        return self.settings.method(self.session.model)

    def _on_live(self) -> None:
        if self.engine.live:
            self.engine.pause()
        else:
            self._start(once=False)

    def update_once(self) -> None:
        """Learn for a few seconds, show the result and pause."""
        if not self.engine.live:
            self._start(once=True)

    def _start(self, once: bool) -> None:
        if not self.engine.bindings:
            self.say(NO_STROKES if self.image_box.layer is not None else NO_IMAGE)
            return
        self.prediction_tick.setChecked(True)
        self.engine.start(self._make_method, once)

    def _on_running_changed(self) -> None:
        live = self.engine.live
        self.live_button.setText("Pause" if live else "Live")
        self.live_button.setToolTip(
            "Let the training rest; it keeps all it has learnt." if live else
            "Learn from your strokes while you paint; the prediction follows within seconds."
        )
        self.update_button.setEnabled(not live)
        self.stop_button.setEnabled(self.engine.training)

    def _show_state(self, state: State) -> None:
        self.state_line.setText(state.text)
        self.state_line.setProperty("phase", state.phase)

    def _on_history_changed(self) -> None:
        self.plot.show_history(self.session.history)
        if self.session.device:
            self.device_line.setText(self.session.device)

    # -- prediction and files --------------------------------------------------------------------------------------

    def _on_prediction_toggled(self, shown: bool) -> None:
        for binding in self.engine.bindings.values():
            if binding.prediction is not None:
                binding.prediction.visible = shown

    def _on_model_changed(self, _model: Any = None) -> None:
        for binding in self.engine.bindings.values():
            if binding.prediction is not None:
                keys.bind_classes((binding.prediction,), self.hold_class)

    def _on_predict(self) -> None:
        layer = self.image_box.layer
        self.jobs.predict([] if layer is None else [(layer, self.channel_axis)])

    def _on_job(self, text: str, fraction: float) -> None:
        busy = bool(text)
        self.progress.setVisible(busy)
        self.cancel_button.setVisible(busy)
        self.predict_button.setEnabled(not busy)
        self.predict_all_button.setEnabled(not busy)
        self.progress.setValue(round(1000 * fraction))
        if busy:
            self.say(text)

    def _on_save(self) -> None:
        if self.session.model is None:
            self.say("There is no model to save yet. Press Live to train one.")
            return
        name, _ = QFileDialog.getSaveFileName(self, "Save the model", "model.pt", "Models (*.pt)")
        if name:
            self.jobs.save(Path(name))

    def _on_load(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Load a model", "", "Models (*.pt);;All files (*)")
        if name:
            self.jobs.load(Path(name), self.settings.device)

    def _on_new_model(self) -> None:
        self.engine.stop()
        self.session.set_model(None)
        self.session.set_state("idle")

    def say(self, text: str) -> None:
        """Show one sentence below the state."""
        self.note_line.setText(text)
        self.note_line.setVisible(bool(text))


def _button(text: str, name: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setObjectName(name)
    button.setToolTip(tooltip)
    button.setMinimumWidth(40)
    return button


def _line(name: str, tooltip: str) -> QLabel:
    line = QLabel()
    line.setObjectName(name)
    line.setToolTip(tooltip)
    line.setWordWrap(True)
    line.setTextFormat(Qt.TextFormat.PlainText)
    return line

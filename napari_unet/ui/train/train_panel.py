"""The controls of the dock and how they are laid out. What they do is decided in :mod:`.train_dock`."""

from __future__ import annotations

from collections.abc import Iterator

from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_unet.session.update_run import UPDATE_STEPS

from ..error_details import TellingLine
from ..forms import CollapsibleSection
from ..projects.project_line import ProjectLine
from ..widgets import button, fill_scrolling, warn_of_namesake
from . import shortcuts
from .class_buttons import ClassButtons
from .device_line import DeviceLine
from .edit_panel import EditPanel
from .export_button import ExportButton
from .layer_chooser import LayerChooser
from .learning_plot import LearningPlot
from .live_controller import LiveController
from .model_compare import ModelCompare
from .model_list import ModelList
from .network_settings import NetworkSettings
from .notes import Notes
from .pair_list import PairList


class TrainPanel(QWidget):
    """All controls, one column.

    Parameters
    ----------
    controller : LiveController
    """

    def __init__(self, controller: LiveController) -> None:
        super().__init__()
        self.setObjectName("train_dock")
        self.controller = controller
        self.session = controller.session
        self._build()

    def _build(self) -> None:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(6, 4, 6, 4)
        column.setSpacing(6)
        warn_of_namesake(column, "train_namesake")
        column.addWidget(ProjectLine(self.controller))
        self.chooser = LayerChooser(self.controller)
        column.addWidget(self.chooser)
        self.class_buttons = ClassButtons(self.session.classes)
        column.addWidget(self.class_buttons)
        self.edits = EditPanel(self.controller, self.class_buttons)
        column.addWidget(self.edits)
        column.addLayout(self._run_row())
        self.plot = LearningPlot()
        self.plot.show_history(self.session.learning_curve)
        column.addWidget(self.plot)
        for widget in self._lines():
            column.addWidget(widget)
        column.addLayout(self._predict_rows())
        for fold in self._folds():
            column.addWidget(fold)
        column.addStretch(1)
        fill_scrolling(self, inner, "train_scroll", 300)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def _run_row(self) -> QHBoxLayout:
        self.live_button = button("Live", "train_live", "")
        self.update_button = button(
            "Update once", "train_update",
            f"Let the network learn {UPDATE_STEPS} steps from the strokes as they are (some 5 to 30 s), and say "
            f"whether that is better (key {shortcuts.UPDATE_KEY}). A paused training ends with it.",
        )
        self.stop_button = button(
            "Stop", "train_stop", "End the training. The model it has learnt so far is kept."
        )
        row = QHBoxLayout()
        row.setSpacing(4)
        for one in (self.live_button, self.update_button, self.stop_button):
            row.addWidget(one)
        return row

    def _lines(self) -> Iterator[QWidget]:
        """Three lines of a fixed place each: nothing below them moves when they change."""
        self.state_line = TellingLine("train_state", 5, "What is shown, what is being done, and what is missing.")
        self.note_line = TellingLine("train_note", 2, "News of images and strokes, of the prediction and of files.")
        self.notes = Notes(self.note_line)
        self.device_line = DeviceLine()
        yield self.state_line
        yield self.note_line
        yield self.device_line

    def _predict_rows(self) -> QVBoxLayout:
        self.prediction_tick = QCheckBox(f"Show the live prediction ({shortcuts.PREDICTION_KEY})")
        self.prediction_tick.setObjectName("train_show_prediction")
        self.prediction_tick.setChecked(True)
        self.prediction_tick.setToolTip("Hide the prediction to see the bare image, and show it again.")
        self.predict_button = button(
            "Predict image", "train_predict", ""
        )
        self.predict_all_button = button(
            "Predict all", "train_predict_all",
            "Segment every image: those of the project into the project, where each is shown when you look at it; "
            "others that are open each into a new layer.",
        )
        self.predict_place = QStackedWidget()  # buttons, or what is under way: nothing moves
        self.predict_place.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.predict_place.addWidget(_in_a_row(self.predict_button, self.predict_all_button))
        self.progress = QProgressBar()
        self.progress.setObjectName("train_progress")
        self.progress.setRange(0, 1000)
        self.progress.setToolTip("How far the prediction or the search has come.")
        self.cancel_button = button("Cancel", "train_cancel", "Stop this; no layer is made and the view stays.")
        self.progress.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.predict_place.addWidget(_in_a_row(self.progress, self.cancel_button))
        rows = QVBoxLayout()
        rows.setSpacing(4)
        rows.addWidget(self.prediction_tick)
        for one in self._unsure():
            rows.addWidget(one)
        rows.addWidget(self.predict_place)
        return rows

    def _unsure(self) -> Iterator[QWidget]:
        self.unsure_tick = QCheckBox("Show where it is unsure")
        self.unsure_tick.setObjectName("train_show_unsure")
        self.unsure_tick.setToolTip(
            "A layer that is bright where two classes are nearly as likely as each other, and follows the prediction."
        )
        self.unsure_button = button(
            f"Go to the least sure place ({shortcuts.UNSURE_KEY})", "train_go_unsure",
            "Move the view to where a stroke teaches the most: in view first; pressed again without painting, the next "
            "such place in the whole image.",
        )
        yield self.unsure_tick
        yield self.unsure_button

    def _folds(self) -> Iterator[CollapsibleSection]:
        self.pairs = PairList(self.controller)
        together = CollapsibleSection("Images learnt together", "train_pairs_fold",
                                      "Several images with their strokes, one model.")
        together.addWidget(self.pairs)
        yield together
        self.save_button = button("Save...", "train_save", "Keep the model in a file, to use it on other days.")
        self.load_button = button("Load...", "train_load", "Predict with a model from a file, or train it on.")
        self.new_model_button = button(
            "Start anew", "train_new_model",
            "Forget all that was learnt. Your strokes stay and are answered anew; the next training starts from there.",
        )
        self.export_button = ExportButton(self.session)
        files = _in_a_row(self.save_button, self.load_button, self.export_button.widget, self.new_model_button)
        model = CollapsibleSection("Model", "train_model_fold",
                                   "Go back to an earlier model, save, load or export one, or start anew.")
        self.models = ModelList(self.session)
        model.addWidget(self.models)
        self.model_compare = ModelCompare(self.controller)
        model.addWidget(self.model_compare)
        model.addWidget(files)
        yield model
        self.settings = NetworkSettings(self.session)
        advanced = CollapsibleSection("Advanced", "train_advanced_fold",
                                      "Network, device and knobs that seldom need a change.")
        advanced.addWidget(self.settings)
        advanced.toggled.connect(lambda opened: self.settings.fill() if opened else None)
        yield advanced
        table = "".join(f"<tr><td><b>{key}</b>&nbsp;&nbsp;</td><td>{what}</td></tr>" for key, what in shortcuts.HELP)
        help_text = QLabel(f"<table>{table}</table>")
        help_text.setObjectName("train_keys")
        help_text.setWordWrap(True)  # letters may be wide, the dock is not
        help_text.setToolTip("Keys that work while the pointer is over the image.")
        keys = CollapsibleSection("Keys", "train_keys_fold", "Keyboard shortcuts.")
        keys.addWidget(help_text)
        yield keys


def _in_a_row(*widgets: QWidget) -> QWidget:
    """Return widgets side by side in one."""
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    for one in widgets:
        row.addWidget(one)
    return made

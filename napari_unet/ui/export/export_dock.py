"""The dock that saves labels as masks. Holds widgets; what is written is decided in :mod:`.export_plan`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from napari.layers import Labels, Layer
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.errors import UserError
from napari_unet.io import (
    check_object_output,
    check_output,
    image_folder,
    is_output,
    label_place,
    preview_path,
    shape_format,
)

from ..error_details import TellingLine
from ..files import FORMATS, HOLDS_CLASSES, ExportPlan, Saved, goes_as_objects
from ..layer_boxes import LayerBox, LayerWatch
from ..layer_metadata import class_table, role_of
from ..sessions import session_of, ties_of
from ..widgets import CloseWatch, button, combo_box, fill_scrolling, keep_place, text_line, warn_of_namesake
from ..worker_group import WorkerGroup
from ..workers import Worker

NOTHING = "Nothing to save yet: predict an image in Train U-Net, or compare methods, and choose the result here."
FOREIGN = "This layer was not made by napari-unet; its values are saved as they are, 0 being the background."
STROKES = "These are strokes: pixels that are not painted become background. To save a result, choose a prediction."
PLACE = "Where to save. The ending follows the format."
OUTSIDE = ("The image of this layer was not opened from an OME-Zarr folder. Give the place yourself, as "
           "IMAGE.ome.zarr/labels/NAME, or choose another format.")


class ExportDock(QWidget):
    """Choose a labels layer, a format and a place, press Save.

    Parameters
    ----------
    napari_viewer : napari Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)  # plugins are handed a proxy
        self._worker: Worker | None = None
        self._proposed = ""
        self._automatic = True
        self.setObjectName("export_dock")
        self._build()
        self._workers = WorkerGroup(self, getattr(self._viewer.window, "_qt_window", None))
        self._watch = LayerWatch(self._viewer, self)
        self._connect()
        CloseWatch(self, "Export")
        self._choose_first()
        self._refresh()

    # -- widgets ---------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.layer = LayerBox(self._viewer, "export_layer", lambda layer: isinstance(layer, Labels), "choose labels")
        self.layer.setToolTip("The labels to save: a prediction, the result of a method, or any labels layer.")
        self.format = combo_box("export_format", list(FORMATS), (
            "TIFF is one file that Fiji opens; OME-Zarr is a folder for large images and the cloud, in the older (0.4) "
            "or newer (0.5) version; an image that was opened from OME-Zarr can take its masks in."))
        self.values = combo_box("export_values", ["mask: 0 = background", "as painted: 1 = background"], (
            "What the numbers in the file mean. A mask has background 0 and classes 1, 2, ...; painted ids are one "
            "higher, as in the strokes."))
        self.preview = _named(QCheckBox("also a 0 to 255 preview"), "export_preview", "Saves a second file, "
                              "NAME_preview.tif, in which the classes are bright enough to be seen in any viewer.")
        self.overwrite = _named(QCheckBox("replace what is there"), "export_overwrite",
                                "Tick to replace a file of this name. Nothing is replaced unasked.")
        self.path = _named(QLineEdit(), "export_path", PLACE)
        self.path.setPlaceholderText("folder and name")
        self.browse = button("Browse...", "export_browse", "Choose folder and name.")
        self.save = button("Save", "export_save", "Write the file.")
        self.cancel = button("Cancel", "export_cancel", "Stop writing; no half file is left.")
        self.bar = _named(QProgressBar(), "export_progress", "How much is written.")
        self.bar.setRange(0, 1000)
        for one in (self.cancel, self.bar):
            keep_place(one)
        self.state = TellingLine("export_state", 3, "How the saving stands.")
        self.about, self.opening = (
            text_line(name, selectable=True) for name in ("export_about", "export_opening"))

        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow("Labels", self.layer)
        form.addRow("Format", self.format)
        form.addRow("Values", self.values)
        form.addRow("", self.preview)
        place = QHBoxLayout()
        self.path.setMinimumWidth(90)
        place.addWidget(self.path, 1)
        place.addWidget(self.browse)
        form.addRow("Save as", place)
        form.addRow("", self.overwrite)
        buttons = QHBoxLayout()
        buttons.addWidget(self.save)
        buttons.addWidget(self.cancel)

        inner = QWidget()
        column = QVBoxLayout(inner)
        warn_of_namesake(column, "export_namesake")
        column.addLayout(form)
        column.addLayout(buttons)
        for one in (self.bar, self.state, self.about, self.opening):
            column.addWidget(one)
        column.addStretch(1)
        fill_scrolling(self, inner, "export_scroll", 300)

    def _connect(self) -> None:
        self._watch.changed.connect(self._on_layers_changed)
        self.layer.layer_changed.connect(self._on_layer_chosen)
        self.layer.activated.connect(self._on_picked)
        self.format.currentTextChanged.connect(self._on_format_chosen)
        self.path.textChanged.connect(self._refresh)
        self.path.textChanged.connect(lambda text: self.path.setToolTip("\n".join(filter(None, (text, PLACE)))))
        self.overwrite.toggled.connect(self._refresh)
        self.browse.clicked.connect(self._on_browse)
        self.save.clicked.connect(self._on_save)
        self.cancel.clicked.connect(self._on_cancel)

    # -- what is chosen --------------------------------------------------------------------------------------------

    def _choose_first(self) -> None:
        """Choose the topmost result of ours, one that is shown if any is, else the topmost labels.

        What the user has chosen stays.
        """
        results = [layer for layer in self.layer.layers if role_of(layer) in ("prediction", "result")]
        results.sort(key=lambda layer: not layer.visible)
        better = results and self._automatic and self.layer.layer not in results
        if better or (self.layer.layer is None and self.layer.layers):
            self.layer.layer = (results or self.layer.layers)[0]
            self._on_layer_chosen()

    def _on_layers_changed(self) -> None:
        self.layer.refresh()
        self._choose_first()
        self._propose()  # a layer may have been renamed
        self._refresh()

    def _on_layer_chosen(self) -> None:
        self._propose()
        self._refresh()

    def _on_picked(self, _index: int) -> None:
        self._automatic = False

    def _on_format_chosen(self, _name: str) -> None:
        suffix, text = self._format()[0], self.path.text().strip()
        endings = sorted((one[0] for one in FORMATS.values() if one[0]), key=len, reverse=True)
        ending = next((one for one in endings if text.lower().endswith(one)), "")
        if text == self._proposed:
            self._propose()
        elif suffix and ending:
            self.path.setText(text[: -len(ending)] + suffix)
        self._refresh()

    def _format(self) -> tuple[str, str, str]:
        return FORMATS[self.format.currentText()]

    def _propose(self) -> None:
        """Propose a name after the layer, beside its image, unless the user has written one."""
        layer = self.layer.layer
        if layer is None or self.path.text() != self._proposed:
            return
        name = re.sub(r"[^\w.-]+", "_", layer.name.strip())
        suffix, store = self._format()[0], self._store(layer)
        outside = self._folder(layer) / f"{name}{suffix}"
        self._proposed = str(outside if suffix or store is None else store / "labels" / name)
        self.path.setText(self._proposed)

    def _source(self, layer: Layer) -> Path | None:
        """Return the file or folder that the layer's image came from."""
        image = ties_of(self._viewer).image_of(layer)
        return Path(image.source.path) if image is not None and image.source.path else None

    def _folder(self, layer: Layer) -> Path:
        """Return the folder that the layer's image lies in, else the user's own."""
        source = self._source(layer)
        return source.parent if source is not None and source.parent.is_dir() else Path.home()

    def _store(self, layer: Layer) -> Path | None:
        """Return the OME-Zarr folder of the layer's image, None if it came from elsewhere."""
        source = self._source(layer)
        found = image_folder(source) if source is not None and source.is_dir() else None
        return None if found is None else found.path

    def _refresh(self, *_: Any) -> None:
        """Make the lines and buttons say what is so."""
        layer: Layer | None = self.layer.layer
        foreign = layer is not None and class_table(layer) is None
        self.values.setEnabled(layer is not None and not foreign)
        shapes = bool(self._format()[0]) and shape_format(f"x{self._format()[0]}") is not None
        self.preview.setEnabled(not shapes)
        about = NOTHING if layer is None else "" if role_of(layer) == "objects" else _about(layer, foreign, shapes)
        if layer is not None and not self._format()[0] and not is_output(self.path.text().strip()):
            about = OUTSIDE
        self.about.setText(about)
        self.about.setVisible(bool(about))
        self.opening.setText(self._format()[2])
        running = self._worker is not None
        self.save.setEnabled(layer is not None and bool(self.path.text().strip()) and not running)
        self.cancel.setVisible(running)
        self.bar.setVisible(running)

    # -- saving ----------------------------------------------------------------------------------------------------

    def _on_browse(self) -> None:
        suffix = self._format()[0]
        found, _ = QFileDialog.getSaveFileName(
            self, "Save mask", self.path.text(), f"{self.format.currentText()} (*{suffix})",
            options=QFileDialog.Option.DontConfirmOverwrite,  # the dock asks
        )
        if found:
            self.path.setText(found if found.lower().endswith(suffix) else found + suffix)

    def plan(self) -> ExportPlan | None:
        """Return what pressing Save would write, None without a layer."""
        layer = self.layer.layer
        if not isinstance(layer, Labels):
            return None
        suffix, version, _ = self._format()
        path = Path(self.path.text().strip()).expanduser()
        if not path.name.lower().endswith(suffix) and label_place(path) is None:
            path = path.with_name(path.name + suffix)
        return ExportPlan(layer, path, version, self.values.currentIndex() == 1, self.preview.isChecked(),
                          self.overwrite.isChecked(), session_of(self._viewer).classes)

    def _on_save(self) -> None:
        plan = self.plan()
        if plan is None:
            return
        try:
            if goes_as_objects(plan.layer, plan.path):
                check_object_output(plan.path, overwrite=plan.overwrite)
            else:
                check_output(plan.path, overwrite=plan.overwrite, preview=plan.preview)
        except UserError as error:
            there = plan.path.exists() or (plan.preview and preview_path(plan.path).exists())
            ask = " Tick “replace what is there” if you want that." if there and not plan.overwrite else ""
            self.state.setText(f"{error}{ask}")
            return
        self.state.setText("")
        self.bar.setValue(0)
        self._worker = self._workers.start(
            plan.write, "napari-unet export", on_item=self._on_progress, on_result=self._on_saved,
            on_error=self.state.show_failure, on_end=self._on_end,
        )
        self._refresh()

    def _on_progress(self, progress: Any) -> None:
        self.state.setText(progress.text)
        self.bar.setValue(round(1000 * (progress.fraction or 0)))

    def _on_saved(self, saved: Saved) -> None:
        self.overwrite.setChecked(False)
        self.state.setText(f"Saved {saved.path}" + (f". {saved.note}" if saved.note else ""))

    def _on_cancel(self) -> None:
        if self._worker is not None:
            self._worker.stop()
            self.state.setText("Cancelled; nothing was written.")

    def _on_end(self) -> None:
        self._worker = None
        self._refresh()


def _about(layer: Layer, foreign: bool, shapes: bool) -> str:
    """Return what is to be known before a layer is saved."""
    if shapes and not foreign:
        return HOLDS_CLASSES
    if foreign:
        return "" if shapes else FOREIGN
    return STROKES if role_of(layer) == "strokes" else ""


def _named(widget: Any, name: str, tooltip: str) -> Any:
    widget.setObjectName(name)
    widget.setToolTip(tooltip)
    return widget

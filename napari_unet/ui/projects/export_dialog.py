"""Asks where the masks of all images go, how they are called, and what is to be predicted first. Writes nothing."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.core.errors import UserError
from napari_unet.project.mask_names import PATTERNS, Collision, MaskPlace, mask_places, settled
from napari_unet.project.records import ImageRecord

from ..widgets import text_line
from .folder_row import FolderRow

_CHOICES: dict[str, Collision] = {
    "leave those out": "skip", "replace them": "replace", "number the new ones": "number",
}

COUNTS = "counts.csv"
"""Name of the table beside the masks."""


class Standing(enum.Enum):
    """How the prediction of an image stands: there is none, it is older than strokes or model, or it is not."""

    MISSING = 0
    OUTDATED = 1
    READY = 2


class ExportAllDialog(QDialog):
    """Folder, pattern, what there is already, and what is to be predicted first.

    Parameters
    ----------
    records : sequence of ImageRecord
        The images of the project.
    standings : sequence of Standing
        Of each of them.
    folder : Path
        Proposed.
    may_predict : bool
        Whether there is a model to predict with.
    parent : QWidget, optional
    """

    def __init__(
        self, records: Sequence[ImageRecord], standings: Sequence[Standing], folder: Path, may_predict: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._records = tuple(records)
        self._stands = {one.id: stands for one, stands in zip(records, standings, strict=True)}
        self._places: tuple[MaskPlace, ...] = ()
        self.setWindowTitle("Export all masks")
        self.setObjectName("export_all")
        self.setMinimumWidth(460)
        self.place = FolderRow(folder, ("export_all_folder", "export_all_browse"), "Folder for the masks",
                               "Where the masks go. A folder that is not there yet is made.")
        self.folder_box = self.place.box
        self.pattern = QComboBox()
        self.pattern.setObjectName("export_all_pattern")
        self.pattern.setEditable(True)
        self.pattern.addItems(list(PATTERNS))
        self.pattern.setToolTip("{name} is the name of the image, {number} its place in the list. The ending says the "
                                "format: .tif or .ome.zarr.")
        self.counts = QCheckBox(f"and a table of counts, areas and holes ({COUNTS})")
        self.counts.setObjectName("export_all_counts")
        self.counts.setChecked(True)
        self.predict = QCheckBox(self._predict_text())
        self.predict.setObjectName("export_all_predict")
        self.predict.setToolTip("Otherwise images without a prediction are left out, and those that are older "
                                "than the strokes or the model are saved as they are.")
        wanted = may_predict and any(stands is not Standing.READY for stands in standings)
        self.predict.setChecked(wanted)
        self.predict.setVisible(wanted)
        self.about = text_line("export_all_about")
        self.collision = QComboBox()
        self.collision.setObjectName("export_all_collision")
        self.collision.addItems(list(_CHOICES))
        self.collision.setToolTip("What to do with files that are there already. Nothing is replaced unasked.")
        self.buttons = QDialogButtonBox()
        self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self.export = cast(QPushButton, self.buttons.addButton(QDialogButtonBox.StandardButton.Ok))
        self.export.setObjectName("export_all_export")
        self.form = QFormLayout()
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.form.addRow("Folder", self.place)
        self.form.addRow("Names", self.pattern)
        self.form.addRow("There already", self.collision)
        self.form.addRow("", self.counts)
        self.form.addRow("", self.predict)
        column = QVBoxLayout(self)
        column.addLayout(self.form)
        column.addWidget(self.about)
        column.addWidget(self.buttons)
        self.folder_box.textChanged.connect(self.refresh)
        self.pattern.currentTextChanged.connect(self.refresh)
        self.collision.currentTextChanged.connect(self.refresh)
        self.predict.toggled.connect(self.refresh)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.refresh()

    @property
    def folder(self) -> Path:
        """Where the masks go."""
        return self.place.folder

    @property
    def places(self) -> tuple[MaskPlace, ...]:
        """What is to be written, and where."""
        return settled(self._places, _CHOICES[self.collision.currentText()])

    @property
    def to_predict(self) -> tuple[str, ...]:
        """Ids of the images that are to be predicted first."""
        wanted = self.predict.isChecked()
        return tuple(key for key, stands in self._stands.items() if wanted and stands is not Standing.READY)

    @property
    def replaces(self) -> bool:
        """Whether somebody has said that what is there may be replaced."""
        return any(one.taken for one in self._places) and _CHOICES[self.collision.currentText()] == "replace"

    @property
    def counts_path(self) -> Path | None:
        """Where the table goes, None if none is wanted."""
        return self.folder / COUNTS if self.counts.isChecked() else None

    def refresh(self, *_: object) -> None:
        """Say what would be written, and what is in the way."""
        try:
            if not self.folder_box.text().strip() or not self.folder.is_absolute():
                raise UserError("Give the whole path of a folder.")
            if self.folder.exists() and not self.folder.is_dir():
                raise UserError(f"{self.folder} is a file. Choose a folder.")
            places, text = mask_places(self._records, self.folder, self.pattern.currentText()), ""
            without = self._of(Standing.MISSING) if not self.predict.isChecked() else ()
            self._places = tuple(one for one in places if one.record.id not in without)
        except (UserError, OSError) as error:
            self._places, text = (), str(error)
        taken = [one.path.name for one in self._places if one.taken]
        self.collision.setVisible(bool(taken))
        label: Any = self.form.labelForField(self.collision)
        label.setVisible(bool(taken))
        label.setText(f"{len(taken)} there already" if taken else "")
        count = len(self.places)
        self.export.setText(f"Export {count} mask{'' if count == 1 else 's'}")
        self.export.setEnabled(count > 0)
        self.about.setText(text or self._summary(taken))

    def _summary(self, taken: list[str]) -> str:
        names = [one.path.name for one in self.places]
        shown = f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''}" if names else "Nothing is left to write."
        lines = [shown]
        if taken:
            lines.append(f"There already: {', '.join(taken[:3])}{', ...' if len(taken) > 3 else ''}.")
        missing, old = len(self._of(Standing.MISSING)), len(self._of(Standing.OUTDATED))
        if missing and not self.predict.isChecked():
            one = missing == 1
            lines.append(f"{missing} image{' has' if one else 's have'} no prediction yet and "
                         f"{'is' if one else 'are'} left out.")
        if old and not self.predict.isChecked():
            lines.append(f"{old} {'is' if old == 1 else 'are'} older than the strokes or the model, and saved as "
                         f"{'it is' if old == 1 else 'they are'}.")
        return "\n".join(lines)

    def _of(self, standing: Standing) -> tuple[str, ...]:
        """Return the ids of the images whose predictions stand so."""
        return tuple(key for key, stands in self._stands.items() if stands is standing)

    def _predict_text(self) -> str:
        missing, old = len(self._of(Standing.MISSING)), len(self._of(Standing.OUTDATED))
        parts = [f"{missing} without a prediction"] if missing else []
        parts += [f"{old} predicted earlier"] if old else []
        return f"predict first: {', '.join(parts)}"

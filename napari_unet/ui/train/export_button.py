"""The button that exports the model for other programs: asks for a file, and hands the work on."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_unet.session.annotation_session import Session

from ..widgets import button
from .background_jobs import BackgroundJobs

_KINDS = {"ONNX (*.onnx)": ".onnx", "Package of bioimage.io (*.zip)": ".zip", "torch.export (*.pt2)": ".pt2"}
"""Lines of the file dialog, and the ending that each stands for."""


class ExportButton:
    """*Export...*, beside the buttons that save and load a model.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.widget = button(
            "Export...", "train_export_model",
            "Keep the model as a file that other programs run: ONNX, a package of bioimage.io, or torch.export.")

    def connect(self, jobs: BackgroundJobs, window: QWidget) -> None:
        """Export with these jobs, asking in front of a window."""
        self.widget.clicked.connect(lambda: self._ask(jobs, window))

    def _ask(self, jobs: BackgroundJobs, window: QWidget) -> None:
        if self._session.model is None:
            jobs.export(Path())  # says that there is none
            return
        name, kind = QFileDialog.getSaveFileName(window, "Export the model", "model.onnx", ";;".join(_KINDS))
        if name:
            path = Path(name)
            known = path.suffix.lower() in _KINDS.values()
            # the dialog has asked about the name it returned, not about one that is completed here
            jobs.export(path if known else Path(f"{name}{_KINDS.get(kind, '.onnx')}"), overwrite=known)

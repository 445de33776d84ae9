"""Save what a comparison brought: report, table, recipe, model; and load recipes and models. Decides no format."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_unet.comparison.outcome import Comparison
from napari_unet.core.errors import UserError
from napari_unet.core.rows import Row
from napari_unet.report.table import write_csv

from ..worker_group import WorkerGroup
from ..workers import error_sentence

_NEW_FOLDER = "comparison"


def report_folder(folder: Path) -> Path:
    """Return where a report goes: the folder if it is empty or not there, else a new one inside, so nothing is lost."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return folder
    made, count = folder / _NEW_FOLDER, 1
    while made.exists():
        count += 1
        made = folder / f"{_NEW_FOLDER} {count}"
    return made


class Saving(QObject):
    """Asks for a place, then writes in another thread and says where it is.

    Parameters
    ----------
    dock : QWidget
        Parent of the dialogs.
    workers : WorkerGroup
    say : callable
        Takes the line that people read.
    fail : callable
        Takes an error that ended the writing.
    """

    def __init__(
        self, dock: QWidget, workers: WorkerGroup, say: Callable[[str], None], fail: Callable[[Exception], None]
    ) -> None:
        super().__init__(dock)
        self._dock, self._workers, self._say, self._fail = dock, workers, say, fail
        self.busy = False

    def report(self, comparison: Comparison) -> None:
        """Save everything into a folder."""
        chosen = QFileDialog.getExistingDirectory(self._dock, "Save the report into a folder")
        if chosen:
            self._start(partial(_save_report, comparison, Path(chosen)), "Writing the report…",
                        lambda place: f"Saved {Path(place) / 'report.html'}, with table, masks, recipes and parameters "
                        "beside it.")

    def table(self, rows: list[Row]) -> None:
        """Save every single score."""
        path, asked = self._ask("Save the scores", "table.csv", "Table (*.csv)")
        if path is not None:
            # the dialog has asked about the name it returned, not about one that we complete
            self._start(partial(_call, write_csv, path, rows, overwrite=asked), "", lambda _: f"Saved {path}")

    def recipe(self, name: str, method: Any) -> None:
        """Save a method with its parameters."""
        from napari_unet.io.recipe import save_recipe

        path, asked = self._ask("Save the recipe", f"{name}.json", "Recipe (*.json)")
        if path is not None:
            self._start(partial(_call, save_recipe, path, method, overwrite=asked), "", lambda _: f"Saved {path}")

    def model(self, name: str, model: Any) -> None:
        """Save what a method has learnt."""
        path, asked = self._ask("Save the fitted model", f"{name}.pt", "Model (*.pt)")
        if path is not None:
            self._start(partial(_save_model, path, model, asked), "Saving the model…", lambda _: f"Saved {path}")

    def load(self, take: Callable[[str, Any], None]) -> None:
        """Load recipes and models; ``take`` is handed each with its path."""
        paths, _ = QFileDialog.getOpenFileNames(
            self._dock, "Add recipes and models", "", "Recipes and models (*.json *.pt *.onnx *.zip);;All files (*)")
        if paths:
            self._start(partial(_load, paths), "Loading…", lambda last: f"Added {last}", on_item=lambda one: take(*one))

    def _ask(self, title: str, name: str, what: str) -> tuple[Path | None, bool]:
        """Return a path with its ending, and whether the person was asked about that very path."""
        path, _ = QFileDialog.getSaveFileName(self._dock, title, name, what)
        if not path:
            return None, False
        ending = Path(name).suffix
        full = path if path.lower().endswith(ending) else f"{path}{ending}"
        return Path(full), full == path

    def _start(
        self, work: Callable[[], Any], words: str, done: Callable[[Any], str],
        on_item: Callable[[Any], None] | None = None,
    ) -> None:
        self._say(words)
        self.busy = True

        def told(item: Any) -> None:
            if on_item is not None:
                try:
                    on_item(item)
                except UserError as error:
                    self._say(error_sentence(error))

        self._workers.start(
            work, "napari-unet saving", on_item=told, on_result=lambda value: self._say(done(value)),
            on_error=self._fail, on_end=self._on_end,
        )

    def _on_end(self) -> None:
        self.busy = False


# -- in another thread ------------------------------------------------------------------------------------------------


def _save_report(comparison: Comparison, folder: Path) -> Generator[None, None, Path]:
    from napari_unet.comparison.comparison_origin import comparison_provenance
    from napari_unet.report.folder import ComparisonFolder

    yield from ()  # workers run generators
    place = report_folder(folder)
    ComparisonFolder(place).save(comparison, provenance=comparison_provenance(comparison, made_by="window"))
    return place


def _call(function: Callable[..., Any], *given: Any, **options: Any) -> Generator[None, None, None]:
    yield from ()
    function(*given, **options)


def _save_model(path: Path, model: Any, overwrite: bool) -> Generator[None, None, None]:
    from napari_unet.io.model_file import save_model

    yield from ()
    save_model(path, model, overwrite=overwrite)


def _load(paths: list[str]) -> Generator[tuple[str, Any], None, str]:
    from napari_unet.io.model_file import load_model
    from napari_unet.io.recipe import is_recipe, load_recipe

    for path in paths:
        yield path, load_recipe(path) if is_recipe(path) else load_model(path)
    return ", ".join(Path(path).name for path in paths)

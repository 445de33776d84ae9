"""The dock ``Images``: the images of the project, what there is of each, and work over all of them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QFileDialog

from ..sessions import session_of, ties_of
from ..train import shortcuts
from ..train.live_controller import controller_of
from ..widgets import CloseWatch
from ..worker_group import WorkerGroup
from .add_images import find_files
from .export_dialog import ExportAllDialog, Standing
from .folder_dialog import AddFolderDialog
from .image_lines import line_of, short_names
from .image_list import MANY
from .images_panel import ImagesPanel
from .loading import opener_of
from .place import free_path, may_write
from .project_images import project_images_of
from .project_jobs import project_jobs_of
from .removed_images import RemovedImages
from .thumbnails import Thumbnails


class ImagesDock(ImagesPanel):
    """Go from image to image; add, predict and export them all.

    Parameters
    ----------
    napari_viewer : napari Viewer
    """

    def __init__(self, napari_viewer: Any) -> None:
        self.viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)  # plugins are handed a proxy
        super().__init__(self._picture)
        self.controller = controller_of(self.viewer)
        self.controller.hold(self)
        self.session = session_of(self.viewer)
        self.images, self.jobs = project_images_of(self.viewer), project_jobs_of(self.viewer)
        self.opener = opener_of(self.viewer)
        self.removed = RemovedImages(self.images, self.session, self.opener)
        self.thumbnails = Thumbnails(WorkerGroup(self, getattr(self.viewer.window, "_qt_window", None)), self)
        self._told = ""
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.refresh)
        self._connect()
        CloseWatch(self, "Images")
        self.refresh()

    def _connect(self) -> None:
        images = self.session.images
        self.list.picked.connect(images.choose)
        self.previous_button.clicked.connect(lambda: images.step(-1))
        self.next_button.clicked.connect(lambda: images.step(1))
        self.filter_box.textChanged.connect(self.list.search)
        self.add_button.clicked.connect(self.add_images)
        self.folder_button.clicked.connect(self.add_folder)
        self.take_in_button.clicked.connect(lambda: self.jobs.take_in(self._loose()))
        self.remove_button.clicked.connect(self._on_remove)
        self.bring_back_button.clicked.connect(self._on_bring_back)
        self.predict_button.clicked.connect(lambda: self.jobs.predict_all())
        self.export_button.clicked.connect(self.export_all)
        self.counts_button.clicked.connect(self.save_counts)
        self.methods_button.clicked.connect(self.save_methods_text)
        self.cancel_button.clicked.connect(self.jobs.cancel)
        self.list.marked.connect(self._show_buttons)
        self.jobs.progressed.connect(self._on_progress)
        self.jobs.said.connect(self.say)
        self.jobs.failed.connect(self.explain)
        self.jobs.added.connect(self._on_added)
        self.opener.told.connect(self._on_told)
        self.images.changed.connect(self._soon.start)
        self.thumbnails.ready.connect(self.model.note_picture)
        pairs: list[tuple[Any, Any]] = [
            (images.changed, self._start_soon), (images.current_changed, self._start_soon),
            (images.wanted, self._on_wanted), (self.session.published, self._start_soon),
            (self.session.model_changed, self._start_soon),
        ]
        for signal, slot in pairs:
            signal.connect(slot)

        def forget(*_: Any) -> None:
            for signal, slot in pairs:
                signal.disconnect(slot, missing_ok=True)

        self.destroyed.connect(forget)
        shortcuts.bind_viewer_keys(self.viewer, {
            shortcuts.PREVIOUS_KEY: lambda: images.step(-1), shortcuts.NEXT_KEY: lambda: images.step(1),
        })

    def _start_soon(self, *_: Any) -> None:
        self._soon.start()

    # -- showing ---------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the images there are, and what there is of each."""
        images, ties = self.session.images, ties_of(self.viewer)
        known = [images.known(key) for key in images.keys]
        names = short_names([one.name for one in known])
        self.model.show_lines([
            line_of(one, images.is_listed(one.key), self.images.is_painted(one.key), ties, name,
                    self.images.is_outdated(one.key))
            for one, name in zip(known, names, strict=True)
        ])
        many = len(images.keys) > MANY
        self.filter_box.setVisible(many)
        if not many and self.filter_box.text():
            self.filter_box.clear()
        keys, current = images.keys, images.current
        self.place_label.setText(f"{keys.index(current) + 1} of {len(keys)}" if current in keys else f"{len(keys)}"
                                 if keys else "")
        self.empty.setVisible(not keys)
        self.list.setVisible(bool(keys))
        self.list.show_current(images.awaited or current)
        self._show_buttons()

    def _show_buttons(self) -> None:
        busy, records = self.jobs.busy, self.images.records
        state = self.images.state
        several = len(self.session.images.keys) > 1
        for one in (self.previous_button, self.next_button):
            one.setEnabled(several)
        for one in (self.add_button, self.folder_button):
            one.setEnabled(not busy)
        self.predict_button.setEnabled(bool(records) and self.session.model is not None and not busy)
        predicted = bool(state is not None and state.results)
        self.export_button.setEnabled(not busy and (predicted or self.predict_button.isEnabled()))
        self.counts_button.setEnabled(predicted and not busy)
        self.methods_button.setEnabled(bool(records) and not busy)
        chosen = self._chosen()
        self.remove_button.setEnabled(bool(chosen) and not busy)
        self.take_in_button.setVisible(bool(self._loose()))
        self.take_in_button.setEnabled(not busy)
        self.bring_back_button.setVisible(self.removed.any)

    def _picture(self, key: Hashable) -> QPixmap | None:
        record, folder = self.images.record(key), self.images.folder
        if record is not None and folder is not None:
            return self.thumbnails.of(folder, record)
        return self.layer_picture(ties_of(self.viewer).image(key))

    def _on_progress(self, text: str, fraction: float) -> None:
        self.show_progress(text, fraction)
        if not text:
            self._show_buttons()

    def _on_wanted(self, key: Any) -> None:
        self.list.show_current(key)

    def _on_told(self, text: str) -> None:
        """Say why an image cannot be shown, until one can."""
        if text or self._told:
            self.say(text)
        self._told = text

    def _on_added(self, keys: Sequence[str]) -> None:
        """Show the first of new images, unless one is looked at."""
        images = self.session.images
        self.opener.take_up(keys)
        if keys and images.current is None:
            images.choose(keys[0])

    # -- adding and removing ---------------------------------------------------------------------------------------

    def _chosen(self) -> list[str]:
        """Return the marked images of the project."""
        return [str(key) for key in self.list.selected if self.session.images.is_listed(key)]

    def _loose(self) -> list[Any]:
        """Return the layers of marked images that are open and not in the project."""
        images, ties = self.session.images, ties_of(self.viewer)
        found = [ties.image(key) for key in self.list.selected if not images.is_listed(key)]
        return [one for one in found if one is not None]

    def add_images(self) -> None:
        """Ask for files and add them."""
        names, _ = QFileDialog.getOpenFileNames(
            self, "Add images", str(self._start_folder()),
            "Images (*.tif *.tiff *.png *.jpg *.jpeg *.npy *.czi *.lif *.nd2);;All files (*)")
        if names:
            files = [Path(one) for one in names]
            self.jobs.add(lambda: iter(files), self._new_place(files[0].parent, files[0].stem))

    def add_folder(self) -> None:
        """Ask for a folder and add what is in it."""
        dialog = AddFolderDialog(self._start_folder(), self)
        dialog.accepted.connect(lambda: self._add_found(dialog))
        dialog.open()

    def _add_found(self, dialog: AddFolderDialog) -> None:
        folder, patterns, below = dialog.choice
        self.jobs.add(partial(find_files, folder, patterns, below), self._new_place(folder, folder.name))

    def _new_place(self, folder: Path, name: str) -> Path | None:
        """Return where a project of images in a folder is made: in it, or where the keeper thinks best."""
        return free_path(folder, name) if self.images.folder is None and may_write(folder) else None

    def _start_folder(self) -> Path:
        """Return the folder that a person is likely to look in."""
        project = self.images.folder
        sources = [Path(layer.source.path).parent for layer in ties_of(self.viewer).images if layer.source.path]
        return project.path.parent if project is not None else sources[0] if sources else Path.home()

    def _on_remove(self) -> None:
        keys = self._chosen()
        if keys and self.confirm_removal([self.session.images.known(key).name for key in keys]):
            self.say(self.removed.take_out(keys))
            self.refresh()

    def _on_bring_back(self) -> None:
        self.say(self.removed.bring_back())
        self.refresh()

    # -- results ---------------------------------------------------------------------------------------------------

    def export_all(self) -> None:
        """Ask where the masks go, predict what is missing or of before if that is wanted, and write them."""
        state, folder = self.images.state, self.images.folder
        if state is None or folder is None:
            return
        may_predict = self.session.model is not None and not folder.read_only
        stand = [Standing.MISSING if state.result(one.id) is None else
                 Standing.OUTDATED if self.images.is_outdated(one.id) else Standing.READY for one in state.images]
        dialog = ExportAllDialog(state.images, stand, folder.path.parent / "exports", may_predict, self)

        def export() -> None:
            path, places, replaces = dialog.counts_path, dialog.places, dialog.replaces
            count = None if path is None else lambda: self.jobs.save_counts(path, replaces)
            if dialog.to_predict:
                self.jobs.predict_all(partial(self.jobs.export, places, count, self._times(dialog.to_predict)),
                                      dialog.to_predict)
            else:
                self.jobs.export(places, count)

        dialog.accepted.connect(export)
        dialog.open()

    def _times(self, keys: Sequence[str]) -> dict[str, float]:
        """Return when the predictions of some images were made, as far as there are any."""
        state = self.images.state
        results = () if state is None else state.results
        return {one.image: one.time for one in results if one.image in keys}

    def save_counts(self) -> None:
        """Ask for a file and write counts, areas and holes of all predictions into it."""
        name, _ = QFileDialog.getSaveFileName(self, "Save counts", str(self._start_folder() / "counts.csv"),
                                              "Tables (*.csv)")
        if name:
            self.jobs.save_counts(Path(name), overwrite=True)  # the file dialog has asked

    def save_methods_text(self) -> None:
        """Ask for a file and write into it how the results were made, for a paper."""
        name, _ = QFileDialog.getSaveFileName(self, "Save the methods text", str(self._start_folder() / "methods.txt"),
                                              "Texts (*.txt)")
        if name:
            self.jobs.save_methods_text(Path(name))

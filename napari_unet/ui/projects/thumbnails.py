"""Small pictures of images, made in a thread and kept in the project. Shows nothing itself."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QObject, Signal
from qtpy.QtGui import QImage, QPixmap

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.io import image_folder, read_image
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.records import ImageRecord
from napari_unet.project.sources import files_of, read_source

from ..worker_group import WorkerGroup
from ..workers import Worker

SIZE = 64
"""Longer side of a small picture, in pixels."""


def small_picture(image: Image) -> NDArray[np.uint8]:
    """Return a picture of the middle plane of an image, shape (Y, X, 3), read with as few pixels as will do."""
    step = max(1, -(-max(image.plane_shape) // SIZE))
    thin = slice(None, None, step)
    channels = image.window(image.n_planes // 2, thin, thin)
    colour = len(channels) in (3, 4) and channels.dtype == np.uint8 and image.axes.endswith("C")
    shown = channels[:3] if colour else np.repeat(channels[:1], 3, axis=0)
    if not colour:
        shown = _stretched(shown)
    return np.ascontiguousarray(np.moveaxis(shown, 0, -1), np.uint8)


def _stretched(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    values = np.asarray(pixels, np.float64)
    seen = values[np.isfinite(values)]
    if not seen.size:
        return np.zeros(values.shape, np.uint8)
    low, high = np.percentile(seen, (1, 99.8))
    return (np.clip(np.nan_to_num((values - low) / max(high - low, 1e-12)), 0, 1) * 255).astype(np.uint8)


def picture_of(folder: ProjectFolder, record: ImageRecord) -> QImage:
    """Return the small picture of an image from the project, or make it and keep it there. Not for the GUI thread.

    Raises
    ------
    UserError
        If the image is missing or cannot be read.
    """
    kept = folder.thumbnail_path(record.id)
    files = files_of(record, folder.path)
    with contextlib.suppress(OSError):
        if files is None or kept.stat().st_mtime >= max(one.stat().st_mtime for one in files):
            found = QImage(str(kept))
            if not found.isNull():
                return found
    pixels = small_picture(_smallest(folder, record, files))
    height, width = pixels.shape[:2]
    made = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
    if not folder.read_only:
        _keep(made, kept)
    return made


def _smallest(folder: ProjectFolder, record: ImageRecord, files: Sequence[Path] | None) -> Image:
    """Return an image at the lowest resolution that its file has and that is large enough."""
    if files and len(files) == 1 and files[0].is_dir():
        store = image_folder(files[0])
        for level in reversed(store.levels[1:] if store is not None else ()):
            with contextlib.suppress(UserError):
                image = read_image(level, record.axes or None)
                if max(image.plane_shape) >= SIZE:
                    return image
    return read_source(record, folder.path)


def _keep(picture: QImage, path: Path) -> None:
    """Write a picture beside its place and give it its name; one that cannot be kept is made again another day."""
    partial = path.with_name(f"{path.name}.partial")
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        if picture.save(str(partial), "PNG"):
            os.replace(partial, path)


class Thumbnails(QObject):
    """The small pictures that were asked for, made one after the other, the one asked for last first.

    Parameters
    ----------
    workers : WorkerGroup
    """

    ready = Signal(str)
    """Key of an image whose picture is there now."""

    def __init__(self, workers: WorkerGroup, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._workers = workers
        self._pictures: dict[str, QPixmap | None] = {}
        self._wanted: dict[str, tuple[ProjectFolder, ImageRecord]] = {}
        self._job: Worker | None = None

    def of(self, folder: ProjectFolder, record: ImageRecord) -> QPixmap | None:
        """Return the picture of an image, None until it is :attr:`ready` or if there can be none."""
        key = f"{folder.path} {record.id} {record.hash} {record.size}"  # an image is known before it is stored
        if key not in self._pictures:
            self._wanted.pop(key, None)
            self._wanted[key] = folder, record
            if self._job is None:
                self._start()
            return None
        return self._pictures[key]

    def _start(self) -> None:
        wanted = self._wanted

        def make() -> Iterator[tuple[str, str, QImage | None]]:
            while wanted:
                key, (folder, record) = wanted.popitem()
                try:
                    picture: QImage | None = picture_of(folder, record)
                except (UserError, OSError):
                    picture = None
                yield key, record.id, picture

        self._job = self._workers.start(make, "napari-unet thumbnails", on_item=self._on_made, on_end=self._on_end)

    def _on_made(self, item: tuple[str, str, QImage | None]) -> None:
        key, image_id, picture = item
        self._pictures[key] = None if picture is None else QPixmap.fromImage(picture)
        self.ready.emit(image_id)

    def _on_end(self) -> None:
        self._job = None
        if self._wanted and not self._workers.closed:
            self._start()

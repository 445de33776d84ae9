"""Small projects, and a disk that fails when it is told to."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_unet.core.image import Image
from napari_unet.core.scribbles import Scribbles
from napari_unet.io import read_image
from napari_unet.project import disk
from napari_unet.project.lazy_pixels import RECENT
from napari_unet.project.project_folder import ProjectFolder
from napari_unet.project.records import ImageRecord
from napari_unet.project.sources import image_record

ROWS, COLUMNS = 700, 600
"""Of a plane: two by two blocks of strokes."""


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Killed(BaseException):
    """The process ends here: nothing that it would still do to the disk is done."""


STEPS = ("open", "write", "fsync", "replace", "mkdir", "unlink")
"""What touches the disk, as :mod:`napari_unet.project.disk` calls it."""


class Disk:
    """Stands for ``os`` in the module that writes; counts its steps, and lets them fail.

    Parameters
    ----------
    first : int
        Number of the first step that fails, from 1; 0 = none.
    error : callable, optional
        Makes what is raised.
    times : int, optional
        How many steps fail from there on; default all.
    """

    def __init__(self, first: int = 0, error: Callable[[], BaseException] = Killed, times: int | None = None) -> None:
        self.first, self.error, self.times = first, error, times
        self.done: list[str] = []

    @property
    def failing(self) -> bool:
        past = len(self.done) - self.first
        return bool(self.first) and past >= 0 and (self.times is None or past < self.times)

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in STEPS:
            return real

        def step(*args: Any, **options: Any) -> Any:
            self.done.append(name)
            if not self.failing:
                return None if name == "fsync" else real(*args, **options)  # no test outlives a loss of power
            if name == "write" and len(self.done) == self.first:
                real(args[0], bytes(args[1])[: len(args[1]) // 2])  # half of it got through
            raise self.error()

        return step


def full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def forbidden() -> OSError:
    return PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@pytest.fixture
def use_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[Disk], Disk]:
    """Return what puts a disk in place of the real one."""

    def use(one: Disk) -> Disk:
        monkeypatch.setattr(disk, "os", one)
        return one

    return use


@pytest.fixture(autouse=True)
def no_files_open() -> Iterator[None]:
    """No file of another test is open."""
    RECENT.forget()
    yield
    RECENT.forget()


def plane(*boxes: tuple[int, int, int], shape: tuple[int, int] = (ROWS, COLUMNS)) -> np.ndarray:
    """A painted plane: (row, column, class) of squares of 5 pixels."""
    made = np.zeros(shape, np.uint8)
    for row, column, label in boxes:
        made[row : row + 5, column : column + 5] = label
    return made


def strokes(*boxes: tuple[int, int, int], number: int = 1) -> Scribbles:
    """Strokes on one plane of three."""
    return Scribbles((3, ROWS, COLUMNS), {number: plane(*boxes)})


def image_file(path: Path, seed: int = 0) -> Image:
    """Write three planes where they are not written yet, and read them as an image."""
    if not path.exists():
        pixels = np.random.default_rng(seed).integers(0, 250, (3, ROWS, COLUMNS), np.uint8)
        tifffile.imwrite(path, pixels, photometric="minisblack")
    return read_image(path)


def with_image(folder: ProjectFolder, name: str = "cells", image_id: str = "") -> ImageRecord:
    """Put an image that lies beside the project into it."""
    path = folder.path.parent / f"{name}.tif"
    record = image_record(image_file(path), [path], folder.path, image_id=image_id)
    folder.change(lambda state: state.replacing(record, current=record.id))
    return record


def die(folder: ProjectFolder) -> None:
    """Let the lock go as the system does when a process ends."""
    lock = folder._home._lock
    if lock is not None and lock._file is not None:
        os.close(lock._file)
        lock._file = None

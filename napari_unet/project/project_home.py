"""Where a project is, whether it may be written there, and what killed runs have left. Knows not what it holds."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from napari_unet.core.errors import UserError
from napari_unet.io import dead_tokens, leftover_path

from .disk import PARTIAL, make_directory, remove_file
from .project_file import read_project
from .writer_lock import WriterLock

SUFFIX = ".unet"
FOLDERS = ("strokes", "objects", "images", "models", "results", "thumbnails")
LOCK = "writer.lock"


class ProjectHome:
    """The folder of a project that is open.

    Parameters
    ----------
    path : Path
    project_id : str
    lock : WriterLock or None
        None where it is open to read only.
    """

    def __init__(self, path: Path, project_id: str, lock: WriterLock | None) -> None:
        self.path, self._id, self._lock = path, project_id, lock
        self._identity = _identity(path)

    @property
    def read_only(self) -> bool:
        """Whether nothing may be written."""
        return self._lock is None

    def check(self) -> bool:
        """Check that the project may be written and is where it was.

        Returns
        -------
        bool
            Whether what lies there is another folder than before, with the same project: a copy that was put back. It
            is not known then what the disk holds.

        Raises
        ------
        UserError
            If it is open to read only.
        OSError
            If the folder has vanished, or is another project's now.
        """
        if self._lock is None:
            raise UserError(f"{self.path} is open to read only. Save a copy of it to go on there.")
        identity = _identity(self.path)
        other = identity != self._identity
        if other:
            try:
                same = read_project(self.path).id == self._id
            except UserError:
                same = False
            if not same:
                raise FileNotFoundError(errno.ENOENT, "the project is not there any more", str(self.path))
            self._identity = identity
        return other

    def say_alive(self) -> None:
        """Say to other computers that this one writes; never an error."""
        if self._lock is not None:
            self._lock.say_alive()

    def move(self, path: Path, project_id: str, lock: WriterLock) -> None:
        """Go on in another folder."""
        self.release()
        self.path, self._id, self._lock, self._identity = path, project_id, lock, _identity(path)

    def release(self) -> None:
        """Let others write; nothing may be written from here any more."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def absolute_path(path: Path) -> Path:
    """Return a path from the root, links as they are."""
    return Path(os.path.abspath(Path(path).expanduser()))


def project_path(path: Path) -> Path:
    """Return the absolute path of a project, with its ending."""
    path = absolute_path(path)
    return path if path.suffix.lower() == SUFFIX else path.with_name(path.name + SUFFIX)


def make_home(path: Path, clock: Callable[[], float] = time.time) -> WriterLock:
    """Make the folder of a new project, and return the lock on it.

    Raises
    ------
    UserError
        If something is there already, or the folder above is missing.
    OSError
        If it cannot be written.
    """
    if not path.parent.is_dir():
        raise UserError(f"There is no folder {path.parent} to make {path.name} in. Make it, or choose another.")
    if os.path.lexists(path) and not _is_unborn(path):
        raise UserError(f"{path} exists already and is left as it is. Open it, or choose another name.")
    make_directory(path)
    lock = WriterLock(path / LOCK, clock)
    if not lock.held:
        raise UserError(f"{path} is being made by another program at the moment. Choose another name.")
    return lock


@contextlib.contextmanager
def released_on_failure(lock: WriterLock | None) -> Iterator[WriterLock | None]:
    """Let go of a lock if the block fails."""
    try:
        yield lock
    except BaseException:
        if lock is not None:
            lock.release()
        raise


def make_rooms(path: Path) -> None:
    """Make the folders of a project that are not there."""
    for name in FOLDERS:
        make_directory(path / name)


def _is_unborn(path: Path) -> bool:
    """Say whether a folder is one that a run was making when it was killed: nothing in it is worth keeping."""
    try:
        entries = {one.name: one for one in path.iterdir()}
        return all(
            name in (LOCK, f"project.json{PARTIAL}") or (name in FOLDERS and not any(one.iterdir()))
            for name, one in entries.items()
        )
    except OSError:
        return False


def lock_home(path: Path, clock: Callable[[], float] = time.time) -> tuple[WriterLock | None, str]:
    """Return the lock on a project, None if it may not be written; and what people should know about that."""
    try:
        lock = WriterLock(path / LOCK, clock)
    except OSError as error:
        return None, (f"{path} may not be written ({error.strerror or error}), so it is open to read only. Save a copy "
                      "of it to go on there.")
    if lock.other is not None:
        return None, (f"{path} is open elsewhere ({lock.other.text}), so it is open to read only here. Close it there, "
                      "or save a copy to go on in it.")
    if lock.stale is not None:
        return lock, f"The last sitting with {path.name} ended without closing it (begun {lock.stale.begun})."
    return lock, ""


def clear_partial(path: Path) -> None:
    """Remove what killed runs have left unfinished in a project; what cannot be removed stays."""
    with contextlib.suppress(OSError):
        for folder in (path, *(path / name for name in FOLDERS)):
            if folder.is_dir():
                for one in folder.iterdir():
                    if one.name.endswith(PARTIAL) and not one.name.startswith("."):
                        _remove(one)
                    elif one.name.startswith(".") and one.name.endswith(PARTIAL):
                        _clear_unfinished(one)
        for strokes in (path / "strokes").glob("*.zarr"):
            for one in strokes.glob(f"*{PARTIAL}"):
                _remove(one)


def _clear_unfinished(one: Path) -> None:
    """Remove what a writer of io was writing, if it lives no more: ``.NAME.TOKEN.partial``."""
    place = one.with_name(one.name[1:].removesuffix(PARTIAL).rpartition(".")[0])
    for token in dead_tokens(place, (PARTIAL, ".lock")):
        _remove(leftover_path(place, token, PARTIAL))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            remove_file(path)

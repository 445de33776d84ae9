"""A project on disk: the folder ``NAME.unet``, written by one process at a time. Knows no session.

The state in memory is the newest; :meth:`ProjectFolder.flush` makes the disk follow. May be used from several threads.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.core.errors import UserError
from napari_unet.core.image import Image
from napari_unet.core.scribbles import Scribbles
from napari_unet.io import save_image

from .copying import copy_project
from .kept_state import KeptState, program_name
from .model_shelf import with_model
from .project_file import NAME, ProjectFile, read_project
from .project_home import (
    absolute_path,
    clear_partial,
    lock_home,
    make_home,
    make_rooms,
    project_path,
    released_on_failure,
)
from .record_checks import checked_id
from .records import ImageRecord, ImageSource, ModelRecord, ProjectState, new_id
from .sources import found_from, missing, moved_with, record_without_file
from .stroke_files import StrokeFiles

if TYPE_CHECKING:
    from napari_unet.predicting.network_model import NetworkModel
    from napari_unet.segmenters.forest import ForestModel


class ProjectFolder(KeptState):
    """A project that is open; made by :meth:`create` and :meth:`open`."""

    # -- opening and closing ---------------------------------------------------------------------------------------

    @classmethod
    def create(cls, path: Path, *, state: ProjectState | None = None,
               clock: Callable[[], float] = time.time) -> ProjectFolder:
        """Make a new project in a folder that is not there yet.

        Parameters
        ----------
        path : Path
            Ends in ``.unet`` (added if it does not); the folder above must be there.
        state : ProjectState, optional
            What it begins with.
        clock : callable
            Seconds since 1970.

        Raises
        ------
        UserError
            If something is there already, or the folder above is missing or may not be written.
        """
        path = project_path(path)
        when = datetime.datetime.fromtimestamp(clock(), datetime.UTC).isoformat(timespec="seconds")
        file = ProjectFile(new_id(), when, program_name(), str(path), state or ProjectState())
        try:
            with released_on_failure(make_home(path, clock)) as lock:
                make_rooms(path)
                made = cls(path, file, lock, clock)
                made.flush()
                made.log("made", program=program_name())
        except OSError as error:
            raise UserError(
                f"{path} could not be made ({error.strerror or error}). Choose a folder you may write to, with enough "
                "space."
            ) from error
        return made

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False, clock: Callable[[], float] = time.time) -> ProjectFolder:
        """Open a project; :attr:`told` says what people should know about it.

        It is open to read only where that is wanted, where another process writes it, or where it may not be written.

        Raises
        ------
        UserError
            If it is none, is of a newer version, or cannot be read. Nothing is changed then.
        """
        path = absolute_path(path)
        try:
            file = read_project(path)
            lock, told = (None, "") if read_only else lock_home(path, clock)
            with released_on_failure(lock):
                made = cls(path, read_project(path) if lock else file, lock, clock)  # another may have changed it
                made.tell(told)
                made._set_right()
        except OSError as error:
            raise UserError(f"{path} could not be read ({error.strerror or error}). May you read it?") from error
        return made

    def _set_right(self) -> None:
        """Clear away what a killed run has left, and take up strokes that project.json does not name yet."""
        if not self.read_only:
            clear_partial(self.path)
            with contextlib.suppress(OSError):
                make_rooms(self.path)
                if not self._file.told:  # else it is damaged, and the copy must stay as it is
                    self._written = (self.path / NAME).read_bytes()
                    self.models.sweep(self._state.models)
        old = Path(self._file.place)
        if old.is_absolute() and old != self.path:  # one of another system would be meant from the working folder
            self._state, count = found_from(self._state, self.path, old)
            if missing(self._state, self.path):  # a disk that is not plugged in, say: it may come back where it was
                self._seen_from = old
            if count:
                self.tell(f"The project was in {old} before; {count} of its images were found from there.")
        for image_id, notes in self._strokes.unnamed(self._state):
            self._take_up(image_id, notes)

    def _take_up(self, image_id: str, notes: Mapping[str, Any]) -> None:
        try:
            record = dataclasses.replace(ImageRecord.from_json(notes.get("image"), "the strokes"), id=image_id)
            self._state = self._state.replacing(record)
            self.tell(f"Strokes of {record.name!r} from the end of the last sitting are back.")
        except UserError:
            self.tell(f"{self._strokes.path_of(image_id)} belongs to no image of the project, and is left as it is.")

    def close(self) -> None:
        """Write what is not written yet, and let others write.

        Raises
        ------
        OSError
            If it cannot be written; the project is closed all the same.
        """
        with self._disk:
            try:
                if not self.read_only:
                    self.flush()
                    self.log("closed")
            finally:
                self._home.release()

    def save_copy(self, path: Path) -> Path:
        """Copy all of the project to a folder that is not there yet; this one stays open. Return where the copy is.

        Raises
        ------
        UserError
            If something is there already, or it cannot be written.
        """
        with self._disk:
            if not self.read_only:
                with contextlib.suppress(OSError):  # a copy elsewhere is what one wants when the disk is full
                    self.flush()
            return copy_project(self.path, project_path(path), dataclasses.replace(self._file, state=self._state),
                                self._seen_from)

    def save_as(self, path: Path) -> None:
        """Copy all of the project to a folder that is not there yet, and go on there; errors as :meth:`save_copy`.

        What lies in the old folder stays as it is. A project open to read only may be written from then on.
        """
        with self._disk:
            old, place = self.path, self.save_copy(path)
            lock, why = lock_home(place, self._clock)
            if lock is None:
                raise UserError(why)
            self._file = read_project(place)
            self.id = self._file.id
            before, self._seen_from = self._seen_from, place
            self.change(lambda state: moved_with(state, old, place, before))  # it may have changed meanwhile
            self._written, self._flushed = (place / NAME).read_bytes(), None
            if self.read_only:  # its writer may have painted since it was read here
                self._strokes.forget()
                self._objects.forget()
            self._home.move(place, self.id, lock)
            self._point()
            self.log("saved as", path=str(place))

    # -- strokes, images, models, results --------------------------------------------------------------------------

    def write_strokes(self, image_id: str, scribbles: Scribbles, axes: str = "") -> int:
        """Write the blocks of an image's strokes that differ from what was last written or read.

        Strokes that lie there and that these do not go on from (of another shape, or never read) are put aside
        (``ID.kept-1.zarr``), never removed.

        Parameters
        ----------
        image_id : str
            Of the image. It should be in the state before its strokes are written.
        scribbles : Scribbles
        axes : str
            Letters of its shape; by default those of the image.

        Returns
        -------
        int
            Number of blocks written or removed.

        Raises
        ------
        UserError
            If the project is open to read only.
        OSError
            If it cannot be written; the next call writes whatever is needed.
        """
        with self._disk:
            self.check()
            return self._strokes.write(image_id, self._state.image(image_id), scribbles, axes)

    def has_strokes(self, image_id: str) -> bool:
        """Say whether anything was ever painted on an image; also where it is there and may not be looked at."""
        try:
            return self._strokes.path_of(image_id).is_dir()
        except OSError:
            return True

    def read_strokes(self, image_id: str) -> Scribbles | None:
        """Read the strokes of an image, None if there are none; :attr:`told` says it if part of them is damaged.

        Raises
        ------
        UserError
            If they cannot be read.
        """
        if self._disk.acquire(blocking=False):
            try:
                found = self._strokes.read(image_id, mend=not self.read_only)
            finally:
                self._disk.release()
        else:  # something is being written: each block is whole all the same, and nobody has to wait
            found = StrokeFiles(self.path / "strokes").read(image_id, mend=False)
        if found is not None and found.damaged:
            record = self._state.image(image_id)
            self.tell(f"{len(found.damaged)} blocks of the strokes of {record.name if record else image_id!r} are "
                      "damaged; what is painted there is missing, all else is there.")
        return found.scribbles if found else None

    def store_image(self, image_id: str, image: Image, strokes_id: str = "") -> ImageRecord:
        """Store the pixels of an image that has no file in the project, once, and put its record into the state.

        Raises
        ------
        UserError
            If it cannot be written, or the project is open to read only.
        """
        with self._disk:
            self.check()
        path = self.path / "images" / f"{checked_id(image_id)}.ome.zarr"
        if not path.exists():
            save_image(path, image)  # strokes are saved meanwhile: it may take long
        source = ImageSource((f"images/{path.name}",), 0, True, image.axes)
        size = sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
        made = dataclasses.replace(record_without_file(image, source, (), image_id, strokes_id), size=size)
        state = self.change(lambda old: old.replacing(made.keeping(old.image(image_id))))
        return state.image(image_id) or made

    def put_model(
        self, model: Any, *, name: str, step: int = 0, dice: float | None = None, when: float | None = None,
        training: int = 0, strokes: Mapping[str, str] | None = None, shown: bool = False, pinned: bool = False,
    ) -> ModelRecord:
        """Save a model, and put its record into the state; :meth:`flush` then removes the files of those that go.

        It takes the place of one of the same training and step. The newest eight stay, pinned ones, and the one shown.

        Parameters
        ----------
        model : NetworkModel or ForestModel
        name, step, dice, training, strokes, shown, pinned
            See :class:`ModelRecord`. Only one is shown.
        when : float, optional
            Seconds since 1970; default now.

        Raises
        ------
        UserError
            If it is of a kind that cannot be saved, cannot be written, or the project is open to read only.
        """
        with self._disk:
            self.check()
            dice = dice if dice is not None and math.isfinite(dice) else None
            made = ModelRecord(self.models.save(model), name, step, dice, self._clock() if when is None else when,
                               training, dict(strokes or {}), shown, pinned, bool(getattr(model, "refits", False)))
            images = self.models.note(model, made)
            self.change(lambda state: with_model(state, made, images))
            return made

    def load_model(self, record: ModelRecord, device: str = "auto") -> NetworkModel | ForestModel:
        """Load a model; errors as :func:`napari_unet.io.model_file.load_model`."""
        return self.models.load(record, device)

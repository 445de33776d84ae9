"""The state of an open project in memory, and ``project.json``, which follows it. Knows no strokes and no pixels."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_unet import __version__
from napari_unet.core.errors import UserError
from napari_unet.session.object_notes import ObjectNotes

from .event_log import EventLog
from .model_shelf import ModelShelf, by_model
from .noted_objects import NotedObjects
from .project_file import NAME, ProjectFile, write_project
from .project_home import ProjectHome
from .records import ProjectState, ResultRecord
from .stroke_files import StrokeFiles
from .writer_lock import WriterLock

_LOG = "events.jsonl"


class KeptState:
    """An open project as far as ``project.json`` knows it.

    Parameters
    ----------
    path : Path
    file : ProjectFile
        As it was read, or as it is to be written.
    lock : WriterLock or None
        None where it is open to read only.
    clock : callable
        Seconds since 1970.

    Attributes
    ----------
    id : str
        Of the project, the same for ever; a copy has another one.
    models : ModelShelf
    generation : int
        Grows when another copy of the project has taken its place: then nobody knows what the disk holds.
    """

    def __init__(
        self, path: Path, file: ProjectFile, lock: WriterLock | None, clock: Callable[[], float] = time.time
    ) -> None:
        self.id, self._file, self._clock = file.id, file, clock
        self._home = ProjectHome(path, file.id, lock)
        self._state, self._told = file.state, list(file.told)
        self._seen_from = path
        self.generation = 0
        self._written: bytes | None = None  # project.json as it is on the disk
        self._flushed: ProjectState | None = None  # the state that it says
        self._memory, self._disk = threading.Lock(), threading.RLock()  # nobody waits for the disk to know the state
        self._strokes = StrokeFiles(path / "strokes")
        self._objects = NotedObjects(path / "objects")
        self._point()

    def _point(self) -> None:
        """Let everything that reads and writes know the folder."""
        self.models = ModelShelf(self.path / "models")
        self._strokes.move_to(self.path / "strokes")
        self._objects.move_to(self.path / "objects")
        self._events = EventLog(self.path / _LOG, self._clock)

    @property
    def path(self) -> Path:
        """The folder, absolute."""
        return self._home.path

    def result_path(self, image_id: str) -> Path:
        """Return where the prediction of an image lies, there or not."""
        return self.path / "results" / f"{image_id}.ome.zarr"

    def thumbnail_path(self, image_id: str) -> Path:
        """Return where the small picture of an image lies, there or not."""
        return self.path / "thumbnails" / f"{image_id}.png"

    def put_result(self, image_id: str, model: Any = None, basis: str = "") -> ResultRecord:
        """Note in the state that :meth:`result_path` holds a prediction of an image now.

        Parameters
        ----------
        image_id : str
        model : Model, optional
            Which made it. If the project saves it later on, its file is noted then.
        basis : str
            See :class:`ResultRecord`.
        """
        known = self.models.record_of(model)
        made = ResultRecord(image_id, f"results/{self.result_path(image_id).name}", time=self._clock(),
                            basis=basis)
        if known is not None:
            made = by_model(made, known)
        elif model is not None:
            self.models.wait_for(model, image_id)
        self.change(lambda state: state.replacing(made))
        return made

    @property
    def name(self) -> str:
        """Name of the folder without its ending."""
        return self.path.stem

    @property
    def read_only(self) -> bool:
        """Whether nothing may be written: all that writes raises a UserError then."""
        return self._home.read_only

    @property
    def seen_from(self) -> Path:
        """The folder that paths of images are meant from that are not found from here: where the project was before."""
        return self._seen_from

    @property
    def told(self) -> tuple[str, ...]:
        """Sentences for people about what was found and mended."""
        return tuple(self._told)

    def tell(self, text: str) -> None:
        """Add a sentence to :attr:`told`; no text: nothing."""
        if text and text not in self._told:
            self._told.append(text)

    def log(self, what: str, **values: Any) -> None:
        """Add an event to ``events.jsonl``; never an error."""
        if not self.read_only:
            self._events.add(what, **values)

    def say_alive(self) -> None:
        """Say to other computers that this one still writes; to be called at least each minute."""
        self._home.say_alive()

    @property
    def state(self) -> ProjectState:
        """The newest state; the disk may be behind it."""
        return self._state

    def change(self, change: Callable[[ProjectState], ProjectState]) -> ProjectState:
        """Change the state in memory, at once and without the disk; :meth:`flush` (or a saver) writes it.

        Parameters
        ----------
        change : callable
            Returns the new state, given the newest. Must be quick.

        Returns
        -------
        ProjectState
            The new one.
        """
        with self._memory:
            self._state = change(self._state)
            return self._state

    def write_state(self, state: ProjectState) -> None:
        """Replace the state, and write it; errors as :meth:`flush`."""
        self.change(lambda _old: state)
        self.flush()

    def flush(self) -> bool:
        """Write the state if the disk is behind; return whether it was.

        Raises
        ------
        UserError
            If the project is open to read only.
        OSError
            If it cannot be written. What was there before is untouched.
        """
        with self._disk:
            self.check()
            state = self._state
            if self._written is not None and state is self._flushed and (self.path / NAME).is_file():
                return False
            data = dataclasses.replace(
                self._file, state=state, place=str(self._seen_from), program=program_name()).to_bytes()
            if data == self._written and (self.path / NAME).is_file():
                self._flushed = state
                return False
            before, self._written = self._written, None
            write_project(self.path, data, before)
            self._written, self._flushed = data, state
            if not self._file.told:  # else a newer project.json was damaged, and may have named others
                self.models.sweep(state.models)
            return True

    def write_objects(self, image_id: str, notes: ObjectNotes) -> None:
        """Write what is noted of the objects of an image; errors as :meth:`flush`.

        A file that could not be read is put aside (``ID.kept-1.json``), never removed.
        """
        with self._disk:
            self.check()
            self._objects.write(image_id, notes)

    def read_objects(self, image_id: str) -> ObjectNotes | None:
        """Read what is noted of the objects of an image; None if nothing is, or, as :attr:`told` says, it cannot be."""
        try:
            return self._objects.read(image_id)
        except UserError as error:
            self.tell(str(error))
            return None

    def check(self) -> None:
        """Check that the project may be written and is where it was; errors as :meth:`flush`."""
        if self._home.check():
            self._written = None
            self._strokes.forget()
            self._objects.forget()
            self.generation += 1


def program_name() -> str:
    """Return name and version of this program, as files name it."""
    return f"napari-unet {__version__}"

"""Keeps a project on disk up to date from a thread of its own, whatever the disk does. Knows no session.

The newest snapshot lies in a mailbox; what it says that the disk does not hold is written. If that fails, all of it
stays in memory, and is tried again after growing pauses.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Generator, Mapping

from napari_unet.core.errors import UserError, reason_of
from napari_unet.core.latest import Latest
from napari_unet.core.scribbles import Scribbles
from napari_unet.session.model_history import HistoryEntry
from napari_unet.session.object_notes import ObjectNotes

from .disk import why_not_written
from .project_folder import ProjectFolder
from .records import ProjectState
from .saved_models import SavedModels

LONGEST_PAUSE = 30.0
"""Seconds between two tries, at most."""

_FIRST_PAUSE = 1.0
_TICK = 0.5
_HEARTBEAT = 30.0


@dataclasses.dataclass(frozen=True, eq=False)
class Snapshot:
    """What is to be on the disk, beside the state that the :class:`ProjectFolder` has in memory.

    Parameters
    ----------
    strokes : mapping of str to Scribbles
        By id of the image. Images that are not here are left as they are on disk.
    axes : mapping of str to str
        Letters of the strokes, by id of the image; where not given, the record's.
    models : tuple of HistoryEntry
        Models to keep; those that cannot be saved are left out.
    shown : HistoryEntry, optional
        The one of them that is shown.
    objects : mapping of str to ObjectNotes
        What is noted of objects, by id of the image.
    """

    strokes: Mapping[str, Scribbles]
    axes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    models: tuple[HistoryEntry, ...] = ()
    shown: HistoryEntry | None = None
    objects: Mapping[str, ObjectNotes] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ProjectSaved:
    """Everything up to a snapshot is on the disk.

    Parameters
    ----------
    blocks : int
        Blocks of strokes that were written or removed.
    images : tuple of str
        Ids of the images whose strokes were written.
    """

    blocks: int
    images: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class SaveFailed:
    """It could not be written; nothing is lost, and it is tried again.

    Parameters
    ----------
    reason : str
        A sentence for people, with what mends it.
    """

    reason: str


@dataclasses.dataclass(frozen=True)
class Recovered:
    """After failures it was written; follows :class:`ProjectSaved`."""

    text: str


@dataclasses.dataclass(frozen=True)
class Idle:
    """Nothing is to be written; says that the saver lives, and lets whoever runs it cancel."""


SaverEvent = ProjectSaved | SaveFailed | Recovered | Idle


class ProjectSaver:
    """Writes what changes in a project.

    :meth:`offer` belongs to one thread (the window's), all else to another, except :meth:`finish`, :meth:`try_now` and
    :attr:`all_saved`, which any may use.

    Parameters
    ----------
    folder : ProjectFolder
    clock : callable
        Seconds; only differences count.
    wait : callable, optional
        Waits for so many seconds, or until something is offered.
    """

    def __init__(
        self, folder: ProjectFolder, *, clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._folder, self._clock = folder, clock
        self._wake = threading.Event()
        self._wait = wait or self._wake.wait
        self._newest: Latest[Snapshot | None] = Latest(None)
        self._done: tuple[Snapshot | None, ProjectState | None] = (None, None)
        self._saved: dict[str, Scribbles] = {}
        self._noted: dict[str, ObjectNotes] = {}
        self._models = SavedModels(folder)
        self._generation = folder.generation
        self._tries, self._model_tries = _Tries(), _Tries()
        self._closing = False
        self._alive = float("-inf")

    # -- what other threads may call -------------------------------------------------------------------------------

    def offer(self, snapshot: Snapshot) -> None:
        """Put what is to be saved; replaces what was not saved yet. Never waits."""
        self._newest.put(snapshot)
        self._wake.set()

    def touch(self) -> None:
        """Say that the folder's state has changed, without new strokes."""
        self._wake.set()

    def try_now(self) -> None:
        """After a failure: do not wait any longer."""
        self._tries.next = self._model_tries.next = float("-inf")
        self._wake.set()

    def finish(self) -> None:
        """Let :meth:`saving` write what is left, once, and end."""
        self._closing = True
        self._wake.set()

    @property
    def all_saved(self) -> bool:
        """Whether the disk holds all that was offered (models apart)."""
        return self._is_done(self._newest.get(), self._folder.state)

    @property
    def failing(self) -> str:
        """Why nothing can be written at the moment; empty if it can."""
        return self._tries.failed or self._model_tries.failed

    # -- the saver's own thread ------------------------------------------------------------------------------------

    def saving(self) -> Generator[SaverEvent, None, None]:
        """Write whatever is offered until :meth:`finish`; yields what happens, and at least twice a second something.

        Failures of the disk are events; the generator goes on.
        """
        while True:
            closing = self._closing
            self._wake.clear()
            yield from self.run_once(last=closing)
            if closing:
                return
            self._wait(_TICK)
            yield Idle()

    def run_once(self, now: float | None = None, *, last: bool = False) -> list[SaverEvent]:
        """Write what is not written yet, if it is time.

        Parameters
        ----------
        now : float, optional
            Default: what the clock says.
        last : bool
            Do not wait for the next try after a failure, nor for the time of the next model.
        """
        now = self._clock() if now is None else now
        if now - self._alive >= _HEARTBEAT:
            self._alive = now
            self._folder.say_alive()
        newest, state = self._newest.get(), self._folder.state
        events: list[SaverEvent] = []
        if not self._is_done(newest, state) and (last or now >= self._tries.next):
            events = self._run(self._tries, now, lambda: self._write(newest, state))
        if (events and not last) or not self._is_done(newest, self._folder.state) or newest is None:
            return events  # strokes that come meanwhile wait for the models: these are saved when nobody paints
        if self._models.due(newest.models, newest.shown, now, last) and (last or now >= self._model_tries.next):
            events += self._run(self._model_tries, now, lambda: self._save_models(newest, now))
        return events

    def _run(
        self, tries: _Tries, now: float, write: Callable[[], tuple[int, tuple[str, ...]]]
    ) -> list[SaverEvent]:
        """Write something, and tell what came of it."""
        try:
            blocks, images = write()
        except OSError as error:
            reason = why_not_written(error, self._folder.path)
        except UserError as error:
            cause = error.__cause__
            reason = why_not_written(cause, self._folder.path) if isinstance(cause, OSError) else str(error)
        except Exception as error:  # whatever it is, the next strokes must find somebody who saves them
            reason = f"{self._folder.path} could not be saved ({reason_of(error)}). It is tried again."
        else:
            return self._note_success(tries, blocks, images)
        return [SaveFailed(reason)] if tries.fail(reason, now) else []

    def _save_models(self, newest: Snapshot, now: float) -> tuple[int, tuple[str, ...]]:
        self._models.save(newest.models, newest.shown, now)
        state = self._folder.state
        self._folder.flush()
        self._done = newest, state
        return 0, ()

    def _is_done(self, newest: Snapshot | None, state: ProjectState) -> bool:
        return newest is self._done[0] and state is self._done[1]

    def _write(self, newest: Snapshot | None, state: ProjectState) -> tuple[int, tuple[str, ...]]:
        """Write strokes, and what the project says of them last; return how many blocks, and of which images."""
        self._folder.check()
        if self._folder.generation != self._generation:
            self._generation = self._folder.generation
            self._saved.clear()
            self._noted.clear()
        blocks, images = 0, []
        while newest is not None and (image_id := self._unsaved(newest)) is not None:
            scribbles = newest.strokes[image_id]
            written = self._folder.write_strokes(image_id, scribbles, newest.axes.get(image_id, ""))
            self._saved[image_id] = scribbles
            self._models.note_strokes(image_id, scribbles)
            if written:
                blocks += written
                images.append(image_id)
            newest, state = self._newest.get(), self._folder.state  # a new stroke does not wait for many old ones
        for image_id, notes in newest.objects.items() if newest is not None else ():
            if self._noted.get(image_id) is not notes:
                self._folder.write_objects(image_id, notes)
                self._noted[image_id] = notes
        self._folder.flush()
        self._done = newest, state
        return blocks, tuple(dict.fromkeys(images))

    def _unsaved(self, newest: Snapshot) -> str | None:
        """Return the next image whose strokes are to be written: the one that is looked at first; None if none is."""
        changed = (one for one, scribbles in newest.strokes.items() if self._saved.get(one) is not scribbles)
        return min(changed, key=lambda one: one != self._folder.state.current, default=None)

    def _note_success(self, tries: _Tries, blocks: int, images: tuple[str, ...]) -> list[SaverEvent]:
        failed = tries.succeed()
        if images:
            self._folder.log("strokes", images=list(images), blocks=blocks)
        events: list[SaverEvent] = [ProjectSaved(blocks, images)]
        if failed:
            self._folder.log("saved again", after=failed)
            events.append(Recovered(f"Everything is saved again in {self._folder.path}."))
        return events


class _Tries:
    """When something that has failed is to be tried again."""

    def __init__(self) -> None:
        self.failed = ""
        self.next = float("-inf")
        self._pause = _FIRST_PAUSE

    def fail(self, reason: str, now: float) -> bool:
        """Note a failure, and say whether its reason is another than before."""
        self.next = now + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        told, self.failed = self.failed, reason
        return told != reason

    def succeed(self) -> str:
        """Note a success, and return why it had failed before; empty if it had not."""
        failed, self.failed = self.failed, ""
        self._pause, self.next = _FIRST_PAUSE, float("-inf")
        return failed

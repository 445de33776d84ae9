"""Keeps a project on disk up to date from a thread of its own, whatever the disk does. Knows no session.

The newest snapshot lies in a mailbox; what it says that the disk does not hold is written. If that fails, all of it
stays in memory, and is tried again after growing pauses.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from napari_unet.core.errors import UserError
from napari_unet.core.latest import Latest
from napari_unet.core.method import Model
from napari_unet.core.scribbles import Scribbles
from napari_unet.session.model_history import HistoryEntry

from .disk import why_not_written
from .project_folder import ProjectFolder
from .records import ModelRecord, ProjectState

LONGEST_PAUSE = 30.0
"""Seconds between two tries, at most."""

_FIRST_PAUSE = 1.0
_TICK = 0.5
_MODEL_PAUSE = 5.0
"""Seconds between two savings of models: a training brings a new one every two seconds."""


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
    """

    strokes: Mapping[str, Scribbles]
    axes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    models: tuple[HistoryEntry, ...] = ()
    shown: HistoryEntry | None = None


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
        self._models = _SavedModels(folder)
        self._generation = folder.generation
        self._failed = ""
        self._pause, self._next_try = _FIRST_PAUSE, float("-inf")
        self._closing = False

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
        self._next_try = float("-inf")
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
        return self._failed

    # -- the saver's own thread ------------------------------------------------------------------------------------

    def saving(self) -> Iterator[SaverEvent]:
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
        if now < self._next_try and not last:
            return []
        newest, state = self._newest.get(), self._folder.state
        models_due = newest is not None and self._models.due(newest, now, last)
        if self._is_done(newest, state) and not models_due and not self._failed:
            return []
        try:
            blocks, images = self._write(newest)
            if newest is not None and models_due:
                self._models.save(newest, now)
                state = self._folder.state
                self._folder.flush()
        except OSError as error:
            return self._note_failure(why_not_written(error, self._folder.path), now)
        except UserError as error:
            cause = error.__cause__
            reason = why_not_written(cause, self._folder.path) if isinstance(cause, OSError) else str(error)
            return self._note_failure(reason, now)
        self._done = newest, state
        return self._note_success(blocks, images)

    def _is_done(self, newest: Snapshot | None, state: ProjectState) -> bool:
        return newest is self._done[0] and state is self._done[1]

    def _write(self, newest: Snapshot | None) -> tuple[int, tuple[str, ...]]:
        """Write strokes, and what the project says of them last."""
        self._folder.check()
        if self._folder.generation != self._generation:
            self._generation = self._folder.generation
            self._saved.clear()
        blocks, images = 0, []
        for image_id, scribbles in (newest.strokes if newest else {}).items():
            if self._saved.get(image_id) is scribbles:
                continue
            written = self._folder.write_strokes(image_id, scribbles, newest.axes.get(image_id, "") if newest else "")
            self._saved[image_id] = scribbles
            if written:
                blocks += written
                images.append(image_id)
        self._folder.flush()
        return blocks, tuple(images)

    def _note_failure(self, reason: str, now: float) -> list[SaverEvent]:
        self._next_try = now + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        told, self._failed = self._failed, reason
        return [] if told == reason else [SaveFailed(reason)]

    def _note_success(self, blocks: int, images: tuple[str, ...]) -> list[SaverEvent]:
        failed, self._failed = self._failed, ""
        self._pause, self._next_try = _FIRST_PAUSE, float("-inf")
        if images:
            self._folder.log("strokes", images=list(images), blocks=blocks)
        events: list[SaverEvent] = [ProjectSaved(blocks, images)]
        if failed:
            self._folder.log("saved again", after=failed)
            events.append(Recovered(f"Everything is saved again in {self._folder.path}."))
        return events


class _SavedModels:
    """Which models of the sitting the project has on disk."""

    def __init__(self, folder: ProjectFolder) -> None:
        self._folder = folder
        self._kept: dict[tuple[int, int], tuple[Model, ModelRecord]] = {}
        self._shown: tuple[int, int] | None = None
        self._last = float("-inf")

    def due(self, newest: Snapshot, now: float, last: bool) -> bool:
        """Say whether a model is to be saved, and it is time."""
        return (last or now - self._last >= _MODEL_PAUSE) and (
            bool(self._unsaved(newest)) or (newest.shown is not None and _key(newest.shown) != self._shown))

    def _unsaved(self, newest: Snapshot) -> list[HistoryEntry]:
        from napari_unet.io.model_file import can_be_saved  # torch is loaded with it

        return [one for one in reversed(newest.models)
                if self._kept.get(_key(one), (None,))[0] is not one.model and can_be_saved(one.model)]

    def save(self, newest: Snapshot, now: float) -> None:
        """Save them, the oldest first."""
        shown = None if newest.shown is None else _key(newest.shown)
        for one in self._unsaved(newest):
            record = self._folder.put_model(
                one.model, name=one.name, step=one.step, dice=one.dice, when=one.time, training=one.training,
                shown=_key(one) == shown,
            )
            self._kept[_key(one)] = one.model, record
            self._folder.log("model", name=one.name, dice=one.dice, file=record.file)
        files = {key: record.file for key, (_, record) in self._kept.items()}
        if shown in files:
            self._folder.change(lambda state: state.replacing(models=tuple(
                dataclasses.replace(one, shown=one.file == files[shown]) for one in state.models)))
        self._shown, self._last = shown, now


def _key(entry: HistoryEntry) -> tuple[int, int]:
    return (entry.training, entry.step) if entry.step else (0, 0)

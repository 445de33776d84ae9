"""Makes a project at the first stroke, and saves the rest when the window closes. Saves nothing itself."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import QEvent, QObject

from napari_unet.core.errors import UserError, reason_of
from napari_unet.project.project_folder import ProjectFolder

from ..sessions import PerOwner
from ..workers import Worker
from .closing import CloseQuestion
from .first_project import make_project, wanted_places
from .kept_layers import are_safe
from .kept_project import PATIENCE, KeptProject
from .preferences import read_preferences

STORING = 60.0
"""Seconds that a window that closes waits for images that are being stored: it is gone, and holds their only pixels."""


class ProjectKeeper(KeptProject):
    """Keeps what is painted in a viewer.

    Parameters
    ----------
    viewer : napari Viewer
        Neither it nor its window is kept: this lives as long as they do.

    Attributes
    ----------
    opening : Path or None
        The project whose strokes are being read.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__(viewer)
        self._resting = self._released = False
        self._maker: Worker | None = None
        self._opener: Worker | None = None
        self.opening: Path | None = None
        self._aside: Callable[[], Iterable[Layer]] = tuple
        window = getattr(getattr(viewer, "window", None), "_qt_window", None)
        self._window = (lambda: None) if window is None else weakref.ref(window)
        if window is not None:
            window.installEventFilter(self)
            CloseQuestion(window, self._nothing_lost)
        session = self.session
        for signal in (session.published, session.pairs_changed, session.classes_changed, session.settings_changed,
                       session.model_changed, session.model_history_changed, session.objects_changed,
                       session.images.current_changed):
            signal.connect(self.soon)
        self.soon()

    # -- a project that is there -----------------------------------------------------------------------------------

    def open_soon(
        self, folder: ProjectFolder, reading: Generator[tuple[int, int], None, Any], put: Callable[[Any], None]
    ) -> None:
        """Read what a project has in a thread; no other is made meanwhile, and the one that is being opened gives way.

        Parameters
        ----------
        folder : ProjectFolder
            Closed, if it is not taken up.
        reading : Generator
            Yields how many images of how many have been read.
        put : callable
            Gets what it returns, and takes the project up.
        """
        if self._opener is not None:
            self._opener.stop()
        self.opening = folder.path
        self.warn(f"Opening {folder.path.name}...")
        self._opener = worker = self.workers.start(
            lambda: reading, "napari-unet opening", on_result=put,
            on_item=lambda done: self.warn(f"Opening {folder.path.name}: strokes of {done[0]} of {done[1]} images..."),
            on_error=lambda error: self.warn(f"{folder.path.name} could not be opened: {reason_of(error)}"),
            on_end=lambda: self._on_opened(folder, worker),
        )

    def _on_opened(self, folder: ProjectFolder, worker: Worker) -> None:
        if self._opener is worker:
            self._opener = self.opening = None
            self.soon()  # what was painted meanwhile
        if self.folder is not folder:
            _close(folder)

    def adopt(self, folder: ProjectFolder) -> None:
        """Keep everything in a project from now on; another one that is open is closed."""
        before = self.folder
        super().adopt(folder)
        if before is not None and before is not folder:
            _close(before)

    # -- the first stroke ------------------------------------------------------------------------------------------

    def make(self, place: Path | None = None) -> ProjectFolder:
        """Return the open project; where there is none, make one and take it up.

        Parameters
        ----------
        place : Path, optional
            Where it is to lie; default: as chosen, named after the first image.

        Raises
        ------
        UserError
            If it cannot be made, or another is being opened.
        """
        if self.folder is not None:
            return self.folder
        if self.opening is not None:
            raise UserError(f"{self.opening.name} is being opened. Wait for it.")
        folder = make_project(wanted_places(self.session, self.ties, self.layers) if place is None else [place])
        self.adopt(folder)
        return folder

    def look_again(self) -> None:
        """Take note that what was chosen has changed."""
        self.soon()
        self.changed.emit()

    def _hand_on(self) -> None:
        if self._resting:
            self._timer.stop()
            return
        super()._hand_on()
        if self.folder is not None or not self.painted or self._maker is not None or self._opener is not None:
            return
        if read_preferences().keep:
            self._make_in_thread()
        else:
            self.changed.emit()  # what is painted is in memory only: now that is to be said

    def _make_in_thread(self) -> None:
        places = list(wanted_places(self.session, self.ties, self.layers))

        def make() -> Iterator[ProjectFolder]:
            yield make_project(places)

        def ended() -> None:
            self._maker = None

        self._maker = self.workers.start(
            make, "napari-unet project", on_item=self._on_made, on_end=ended,
            on_error=lambda error: self.warn(f"Your strokes are not kept: {reason_of(error)}"),
        )

    def _on_made(self, folder: ProjectFolder) -> None:
        if self.folder is not None or self._opener is not None:
            _close(folder)  # strokes go into the other one; if that cannot be opened, a project is made then
            return
        self.adopt(folder)
        self.said.emit(f"Your strokes are kept in {folder.path}. The menu Project changes the place.")

    def look_after(self, aside: Callable[[], Iterable[Layer]]) -> None:
        """Let the window not close unasked over what this returns: layers that are out of the viewer at the moment."""
        self._aside = aside

    # -- the window ------------------------------------------------------------------------------------------------

    def _nothing_lost(self) -> bool:
        """Whether the window may close unasked; waits for the saver."""
        if self.folder is None or not (self.all_saved or self.flush()):
            return False
        return are_safe((*self.layers, *self._aside()), self.folder.state, self.session)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Save the rest when the window closes: at once if code closes it, when it hides if a person does."""
        if event is not None and watched is self._window() and not event.spontaneous():
            if event.type() in (QEvent.Type.Close, QEvent.Type.Hide, QEvent.Type.DeferredDelete):
                self._rest()
            elif event.type() == QEvent.Type.Show:
                self._wake_up()
        return False

    def _rest(self) -> None:
        """Save the rest and let others write; the window may be shown again."""
        if not self._resting:
            if self._opener is not None:
                self._opener.stop()  # it was not taken up: there is nothing of it to save
                self._opener.wait(PATIENCE)
                self._opener = self.opening = None
            self._publish()
            if self._maker is not None:
                self._maker.wait(PATIENCE)
            elif self.folder is None and self.painted and read_preferences().keep:
                with contextlib.suppress(UserError):
                    self.make()
            saved = self.flush(storing=STORING)
            self._resting = True
            if self.folder is not None and (saved or self.folder.read_only):
                self._released = True
                _close(self.folder)
        self.workers.stop_all()

    def _wake_up(self) -> None:
        """Go on after the window was hidden."""
        released, self._resting, self._released = self._released, False, False
        if released and self.folder is not None:
            try:
                self.adopt(ProjectFolder.open(self.folder.path))
            except UserError as error:
                self._let_go()
                self.warn(reason_of(error))


def _close(folder: ProjectFolder) -> None:
    """Let others write a project; what cannot be written any more has been told of by its saver."""
    with contextlib.suppress(UserError, OSError):
        folder.close()


_keepers = PerOwner(ProjectKeeper)


def keeper_of(viewer: Any) -> ProjectKeeper:
    """Return what keeps the project of a viewer, the same each time it is asked for."""
    return _keepers.of(viewer)

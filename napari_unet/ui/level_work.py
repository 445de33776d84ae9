"""Makes the missing blocks of levels in a thread, as long as a window shows them: progress, Cancel, drawing anew."""

from __future__ import annotations

import time
import weakref
from collections.abc import Sequence
from typing import Any

from napari.layers import Image as ImageLayer
from napari.utils import cancelable_progress
from napari.utils.notifications import ErrorNotification, notification_manager
from napari.viewer import Viewer
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_unet.core.errors import UserError
from napari_unet.core.level_making import LevelMaker, MakingShare
from napari_unet.core.made_levels import Key, MadeLevel

from .worker_group import WorkerGroup
from .workers import Worker

_EVERY = 0.5
"""Seconds from one drawing to the next while blocks come."""


class LevelNews:
    """What docks say about levels that are being made."""

    told = Signal(str)
    """A sentence; ``""`` when it is over."""


LEVEL_NEWS = LevelNews()
"""One for all windows."""


class LevelWork:
    """The making of the smaller levels of one image.

    Parameters
    ----------
    name : str
        Of the image.
    """

    def __init__(self, name: str) -> None:
        self.maker = LevelMaker()
        self.limits: tuple[float, float] | None = None
        """The contrast that was guessed by a sample; made right once all pixels are known."""
        self._name = name
        self._worker: Worker | None = None
        self._bar: Any = None
        self._drawn = 0.0
        self._begins = self._ended_early = False

    @property
    def running(self) -> bool:
        """Whether blocks are being made."""
        return self._worker is not None and self._worker.running

    def ask(self, level: MadeLevel, index: Any, missing: Sequence[tuple[MadeLevel, Key]]) -> None:
        """Let be made what is missing of a part that is drawn; see :meth:`LevelMaker.ask`."""
        if self.maker.ask(level, index, missing) and not self.running:
            QTimer.singleShot(0, self._begin)  # napari is drawing at the moment

    def cancel(self) -> None:
        """Stop; what is not made stays empty until another part is looked at."""
        self._give_up()
        if self._worker is not None:
            self._worker.stop()

    def _give_up(self) -> None:
        self._ended_early = True
        self.maker.give_up()

    def _layers(self) -> list[tuple[Any, Any]]:
        """Return the layers that show the levels, each with its viewer."""
        return [(viewer, layer) for viewer in tuple(Viewer._instances) for layer in viewer.layers
                if getattr(layer, "multiscale", False)
                and any(getattr(one, "work", None) is self for one in layer.data)]

    def _begin(self) -> None:
        groups = [_group_of(viewer) for viewer, _ in self._layers()]
        group = next((one for one in groups if not one.closed), None)
        if self.running or self._begins or group is None or not self.maker.has_wishes:
            return
        self._ended_early = False
        self._begins = True  # making a bar lets the window live, and it may be asked to begin again meanwhile
        try:
            self._bar = cancelable_progress(desc=f"Smaller levels of {self._name!r}", total=1)
        finally:
            self._begins = False
        self._worker = group.start(self.maker.run, "napari-unet levels", on_item=self._on_share,
                                   on_error=self._on_error, on_end=self._on_end)

    def _on_share(self, share: MakingShare) -> None:
        if self._bar.is_canceled or not self._layers():
            self.cancel()
            return
        LEVEL_NEWS.told.emit(f"{self._name!r} has no smaller copy in its file, so one is made: {share.done} of "
                             f"{share.total} parts. What is still empty follows. (Cancel: activity, below.)")
        if time.monotonic() - self._drawn > _EVERY:
            self._draw()
        self._bar.total = share.total  # last: a bar lets the window live, and later shares come meanwhile
        self._bar.update(share.done - self._bar.n)

    def _on_error(self, error: Exception) -> None:
        self._give_up()
        notification_manager.dispatch(ErrorNotification(error))

    def _on_end(self) -> None:
        self._bar.close()
        LEVEL_NEWS.told.emit("")
        self._draw()
        self.maker.go_on()
        if self.maker.has_wishes:  # they came when it was just ending, or another window waits for them
            QTimer.singleShot(0, self._begin)
        elif self.limits is not None and not self._ended_early:
            self._set_limits()

    def _draw(self) -> None:
        for _, layer in self._layers():
            if hasattr(layer, "_level_materializer"):
                layer._level_materializer = None  # napari 0.9 would keep the coarsest level as it was at first
            try:
                layer.refresh(extent=False)
            except UserError as error:  # raised in a slot, it would end the process on some bindings
                notification_manager.dispatch(ErrorNotification(error))
        self._drawn = time.monotonic()

    def _set_limits(self) -> None:
        """Let napari find the contrast as it does, unless somebody has chosen one; stacks it would read as a whole."""
        guessed = self.limits or ()
        for _, layer in self._layers():
            if isinstance(layer, ImageLayer) and layer.ndim == 2 and tuple(layer.contrast_limits) == guessed:
                layer.reset_contrast_limits_range()
                layer.reset_contrast_limits()
        self.limits = None


def _group_of(viewer: Viewer) -> WorkerGroup:
    window = viewer.window._qt_window
    if window not in _groups:
        _groups[window] = WorkerGroup(window, window)
    return _groups[window]


_groups: weakref.WeakKeyDictionary[Any, WorkerGroup] = weakref.WeakKeyDictionary()

"""Errors that are written for people and that nobody caught, told by napari as a sentence, once. Changes no others.

A layer reads its pixels where napari draws it: when its file is gone, what is raised there ends in napari, which would
show it with its traceback, and again with each move of the view.
"""

from __future__ import annotations

import re
import time

from napari.utils.notifications import ErrorNotification, Notification, notification_manager
from psygnal import Signal

from napari_unet.core.errors import UserError

AGAIN = 60.0
"""Seconds without the same error after which it is told again."""


class PlainErrors:
    """Hears what napari is about to tell before it is told."""

    told = Signal(str)
    """What was told, and each time that it comes up again."""

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}
        self._listens = False

    def listen(self) -> None:
        """Begin; no matter how often it is asked for."""
        if not self._listens:
            self._listens = True
            # whoever connects to its signal is called after those that show and print the traceback
            self._tell = notification_manager.dispatch
            notification_manager.dispatch = self._on_notification

    def _on_notification(self, event: Notification) -> None:
        found = None if not isinstance(event, ErrorNotification) else _written_for_people(event.exception)
        if found is None:
            self._tell(event)
            return
        text = str(found)
        same, now = re.sub(r"\[[^]]*\]", "", text).partition(" (")[0], time.monotonic()
        before, self._heard[same] = self._heard.get(same), now
        if before is None or now - before > AGAIN:
            self._tell(Notification(text, "error"))
        self.told.emit(text)


def _written_for_people(error: BaseException | None) -> UserError | None:
    """Return the error for people that another one was raised from, or that it is; None if there is none.

    One that was merely being handled when another came up may have nothing to do with it.
    """
    while error is not None and not isinstance(error, UserError):
        error = error.__cause__
    return error


PLAIN_ERRORS = PlainErrors()
"""There is one napari in a process."""

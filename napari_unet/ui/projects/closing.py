"""The question that napari asks when its window is closed: left out where nothing would be lost. Keeps nothing."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QApplication

_questions: weakref.WeakSet[CloseQuestion] = weakref.WeakSet()


class CloseQuestion(QObject):
    """Lets a window close unasked while all that is in it is kept or lies in files.

    Parameters
    ----------
    window : QMainWindow
        Of napari.
    nothing_lost : callable
        Says whether the window may go.
    """

    def __init__(self, window: Any, nothing_lost: Callable[[], bool]) -> None:
        super().__init__(window)
        self.window: Any = window
        self._nothing_lost = nothing_lost
        window.installEventFilter(self)  # the cross of the window
        close = window.close

        def close_window(quit_app: bool = False, confirm_need: bool = False) -> Any:
            return close(quit_app, confirm_need and not self._may_go(quit_app))

        window.close = close_window  # what napari's menu and keys call
        _questions.add(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Close from here what a person closes with the cross, as napari asks only where a person does it."""
        if (watched is self.window and event is not None and event.type() == QEvent.Type.Close
                and event.spontaneous() and not self._busy() and self._nothing_lost()):
            event.ignore()
            QTimer.singleShot(0, self._close)
            return True
        return False

    def _close(self) -> None:
        self.window.close()

    def _may_go(self, whole_program: bool) -> bool:
        if not whole_program:
            return self._nothing_lost()
        answers = {one.window: one for one in _questions}
        kind = type(self.window)
        shown = [one for one in QApplication.topLevelWidgets() if isinstance(one, kind) and one.isVisible()]
        return all(one in answers and answers[one]._nothing_lost() for one in shown)

    def _busy(self) -> bool:
        """Whether napari has work of its own under way, of which it tells when it asks."""
        manager = getattr(getattr(self.window, "_window", None), "_task_status_manager", None)
        return bool(manager is not None and manager.is_busy())

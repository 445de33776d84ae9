"""How wide our docks are in a window that a person makes wide or narrow. Moves no dock and opens none."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QDockWidget, QMainWindow

WIDE = 1800
"""In a window of so many pixels our docks take a quarter of the width."""


class DockWidth(QObject):
    """Widens our docks when their window becomes wide: tables and plots have a use for it, and the canvas has enough.

    When it becomes narrow again, they are as wide as they were. In between they are as wide as a person makes them.

    Parameters
    ----------
    frame : QDockWidget
        Of our first dock; those that come later are tabs of the same area.
    window : QMainWindow
    """

    def __init__(self, frame: QDockWidget, window: QMainWindow) -> None:
        super().__init__(frame)
        self._frame, self._window = frame, window
        self._narrow = frame.sizeHint().width()
        self._is_wide = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._follow)
        window.installEventFilter(self)
        if window.width() >= WIDE:
            self._widen(frame)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Look at the width once the window has its new one."""
        if isinstance(event, QResizeEvent) and (event.oldSize().width() < WIDE) != (event.size().width() < WIDE):
            self._soon.start()
        return super().eventFilter(watched, event)

    def _follow(self) -> None:
        if self._frame.isFloating():
            return
        shown = self._in_front()
        if self._window.width() >= WIDE:
            self._narrow = self._narrow if self._is_wide else shown.width()
            self._widen(shown)
        else:
            self._is_wide = False
            self._window.resizeDocks([shown], [self._narrow], Qt.Orientation.Horizontal)

    def _widen(self, shown: QDockWidget) -> None:
        self._is_wide = True
        width = max(self._narrow, self._window.width() // 4)
        self._window.resizeDocks([shown], [width], Qt.Orientation.Horizontal)

    def _in_front(self) -> QDockWidget:
        """Return the dock that is seen: of those behind it, the width is one of before."""
        both = [self._frame, *self._window.tabifiedDockWidgets(self._frame)]
        return next((one for one in both if not one.visibleRegion().isEmpty()), self._frame)

"""Our docks open as tabs of one area of the window, so that each has its whole height. Knows no dock by name.

Only a dock that has just come is moved; whoever drags one away keeps it where it was put.
"""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

_MARK = "napari_unet_dock"


def mark_ours(dock: QWidget) -> None:
    """Mark a widget as one of our docks."""
    dock.setProperty(_MARK, True)


def frame_of(widget: QWidget) -> QDockWidget | None:
    """Return the frame that a dock was put into, None while there is none."""
    frame: QWidget | None = widget
    while frame is not None and not isinstance(frame, QDockWidget):
        frame = frame.parentWidget()
    return frame


def join_tabs(dock: QWidget) -> None:
    """Put a dock that has just been opened onto the tabs of our others, and to the front."""
    frame = frame_of(dock)
    window = frame.parentWidget() if frame is not None else None
    if frame is None or not isinstance(window, QMainWindow) or frame.isFloating():
        return
    area = window.dockWidgetArea(frame)
    if area == Qt.DockWidgetArea.NoDockWidgetArea:
        return
    for other in window.findChildren(QDockWidget):
        if other is frame or other.isFloating() or other.isHidden() or window.dockWidgetArea(other) != area:
            continue
        if any(one.property(_MARK) for one in other.findChildren(QWidget)):
            if other not in window.tabifiedDockWidgets(frame):
                window.tabifyDockWidget(other, frame)
            frame.show()
            frame.raise_()
            return

"""Our docks open as tabs of one area of the window, so that each has its whole height. Knows no dock by name.

Only a dock that has just come is moved; whoever drags one away keeps it where it was put.
"""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow, QWidget

from .dock_width import DockWidth

_MARK, _PLACED = "napari_unet_dock", "napari_unet_placed"


def mark_ours(dock: QWidget, tab: str) -> None:
    """Mark a widget as one of our docks, and say what its tab is called."""
    dock.setProperty(_MARK, tab)


def frame_of(widget: QWidget) -> QDockWidget | None:
    """Return the frame that a dock was put into, None while there is none."""
    frame: QWidget | None = widget
    while frame is not None and not isinstance(frame, QDockWidget):
        frame = frame.parentWidget()
    return frame


def window_sizes() -> list[tuple[QMainWindow, QSize]]:
    """Return the main windows that there are, and how large they are."""
    return [(one, one.size()) for one in QApplication.topLevelWidgets() if isinstance(one, QMainWindow)]


def join_tabs(dock: QWidget, before: Sequence[tuple[QMainWindow, QSize]] = ()) -> bool:
    """Put a dock that has just been opened onto the tabs of our others, and to the front; widen the first if it can.

    Parameters
    ----------
    dock : QWidget
    before : sequence of (QMainWindow, QSize)
        How large the windows were before it came: one above the other, docks make a window grow that is too small.

    Returns
    -------
    bool
        Whether it has its place: False while it is in no window yet.
    """
    frame = frame_of(dock)
    window = frame.parentWidget() if frame is not None else None
    if frame is None or not isinstance(window, QMainWindow):
        return False
    frame.setProperty(_PLACED, True)
    _keep_below_title(frame, dock)
    if frame.isFloating():
        return True
    # six tabs have to fit below a narrow dock; the bar above it keeps the whole title
    frame.setWindowTitle(str(dock.property(_MARK)))
    area = window.dockWidgetArea(frame)
    others = [one for one in window.findChildren(QDockWidget)
              if one is not frame and _holds_ours(one) and window.dockWidgetArea(one) == area]
    if others and area != Qt.DockWidgetArea.NoDockWidgetArea:
        if others[0] not in window.tabifiedDockWidgets(frame):
            window.tabifyDockWidget(others[0], frame)
        frame.show()
        frame.raise_()
        _shrink(window, next((size for one, size in before if one is window), window.size()))
    else:
        DockWidth(frame, window)
    return True


def _shrink(window: QMainWindow, before: QSize) -> None:
    """Take a window that has grown back to its size, as far as what is in it lets it."""
    layout, has_grown = window.layout(), window.size() != window.size().boundedTo(before)
    if layout is not None and has_grown and not (window.isMaximized() or window.isFullScreen()):
        layout.activate()  # else it would still ask for the room of docks one above the other
        window.resize(window.size().boundedTo(before))


def _keep_below_title(frame: QDockWidget, dock: QWidget) -> None:
    """Move what is in a dock down by what napari's title bar, higher than it says, would hide of it."""
    title = frame.titleBarWidget()
    if title is not None:
        hidden = title.minimumSizeHint().height() - title.sizeHint().height()
        dock.setContentsMargins(0, max(0, hidden), 0, 0)


def _holds_ours(frame: QDockWidget) -> bool:
    """Whether one of our docks is in a frame that has a place in the window."""
    docked = not frame.isFloating() and not frame.isHidden()
    # of several that are opened in one go, each follows those before: moved onto one that is moved itself, it gets lost
    return docked and bool(frame.property(_PLACED)) and any(one.property(_MARK) for one in frame.findChildren(QWidget))

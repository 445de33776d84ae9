"""Keep Python's cycle collector in the GUI thread while worker threads run. Frees nothing itself.

Python collects cycles in whichever thread happens to allocate. When that is a worker and the garbage holds Qt objects
(a dock that was closed, say), Qt deletes widgets outside their thread and the process crashes. So while workers run,
automatic collection is off and a timer of the GUI thread collects by the same thresholds, when nobody draws.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
import threading
import time

from qtpy.QtCore import QObject, Qt, QTimer
from qtpy.QtGui import QGuiApplication

from napari_unet.core.floor import BRUSH

_INTERVAL_MS = 250

LEFT_TOGETHER = 4
"""Images whose layers leave the window before what they leave behind is collected: it takes half a second."""

_IDLE_MS = 1500

STROKES_APART = 5.0
"""Seconds after the last stroke in which all that there is is not looked through: it takes some tenths of a second."""

LONGEST_WAIT = 600.0
"""Seconds for which that is put off at most while somebody paints stroke after stroke."""

_due: float | None = None
"""Since when a full collection is due."""

_users = 0
_left = 0
_timer: QTimer | None = None


def hold_collection(parent: QObject | None = None) -> None:
    """Collect in the calling (GUI) thread only, until :func:`release_collection` was called as often as this."""
    global _users, _timer
    _users += 1
    if _users > 1 or not gc.isenabled():
        return
    gc.disable()
    _timer = QTimer(parent)
    _timer.setInterval(_INTERVAL_MS)
    _timer.timeout.connect(_collect)
    _timer.start()


def release_collection() -> None:
    """Let Python collect as usual once nobody needs otherwise."""
    global _users, _timer
    _users = max(0, _users - 1)
    if _users == 0 and _timer is not None:
        with contextlib.suppress(RuntimeError):  # Qt has deleted it because the application is gone
            _timer.stop()
        _timer = None
        gc.enable()


def image_has_left() -> None:
    """Collect what the layers of some images left behind, at a moment when nobody paints.

    Layers of napari end as cycles, thousands of objects each; the thresholds do not see how much memory hangs on them.
    """
    global _left
    _left += 1
    if _left >= LEFT_TOGETHER:
        _left = 0
        collect_in_a_pause()


def collect_in_a_pause() -> None:
    """Look through all that there is once, soon, at a moment when nobody paints.

    What a large package makes when it is imported would else be looked through for the first time at any later moment.
    """
    QTimer.singleShot(_IDLE_MS, _collect_all)


def _collect_all() -> None:
    if QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton:  # somebody paints
        collect_in_a_pause()
        return
    gc.collect()
    _give_back_aside()


def _collect() -> None:
    global _due
    counts, thresholds = gc.get_count(), gc.get_threshold()
    for generation in (2, 1, 0):
        if not thresholds[generation] or counts[generation] <= thresholds[generation]:
            continue
        if generation == 2 and _due is None:
            _due = time.monotonic()
        if _waits(generation):
            continue
        gc.collect(generation)
        if generation == 2:
            _due = None
            _give_back_aside()
        return


def _waits(generation: int) -> bool:
    """Whether a collection would be noticed by somebody who draws."""
    if generation < 2:
        return generation == 1 and BRUSH.taken
    overdue = _due is not None and time.monotonic() - _due > LONGEST_WAIT
    return BRUSH.taken if overdue else BRUSH.taken_within(STROKES_APART)


def _give_back_aside() -> None:
    threading.Thread(target=_give_back, daemon=True, name="napari-unet memory").start()


def _give_back() -> None:
    """Return to the system what is free: glibc keeps it, scattered over the arenas of many threads."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):  # other C libraries have no such call
            ctypes.CDLL(None).malloc_trim(0)
